#include "sim/control.h"

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "nlohmann/json.hpp"
#include "sim/control_arguments.h"
#include "sim/endpoint.h"
#include "sim/quirks.h"
#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

using nlohmann::json;
using Boards = std::span<const std::unique_ptr<BoardServer>>;

constexpr uint64_t kMaxLatency = 60'000'000;  // microseconds
constexpr uint64_t kMaxDelay = 60'000;        // milliseconds
constexpr uint64_t kMaxOperations = 1'000'000'000'000;

BoardServer& OneBoard(Boards boards, ControlArguments& arguments) {
  return *boards[arguments.Number("board", 0, boards.size() - 1)];
}

Boards ChosenBoards(Boards boards, ControlArguments& arguments) {
  return arguments.Has("board") ? boards.subspan(arguments.Number("board", 0, boards.size() - 1), 1) : boards;
}

// Checks that there are no other arguments, then runs `change` on the thread of each chosen board.
json ForEach(Boards chosen, const ControlArguments& arguments, const std::function<void(BoardServer&)>& change) {
  arguments.CheckAllTaken();
  for (const std::unique_ptr<BoardServer>& board : chosen) {
    board->Call([&] { change(*board); });
  }
  return json::object();
}

json ListBoards(Boards boards, ControlArguments& arguments) {
  arguments.CheckAllTaken();
  json list = json::array();
  for (const std::unique_ptr<BoardServer>& board : boards) {
    list.push_back(board->Call([&] {
      return json{{"board", board->index()},
                  {"serial", board->serial()},
                  {"host", board->endpoint().address().to_string()},
                  {"port", board->endpoint().port()},
                  {"plugged", board->plugged()},
                  {"client", board->has_client()}};
    }));
  }
  return {{"boards", list}};
}

json SetLatency(Boards boards, ControlArguments& arguments) {
  const Boards chosen = ChosenBoards(boards, arguments);
  const std::chrono::microseconds latency(arguments.Number("microseconds", 0, kMaxLatency));
  return ForEach(chosen, arguments, [latency](BoardServer& server) { server.board().set_latency(latency); });
}

struct TransferFaultRow {
  std::string_view name;
  TransferFault fault;
};
constexpr TransferFaultRow kTransferFaults[] = {
    {"wait", TransferFault::kWait},
    {"fault", TransferFault::kFault},
    {"no_ack", TransferFault::kNoAck},
};

struct ReplyFaultRow {
  std::string_view name;
  std::string_view corruption;  // of corrupt_reply
  ReplyFault::Kind kind;
};
constexpr ReplyFaultRow kReplyFaults[] = {
    {"drop_reply", "", ReplyFault::Kind::kDrop},
    {"stale_reply", "", ReplyFault::Kind::kStale},
    {"repeat_reply", "", ReplyFault::Kind::kRepeat},
    {"late_reply", "", ReplyFault::Kind::kLate},
    {"corrupt_reply", "command", ReplyFault::Kind::kCommand},
    {"corrupt_reply", "truncated", ReplyFault::Kind::kTruncate},
    {"corrupt_reply", "signature", ReplyFault::Kind::kSignature},
    {"unplug", "", ReplyFault::Kind::kUnplug},
};

std::optional<TransferFault> FindTransferFault(std::string_view name) {
  for (const TransferFaultRow& row : kTransferFaults) {
    if (row.name == name) return row.fault;
  }
  return std::nullopt;
}

ReplyFault TakeReplyFault(const std::string& name, ControlArguments& arguments) {
  std::string corruption;
  if (name == "corrupt_reply") corruption = arguments.Has("corruption") ? arguments.Text("corruption") : "command";
  for (const ReplyFaultRow& row : kReplyFaults) {
    if (row.name != name || row.corruption != corruption) continue;
    ReplyFault fault{.kind = row.kind};
    if (row.kind == ReplyFault::Kind::kLate) {
      fault.delay = std::chrono::milliseconds(arguments.Number("milliseconds", 0, kMaxDelay));
    }
    return fault;
  }
  throw std::invalid_argument(corruption.empty() ? fmt::format("unknown fault '{}'", name)
                                                 : fmt::format("unknown corruption '{}'", corruption));
}

json Inject(Boards boards, ControlArguments& arguments) {
  const Boards chosen = ChosenBoards(boards, arguments);
  const std::string name = arguments.Text("fault");
  const uint64_t at = arguments.Has("at") ? arguments.Number("at", 1, kMaxOperations) : 1;
  const uint64_t times = arguments.Has("times") ? arguments.Number("times", 0, kMaxOperations) : 1;
  if (const std::optional<TransferFault> fault = FindTransferFault(name)) {
    return ForEach(chosen, arguments,
                   [&](BoardServer& server) { server.board().device().transfers().faults().Arm(*fault, at, times); });
  }
  const ReplyFault fault = TakeReplyFault(name, arguments);
  return ForEach(chosen, arguments, [&](BoardServer& server) { server.board().reply_faults().Arm(fault, at, times); });
}

