#include "sim/cpu/processor_gate.h"

#include <optional>

namespace probegate::sim {
namespace {

constexpr uint32_t kStimulusPorts = 0xE0000000;
constexpr uint32_t kStir = 0xE000EF00;

}  // namespace

void ProcessorGate::Begin(bool single_step) {
  cause_ = Cause::kNone;
  stop_requested_ = false;
  single_step_ = single_step;
  step_begun_ = false;
  Update();
  if (single_step) Reconsider();
}

void ProcessorGate::RequestStop() {
  stop_requested_ = true;
  Reconsider();
}

void ProcessorGate::Interrupt() {
  interrupted_.store(true, std::memory_order_relaxed);
  attention.store(true, std::memory_order_release);
}

ProcessorGate::Cause ProcessorGate::TakeCause() {
  const bool data = std::exchange(watch_hit_, false);
  const Cause cause = std::exchange(cause_, Cause::kNone);
  return data && cause != Cause::kNoExecution ? Cause::kWatchpoint : cause;
}

void ProcessorGate::Update() {
  marked = mpu_.enabled() ? ~uint64_t{0} : breakpoints_.marks() | watchpoints_.marks();
  kinds = static_cast<uint8_t>(kSendEvent | (registers_.fpu_enabled() ? 0 : kFloatingPoint) |
                               ((registers_.ccr & kTrapDivideByZero) != 0 ? kDivide : 0) |
                               (exceptions_.IsPendingMasked() ? kMaskChange : 0));
  data_accesses = watchpoints_.watches_data() || breakpoints_.remaps_literals() || mpu_.enabled() ||
                  (registers_.ccr & kTrapUnaligned) != 0;
}

bool ProcessorGate::BeforeInstruction(uint32_t pc, uint8_t kind) {
  if (single_step_) {
    Reconsider();  // so that the gate sees the next instruction too, before which the step ends
    if (std::exchange(step_begun_, true)) return true;
  } else if (clock_.due() || (attention.exchange(false, std::memory_order_acquire) && MustStop())) {
    return true;
  }
  if (Protects(pc, Mpu::Access::kExecute)) {
    cause_ = Cause::kNoExecution;
    return true;
  }
  if (MatchesInstruction(pc)) return true;
  if ((kind & kSendEvent) != 0) exceptions_.SendEvent();
  // A pending exception may be taken after this instruction.
  if ((kind & kMaskChange) != 0) Reconsider();
  return false;
}

// Finds out what `attention` was set for. A change of `data_accesses` takes effect only in a new run.
bool ProcessorGate::MustStop() {
  const bool watched = data_accesses;
  Update();
  if (interrupted_.load(std::memory_order_relaxed) || stop_requested_ || watch_hit_ || watched != data_accesses) {
    return true;
  }
  return exceptions_.Preempts();
}

// The MPU is off at priorities below 0 unless HFNMIENA is set (§B3.5.5).
bool ProcessorGate::Protects(uint32_t address, Mpu::Access access) const {
  if (!mpu_.enabled() || mpu_.Allows(address, access, exceptions_.privileged())) return false;
  return mpu_.enabled_for_faults() || exceptions_.ExecutionPriority() >= 0;
}

bool ProcessorGate::MatchesInstruction(uint32_t pc) {
  if (marked == 0 || !exceptions_.TakesDebugEvents()) return false;
  if (breakpoints_.Matches(pc)) {
    cause_ = Cause::kBreakpoint;
  } else if (watchpoints_.MatchInstruction(pc)) {
    cause_ = Cause::kWatchpoint;
  }
  return cause_ != Cause::kNone;
}

CpuGate::Access ProcessorGate::OnDataAccess(uint32_t address, unsigned size, bool write, uint32_t) {
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

// §B3.1.1: the ITM's stimulus ports, and STIR if CCR.USERSETMPEND allows it.
bool ProcessorGate::AllowsUnprivileged(uint32_t address) const {
  if (address >= kStimulusPorts && address < kStimulusPorts + 4 * 32) return true;
  return (address & ~3u) == kStir && (registers_.ccr & kUserSetsPending) != 0;
}

}  // namespace probegate::sim
