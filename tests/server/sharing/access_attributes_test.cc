// The attributes of the server's own memory accesses: which CSW reaches the bus, for each kind of AP, and what sessions
// with other values notice of it.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using adi::AccessAttributes;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Target = TransferStep::Target;

constexpr uint32_t kRam = 0x20000000;
constexpr uint32_t kUnmapped = 0x60000000;
constexpr uint64_t kCsw = 0x00;
constexpr uint64_t kTar = 0x04;
constexpr uint64_t kDrw = 0x0C;

constexpr uint32_t kData = 1u << 24;
constexpr uint32_t kPrivileged = 1u << 25;
constexpr uint32_t kMaster = 1u << 29;
constexpr uint32_t kNonsecure = 1u << 30;
constexpr uint32_t kSpiden = 1u << 23;
constexpr uint32_t kAxiPrivileged = 1u << 28;
constexpr uint32_t kAxiNonsecure = 1u << 29;
constexpr uint32_t kWritable = 0x7F000037;
constexpr uint32_t kAdiv5 = 0x2BA01477;
constexpr uint32_t kAdiv6 = 0x4C013477;

// An AP that implements every attribute, unless its bits of CSW are not `writable`.
FakeBoardOptions Board(uint32_t idr, uint32_t csw, uint32_t wants_set, uint32_t wants_clear, uint32_t dpidr = kAdiv5,
                       uint32_t writable = kWritable) {
  return {.dpidr = dpidr,
          .ap_idr = idr,
          .ap_csw = csw,
          .ap_csw_writable = writable,
          .bus_wants_set = wants_set,
          .bus_wants_clear = wants_clear};
}

FakeBoardOptions Ahb5(uint32_t csw, uint32_t wants_set, uint32_t wants_clear) {
  return Board(0x14770015, csw, wants_set, wants_clear);
}

// One board and two sessions on it.
class Sharing {
 public:
  explicit Sharing(const FakeBoardOptions& board, WireProtocol protocol = WireProtocol::kSwd)
      : wire(std::make_shared<FakeWire>(board, Info())),
        adiv6_(adi::DpVersion(board.dpidr) >= 3),
        shared(std::make_unique<SharedProbe>(std::make_unique<FakeProbe>(wire))) {
    for (SessionState* session : {&a, &b}) {
      shared->Join(*session);
      EXPECT_TRUE(shared->Open(*session).ok());
      EXPECT_TRUE(shared->Connect(*session, protocol).ok());
    }
  }
  ~Sharing() { shared->Shutdown(); }

  absl::StatusOr<uint32_t> Handle(SessionState& session, const AccessAttributes& attributes = {}, uint64_t ap = 0) {
    const auto handle = shared->MemoryInterface(session, adiv6_ ? 2 : 1, adiv6_ ? ap << 16 : ap, attributes);
    if (!handle.ok()) return handle.status();
    return handle->value();
  }
  absl::Status Run(SessionState& session, TransferJob& job) {
    const SharedProbe::Work work{&job, &session};
    while (!job.finished()) {
      if (absl::Status status = shared->RunTransfers({&work, 1}, 1024); !status.ok()) return status;
    }
    return job.status;
  }
  absl::StatusOr<std::vector<uint8_t>> Read(SessionState& session, uint32_t handle, uint64_t address, uint64_t size) {
    TransferJob job = TransferJob::ReadMemory(handle, adi::SplitBlock(address, size));
    if (absl::Status status = Run(session, job); !status.ok()) return status;
    std::vector<uint8_t> bytes(size);
    job.CopyBytesTo(absl::MakeSpan(bytes));
    return bytes;
  }
  absl::Status Write(SessionState& session, uint32_t handle, uint64_t address, const std::vector<uint8_t>& bytes) {
    TransferJob job = TransferJob::WriteMemory(handle, adi::SplitBlock(address, bytes.size()), bytes);
    return Run(session, job);
  }
  absl::StatusOr<uint32_t> ReadAp(SessionState& session, uint64_t address) {
    TransferJob job = TransferJob::ReadRegister(Target::kAp, address, 1);
    if (absl::Status status = Run(session, job); !status.ok()) return status;
    return job.words[0];
  }
  absl::Status WriteAp(SessionState& session, uint64_t address, uint32_t value) {
    TransferJob job = TransferJob::WriteRegister(Target::kAp, address, {value});
    return Run(session, job);
  }
  uint32_t WireCsw(size_t ap = 0) {
    uint32_t csw = 0;
    wire->WithBoard([&](FakeBoard& board) { csw = board.csw(ap); });
    return csw;
  }
  // How often STICKYERR had to be cleared, which every FAULT takes; not counting the time when the link was
  // established.
  size_t Faults() {
    size_t cleared = 0;
    for (const std::string& transfer : wire->TransferLog()) cleared += transfer == "wr dp 0 0000001e" ? 1 : 0;
    return cleared - 1;
  }

