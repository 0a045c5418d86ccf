#include "probe/cmsis_dap/wire_clock.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::milliseconds;

// What is tried instead of a rate that the device refuses.
constexpr uint32_t kUsualRates[] = {50'000'000, 40'000'000, 30'000'000, 25'000'000, 20'000'000, 15'000'000, 12'000'000,
                                    10'000'000, 8'000'000,  6'000'000,  5'000'000,  4'000'000,  3'000'000,  2'000'000,
                                    1'500'000,  1'000'000,  500'000,    400'000,    200'000,    100'000,    50'000,
                                    20'000,     10'000,     5'000,      2'000,      1'000};

// Only time limits depend on it, and they may be too long, but not too short.
constexpr uint32_t kUnknownRate = 100'000;

constexpr uint8_t kIdleCycles = 2;        // after each transfer, so that the DP can finish it if the clock then stops
constexpr uint64_t kClocksPerRetry = 13;  // request, turnaround, ACK and turnaround
constexpr uint64_t kOwnRetries = 100;     // what Arm's firmware does before DAP_TransferConfigure

uint16_t WaitRetries(uint32_t hertz, milliseconds bound) {
  const uint64_t retries = uint64_t{hertz} * static_cast<uint64_t>(bound.count()) / 1000 / kClocksPerRetry;
  return static_cast<uint16_t>(std::clamp<uint64_t>(retries, 64, UINT16_MAX));
}

milliseconds OwnWaitBound(uint32_t hertz) { return milliseconds(kOwnRetries * kClocksPerRetry * 1000 / hertz); }

}  // namespace

// What became of a rate that was asked for.
struct WireClock::Choice {
  uint32_t hertz = 0;   // what runs now; 0 if the device refuses all rates that were tried
  std::string refusal;  // of the rate that was asked for, if it is another
};

uint32_t WireClock::hertz() const { return runs_ == 0 ? kUnknownRate : runs_; }

absl::StatusOr<uint32_t> WireClock::Set(std::optional<uint32_t> hertz) {
  if (told_ && asked_ == hertz) {
    if (absl::Status status = channel_.CheckPresent(); !status.ok()) return status;
    return runs_;
  }
  const bool was_told = std::exchange(told_, false);
  const absl::StatusOr<Choice> choice = Choose(std::min(hertz.value_or(default_), max_));
  if (!choice.ok()) return choice.status();
  if (hertz && choice->hertz == 0) {
    if (!was_told) return MakeError(ErrorKind::kProbeError, choice->refusal);
    return Keep(choice->refusal);
  }
  asked_ = hertz;
  if (absl::Status status = Run(*choice); !status.ok()) return status;
  return runs_;
}

absl::Status WireClock::Restore() {
  told_ = false;
  const absl::StatusOr<Choice> choice = Choose(std::min(asked_.value_or(default_), max_));
  return choice.ok() ? Run(*choice) : choice.status();
}

// Asks for `hertz`, then for the usual rates below it, until the device takes one.
absl::StatusOr<WireClock::Choice> WireClock::Choose(uint32_t hertz) {
  const absl::Status wanted = channel_.Order(SwjClock{hertz});
  if (wanted.ok()) return Choice{.hertz = hertz};
  if (!IsRefusal(wanted)) return wanted;
  std::vector<uint32_t> refused;
  for (const uint32_t rate : kUsualRates) {
    if (rate >= hertz) continue;
    const absl::Status status = channel_.Order(SwjClock{rate});
    if (status.ok()) return Choice{.hertz = rate, .refusal = std::string(wanted.message())};
    if (!IsRefusal(status)) return status;
    refused.push_back(rate);
  }
  const std::string others =
      refused.empty() ? "" : absl::StrCat("; it also refuses ", absl::StrJoin(refused, ", "), " Hz");
  return Choice{.refusal = absl::StrCat(wanted.message(), others)};
}

// A device may have lost its rate by refusing another.
absl::Status WireClock::Keep(const std::string& refusal) {
  if (runs_ == 0) {
    told_ = true;
    return MakeError(ErrorKind::kProbeError, refusal);
  }
  const absl::Status restored = channel_.Order(SwjClock{runs_});
  if (IsRefusal(restored)) return MakeError(ErrorKind::kProbeError, refusal);
  if (!restored.ok()) return restored;
  told_ = true;
  return MakeError(ErrorKind::kProbeError, absl::StrCat(refusal, "; the clock stays at ", runs_, " Hz"));
}

absl::Status WireClock::Run(const Choice& choice) {
  runs_ = choice.hertz;
  if (runs_ == 0) {
    channel_.Assume(choice.refusal + "; its own clock is left alone");
  } else if (!asked_ && !choice.refusal.empty()) {
    channel_.Assume(absl::StrCat(choice.refusal, "; it runs at ", runs_, " Hz until a session asks for another clock"));
  }
  const auto configured =
      channel_.Offer(TransferConfigure{.idle_cycles = kIdleCycles, .wait_retries = WaitRetries(hertz(), wait_bound_)});
  if (!configured.ok()) return configured.status();
  transfers_.SetPace(hertz(), *configured ? wait_bound_ : std::max(wait_bound_, OwnWaitBound(hertz())));
  told_ = true;
  return absl::OkStatus();
}

}  // namespace probegate::cmsis_dap
