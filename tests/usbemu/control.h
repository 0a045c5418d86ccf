// What the control socket's lines mean: a table of commands, each from a JSON object to an answer, which may come
// later. It knows no socket.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "nlohmann/json.hpp"
#include "tests/usbemu/bus.h"

namespace probegate::usbemu {

class Control {
 public:
  using Answer = std::function<void(const nlohmann::json&)>;

  // `bus` must outlive it. `facts` are given with the answer to "bus": the environment, the simulator's control port.
  Control(Bus& bus, nlohmann::json facts);

  // Carries out one line, and answers once, when that is done: {"ok": true, …}, or {"ok": false, "error": …} where it
  // is wrong, and then nothing has happened. An "id" of the request is in the answer.
  void Handle(const std::string& line, const Answer& answer);

  // What --help says of the commands.
  static std::string Help();

 private:
  struct Row {
    const char* name;
    const char* help;
    void (Control::*handle)(const nlohmann::json& request, const Answer& answer);
  };
  static const Row kRows[];

  size_t DeviceOf(const nlohmann::json& request) const;
  UsbDevice& PluggedOf(const nlohmann::json& request);

  void ShowBus(const nlohmann::json& request, const Answer& answer);
  void ShowDevices(const nlohmann::json& request, const Answer& answer);
  void Plug(const nlohmann::json& request, const Answer& answer);
  void Unplug(const nlohmann::json& request, const Answer& answer);
  void Inject(const nlohmann::json& request, const Answer& answer);
  void ClearFaults(const nlohmann::json& request, const Answer& answer);

  Bus& bus_;
  const nlohmann::json facts_;
};

}  // namespace probegate::usbemu
