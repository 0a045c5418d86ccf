#include "sim/image/image.h"

#include <elf.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sim/firmware/default_firmware.h"
#include "sim/image/flash_contents.h"

namespace probegate::sim {
namespace {

using testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

Bytes FromText(std::string_view text) { return {text.begin(), text.end()}; }

// The bytes of `image` as "address:hex …".
std::string Show(const Image& image) {
  std::string text;
  for (const auto& [address, bytes] : image.segments()) {
    char number[16];
    std::snprintf(number, sizeof number, "%s%X:", text.empty() ? "" : " ", address);
    text += number;
    for (const uint8_t byte : bytes) {
      std::snprintf(number, sizeof number, "%02X", byte);
      text += number;
    }
  }
  return text;
}

// The error message for a file; "" if there is no error.
std::string ParseError(std::span<const uint8_t> contents, std::string_view name = "firmware") {
  try {
    ParseImage(contents, name);
    return "";
  } catch (const ImageError& error) {
    return error.what();
  }
}

std::string HexError(std::string_view text) { return ParseError(FromText(text), "firmware.hex"); }

TEST(ImageTest, BytesOutsideFlashAndUicrAreRefused) {
  Image image;
  const Bytes word(4);
  image.Add(0, word);
  image.Add(0xFFFFC, word);
  image.Add(0x10001000, word);
  image.Add(0x10001FFC, word);
  for (const uint64_t address : {0xFFFFDull, 0x100000ull, 0x10000FFCull, 0x10001FFDull, 0x20000000ull, 0xFFFFFFFEull,
                                 0x100000000ull, 0xFFFFFFFFFFFFFFFEull}) {
    EXPECT_THROW(image.Add(address, word), ImageError) << address;
  }
  image.Add(0x20000000, {});
  EXPECT_EQ(Show(image), "0:00000000 FFFFC:00000000 10001000:00000000 10001FFC:00000000");
}

TEST(ImageTest, OverlapsAreRefusedAndAdjacentBytesAreJoined) {
  Image image;
  image.Add(0x10, Bytes{1, 2, 3, 4});
  image.Add(0x14, Bytes{5, 6});
  image.Add(0x20, Bytes{7});
  for (const uint64_t address : {0x0Full, 0x10ull, 0x13ull, 0x15ull, 0x1Full, 0x20ull}) {
    EXPECT_THROW(image.Add(address, Bytes(2)), ImageError) << address;
  }
  EXPECT_THROW(image.Add(0, Bytes(0x40)), ImageError);
  EXPECT_EQ(Show(image), "10:010203040506 20:07");
}

TEST(ImageTest, AFileThatIsNeitherHexNorElfIsBinary) {
  EXPECT_EQ(Show(ParseImage(Bytes{1, 2, 3}, "firmware.bin")), "0:010203");
  EXPECT_EQ(Show(ParseImage(FromText(":x"), "firmware")), "0:3A78");
  EXPECT_EQ(ParseImage(Bytes(1024 * 1024), "a").segments().begin()->second.size(), 1024u * 1024);
  EXPECT_EQ(ParseError(Bytes(1024 * 1024 + 1)), "too large: 1048577 bytes; flash holds 1048576");
  EXPECT_EQ(ParseError(Bytes()), "the file is empty");
}

TEST(ImageTest, TheContentsTakePrecedenceOverTheName) {
  const Bytes hex = FromText(":0100000055AA\n:00000001FF\n");
  for (const char* name : {"a.hex", "a.bin", "a.elf", "a"}) EXPECT_EQ(Show(ParseImage(hex, name)), "0:55") << name;
  EXPECT_THAT(ParseError(FromText("hello"), "a.hex"), HasSubstr("line 1"));
  EXPECT_THAT(ParseError(FromText("hello"), "A.HEX"), HasSubstr("line 1"));
  EXPECT_EQ(ParseError(FromText("hello"), "a.elf"), "not an ELF file");
  EXPECT_EQ(ParseError(FromText("hello"), "a.axf"), "not an ELF file");
  EXPECT_EQ(ParseError(FromText("hello"), "hex"), "");
}

TEST(IntelHexTest, AllRecordTypesAndLineEnds) {
  const Image image = ParseImage(FromText(":020000021000EC\r\n"  // segment base 0x10000
                                          ":02FFFF000102FD\r\n"  // wraps to the segment's start
                                          ":0400000300003800C1\n"
                                          "\n"
                                          ":020000040001F9  \r"  // linear base 0x10000
                                          ":02001000a1B29b\n"
                                          ":020000041000EA\n"
                                          ":041208005AFFFFFF8B\n"  // UICR.APPROTECT
                                          ":04000005000000CD2A\n"
                                          ":00000001FF"),
                                 "firmware.hex");
  EXPECT_EQ(Show(image), "10000:02 10010:A1B2 1FFFF:01 10001208:5AFFFFFF");
}

TEST(IntelHexTest, ErrorsHaveTheirLineNumber) {
  const std::string first = ":0100000055AA\n";
  EXPECT_EQ(HexError(first + ":0100010055AA\n"), "line 2: has checksum AA instead of A9");
  EXPECT_EQ(HexError(first + "\r\n\r\nx"), "line 4: does not begin with a colon");
  EXPECT_EQ(HexError(first + ":000\n"), "line 2: has an odd number of digits");
  EXPECT_EQ(HexError(first + ":0000000G00\n"), "line 2: has a character that is not a hexadecimal digit");
  EXPECT_THAT(HexError(first + ":02000100\n"), HasSubstr("line 2: has 4 bytes"));
  EXPECT_THAT(HexError(first + ":0200010055A9\n"), HasSubstr("line 2: has 6 bytes"));
  EXPECT_EQ(HexError(first + ":00000006FA\n"), "line 2: has the unknown record type 06");
  EXPECT_EQ(HexError(first + ":0100000400FB\n"), "line 2: has 1 data bytes, but records of its type have 2");
  EXPECT_EQ(HexError(first + ":0100000100FE\n"), "line 2: has 1 data bytes, but records of its type have 0");
  EXPECT_THAT(HexError(first + ":0100000055AA\n"), HasSubstr("line 2: 1 bytes at 0x00000000 overlap"));
  EXPECT_THAT(HexError(":020000042000DA\n:0100000055AA\n"), HasSubstr("line 2: 1 bytes at 0x20000000 lie outside"));
  EXPECT_EQ(HexError(first + ":00000001FF\n" + first), "line 3: comes after the end-of-file record");
  EXPECT_EQ(HexError(first), "truncated Intel HEX file: there is no end-of-file record");
  EXPECT_EQ(HexError(":00000001FF\n"), "Intel HEX file without data");
}

// An executable for Arm with one segment of `bytes`, which tests can modify.
struct Elf {
  Elf32_Ehdr header{};
  Elf32_Phdr segment{};
  Bytes bytes{1, 2, 3, 4};

