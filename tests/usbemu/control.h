// Carries out the commands of the control socket: a table of commands, each of which turns a JSON object into an
// answer, which may come later. It does not use the socket itself.
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

  // `bus` must outlive it. `facts` are part of the answer to "bus": the environment, the simulator's control port.
  Control(Bus& bus, nlohmann::json facts);

  // Carries out one line. When that is done, answers once with {"ok": true, …}. If the line is wrong, answers with
  // {"ok": false, "error": …}, and does nothing else. If the request has an "id", so does the answer.
  void Handle(const std::string& line, const Answer& answer);

  // The text of --help about the commands.
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
