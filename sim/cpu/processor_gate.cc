// Processor's side of CpuGate: what the core asks while it runs.
#include <utility>

#include "sim/cpu/processor.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kStimulusPorts = 0xE0000000;
constexpr uint32_t kStir = 0xE000EF00;

}  // namespace

void Processor::UpdateGate() {
  marked = mpu_.enabled() ? ~uint64_t{0} : breakpoints_.marks() | watchpoints_.marks();
  kinds = static_cast<uint8_t>(kSendEvent | (registers_.fpu_enabled() ? 0 : kFloatingPoint) |
                               ((registers_.ccr & kTrapDivideByZero) != 0 ? kDivide : 0) |
                               (exceptions_->IsPendingMasked() ? kMaskChange : 0));
  data_accesses = watchpoints_.watches_data() || breakpoints_.remaps_literals() || mpu_.enabled() ||
                  (registers_.ccr & kTrapUnaligned) != 0;
}

bool Processor::BeforeInstruction(uint32_t pc, uint8_t kind) {
  if (stepping_) {
    attention.store(true, std::memory_order_relaxed);  // so that the next one is looked at, which ends the step
    if (std::exchange(step_begun_, true)) return true;
  } else if (clock_.due() || (attention.exchange(false, std::memory_order_acquire) && MustStop())) {
    return true;
  }
  if (Protects(pc, Mpu::Access::kExecute)) {
    cause_ = Cause::kNoExecution;
    return true;
  }
  if (MatchesInstruction(pc)) return true;
  if ((kind & kSendEvent) != 0) exceptions_->SendEvent();
  // What is pending may be taken behind this instruction.
  if ((kind & kMaskChange) != 0) Reconsider();
  return false;
}

// What `attention` was for.
bool Processor::MustStop() {
  const bool watched = data_accesses;
  UpdateGate();
  if (interrupted_.load(std::memory_order_relaxed) || reset_request_ || watch_hit_ || watched != data_accesses) {
    return true;
  }
  const unsigned next = nvic_.Foremost(debug_.masks());
  return next != 0 && nvic_.GroupPriority(next) < exceptions_->ExecutionPriority();
}

// The MPU is off at priorities below 0 unless HFNMIENA is set (§B3.5.5).
bool Processor::Protects(uint32_t address, Mpu::Access access) const {
  if (!mpu_.enabled()) return false;
  const bool privileged = exceptions_->in_handler() || (core_->Read(CpuRegister::kControl) & 1) == 0;
  if (mpu_.Allows(address, access, privileged)) return false;
  return mpu_.enabled_for_faults() || exceptions_->ExecutionPriority() >= 0;
}

bool Processor::MatchesInstruction(uint32_t pc) {
  if (marked == 0 || !(debug_.enabled || exceptions_->MonitorPreempts())) return false;
  if (breakpoints_.Matches(pc)) {
    cause_ = Cause::kBreakpoint;
  } else if (watchpoints_.MatchInstruction(pc)) {
    cause_ = Cause::kWatchpoint;
  }
  return cause_ != Cause::kNone;
}

CpuGate::Access Processor::OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t) {
  if ((registers_.ccr & kTrapUnaligned) != 0 && size != 0 && address % size != 0) {
    return {.refused = CpuStop::Reason::kUnaligned};
  }
  const Mpu::Access access = write ? Mpu::Access::kWrite : Mpu::Access::kRead;
  if (Protects(address, access)) return {.refused = CpuStop::Reason::kProtected};
  if (watchpoints_.MatchData(address, size, write)) {
    watch_hit_ = true;
    Reconsider();
  }
  const std::optional<uint32_t> literal = write ? std::nullopt : breakpoints_.RemapLiteral(address, size);
  if (!literal) return {};
  const uint8_t* instead = bus_.HostBytes(*literal, size);
  if (instead == nullptr) return {.refused = CpuStop::Reason::kDataFault};
  return {.instead = instead};
}

// §B3.1.1: ITM's stimulus ports, and STIR where CCR.USERSETMPEND says so.
bool Processor::IsForAll(uint32_t address) const {
  if (address >= kStimulusPorts && address < kStimulusPorts + 4 * 32) return true;
  return (address & ~3u) == kStir && (registers_.ccr & kUserSetsPending) != 0;
}

}  // namespace probegate::sim
