// What is set to go wrong with a device's transfers, and with which of them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace probegate::usbemu {

struct Fault {
  enum class Kind : uint8_t {
    kStall,     // ends with a stall; the endpoint stays halted until the halt is cleared
    kError,     // ends with an error of the bus
    kDelay,     // ends `delay` later than it would, and so does what is behind it on the endpoint
    kTruncate,  // only its first `bytes` arrive
    kCorrupt,   // its byte at `bytes` is inverted
    kDrop,      // what is sent gets lost: the device never sees it, or the host waits on
    kBabble,    // ends as if the device had sent more than was asked for
    kUnplug,    // the device is unplugged with the transfer under way
    kHang,      // the device's firmware hangs until the port is reset, which starts it anew
  };
  enum class Which : uint8_t { kAny, kControl, kIn, kOut, kTrace };  // kIn: neither of a control nor a trace endpoint

  Kind kind = Kind::kStall;
  Which which = Which::kAny;
  uint64_t at = 1;     // the first transfer that it befalls, from when it is set
  uint64_t times = 1;  // how many; 0: all from there on
  std::chrono::milliseconds delay{0};
  uint64_t bytes = 0;
};

// Null where there is none of the name.
const Fault::Kind* FindFaultKind(const std::string& name);
const Fault::Which* FindFaultWhich(const std::string& name);
std::string FaultHelp();

inline constexpr std::array<Fault::Which, 4> kTransferKinds = {Fault::Which::kControl, Fault::Which::kIn,
                                                               Fault::Which::kOut, Fault::Which::kTrace};
const char* NameOf(Fault::Which which);

// A fault that has been set.
struct SetFault {
  Fault fault;
  uint64_t seen = 0;      // transfers that it could have befallen
  uint64_t happened = 0;  // how often it had its effect
  // Called once, when it has had its effect as often as it should, or cannot have it any more.
  std::function<void(bool happened)> on_end;

  void Happen();
  void End(bool had_effect);
};

class Faults {
 public:
  ~Faults() { Clear(); }

  void Add(const Fault& fault, std::function<void(bool happened)> on_end);
  void Clear();

  // A transfer has been submitted. Answers the fault that befalls it, or null; Happen() is to be called with its
  // effect.
  std::shared_ptr<SetFault> Submitted(Fault::Which which);
  // How many have been so far.
  uint64_t submitted(Fault::Which which) const;

 private:
  std::map<Fault::Which, uint64_t> submitted_;
  std::list<std::shared_ptr<SetFault>> faults_;
};

}  // namespace probegate::usbemu
