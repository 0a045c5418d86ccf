// The faults that are set for a device's transfers, and which transfers they affect.
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
    kError,     // ends with a bus error
    kDelay,     // ends `delay` later, and so do the transfers after it on the endpoint
    kTruncate,  // only its first `bytes` arrive
    kCorrupt,   // its byte at `bytes` is inverted
    kDrop,      // its data is lost: the device never sees it, or the host keeps waiting
    kBabble,    // ends as if the device had sent more than was requested
    kUnplug,    // the device is unplugged during the transfer
    kHang,      // the device's firmware hangs until a port reset restarts it
  };
  enum class Which : uint8_t { kAny, kControl, kIn, kOut, kTrace };  // kIn: not of a control or trace endpoint

  Kind kind = Kind::kStall;
  Which which = Which::kAny;
  uint64_t at = 1;     // the first transfer affected, counted from when the fault is set
  uint64_t times = 1;  // how many transfers are affected; 0: all from then on
  std::chrono::milliseconds delay{0};
  uint64_t bytes = 0;
};

// Both return null if there is none of this name.
const Fault::Kind* FindFaultKind(const std::string& name);
const Fault::Which* FindFaultWhich(const std::string& name);
std::string FaultHelp();

inline constexpr std::array<Fault::Which, 4> kTransferKinds = {Fault::Which::kControl, Fault::Which::kIn,
                                                               Fault::Which::kOut, Fault::Which::kTrace};
const char* NameOf(Fault::Which which);

// A fault that has been set.
struct SetFault {
  Fault fault;
  uint64_t seen = 0;      // how many transfers it could have affected
  uint64_t happened = 0;  // how often it took effect
  // Called once, when it has taken effect as often as it should, or no longer can.
  std::function<void(bool happened)> on_end;

  void Happen();
  void End(bool had_effect);
};

class Faults {
 public:
  ~Faults() { Clear(); }

  void Add(const Fault& fault, std::function<void(bool happened)> on_end);
  void Clear();

  // A transfer has been submitted. Returns the fault that affects it, or null. When the fault takes effect, the caller
  // must call Happen().
  std::shared_ptr<SetFault> Submitted(Fault::Which which);
  // How many transfers have been submitted so far.
  uint64_t submitted(Fault::Which which) const;

 private:
  std::map<Fault::Which, uint64_t> submitted_;
  std::list<std::shared_ptr<SetFault>> faults_;
};

}  // namespace probegate::usbemu