  const std::shared_ptr<FakeWire> wire;
  const bool adiv6_;
  const std::unique_ptr<SharedProbe> shared;
  SessionState a;
  SessionState b;

 private:
  static ProbeInfo Info() {
    ProbeInfo info = FakeWire::DefaultInfo("FAKE0001");
    info.features.jtag = true;
    return info;
  }
};

// What the bits of CSW other than Size, AddrInc and DeviceEn are.
uint32_t Prot(uint32_t csw) { return csw & ~0x77u; }

struct Kind {
  std::string name;
  FakeBoardOptions board;
  uint32_t prot;  // with which its memory is accessed
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kKinds = {
      {"Cortex-M4, HPROT[1] off at power-up",
       Board(0x24770011, 0x01000042, kPrivileged | kMaster, 0, kAdiv5, kPrivileged | kMaster | 0x37),
       kData | kPrivileged | kMaster},
      {"AHB3, secure memory", Board(0x84770001, 0x43800042, kPrivileged, kNonsecure),
       kData | kPrivileged | kMaster | kSpiden},
      {"AHB5, secure memory", Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure),
       kData | kPrivileged | kMaster | kSpiden},
      {"AHB5, secure debugging off", Ahb5(0x03000040, kNonsecure, 0), kNonsecure | kData | kPrivileged | kMaster},
      {"AHB5 with enhanced HPROT behind ADIv6, cacheable as found",
       Board(0x34770008, 0x58808042, kPrivileged | 0x18008000, kNonsecure, kAdiv6), 0x3B808000},
      {"AXI, secure memory", Board(0x14770004, 0x6F806042, kAxiPrivileged, kNonsecure | kAxiNonsecure), 0x1F806000},
      {"AXI5, secure debugging off", Board(0x34770017, 0x00006042, kAxiPrivileged | kAxiNonsecure, 0), 0x30006000},
      {"APB, whose CSW is not touched", Board(0x54770002, 0x80000042, 1u << 31, 0), 0x80000000},
      {"APB5, as found", Board(0x34770006, 0x20000042, kAxiNonsecure, kAxiPrivileged), 0x20000000},
      {"MEM-AP of an unknown designer, as found", Board(0x24750001, 0x41000042, kNonsecure, kPrivileged), 0x41000000},
  };
  return kKinds;
}

TEST(AccessAttributes, MemoryBehindEachKindOfApIsAccessedAsItMustBeWithoutAFault) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    Sharing sharing(kind.board);
    const auto handle = sharing.Handle(sharing.a);
    ASSERT_TRUE(handle.ok()) << handle.status();
    const std::vector<uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    // From an odd address: bytes, words and a halfword.
    EXPECT_TRUE(sharing.Write(sharing.a, *handle, kRam + 3, bytes).ok());
    EXPECT_EQ(sharing.wire->ReadRam(kRam + 3, bytes.size()), bytes);
    const auto read = sharing.Read(sharing.a, *handle, kRam + 3, bytes.size());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, bytes);
    EXPECT_EQ(Prot(sharing.WireCsw()), kind.prot);
    EXPECT_EQ(sharing.Faults(), 0u);
  }
}

