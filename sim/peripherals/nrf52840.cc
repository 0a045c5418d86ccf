#include "sim/peripherals/nrf52840.h"

#include <algorithm>

namespace probegate::sim {
namespace {

// The addresses of peripherals and their interrupts (PS v1.1, chapter Memory, "Instantiation").
struct InstanceRow {
  uint32_t base;
  unsigned irq;
};
constexpr InstanceRow kPowerClock = {0x40000000, 0};
constexpr InstanceRow kUarte0 = {0x40002000, 2};
constexpr uint32_t kNvmcBase = 0x4001E000;

struct TimerRow {
  uint32_t base;
  unsigned irq;
  unsigned compares;
};
constexpr TimerRow kTimers[] = {
    {0x40008000, 8, 4}, {0x40009000, 9, 4}, {0x4000A000, 10, 4}, {0x4001A000, 26, 6}, {0x4001B000, 27, 6},
};

// The address ranges of the peripherals on the APB, which have 128 identifiers, and of those on the AHB.
struct SpaceRow {
  uint32_t base;
  uint32_t size;
};
constexpr SpaceRow kSpaces[] = {{0x40000000, 0x80000}, {0x50000000, 0x80000}};

}  // namespace

Nrf52840::Nrf52840(const Wiring& wiring, const Settings& settings)
    : ficr_(settings.seed),
      nvmc_(wiring.clock, wiring.flash, wiring.uicr, wiring.from_flash, settings.flash_speed),
      ctrl_ap_(nvmc_, wiring.uicr, wiring.ram, wiring.hold_reset),
      power_clock_(wiring.clock, wiring.interrupts, kPowerClock.irq),
      uarte_(wiring.clock, wiring.bus, wiring.interrupts, kUarte0.irq),
      resettables_{&nvmc_, &ctrl_ap_, &power_clock_, &gpio_, &uarte_} {
  Bus& bus = wiring.bus;
  bus.Map(Ficr::kBase, kRegisterBlockSize, ficr_);
  bus.Map(kPowerClock.base, kRegisterBlockSize, power_clock_);
  bus.Map(kUarte0.base, kRegisterBlockSize, uarte_);
  bus.Map(kNvmcBase, kRegisterBlockSize, nvmc_);
  bus.Map(Gpio::kBase, kRegisterBlockSize, gpio_);
  for (const TimerRow& row : kTimers) {
    timers_.push_back(std::make_unique<Timer>(wiring.clock, wiring.interrupts, row.irq, row.compares));
    resettables_.push_back(timers_.back().get());
    bus.Map(row.base, kRegisterBlockSize, *timers_.back());
  }
  MapUnmodelled(bus, settings);
}

// Maps the parts of the peripherals' address ranges that are still unmapped.
void Nrf52840::MapUnmodelled(Bus& bus, const Settings& settings) {
  std::vector<SpaceRow> mapped;
  for (const Bus::Mapping& mapping : bus.mappings()) mapped.push_back({mapping.base, mapping.size});
  std::ranges::sort(mapped, {}, &SpaceRow::base);
  for (const SpaceRow& space : kSpaces) {
    const uint32_t end = space.base + space.size;
    uint32_t from = space.base;
    const auto fill = [&](uint32_t to) {
      if (from >= to) return;
      unmodelled_.push_back(std::make_unique<Unmodelled>(from, to - from, settings.log, settings.board));
      bus.Map(from, to - from, *unmodelled_.back());
    };
    for (const SpaceRow& taken : mapped) {
      if (taken.base < space.base || taken.base >= end) continue;
      fill(taken.base);
      from = taken.base + taken.size;
    }
    fill(end);
  }
}

void Nrf52840::Reset(ResetCause cause) {
  for (Resettable* resettable : resettables_) resettable->Reset(cause);
}

}  // namespace probegate::sim
