// The contract of a debug probe: what every driver offers, and all that the rest of the program knows about one.
//
// A probe is a wire with a few commands. It knows nothing of sessions, of who shares it, of what SELECT holds, or of
// memory: that is the business of server/ (sharing) and probe/adi/ (the debug interface's registers). So a driver is
// small, and what is true of sharing is true on every driver.
//
// Threads: one thread at a time. In the server that is the probe's lane. Every method blocks until the probe has
// answered or its own bound has passed; none waits for ever.
//
// Errors, from any method: kProbeDisconnected once the probe is gone (and from then on for ever: a Probe never comes
// back, its source makes a new one); kProbeError when it refuses or answers nonsense; kUnsupported when it cannot.
// Transfers add kTransferError, kTransferTimeout and kTransferFault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate {

class ProbeObserver;

enum class WireProtocol : uint8_t { kDefault, kSwd, kJtag };

// What a probe can do beyond SWD transfers and SWJ sequences, which each must.
struct ProbeFeatures {
  bool jtag = false;
  bool swd_sequence = false;
  bool swo = false;
};

// What is known of a probe once it has been identified; it never changes while the probe is there.
struct ProbeInfo {
  std::string unique_id;
  std::string vendor_name;
  std::string product_name;
  std::string firmware_version;
  ProbeFeatures features;
};

enum class Port : uint8_t { kDp, kAp };

// One register of the DP, or of the AP and bank that SELECT names, accessed size() times. RDBUFF reads as zero over
// JTAG. `address` is A[3:2] in place: 0x0, 0x4, 0x8 or 0xC. Exactly one of `write` and `read` is not empty; both refer
// to memory of the caller's.
struct TransferOp {
  Port port = Port::kDp;
  uint8_t address = 0;
  absl::Span<const uint32_t> write;  // one transfer a word
  absl::Span<uint32_t> read;         // filled in order as words arrive

  bool is_read() const { return write.empty(); }
  size_t size() const { return is_read() ? read.size() : write.size(); }
};

// How far a list of transfers came. `completed` counts transfers over all ops, in order. SWD posts AP writes: one that
// was acknowledged may still fail on the target's bus, which shows as a FAULT on the transfer behind it. So when a
// transfer is not accepted `completed` leaves out the AP write in front of it, if there was one; after OK all writes
// have landed. After an error `completed` is less than what was asked for.
//
// Where the probe's answer was lost, nobody knows what has run: `uncertain` counts the transfers behind `completed`
// that were on their way and may have. What is behind these has not run. So it is, too, where an op of many AP accesses
// fails over JTAG, which does not tell at which.
struct TransferResult {
  absl::Status status;
  size_t completed = 0;
  size_t uncertain = 0;
};

// One stretch of SWD bits (CMSIS-DAP 2.1, DAP_SWD_Sequence): `cycles` (1 to kMaxCycles) clocks, driven from `output`
// (least significant bit first, ⌈cycles/8⌉ bytes) or, if `output` is empty, captured.
struct SwdSegment {
  static constexpr uint32_t kMaxCycles = 64;  // the count has six bits, whose 0 is 64
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
  bool more = false;     // there is more already
  bool overrun = false;  // the probe's buffer ran over: bytes were lost behind these
  bool garbled = false;  // something on the line was no byte, as where the target sends at another rate
};

class Probe {
 public:
  virtual ~Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  virtual const ProbeInfo& info() const = 0;

  // Tells `observer` from now on what happens on the wire (probe/observer.h); null, as at first, for nobody. It must
  // outlive the probe, and is called on the thread that uses the probe. What identified the probe it is not told.
  virtual void SetObserver(ProbeObserver* observer) = 0;

  // Whether the probe is still there, without asking anything of the target and without waiting. Called now and then
  // while the probe is idle.
  virtual absl::Status CheckPresent() = 0;

  // Takes the probe for use, and gives it back. Close never fails: what cannot be said any more is not said.
  virtual absl::Status Open() = 0;
  virtual void Close() = 0;

  // Sets up the pins for `protocol` and says which it chose. Sends nothing to the target: reaching its DP takes SWJ
  // sequences (probe/adi/link.h). Disconnect lets the pins float.
  virtual absl::StatusOr<WireProtocol> Connect(WireProtocol protocol) = 0;
  virtual absl::Status Disconnect() = 0;

  virtual absl::Status SetClock(uint32_t hertz) = 0;

  // Drives SWDIO/TMS with `bit_count` (1 or more) bits of `bits`, least significant bit of bits[0] first.
  virtual absl::Status SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) = 0;

  // Runs the segments in order; answers the captured bytes, one vector for each capturing segment.
  virtual absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(absl::Span<const SwdSegment> segments) = 0;

  // Runs `stretch`, while connected for JTAG; answers TDO's ⌈cycles/8⌉ bytes, or none where it is not wanted.
  virtual absl::StatusOr<std::vector<uint8_t>> JtagSequence(const JtagStretch& stretch) = 0;

  // Pulses nRESET, or where the device has a reset of its own, does that.
  virtual absl::Status Reset() = 0;
  virtual absl::Status AssertReset(bool asserted) = 0;
  virtual absl::StatusOr<bool> IsResetAsserted() = 0;

  // Runs `ops` in order in as few packets as there can be, and stops at the first that fails: nothing of another op
  // runs behind it. (Within one op of many words, packets may be in flight together: behind a WAIT that outlasted the
  // probe's retries, later words of the same op may have been sent.) Clears nothing: after a FAULT the sticky flags
  // stand. A transfer that answers WAIT is tried again by the probe within its bound, then reported as
  // kTransferTimeout.
  virtual TransferResult Transfer(absl::Span<const TransferOp> ops) = 0;

  // SWO as a UART sends it, captured at `baud` bits a second from here on; what was captured before is dropped. Takes
  // no connection. kProbeError where the probe has no rate near `baud`; a capture that there was has ended then.
  virtual absl::Status SwoStart(uint32_t baud) = 0;
  // Ends it; nothing where there is none. Close does so too.
  virtual absl::Status SwoStop() = 0;
  // Takes what there is, without waiting for any; of much, as much as fits a packet. kProbeError before SwoStart.
  virtual absl::StatusOr<SwoData> SwoRead() = 0;

 protected:
  Probe() = default;
};

}  // namespace probegate
