#include "tests/usbemu/control.h"

#include <stdexcept>
#include <utility>

#include "tests/usbemu/faults.h"

namespace probegate::usbemu {
namespace {

using nlohmann::json;

constexpr uint64_t kLongestDelay = 60'000;  // ms

json Done() { return {{"ok", true}}; }
json Failed(const std::string& error) { return {{"ok", false}, {"error", error}}; }

uint64_t Number(const json& request, const char* name, uint64_t otherwise, uint64_t most) {
  if (!request.contains(name)) return otherwise;
  const json& value = request.at(name);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) {
    throw std::invalid_argument(std::string("\"") + name + "\" is not a number up to " + std::to_string(most));
  }
  return value.get<uint64_t>();
}

std::string Text(const json& request, const char* name, const char* otherwise) {
  if (!request.contains(name)) return otherwise;
  if (!request.at(name).is_string()) throw std::invalid_argument(std::string("\"") + name + "\" is not a string");
  return request.at(name).get<std::string>();
}

}  // namespace

const Control::Row Control::kRows[] = {
    {"bus", "shows its environment, the files that programs have open, the simulator's control port",
     &Control::ShowBus},
    {"devices", "shows what is plugged in where, and the transfers submitted so far", &Control::ShowDevices},
    {"plug", "plugs in \"device\", unless it is plugged in; with \"fault\", does inject before programs see it",
     &Control::Plug},
    {"unplug", "unplugs \"device\", even with transfers in progress", &Control::Unplug},
    {"inject", "sets a \"fault\", see below", &Control::Inject},
    {"clear_faults", "removes the faults of \"device\"", &Control::ClearFaults},
};

Control::Control(Bus& bus, nlohmann::json facts) : bus_(bus), facts_(std::move(facts)) {}

std::string Control::Help() {
  std::string help =
      "The control socket takes one JSON object per line. When a command is done, it answers with {\"ok\": true, …} "
      "or\n"
      "{\"ok\": false, \"error\": \"…\"}. An \"id\" of the command is repeated in the answer.\n";
  for (const Row& row : kRows) help += std::string("  {\"command\": \"") + row.name + "\"}: " + row.help + '\n';
  help +=
      "\"device\" is the index of a --device, counted from 0, or a serial number that only one device has.\n"
      "inject also takes \"transfer\", the kind of transfers affected: any (the default), control, in, out or\n"
      "trace (in, on the SWO endpoint); \"at\", the first transfer affected, counted from now (1 is the next);\n"
      "\"times\" (1), how many are affected (0: all until cleared). With \"wait\": true, the answer comes when the\n"
      "fault has happened. An affected transfer\n" +
      FaultHelp();
  return help;
}

void Control::Handle(const std::string& line, const Answer& answer) {
  const json request = json::parse(line, nullptr, false);
  json id;
  if (request.is_object() && request.contains("id")) id = request.at("id");
  const Answer with_id = [answer, id](json reply) {
    if (!id.is_null()) reply["id"] = id;
    answer(reply);
  };
  if (!request.is_object()) {
    with_id(Failed("the line is not a JSON object"));
    return;
  }
  try {
    const std::string command = Text(request, "command", "");
    for (const Row& row : kRows) {
      if (command != row.name) continue;
      (this->*row.handle)(request, with_id);
      return;
    }
    with_id(Failed("unknown command '" + command + "'"));
  } catch (const std::exception& error) {
    with_id(Failed(error.what()));
  }
}

size_t Control::DeviceOf(const json& request) const {
  if (!request.contains("device")) throw std::invalid_argument("\"device\" is missing");
  const json& wanted = request.at("device");
  if (wanted.is_number_unsigned() && wanted.get<uint64_t>() < bus_.size()) return wanted.get<size_t>();
  size_t found = bus_.size();
  for (size_t i = 0; wanted.is_string() && i < bus_.size(); ++i) {
    if (bus_.slot(i).spec.serial != wanted.get<std::string>()) continue;
    if (found != bus_.size()) throw std::invalid_argument("several devices have the serial number " + wanted.dump());
    found = i;
  }
  if (found == bus_.size()) throw std::invalid_argument("there is no device " + wanted.dump());
  return found;
}

UsbDevice& Control::PluggedOf(const json& request) {
  UsbDevice* device = bus_.device(DeviceOf(request));
  if (device == nullptr) throw std::invalid_argument("the device is not plugged in");
  return *device;
}

void Control::ShowBus(const json&, const Answer& answer) {
  json reply = facts_;
  reply["ok"] = true;
  reply["open_files"] = bus_.open_files();
  answer(reply);
}

void Control::ShowDevices(const json&, const Answer& answer) {
  json devices = json::array();
  for (size_t i = 0; i < bus_.size(); ++i) {
    const Slot& slot = bus_.slot(i);
    json device = {{"device", i},
                   {"serial", slot.spec.serial.value_or("")},
                   {"board", slot.board.host + ":" + std::to_string(slot.board.port)},
                   {"plugged", bus_.device(i) != nullptr}};
    if (UsbDevice* plugged = bus_.device(i)) {
      device["number"] = bus_.number(i);
      for (const Fault::Which which : kTransferKinds)
        device["transfers"][NameOf(which)] = plugged->faults().submitted(which);
    }
    devices.push_back(std::move(device));
  }
  answer({{"ok", true}, {"devices", devices}});
}

void Control::Plug(const json& request, const Answer& answer) {
  bus_.Plug(DeviceOf(request));
  if (request.contains("fault")) {
    Inject(request, answer);
  } else {
    answer(Done());
  }
}

void Control::Unplug(const json& request, const Answer& answer) {
  bus_.Unplug(DeviceOf(request));
  answer(Done());
}

void Control::Inject(const json& request, const Answer& answer) {
  UsbDevice& device = PluggedOf(request);
  const std::string kind = Text(request, "fault", "");
  const std::string which = Text(request, "transfer", "any");
  if (FindFaultKind(kind) == nullptr) throw std::invalid_argument("unknown fault '" + kind + "'");
  if (FindFaultWhich(which) == nullptr) throw std::invalid_argument("unknown kind of transfers '" + which + "'");
  Fault fault = {.kind = *FindFaultKind(kind), .which = *FindFaultWhich(which)};
  fault.at = Number(request, "at", 1, UINT32_MAX);
  if (fault.at == 0) throw std::invalid_argument("\"at\" counts from 1");
  fault.times = Number(request, "times", 1, UINT32_MAX);
  fault.delay = std::chrono::milliseconds(Number(request, "milliseconds", 0, kLongestDelay));
  fault.bytes = Number(request, "bytes", 0, UINT32_MAX);
  const json wait = request.value("wait", json(false));
  if (!wait.is_boolean()) throw std::invalid_argument("\"wait\" is neither true nor false");
  if (wait.get<bool>() && fault.times == 0)
    throw std::invalid_argument("a fault with \"times\" 0 never ends, so \"wait\" is not possible");
  if (!wait.get<bool>()) {
    device.faults().Add(fault, nullptr);
    answer(Done());
    return;
  }
  device.faults().Add(fault, [answer](bool happened) {
    answer(happened ? Done()
                    : Failed("the fault can no longer happen: it was cleared, or the device or the transfer is gone"));
  });
}

void Control::ClearFaults(const json& request, const Answer& answer) {
  PluggedOf(request).faults().Clear();
  answer(Done());
}

}  // namespace probegate::usbemu