TEST(AccessAttributes, AnApWithoutAttributesNeverSeesOtherValuesInItsCsw) {
  Sharing sharing(Board(0x54770002, 0x80000042, 0, 0));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  ASSERT_TRUE(sharing.Read(sharing.a, handle, kRam + 1, 9).ok());
  for (const std::string& transfer : sharing.wire->TransferLog()) {
    if (!transfer.starts_with("wr ap 0 ")) continue;
    EXPECT_THAT(transfer, StartsWith("wr ap 0 800000"));
  }
}

TEST(AccessAttributes, TheyAreLearnedOnceAndCostNothingAfterwards) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  ASSERT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
  sharing.wire->ClearLog();
  ASSERT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
  EXPECT_EQ(sharing.wire->TransferLog().size(), 2u);  // TAR and DRW
}

TEST(AccessAttributes, EveryApHasItsOwn) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t first = sharing.Handle(sharing.a, {}, 0).value();
  const uint32_t second = sharing.Handle(sharing.a, {}, 1).value();
  ASSERT_NE(first, second);
  EXPECT_TRUE(sharing.Read(sharing.a, second, kRam, 4).ok());
  EXPECT_EQ(Prot(sharing.WireCsw(0)), kNonsecure | kSpiden);  // not used yet
  EXPECT_TRUE(sharing.Read(sharing.a, first, kRam, 4).ok());
  EXPECT_EQ(Prot(sharing.WireCsw(0)), kData | kPrivileged | kMaster | kSpiden);
}

TEST(AccessAttributes, TwoSessionsWithDifferentAttributesTakeTurns) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, 0));
  const uint32_t secure = sharing.Handle(sharing.a, {.secure = true, .privileged = {}}).value();
  const uint32_t user = sharing.Handle(sharing.b, {.secure = false, .privileged = false}).value();
  for (int turn = 0; turn < 3; ++turn) {
    ASSERT_TRUE(sharing.Read(sharing.a, secure, kRam, 4).ok());
    EXPECT_EQ(Prot(sharing.WireCsw()), kData | kPrivileged | kMaster | kSpiden);
    ASSERT_TRUE(sharing.Read(sharing.b, user, kRam, 4).ok());
    EXPECT_EQ(Prot(sharing.WireCsw()), kNonsecure | kData | kMaster | kSpiden);
  }
}

TEST(AccessAttributes, OneSessionMayHaveSeveralHandlesOfAnAp) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, 0));
  const uint32_t plain = sharing.Handle(sharing.a).value();
  const uint32_t user = sharing.Handle(sharing.a, {.secure = {}, .privileged = false}).value();
  EXPECT_NE(plain, user);
  EXPECT_EQ(sharing.Handle(sharing.a, {.secure = {}, .privileged = false}).value(), user);
  EXPECT_EQ(sharing.Handle(sharing.a).value(), plain);
  ASSERT_TRUE(sharing.Read(sharing.a, user, kRam, 1).ok());
  EXPECT_EQ(Prot(sharing.WireCsw()), kData | kMaster | kSpiden);
  ASSERT_TRUE(sharing.Read(sharing.a, plain, kRam, 2).ok());
  EXPECT_EQ(Prot(sharing.WireCsw()), kData | kPrivileged | kMaster | kSpiden);
}

TEST(AccessAttributes, SessionsThatUseTheRegistersKeepTheirOwnCsw) {
  constexpr uint32_t kFound = kNonsecure | kSpiden | 0x42;
  Sharing sharing(Ahb5(kFound, 0, 0));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  ASSERT_TRUE(sharing.WriteAp(sharing.b, kCsw, 0x41000052).ok());
  ASSERT_TRUE(sharing.WriteAp(sharing.b, kTar, kRam).ok());
  ASSERT_TRUE(sharing.Read(sharing.a, handle, kRam + 64, 4).ok());
  EXPECT_EQ(sharing.ReadAp(sharing.a, kCsw).value(), kFound);  // the session's own registers are as found
  sharing.wire->SetRam(kRam, 0xCAFEF00D);
  EXPECT_EQ(sharing.ReadAp(sharing.b, kDrw).value(), 0xCAFEF00D);
  EXPECT_EQ(Prot(sharing.WireCsw()), 0x41000000 | kSpiden);
}

