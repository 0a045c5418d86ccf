// The contract of a debug probe: what every driver offers, and all that the rest of the program knows about one.
//
// A probe is a wire with a few commands. It knows nothing about sessions, sharing, the value of SELECT, or memory:
// those are the business of server/ (sharing) and probe/adi/ (the debug interface's registers). So a driver is small,
// and sharing works the same with every driver.
//
// Threads: one thread at a time. In the server that is the probe's lane. Every method blocks until the probe has
// answered or a time limit has passed; none waits forever. Transfers and sequences may be long. They go to the probe in
// packets of at most kLongestPacket on the wire, as far as that is possible at the clock that runs, and can be given up
// between two packets (SetInterrupt).
//
// Errors, from any method: kProbeDisconnected once the probe is gone (from then on always: a Probe never comes back,
// its source makes a new one); kProbeError if the probe refuses or sends an invalid answer; kUnsupported if it does not
// have the feature. Transfers add kTransferError, kTransferTimeout and kTransferFault.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate {

class Interrupt;
class ProbeObserver;

enum class WireProtocol : uint8_t { kDefault, kSwd, kJtag };

// What a probe can do in addition to SWD transfers and SWJ sequences, which every probe must support.
struct ProbeFeatures {
  bool jtag = false;
  bool swd_sequence = false;
  bool swo = false;
};

// A setting that applies to a probe, for people to read.
struct AppliedSetting {
  std::string setting;  // its name in the configuration file
  std::string value;
  std::string from;  // "configuration", "known quirk: …" or "the probe"
};

// What is known about a probe once it has been identified. It does not change while the probe is present.
struct ProbeInfo {
  std::string unique_id;
  std::string vendor_name;
  std::string product_name;
  std::string firmware_version;
  ProbeFeatures features;
  std::map<std::string, std::string> labels;  // what the probe says about its board and target; those of its settings
  std::vector<AppliedSetting> settings;
};

enum class Port : uint8_t { kDp, kAp };

// One register of the DP, or of the AP and bank that SELECT names, accessed size() times. RDBUFF reads as zero over
// JTAG. `address` is A[3:2] in place: 0x0, 0x4, 0x8 or 0xC. Exactly one of `write` and `read` is not empty; both refer
// to the caller's memory.
struct TransferOp {
  Port port = Port::kDp;
  uint8_t address = 0;
  absl::Span<const uint32_t> write;  // one transfer per word
  absl::Span<uint32_t> read;         // filled in order as words arrive

  bool is_read() const { return write.empty(); }
  size_t size() const { return is_read() ? read.size() : write.size(); }
};

// How far a list of transfers got. `completed` counts transfers over all ops, in order. SWD posts AP writes: an
// acknowledged write may still fail on the target's bus, which shows as a FAULT on the next transfer. So if a transfer
// is not accepted and the one before it was an AP write, `completed` does not include that write; after OK, all writes
// have landed. After an error, `completed` is less than the number requested.
//
// If the probe's answer was lost, it is unknown what has run: `uncertain` counts the transfers after `completed` that
// had been sent and may have run. The transfers after those have not run. The same applies if an op with many AP
// accesses fails over JTAG, which does not report which access failed.
struct TransferResult {
  absl::Status status;
  size_t completed = 0;
  size_t uncertain = 0;
};

// One stretch of SWD bits (CMSIS-DAP 2.1, DAP_SWD_Sequence): `cycles` (1 to kMaxCycles) clocks, driven from `output`
// (least significant bit first, ⌈cycles/8⌉ bytes) or, if `output` is empty, captured.
struct SwdSegment {
  static constexpr uint32_t kMaxCycles = 64;  // the count has six bits; 0 stands for 64
  uint32_t cycles = 0;
  std::vector<uint8_t> output;
};

// One stretch of JTAG clocks with TMS at one level: `cycles` (1 or more) of them, TDI driven from `tdi` (least
// significant bit first, ⌈cycles/8⌉ bytes).
struct JtagStretch {
  size_t cycles = 0;
  bool tms = false;
  bool capture = false;  // whether TDO is wanted
  absl::Span<const uint8_t> tdi;
};

// What SWO capture has yielded since it was last read.
struct SwoData {
  std::vector<uint8_t> bytes;
  bool more = false;     // more is available already
  bool overrun = false;  // the probe's buffer overflowed: bytes after these were lost
  bool garbled = false;  // something on the line was not a valid byte, e.g. because the target sends at another rate
};

// How long one packet may keep the wire busy: 5000 clocks at 10 kHz. What cannot be cut, such as a single transfer, may
// take longer at a very low clock.
inline constexpr std::chrono::milliseconds kLongestPacket{500};