json ClearFaults(Boards boards, ControlArguments& arguments) {
  return ForEach(ChosenBoards(boards, arguments), arguments, [](BoardServer& server) {
    server.board().device().transfers().faults().Clear();
    server.board().reply_faults().Clear();
  });
}

json Unplug(Boards boards, ControlArguments& arguments) {
  return ForEach(ChosenBoards(boards, arguments), arguments, [](BoardServer& server) { server.Unplug(); });
}

json Plug(Boards boards, ControlArguments& arguments) {
  return ForEach(ChosenBoards(boards, arguments), arguments, [](BoardServer& server) { server.Plug(); });
}

json PowerCycle(Boards boards, ControlArguments& arguments) {
  return ForEach(ChosenBoards(boards, arguments), arguments, [](BoardServer& server) { server.PowerCycle(); });
}

// Gives each chosen board the settings that `change` makes of those that it has.
json ChangeQuirks(Boards chosen, const ControlArguments& arguments,
                  const std::function<void(std::vector<QuirkSetting>&)>& change) {
  arguments.CheckAllTaken();
  for (const std::unique_ptr<BoardServer>& board : chosen) {
    board->CallStopped([&] {
      std::vector<QuirkSetting> settings = board->board().quirks();
      change(settings);
      board->board().SetQuirks(settings);
    });
  }
  return json::object();
}

json AddQuirk(Boards boards, ControlArguments& arguments) {
  const Boards chosen = ChosenBoards(boards, arguments);
  const QuirkSetting setting = ParseQuirk(arguments.Text("quirk"));
  return ChangeQuirks(chosen, arguments, [&](std::vector<QuirkSetting>& settings) { TurnOn(setting, settings); });
}

json ClearQuirks(Boards boards, ControlArguments& arguments) {
  const Boards chosen = ChosenBoards(boards, arguments);
  if (!arguments.Has("quirk")) {
    return ChangeQuirks(chosen, arguments, [](std::vector<QuirkSetting>& settings) { settings.clear(); });
  }
  const std::string name = arguments.Text("quirk");
  CheckQuirkName(name);
  return ChangeQuirks(chosen, arguments, [&](std::vector<QuirkSetting>& settings) {
    std::erase_if(settings, [&](const QuirkSetting& setting) { return setting.name == name; });
  });
}

json ListQuirks(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  arguments.CheckAllTaken();
  const std::vector<QuirkSetting> settings = server.Call([&] { return server.board().quirks(); });
  json list = json::array();
  for (const QuirkRow& row : QuirkRows()) {
    json on = json::array();
    for (const QuirkSetting& setting : settings) {
      if (setting.name == row.name) on.push_back(setting.value);
    }
    list.push_back(
        {{"quirk", row.name}, {"value", row.value}, {"effect", row.effect}, {"seen_in", row.firmware}, {"on", on}});
  }
  return {{"quirks", list}};
}

json ReadCounters(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  arguments.CheckAllTaken();
  return server.Call([&] {
    const BoardServer::Counters& counters = server.counters();
    Transfers& transfers = server.board().device().transfers();
    return json{{"packets", counters.packets},
                {"replies", server.board().reply_faults().operations()},
                {"transfers", transfers.faults().operations()},
                {"ap_writes", transfers.ap_writes()},
                {"connections", counters.connections},
                {"refused", counters.refused},
                {"lost", counters.lost}};
  });
}

const char* WireName(WireMode mode) {
  switch (mode) {
    case WireMode::kJtag:
      return "jtag";
    case WireMode::kSwd:
      return "swd";
    case WireMode::kDormant:
      return "dormant";
  }
  return "";
}

const char* CoreState(const Processor& processor) {
  if (processor.held()) return "reset";
  if (processor.halted()) return "halted";
  if (processor.locked_up()) return "locked up";
  return processor.asleep() ? "asleep" : "running";
}

json ReadState(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  arguments.CheckAllTaken();
  return server.CallStopped([&] {
    Device& device = server.board().device();
    Chip& chip = server.board().chip();
    const uint32_t ctrl_stat = chip.debug_port().ctrl_stat();
    return json{{"plugged", server.plugged()},
                {"client", server.has_client()},
                {"connected", device.pins().connected()},
                {"clock_hz", device.pins().clock_hz()},
                {"nreset_asserted", device.pins().reset_asserted()},
                {"wire", WireName(chip.pins().mode())},
                {"select", chip.debug_port().select()},
                {"ctrl_stat", ctrl_stat},
                {"debug_power", (ctrl_stat >> 29 & 1) != 0},
                {"system_power", (ctrl_stat >> 31 & 1) != 0},
                {"locked", chip.locked()},
                {"core", CoreState(chip.processor())}};
  });
}

