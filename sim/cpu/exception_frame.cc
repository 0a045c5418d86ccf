#include "sim/cpu/exception_frame.h"

#include <cstring>

namespace probegate::sim {
namespace {

constexpr uint32_t kXpsrAligned = 1u << 9;  // in a stacked xPSR: SP was moved by four to align it
constexpr unsigned kFloatsStacked = 16;

constexpr std::array<CpuRegister, 6> kStacked = {CpuRegister::kR0,   GeneralRegister(1), GeneralRegister(2),
                                                 GeneralRegister(3), CpuRegister::kR12,  CpuRegister::kLr};

}  // namespace

// §B1.5.6 PushStack.
bool ExceptionFrame::Push(CpuCore& core, const Bus& bus, SystemRegisters& registers, uint32_t return_address) {
  const uint32_t xpsr = core.Read(CpuRegister::kXpsr);
  const bool fp = (core.Read(CpuRegister::kControl) & kControlFp) != 0;
  const auto size = static_cast<uint32_t>(4 * (fp ? kWords : kBasicWords));
  const bool aligns = (registers.ccr & kAlignStack) != 0 || fp;
  uint32_t sp = core.Read(CpuRegister::kSp) - size;
  const bool moved = aligns && (sp & 4) != 0;
  if (moved) sp -= 4;
  core.Write(CpuRegister::kSp, sp);

  std::array<uint32_t, kWords> words{};
  for (size_t i = 0; i < kStacked.size(); ++i) words[i] = core.Read(kStacked[i]);
  words[kReturnAddress] = return_address;
  words[kXpsr] = (xpsr & ~kXpsrAligned) | (moved ? kXpsrAligned : 0);
  if (fp) {
    for (unsigned i = 0; i < kFloatsStacked; ++i) words[kBasicWords + i] = core.Read(FloatRegister(i));
    words[kFpscr] = core.Read(CpuRegister::kFpscr);
    registers.fpcar = sp + 4 * kBasicWords;
  }
  uint8_t* stack = bus.WritableHostBytes(sp, size);
  if (stack == nullptr) return false;
  std::memcpy(stack, words.data(), size);
  return true;
}

std::optional<ExceptionFrame> ExceptionFrame::Load(const CpuCore& core, const Bus& bus, uint32_t exc_return) {
  ExceptionFrame frame;
  frame.exc_return_ = exc_return;
  frame.sp_ = core.Read((exc_return & kReturnPsp) != 0 ? CpuRegister::kPsp : CpuRegister::kMsp);
  const auto size = static_cast<uint32_t>(4 * (frame.has_floats() ? kWords : kBasicWords));
  const uint8_t* stack = bus.HostBytes(frame.sp_, size);
  if (stack == nullptr) return std::nullopt;
  std::memcpy(frame.words_.data(), stack, size);
  return frame;
}

// §B1.5.8 PopStack.
void ExceptionFrame::Restore(CpuCore& core, const SystemRegisters& registers) const {
  const bool psp = (exc_return_ & kReturnPsp) != 0;
  const auto size = static_cast<uint32_t>(4 * (has_floats() ? kWords : kBasicWords));
  const bool moved = (xpsr() & kXpsrAligned) != 0 && ((registers.ccr & kAlignStack) != 0 || has_floats());
  core.Write(psp ? CpuRegister::kPsp : CpuRegister::kMsp, (sp_ + size) | (moved ? 4 : 0));
  for (size_t i = 0; i < kStacked.size(); ++i) core.Write(kStacked[i], words_[i]);
  if (has_floats()) {
    for (unsigned i = 0; i < kFloatsStacked; ++i) core.Write(FloatRegister(i), words_[kBasicWords + i]);
    core.Write(CpuRegister::kFpscr, words_[kFpscr]);
  }
  const uint32_t control = core.Read(CpuRegister::kControl) & kControlUnprivileged;
  core.Write(CpuRegister::kXpsr, xpsr() & ~kXpsrAligned);
  core.Write(CpuRegister::kControl, control | (psp ? kControlSpsel : 0) | (has_floats() ? kControlFp : 0));
  core.Write(CpuRegister::kPc, return_address());
}

}  // namespace probegate::sim