class Probe {
 public:
  virtual ~Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  virtual const ProbeInfo& info() const = 0;

  // From now on, reports what happens on the wire to `observer` (probe/observer.h); to no one if it is null, as it is
  // at first. The observer must outlive the probe, and is called on the thread that uses the probe. The packets that
  // identified the probe are not reported; what was assumed then is.
  virtual void SetObserver(ProbeObserver* observer) = 0;

  // From now on, asks `interrupt` (probe/interrupt.h) before each packet of Transfer, SwjSequence, SwdSequence and
  // JtagSequence; never if it is null, as it is at first. If it is raised, the operation sends nothing more and returns
  // Interrupted(): part of a sequence has been driven, and of a Transfer `completed` transfers are done and no others
  // were sent. Other operations are short, or give something back, and always go to their end. It must outlive the
  // probe.
  virtual void SetInterrupt(const Interrupt* interrupt) = 0;

  // Whether the probe is still present. Does not access the target and does not wait. Called regularly while the probe
  // is idle.
  virtual absl::Status CheckPresent() = 0;

  // Take the probe for use, and give it back. Close never fails: if the probe is gone, it does nothing.
  virtual absl::Status Open() = 0;
  virtual void Close() = 0;

  // Sets up the pins for `protocol` and returns the protocol chosen. Sends nothing to the target: to reach its DP, SWJ
  // sequences are needed (probe/adi/link.h). If it fails, the probe is not connected. Disconnect lets the pins float,
  // except while AssertReset holds nRESET.
  virtual absl::StatusOr<WireProtocol> Connect(WireProtocol protocol) = 0;
  virtual absl::Status Disconnect() = 0;

  // Sets the clock to `hertz`, or to a lower rate if the probe refuses that one, and returns the rate that runs from
  // now on. kProbeError, with a message that names the rates, if the probe takes no lower one either; the clock then
  // stays as it was. Works without Connect.
  //
  // Without `hertz`, sets the probe's default, as until the first SetClock. A refusal is then no error: if the probe
  // takes no rate, its own clock is left alone, and the rate returned is 0.
  virtual absl::StatusOr<uint32_t> SetClock(std::optional<uint32_t> hertz) = 0;

  // Drives SWDIO/TMS with `bit_count` (1 or more) bits of `bits`, least significant bit of bits[0] first.
  virtual absl::Status SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) = 0;

  // Runs the segments in order. Returns the captured bytes, one vector for each capturing segment.
  virtual absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(absl::Span<const SwdSegment> segments) = 0;

  // Runs `stretch`, while connected for JTAG. Returns TDO's ⌈cycles/8⌉ bytes, or none if `capture` is false.
  virtual absl::StatusOr<std::vector<uint8_t>> JtagSequence(const JtagStretch& stretch) = 0;

  // nRESET. These work without Connect.
  //
  // Reset pulses nRESET, or runs the device's own reset sequence if it has one. It does nothing while AssertReset holds
  // the pin, because the target is in reset already. kProbeError if the pin can be read and stays low.
  virtual absl::Status Reset() = 0;
  // Holds nRESET low until AssertReset(false) or Close, across Connect, Disconnect and a recovery of the device. If
  // holding it fails, the pin stays as it was.
  virtual absl::Status AssertReset(bool asserted) = 0;
  // Whether nRESET is low. Not every probe can read the pin, so until the pin has been read at both levels since the
  // probe was identified, and while nothing needs its pins (neither Connect nor AssertReset), the answer is what
  // AssertReset was last told.
  virtual absl::StatusOr<bool> IsResetAsserted() = 0;

  // Runs `ops` in order in as few packets as possible, and stops at the first one that fails: no later op runs. (Within
  // one op of many words, packets may be in flight together: after a WAIT that outlasted the probe's retries, later
  // words of the same op may have been sent.) Clears nothing: after a FAULT the sticky flags stay set. If a transfer is
  // answered with WAIT, the probe repeats it within its limit; then it is reported as kTransferTimeout.
  virtual TransferResult Transfer(absl::Span<const TransferOp> ops) = 0;

  // From now on, captures SWO in UART encoding at `baud` bits per second; what was captured before is dropped. Works
  // without Connect. kProbeError if the probe has no rate near `baud`; a capture that was running has then ended.
  virtual absl::Status SwoStart(uint32_t baud) = 0;
  // Ends the capture, if there is one. So does Close.
  virtual absl::Status SwoStop() = 0;
  // Takes the bytes captured so far, up to one packet of them, without waiting for more. kProbeError before SwoStart.
  virtual absl::StatusOr<SwoData> SwoRead() = 0;

 protected:
  Probe() = default;
};

}  // namespace probegate
