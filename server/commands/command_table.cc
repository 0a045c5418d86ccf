#include "server/commands/command_table.h"

#include <array>

#include "server/commands/commands.h"

namespace probegate {
namespace {

using Case = v1::StreamRequest::RequestCase;

constexpr CommandKind kWire = CommandKind::kWire;
constexpr CommandKind kNoWire = CommandKind::kNoWire;

constexpr PostedRole kMay = PostedRole::kMay;
constexpr PostedRole kTakes = PostedRole::kTakes;
constexpr PostedRole kTakesAfter = PostedRole::kTakesAfter;
constexpr PostedRole kApart = PostedRole::kApart;

constexpr std::array kTable = {
    CommandRow{Case::kGetState, "get_state", kNoWire, kApart, nullptr, nullptr, &commands::RunGetState},
    CommandRow{Case::kOpen, "open", kNoWire, kApart, nullptr, nullptr, &commands::RunOpen},
    CommandRow{Case::kClose, "close", kWire, kTakesAfter, nullptr, nullptr, &commands::RunClose},
    CommandRow{Case::kLock, "lock", CommandKind::kLock, kMay},
    CommandRow{Case::kUnlock, "unlock", CommandKind::kUnlock, kMay},
    CommandRow{Case::kConnect, "connect", kWire, kTakes, nullptr, nullptr, &commands::RunConnect},
    CommandRow{Case::kDisconnect, "disconnect", kWire, kTakesAfter, nullptr, nullptr, &commands::RunDisconnect},
    CommandRow{Case::kSwjSequence, "swj_sequence", kWire, kTakes, nullptr, nullptr, &commands::RunSwjSequence},
    CommandRow{Case::kSwdSequence, "swd_sequence", kWire, kTakes, nullptr, nullptr, &commands::RunSwdSequence},
    CommandRow{Case::kJtagSequence, "jtag_sequence", kWire, kTakes, nullptr, nullptr, &commands::RunJtagSequence},
    CommandRow{Case::kSetClock, "set_clock", kWire, kTakes, nullptr, nullptr, &commands::RunSetClock},
    CommandRow{Case::kReset, "reset", kWire, kTakes, nullptr, nullptr, &commands::RunReset},
    CommandRow{Case::kAssertReset, "assert_reset", kWire, kTakes, nullptr, nullptr, &commands::RunAssertReset},
    CommandRow{Case::kIsResetAsserted, "is_reset_asserted", kWire, kTakes, nullptr, nullptr,
               &commands::RunIsResetAsserted},
    CommandRow{Case::kFlush, "flush", kNoWire, kTakes, nullptr, nullptr, &commands::RunFlush},
    CommandRow{Case::kReadDp, "read_dp", kWire, kTakes, &commands::MakeReadDp, &commands::FinishReadDp},
    CommandRow{Case::kWriteDp, "write_dp", kWire, kMay, &commands::MakeWriteDp, &commands::FinishWriteDp,
               &commands::RunWriteDp},
    CommandRow{Case::kReadAp, "read_ap", kWire, kTakes, &commands::MakeReadAp, &commands::FinishReadAp},
    CommandRow{Case::kWriteAp, "write_ap", kWire, kMay, &commands::MakeWriteAp, &commands::FinishWriteAp},
    CommandRow{Case::kReadApMultiple, "read_ap_multiple", kWire, kTakes, &commands::MakeReadApMultiple,
               &commands::FinishReadApMultiple},
    CommandRow{Case::kWriteApMultiple, "write_ap_multiple", kWire, kMay, &commands::MakeWriteApMultiple,
               &commands::FinishWriteApMultiple},
    CommandRow{Case::kGetMemoryInterfaceForAp, "get_memory_interface_for_ap", kWire, kTakes, nullptr, nullptr,
               &commands::RunGetMemoryInterface},
    CommandRow{Case::kReadMem, "read_mem", kWire, kTakes, &commands::MakeReadMem, &commands::FinishReadMem},
    CommandRow{Case::kWriteMem, "write_mem", kWire, kTakes, &commands::MakeWriteMem, &commands::FinishWriteMem},
    CommandRow{Case::kReadBlock32, "read_block32", kWire, kTakes, &commands::MakeReadBlock32,
               &commands::FinishReadBlock32},
    CommandRow{Case::kWriteBlock32, "write_block32", kWire, kTakes, &commands::MakeWriteBlock32,
               &commands::FinishWriteBlock32},
    CommandRow{Case::kReadBlock8, "read_block8", kWire, kTakes, &commands::MakeReadBlock8, &commands::FinishReadBlock8},
    CommandRow{Case::kWriteBlock8, "write_block8", kWire, kTakes, &commands::MakeWriteBlock8,
               &commands::FinishWriteBlock8},
    CommandRow{Case::kHasSwo, "has_swo", kNoWire, kApart, nullptr, nullptr, &commands::RunHasSwo},
    CommandRow{Case::kSwoStart, "swo_start", kNoWire, kApart, nullptr, nullptr, &commands::RunSwoStart},
    CommandRow{Case::kSwoStop, "swo_stop", kNoWire, kApart, nullptr, nullptr, &commands::RunSwoStop},
    CommandRow{Case::kSwoRead, "swo_read", kNoWire, kApart, nullptr, nullptr, &commands::RunSwoRead},
};

}  // namespace

absl::Span<const CommandRow> CommandTable() { return kTable; }

size_t CommandNumber(const CommandRow* row) {
  return row == nullptr ? kTable.size() : static_cast<size_t>(row - kTable.data());
}

std::string_view CommandName(size_t number) { return number < kTable.size() ? kTable[number].name : "none"; }

const CommandRow* FindCommandRow(v1::StreamRequest::RequestCase request_case) {
  for (const CommandRow& row : kTable) {
    if (row.request_case == request_case) return &row;
  }
  return nullptr;
}

}  // namespace probegate
