#include "sim/target/chip.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sim/cpu/unicorn_core.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

// An AHB5-AP, whose TAR increments within 4 KiB.
constexpr MemApIdentity kAdiv6MemAp = {.idr = 0x14770005, .cfg = 3u << 16};
constexpr uint32_t kNrf52840Idcode = 0x4BA00477;

constexpr uint32_t kDebugPowerAck = 1u << 29;  // CTRL/STAT.CDBGPWRUPACK

std::unique_ptr<CpuCore> MakeCore(Bus& bus, SimClock& clock) { return std::make_unique<UnicornCore>(bus, clock); }

}  // namespace

Chip::Chip(uint64_t seed, const FlashContents& contents, const ChipSettings& settings)
    : kind_(settings.kind),
      flash_(contents.flash()),
      uicr_(contents.uicr()),
      ram_(kRamSize, seed),
      processor_(MapMemory(), clock_, MakeCore),
      core_debug_(processor_),
      system_control_(processor_, core_debug_,
                      [this](ResetCause cause) {
                        if (processor_.running()) {
                          processor_.RequestReset(cause);
                        } else {
                          Reset(cause);
                        }
                      }),
      parts_({.clock = clock_,
              .bus = bus_,
              .interrupts = processor_.nvic(),
              .flash = flash_,
              .uicr = uicr_,
              .ram = ram_,
              .from_flash = [this] { return processor_.running() && processor_.core().last_pc() < kFlashSize; },
              .hold_reset = [this](bool held) { HoldReset(ResetCause::kCtrlAp, held); }},
             {.seed = seed, .flash_speed = settings.flash_speed, .log = settings.log, .board = settings.board}),
      itm_(clock_, processor_.debug()),
      trace_port_(clock_, itm_, [this] { return parts_.trace_pins(); }),
      ahb_ap_(bus_, kRomTableBase | 3, kind_ == ChipKind::kAdiv6 ? kAdiv6MemAp : MemApIdentity{},
              [this] { return !locked(); }),
      access_ports_{&ahb_ap_, &parts_.ctrl_ap()},
      adiv6_bus_(ahb_ap_),
      debug_port_(MakeDebugPort(settings.wire_time)),
      pins_(debug_port_, kind_ == ChipKind::kAdiv6 ? Adiv6Bus::kIdcode : kNrf52840Idcode, settings.other_taps),
      wire_time_(settings.wire_time) {
  if (settings.log != nullptr) {
    processor_.OnFailure([log = settings.log, board = settings.board](const char* what) {
      log->error("{}: the core cannot continue and is locked up until a reset: {}", board, what);
    });
  }
  OnMemoryChange(flash_, kFlashBase);
  OnMemoryChange(uicr_, kUicrArea.base);
  if (wire_time_) debug_port_.OnRequest([this] { FollowWire(); });
  bus_.Map(SystemControl::kBase, kRegisterBlockSize, system_control_);
  bus_.Map(BreakpointUnit::kBase, kRegisterBlockSize, processor_.breakpoints());
  bus_.Map(WatchpointUnit::kBase, kRegisterBlockSize, processor_.watchpoints());
  bus_.Map(InstrumentationTrace::kBase, kRegisterBlockSize, itm_);
  bus_.Map(TracePort::kBase, kRegisterBlockSize, trace_port_);
  for (const ComponentRow& row : PlainComponents()) {
    components_.push_back(std::make_unique<Component>(row.registers, row.id));
    bus_.Map(row.base, kRegisterBlockSize, *components_.back());
  }
  parts_.Reset(ResetCause::kPowerOn);
  processor_.Hold(false);
}

void Chip::FollowDebugPower() { processor_.SetDebugPower((debug_port_.ctrl_stat() & kDebugPowerAck) != 0); }

Processor::End Chip::Run(uint64_t until) {
  FollowDebugPower();
  for (;;) {
    const Processor::End end = processor_.Run(until);
    if (end != Processor::End::kReset) return end;
    if (const std::optional<ResetCause> cause = processor_.TakeResetRequest()) Reset(*cause);
  }
}

// Resets everything except the core.
void Chip::ResetAllButCore(ResetCause cause) {
  if (trace_ != nullptr) trace_->Line("reset {}", NameOf(cause));
  system_control_.Reset();
  if (cause == ResetCause::kVector) return;
  parts_.Reset(cause);
}

void Chip::Reset(ResetCause cause) {
  ResetAllButCore(cause);
  processor_.Reset();
}

void Chip::HoldReset(ResetCause cause, bool held) {
  (cause == ResetCause::kPin ? held_by_pin_ : held_by_ctrl_ap_) = held;
  if (held && !processor_.held()) ResetAllButCore(cause);
  processor_.Hold(held_by_pin_ || held_by_ctrl_ap_);
}

void Chip::PowerCycle() {
  pins_.PowerUp();
  debug_port_.PowerUp();
  ahb_ap_.PowerUp();
  core_debug_.PowerUp();
  itm_.PowerUp();
  trace_port_.PowerUp();
  ram_.PowerUp();
  ResetAllButCore(ResetCause::kPowerOn);
  processor_.PowerUp();
  FollowDebugPower();
}

void Chip::set_quirks(const TargetQuirks& quirks) {
  debug_port_.power().set_quirks(quirks.power);
  ahb_ap_.SetRule(quirks.csw);
}

void Chip::OnFlashChange(const FlashChanged& changed) { flash_changed_ = changed; }

void Chip::OnMemoryChange(Flash& memory, uint32_t base) {
  memory.OnChange([this, &memory, base](uint32_t offset, uint32_t size) {
    if (trace_ != nullptr) trace_->Line("flash {:08x} {}", base + offset, size);
    if (flash_changed_) flash_changed_(base + offset, memory.bytes().subspan(offset, size));
  });
}

void Chip::TraceTo(Trace& trace) {
  trace_ = &trace;
  processor_.TraceTo(trace_);
  parts_.TraceTo(trace_);
  debug_port_.TraceTo(trace_);
  trace.Line("reset {}", NameOf(ResetCause::kPowerOn));
  if (processor_.locked_up()) trace.Line("lockup");
}

void Chip::FollowWire() {
  const uint64_t passed = pins_.clocks() - std::exchange(wire_clocks_, pins_.clocks());
  if (wire_time_) Advance(passed * kCyclesPerWireClock);
}

void Chip::Advance(uint64_t cycles) {
  const uint64_t until = clock_.now() + cycles;
  while (clock_.now() < until) {
    const Processor::End end = Run(until);
    if (end == Processor::End::kInterrupted || end == Processor::End::kTimeUp) continue;
    // The core does not execute before the next alarm.
    clock_.AdvanceTo(std::min(until, std::max(clock_.next_due(), clock_.now())));
  }
}

DebugPort Chip::MakeDebugPort(bool wire_time) {
  std::function<PowerControl::Time()> now = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
  if (wire_time) {
    now = [this] { return std::chrono::nanoseconds(clock_.now() * 1000 / (clock_.hz() / 1'000'000)); };
  }
  return kind_ == ChipKind::kAdiv6 ? DebugPort(Adiv6Bus::kDp, adiv6_bus_, std::move(now))
                                   : DebugPort(kDpidr, access_ports_, std::move(now));
}

Bus& Chip::MapMemory() {
  bus_.Map(kFlashBase, flash_);  // first, because the engine's stores to RAM are a third slower if RAM is mapped first
  bus_.Map(kRamBase, ram_);
  bus_.Map(kUicrArea.base, uicr_);
  return bus_;
}

}  // namespace probegate::sim
