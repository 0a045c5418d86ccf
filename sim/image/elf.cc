#include "sim/image/elf.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

static_assert(std::endian::native == std::endian::little, "the structs of <elf.h> are read as they are in the file");

struct Named {
  unsigned value;
  const char* name;
};

constexpr std::array kMachines = {
    Named{EM_386, "x86"},       Named{EM_MIPS, "MIPS"},       Named{EM_PPC, "PowerPC"},  Named{EM_X86_64, "x86-64"},
    Named{EM_XTENSA, "Xtensa"}, Named{EM_AARCH64, "AArch64"}, Named{EM_RISCV, "RISC-V"},
};

constexpr std::array kTypes = {
    Named{ET_REL, "an object file that has not been linked"},
    Named{ET_DYN, "a shared object or a position-independent executable"},
    Named{ET_CORE, "a core dump"},
};

template <size_t size>
std::string NameOf(unsigned value, const std::array<Named, size>& names) {
  const auto* row =
      std::find_if(names.begin(), names.end(), [value](const Named& named) { return named.value == value; });
  return row == names.end() ? fmt::format("number {}", value) : row->name;
}

template <typename Struct>
Struct ReadAt(std::span<const uint8_t> contents, uint64_t offset, const char* what) {
  if (offset > contents.size() || contents.size() - offset < sizeof(Struct)) {
    throw ImageError(fmt::format("truncated ELF file: {} bytes, too few for the {}", contents.size(), what));
  }
  Struct result;
  std::memcpy(&result, contents.data() + offset, sizeof result);
  return result;
}

// Checks the identification bytes, which determine the format of everything after them.
void CheckIdent(std::span<const uint8_t> contents) {
  if (contents.size() < EI_NIDENT) throw ImageError(fmt::format("truncated ELF file: {} bytes", contents.size()));
  const uint8_t elf_class = contents[EI_CLASS];
  const uint8_t data = contents[EI_DATA];
  if (elf_class == ELFCLASS64) throw ImageError("not an ELF file for 32-bit Arm: its class is 64-bit");
  if (elf_class != ELFCLASS32) throw ImageError(fmt::format("not an ELF file for 32-bit Arm: class {}", elf_class));
  if (data == ELFDATA2MSB) throw ImageError("not an ELF file for little-endian Arm: it is big-endian");
  if (data != ELFDATA2LSB)
    throw ImageError(fmt::format("not an ELF file for little-endian Arm: data encoding {}", data));
}

void CheckHeader(const Elf32_Ehdr& header) {
  if (header.e_machine != EM_ARM) {
    throw ImageError(fmt::format("not an ELF file for Arm: its machine is {}", NameOf(header.e_machine, kMachines)));
  }
  if (header.e_type != ET_EXEC) {
    throw ImageError(fmt::format("not an executable: its type is {}", NameOf(header.e_type, kTypes)));
  }
  if (header.e_phnum > 0 && header.e_phentsize != sizeof(Elf32_Phdr)) {
    throw ImageError(fmt::format("malformed ELF file: program headers of {} bytes", header.e_phentsize));
  }
}

}  // namespace

bool LooksLikeElf(std::span<const uint8_t> contents) {
  return contents.size() >= SELFMAG && std::memcmp(contents.data(), ELFMAG, SELFMAG) == 0;
}

Image ParseElf(std::span<const uint8_t> contents) {
  if (!LooksLikeElf(contents)) throw ImageError("not an ELF file");
  CheckIdent(contents);
  const auto header = ReadAt<Elf32_Ehdr>(contents, 0, "ELF header");
  CheckHeader(header);
  Image image;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const uint64_t offset = header.e_phoff + uint64_t{i} * sizeof(Elf32_Phdr);
    const auto segment = ReadAt<Elf32_Phdr>(contents, offset, "program headers");
    if (segment.p_type != PT_LOAD) continue;
    if (uint64_t{segment.p_offset} + segment.p_filesz > contents.size()) {
      throw ImageError(fmt::format("truncated ELF file: {} bytes, but segment {} ends at {}", contents.size(), i,
                                   uint64_t{segment.p_offset} + segment.p_filesz));
    }
    image.Add(segment.p_paddr, contents.subspan(segment.p_offset, segment.p_filesz));
  }
  if (image.segments().empty()) throw ImageError("ELF file without loadable segments");
  return image;
}

}  // namespace probegate::sim