TEST(AccessAttributes, TheLastSessionLeavesCswAsItWasFound) {
  constexpr uint32_t kFound = kNonsecure | kSpiden | 0x42;
  Sharing sharing(Ahb5(kFound, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  ASSERT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
  ASSERT_NE(sharing.WireCsw(), kFound);
  ASSERT_TRUE(sharing.shared->Close(sharing.a).ok());
  ASSERT_TRUE(sharing.shared->Close(sharing.b).ok());
  EXPECT_EQ(sharing.WireCsw(), kFound);
}

TEST(AccessAttributes, ARefusalNamesTheApAndTheReason) {
  Sharing without_trustzone(Board(0x24770011, 0x23000042, 0, 0, kAdiv5, 0x2F000037));
  absl::Status status = without_trustzone.Handle(without_trustzone.a, {.secure = true, .privileged = {}}, 1).status();
  EXPECT_TRUE(IsError(status, ErrorKind::kUnsupported)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("AP 0x1 "), HasSubstr("0x24770011"), HasSubstr("cannot make secure accesses"),
                    HasSubstr("it has no security attribute")));
  // A refusal gives no handle away.
  EXPECT_EQ(without_trustzone.Handle(without_trustzone.a).value(), 0u);

  Sharing apb(Board(0x54770002, 0x80000042, 0, 0));
  status = apb.Handle(apb.a, {.secure = {}, .privileged = false}).status();
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("cannot make user accesses"), HasSubstr("it has no privilege attribute")));
  EXPECT_EQ(apb.WireCsw(), 0x80000042u);

  Sharing secure_debugging_off(Board(0x34770008, 0x42000042, 0, 0, kAdiv6, 0x3F000037));
  status = secure_debugging_off.Handle(secure_debugging_off.a, {.secure = true, .privileged = false}, 1).status();
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("AP 0x10000 "), HasSubstr("cannot make secure user accesses"),
                    HasSubstr("always non-secure while secure debugging is disabled")));
}

// --- A choice between secure and non-secure that turns out to be wrong

TEST(AccessAttributes, SecureMemoryOfAnApThatDoesNotTellIsFoundByItsFault) {
  for (const WireProtocol protocol : {WireProtocol::kSwd, WireProtocol::kJtag}) {
    Sharing sharing(Ahb5(kNonsecure | 0x40, 0, kNonsecure), protocol);
    const uint32_t handle = sharing.Handle(sharing.a).value();
    sharing.wire->SetRam(kRam, 0x12345678);
    const auto read = sharing.Read(sharing.a, handle, kRam, 4);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, (std::vector<uint8_t>{0x78, 0x56, 0x34, 0x12}));
    const size_t faults = sharing.Faults();
    // It is remembered, also for the other session, and for writes.
    const uint32_t other = sharing.Handle(sharing.b).value();
    EXPECT_TRUE(sharing.Write(sharing.b, other, kRam, {1, 2, 3, 4, 5}).ok());
    EXPECT_TRUE(sharing.Read(sharing.a, handle, kRam, 64).ok());
    EXPECT_EQ(sharing.Faults(), faults);
  }
}