uint32_t TakeAddress(ControlArguments& arguments) {
  const uint64_t address = arguments.Number("address", 0, UINT32_MAX);
  if (address % 4 != 0) throw std::invalid_argument("address must be a multiple of 4");
  return static_cast<uint32_t>(address);
}

json ReadWord(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  const uint32_t address = TakeAddress(arguments);
  arguments.CheckAllTaken();
  const std::optional<uint32_t> value =
      server.CallStopped([&] { return server.board().chip().bus().Read(address, 4); });
  if (!value) throw std::invalid_argument(fmt::format("nothing is mapped at {:#010x}", address));
  return {{"value", *value}};
}

json WriteWord(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  const uint32_t address = TakeAddress(arguments);
  const uint32_t value = static_cast<uint32_t>(arguments.Number("value", 0, UINT32_MAX));
  arguments.CheckAllTaken();
  if (!server.CallStopped([&] { return server.board().chip().bus().Write(address, 4, value); })) {
    throw std::invalid_argument(fmt::format("nothing is mapped at {:#010x}", address));
  }
  return json::object();
}

json ReadPins(Boards boards, ControlArguments& arguments) {
  BoardServer& server = OneBoard(boards, arguments);
  arguments.CheckAllTaken();
  return server.CallStopped([&] {
    const Gpio& gpio = server.board().chip().parts().gpio();
    json ports = json::array();
    for (unsigned port = 0; port < Gpio::kPorts; ++port) {
      ports.push_back({{"out", gpio.out(port)}, {"dir", gpio.dir(port)}, {"levels", gpio.levels(port)}});
    }
    return json{{"ports", ports}};
  });
}

struct PinDriveRow {
  std::string_view name;
  PinDrive drive;
};
constexpr PinDriveRow kPinDrives[] = {
    {"floating", PinDrive::kFloating},
    {"low", PinDrive::kLow},
    {"high", PinDrive::kHigh},
};

PinDrive TakePinDrive(ControlArguments& arguments) {
  const std::string level = arguments.Text("level");
  for (const PinDriveRow& row : kPinDrives) {
    if (row.name == level) return row.drive;
  }
  throw std::invalid_argument(fmt::format("unknown level '{}'", level));
}

json DrivePin(Boards boards, ControlArguments& arguments) {
  const Boards chosen = ChosenBoards(boards, arguments);
  const auto port = static_cast<unsigned>(arguments.Number("port", 0, Gpio::kPorts - 1));
  const auto pin = static_cast<unsigned>(arguments.Number("pin", 0, Gpio::kPins[port] - 1));
  const PinDrive drive = TakePinDrive(arguments);
  arguments.CheckAllTaken();
  for (const std::unique_ptr<BoardServer>& server : chosen) {
    server->CallStopped([&] { server->board().chip().parts().gpio().Drive(port, pin, drive); });
  }
  return json::object();
}

struct CommandRow {
  std::string_view name;
  json (*handler)(Boards boards, ControlArguments& arguments);
};
constexpr CommandRow kCommands[] = {
    {"boards", ListBoards},        {"set_latency", SetLatency}, {"inject", Inject},
    {"clear_faults", ClearFaults}, {"unplug", Unplug},          {"plug", Plug},
    {"state", ReadState},          {"counters", ReadCounters},  {"read_word", ReadWord},
    {"write_word", WriteWord},     {"pins", ReadPins},          {"drive_pin", DrivePin},
    {"power_cycle", PowerCycle},   {"quirk", AddQuirk},         {"clear_quirks", ClearQuirks},
    {"quirks", ListQuirks},
};

json Run(Boards boards, const json& request) {
  ControlArguments arguments(request);
  const std::string name = arguments.Text("command");
  for (const CommandRow& row : kCommands) {
    if (row.name == name) return row.handler(boards, arguments);
  }
  throw std::invalid_argument(fmt::format("unknown command '{}'", name));
}

}  // namespace

std::string Control::Handle(std::string_view line) const {
  const json request = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  json reply;
  try {
    if (!request.is_object()) throw std::invalid_argument("a request must be one JSON object on one line");
    reply = Run(boards_, request);
    reply["ok"] = true;
  } catch (const std::exception& error) {
    reply = {{"ok", false}, {"error", error.what()}};
  }
  if (request.is_object() && request.contains("id")) reply["id"] = request["id"];
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace probegate::sim