  Elf() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_ARM;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof segment;
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_vaddr = 0x20000000;
    segment.p_paddr = 0x1000;
    segment.p_filesz = 4;
    segment.p_memsz = 8;
  }

  Bytes File() const {
    const auto* first = reinterpret_cast<const uint8_t*>(&header);
    Bytes file(first, first + sizeof header);
    first = reinterpret_cast<const uint8_t*>(&segment);
    file.insert(file.end(), first, first + sizeof segment);
    file.insert(file.end(), bytes.begin(), bytes.end());
    return file;
  }
};

TEST(ElfTest, SegmentsGoToTheirPhysicalAddresses) {
  EXPECT_EQ(Show(ParseImage(Elf().File(), "a.bin")), "1000:01020304");
}

struct ElfFault {
  void (*make)(Elf& elf);
  const char* complaint;
};

TEST(ElfTest, FilesThatAreNotArmExecutablesAreRefused) {
  const ElfFault faults[] = {
      {[](Elf& elf) { elf.header.e_ident[EI_CLASS] = ELFCLASS64; }, "class is 64-bit"},
      {[](Elf& elf) { elf.header.e_ident[EI_CLASS] = 7; }, "class 7"},
      {[](Elf& elf) { elf.header.e_ident[EI_DATA] = ELFDATA2MSB; }, "big-endian"},
      {[](Elf& elf) { elf.header.e_ident[EI_DATA] = 0; }, "data encoding 0"},
      {[](Elf& elf) { elf.header.e_machine = EM_X86_64; }, "not an ELF file for Arm: its machine is x86-64"},
      {[](Elf& elf) { elf.header.e_machine = 4242; }, "number 4242"},
      {[](Elf& elf) { elf.header.e_type = ET_REL; }, "has not been linked"},
      {[](Elf& elf) { elf.header.e_type = ET_DYN; }, "shared object"},
      {[](Elf& elf) { elf.header.e_phentsize = 8; }, "program headers of 8 bytes"},
      {[](Elf& elf) { elf.header.e_phnum = 0; }, "without loadable segments"},
      {[](Elf& elf) { elf.segment.p_type = PT_NOTE; }, "without loadable segments"},
      {[](Elf& elf) { elf.header.e_phoff = 0xFFFFFFFF; },
       "truncated ELF file: 88 bytes, too few for the program headers"},
      {[](Elf& elf) { elf.header.e_phnum = 3; }, "truncated ELF file: 88 bytes, too few for the program headers"},
      {[](Elf& elf) { elf.segment.p_filesz = 5; }, "truncated ELF file: 88 bytes, but segment 0 ends at 89"},
      {[](Elf& elf) { elf.segment.p_offset = 0xFFFFFFFF; }, "segment 0 ends at 4294967299"},
      {[](Elf& elf) { elf.segment.p_paddr = 0x20000000; }, "4 bytes at 0x20000000 lie outside flash"},
      {[](Elf& elf) { elf.segment.p_paddr = 0xFFFFFFFE; }, "lie outside"},
  };
  for (const ElfFault& fault : faults) {
    Elf elf;
    fault.make(elf);
    EXPECT_THAT(ParseError(elf.File()), HasSubstr(fault.complaint));
  }
}

TEST(ElfTest, FilesCutShortAreReportedAsTruncated) {
  const Bytes file = Elf().File();
  for (size_t size = SELFMAG; size < file.size(); ++size) {
    EXPECT_THAT(ParseError(std::span(file).first(size)), HasSubstr("truncated")) << size;
  }
}

TEST(LoadImageTest, UnreadableFilesAreReported) {
  const std::string directory = testing::TempDir() + "image_test";
  std::filesystem::create_directories(directory);
  const auto complaint = [](const std::string& path) -> std::string {
    try {
      LoadImage(path);
      return "";
    } catch (const ImageError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(complaint(directory + "/none"), directory + "/none: cannot open the file: No such file or directory");
  EXPECT_EQ(complaint(directory), directory + ": is a directory");
  const std::string path = directory + "/firmware.hex";
  std::ofstream(path) << "";
  EXPECT_EQ(complaint(path), path + ": the file is empty");
  std::ofstream(path) << "x";
  EXPECT_EQ(complaint(path), path + ": line 1: does not begin with a colon");
  std::ofstream(path) << ":0100000055AA\n:00000001FF\n";
  EXPECT_EQ(Show(LoadImage(path)), "0:55");
}

TEST(FlashContentsTest, HoldsAnImageAndIsErasedElsewhere) {
  Image image;
  image.Add(0, Bytes{1, 2});
  image.Add(0xFFFFF, Bytes{3});
  image.Add(0x10001FFF, Bytes{4});
  const FlashContents contents(image);
  EXPECT_EQ(contents.flash().size(), 0x100000u);
  EXPECT_EQ(contents.uicr().size(), 0x1000u);
  EXPECT_EQ(contents.flash()[1], 2);
  EXPECT_EQ(contents.flash()[2], 0xFF);
  EXPECT_EQ(contents.flash()[0xFFFFF], 3);
  EXPECT_EQ(contents.uicr()[0], 0xFF);
  EXPECT_EQ(contents.uicr()[0xFFF], 4);
}

TEST(DefaultFirmwareTest, BeginsWithAVectorTable) {
  const std::span<const uint8_t> firmware = DefaultFirmware();
  ASSERT_GT(firmware.size(), 0x64u);
  ASSERT_LE(firmware.size(), 16u * 1024);
  std::array<uint32_t, 16> vectors;
  std::memcpy(vectors.data(), firmware.data(), sizeof vectors);
  EXPECT_EQ(vectors[0], 0x20040000u) << "the top of the stack";
  for (const unsigned number : {1, 2, 3, 11, 14, 15}) {
    EXPECT_EQ(vectors[number] & 1, 1u) << "Thumb: " << number;
    EXPECT_LT(vectors[number], firmware.size()) << number;
  }
}

}  // namespace
}  // namespace probegate::sim