TEST(AccessAttributes, AWriteThatFaultsIsRepeatedAsTheOtherKind) {
  Sharing sharing(Ahb5(kNonsecure | 0x40, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  EXPECT_TRUE(sharing.Write(sharing.a, handle, kRam + 2, {0xAB, 0xCD}).ok());
  EXPECT_EQ(sharing.wire->Ram(kRam), 0xCDAB0000u);
}

TEST(AccessAttributes, SecureDebuggingThatEndsIsNoticed) {
  // SPIDEN was 1 when it was read, but secure accesses fail.
  Sharing sharing(Ahb5(kSpiden | 0x40, kNonsecure, 0));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  EXPECT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
}

TEST(AccessAttributes, AFaultOfBothKindsIsReportedAndChangesNothing) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  const absl::Status status = sharing.Read(sharing.a, handle, kUnmapped, 8).status();
  EXPECT_TRUE(IsError(status, ErrorKind::kTransferFault)) << status;
  EXPECT_EQ(GetError(status).fault_address, kUnmapped);
  EXPECT_EQ(GetError(status).completed_bytes, 0u);
  const size_t faults = sharing.Faults();
  EXPECT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
  EXPECT_EQ(sharing.Faults(), faults);
}

TEST(AccessAttributes, WhatWasAskedForIsNotReplaced) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t nonsecure = sharing.Handle(sharing.a, {.secure = false, .privileged = {}}).value();
  EXPECT_TRUE(IsError(sharing.Read(sharing.a, nonsecure, kRam, 4).status(), ErrorKind::kTransferFault));
  EXPECT_EQ(sharing.Faults(), 1u);
}

TEST(AccessAttributes, AnAccessThatFaultsLaterIsNotRepeated) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  const uint32_t end = kRam + 64 * 1024;
  const absl::Status status = sharing.Read(sharing.a, handle, end - 4, 8).status();
  EXPECT_EQ(GetError(status).fault_address, end);
  EXPECT_EQ(GetError(status).completed_bytes, 4u);
  EXPECT_EQ(sharing.Faults(), 1u);
}

TEST(AccessAttributes, ATrialThatFailsIsRepeatedByTheNextAccess) {
  Sharing sharing(Ahb5(kNonsecure | kSpiden | 0x40, 0, kNonsecure));
  const uint32_t handle = sharing.Handle(sharing.a).value();
  sharing.wire->FailTransfer(0, FakeFailure::kWait);
  EXPECT_TRUE(IsError(sharing.Read(sharing.a, handle, kRam, 4).status(), ErrorKind::kTransferTimeout));
  EXPECT_TRUE(sharing.Read(sharing.a, handle, kRam, 4).ok());
  EXPECT_EQ(Prot(sharing.WireCsw()), kData | kPrivileged | kMaster | kSpiden);
}

TEST(AccessAttributes, JobsOfSeveralSessionsInOnePacketAreNotDisturbedByARepetition) {
  Sharing sharing(Ahb5(kNonsecure | 0x40, 0, kNonsecure));
  const uint32_t ours = sharing.Handle(sharing.a).value();
  const uint32_t theirs = sharing.Handle(sharing.b, {.secure = true, .privileged = {}}).value();
  sharing.wire->SetRam(kRam, 0x11111111);
  sharing.wire->SetRam(kRam + 4, 0x22222222);
  TransferJob first = TransferJob::ReadMemory(theirs, adi::SplitBlock(kRam + 4, 4));
  TransferJob second = TransferJob::ReadMemory(ours, adi::SplitBlock(kRam, 4));
  TransferJob third = TransferJob::ReadMemory(theirs, adi::SplitBlock(kRam, 4));
  const std::array<SharedProbe::Work, 3> work = {SharedProbe::Work{&first, &sharing.b},
                                                 SharedProbe::Work{&second, &sharing.a},
                                                 SharedProbe::Work{&third, &sharing.b}};
  ASSERT_TRUE(sharing.shared->RunTransfers(work, 1024).ok());
  EXPECT_TRUE(first.status.ok() && second.status.ok() && third.status.ok());
  EXPECT_EQ(first.words[0], 0x22222222u);
  EXPECT_EQ(second.words[0], 0x11111111u);
  EXPECT_EQ(third.words[0], 0x11111111u);
}

}  // namespace
}  // namespace probegate
