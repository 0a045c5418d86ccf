#include "sim/cpu/unicorn_core.h"

#include <unicorn/unicorn.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "sim/cpu/opcodes.h"
#include "sim/cpu/unicorn_stop.h"
#include "sim/target/memory.h"

namespace probegate::sim {
namespace {

constexpr int kCortexM4 = UC_CPU_ARM_CORTEX_M4;
constexpr uint64_t kNowhere = 0xFFFFFFFE;  // an address that no program reaches
constexpr uint32_t kXpsrThumb = 1u << 24;

constexpr uint32_t kPrivateBus = 0xE0000000;
constexpr uint32_t kPrivateBusSize = 0x100000;

uc_engine* OpenEngine() {
  uc_engine* engine = nullptr;
  const uc_err error = uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &engine);
  if (error != UC_ERR_OK) throw std::runtime_error(std::string("the CPU engine cannot start: ") + uc_strerror(error));
  return engine;
}

uint64_t SizeMask(unsigned size) { return size >= 4 ? 0xFFFFFFFFu : (1u << (8 * size)) - 1; }

}  // namespace

struct UnicornCore::Hooks {
  static UnicornCore& Core(void* user) { return *static_cast<UnicornCore*>(user); }

  static void OnCode(uc_engine*, uint64_t address, uint32_t, void* user) {
    Core(user).OnInstruction(static_cast<uint32_t>(address));
  }

  static void OnInterrupt(uc_engine* engine, uint32_t number, void* user) {
    Core(user).interrupt_ = static_cast<int>(number);
    uc_emu_stop(engine);
  }

  static bool OnUnmapped(uc_engine*, uc_mem_type, uint64_t address, int, int64_t, void* user) {
    Core(user).fault_address_ = static_cast<uint32_t>(address);
    return false;
  }

  static bool OnProtected(uc_engine*, uc_mem_type, uint64_t address, int size, int64_t value, void* user) {
    UnicornCore& core = Core(user);
    core.Guarded([&] {
      core.OnProtectedStore(static_cast<uint32_t>(address), static_cast<unsigned>(size), static_cast<uint32_t>(value));
    });
    return true;
  }

  static void OnData(uc_engine*, uc_mem_type type, uint64_t address, int size, int64_t value, void* user) {
    UnicornCore& core = Core(user);
    core.Guarded([&] {
      core.OnData(static_cast<uint32_t>(address), static_cast<unsigned>(size), type == UC_MEM_WRITE,
                  static_cast<uint32_t>(value));
    });
  }

  static uint64_t OnDeviceRead(uc_engine*, uint64_t offset, unsigned size, void* user) {
    const auto& device = *static_cast<Device*>(user);
    const uint32_t address = device.base + static_cast<uint32_t>(offset);
    std::optional<uint32_t> value;
    device.core->Guarded([&] {
      if (device.core->ReachesDevice(address)) value = device.core->bus_.Read(address, size);
    });
    if (!value) device.core->StopAfter(CpuStop::Reason::kDataFault, address);
    return value.value_or(0);
  }

  static void OnDeviceWrite(uc_engine*, uint64_t offset, unsigned size, uint64_t value, void* user) {
    const auto& device = *static_cast<Device*>(user);
    const uint32_t address = device.base + static_cast<uint32_t>(offset);
    bool written = false;
    device.core->Guarded([&] {
      written = device.core->ReachesDevice(address) &&
                device.core->bus_.Write(address, size, static_cast<uint32_t>(value & SizeMask(size)));
    });
    if (!written) device.core->StopAfter(CpuStop::Reason::kDataFault, address);
  }
};

UnicornCore::UnicornCore(Bus& bus, SimClock& clock)
    : bus_(bus),
      fixups_(bus),
      clock_(clock),
      engine_(OpenEngine()),
      registers_(engine_),
      kind_table_(MakeKindTable()),
      code_(bus) {
  uc_err error = uc_ctl_set_cpu_model(engine_, kCortexM4);
  int model = -1;
  if (error == UC_ERR_OK) error = uc_ctl_get_cpu_model(engine_, &model);
  const bool hooked =
      error == UC_ERR_OK && model == kCortexM4 &&
      AddHook(UC_HOOK_CODE, reinterpret_cast<void*>(&Hooks::OnCode), hooks_[0]) == UC_ERR_OK &&
      AddHook(UC_HOOK_INTR, reinterpret_cast<void*>(&Hooks::OnInterrupt), hooks_[1]) == UC_ERR_OK &&
      AddHook(UC_HOOK_MEM_UNMAPPED, reinterpret_cast<void*>(&Hooks::OnUnmapped), hooks_[2]) == UC_ERR_OK &&
      AddHook(UC_HOOK_MEM_WRITE_PROT, reinterpret_cast<void*>(&Hooks::OnProtected), hooks_[3]) == UC_ERR_OK;
  if (hooked) return;
  uc_close(engine_);
  throw std::runtime_error("the CPU engine has no Cortex-M4");
}

UnicornCore::~UnicornCore() { uc_close(engine_); }

int UnicornCore::AddHook(int types, void* callback, size_t& handle) {
  return uc_hook_add(engine_, &handle, types, callback, this, 1, 0);
}

void UnicornCore::Write(CpuRegister reg, uint32_t value) {
  if (reg == CpuRegister::kPc) {
    pc_ = value & ~1u;
  } else {
    registers_.Write(reg, value);
  }
}

void UnicornCore::MapBus() {
  mapped_ = true;
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    uc_err error = UC_ERR_OK;
    if (mapping.memory != nullptr) {
      const uint32_t rights = mapping.memory->takes_stores() ? UC_PROT_ALL : UC_PROT_READ | UC_PROT_EXEC;
      error = uc_mem_map_ptr(engine_, mapping.base, mapping.size, rights, mapping.memory->bytes().data());
    } else {
      devices_.push_back(std::make_unique<Device>(Device{this, mapping.base}));
      void* device = devices_.back().get();
      error =
          uc_mmio_map(engine_, mapping.base, mapping.size, &Hooks::OnDeviceRead, device, &Hooks::OnDeviceWrite, device);
    }
    if (error != UC_ERR_OK) throw std::runtime_error(std::string("the CPU engine's memory map: ") + uc_strerror(error));
  }
}

void UnicornCore::DropChanges() {
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    if (mapping.memory == nullptr) continue;
    const HostMemory::Range range = mapping.memory->TakeChanges();
    if (!range.empty()) uc_ctl_remove_cache(engine_, mapping.base + range.begin, mapping.base + range.end);
  }
}

void UnicornCore::DropAll() {
  for (const Bus::Mapping& mapping : bus_.mappings()) {
    if (mapping.memory != nullptr) uc_ctl_remove_cache(engine_, mapping.base, mapping.base + mapping.size);
  }
}

// The engine translates the reporting of accesses into the code, so a change drops all translations.
void UnicornCore::WatchData(bool wanted) {
  if (wanted == watching_data_) return;
  watching_data_ = wanted;
  if (wanted) {
    AddHook(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(&Hooks::OnData), data_hook_);
  } else {
    uc_hook_del(engine_, data_hook_);
  }
  DropAll();
}

// Unprivileged code has no access to the Private Peripheral Bus, except for a few registers.
bool UnicornCore::ReachesDevice(uint32_t address) const {
  if (failed_) return false;
  return address - kPrivateBus >= kPrivateBusSize || !registers_.IsUnprivileged() || gate_->AllowsUnprivileged(address);
}

// A substituted value is in place only for this instruction: `attention` makes LookAt restore memory before the next.
void UnicornCore::OnData(uint32_t address, unsigned size, bool write, uint32_t value) {
  CpuGate::Access access;
  if (!failed_) access = gate_->OnDataAccess(address, size, write, value);
  if (access.refused != CpuStop::Reason::kGate) StopAfter(access.refused, address);
  if (failed_) {
    if (write) fixups_.Keep(address, size);
  } else if (access.instead != nullptr) {
    fixups_.Substitute(address, size, access.instead);
    gate_->attention.store(true, std::memory_order_relaxed);
  }
}

// The engine completes the current instruction. The stop reports that it has not been executed, so its registers are
// restored.
void UnicornCore::StopAfter(CpuStop::Reason reason, uint32_t address) {
  if (failed_) return;
  failed_ = true;
  registers_.Save();
  stop_ = {reason, address};
  gate_->attention.store(true, std::memory_order_relaxed);
}

void UnicornCore::OnProtectedStore(uint32_t address, unsigned size, uint32_t value) {
  if (failed_) return;
  if (fixups_.Store(address, size, value)) gate_->attention.store(true, std::memory_order_relaxed);
}

// Called once for each instruction that is executed: every nanosecond here costs a hundredth of the speed.
inline void UnicornCore::OnInstruction(uint32_t pc) {
  if (code_.Has(pc) && !stopping_) [[likely]] {
    const uint16_t opcode = code_[pc];
    const bool special = (kind_table_[opcode >> 6] & (gate_->kinds | kAlignedBase)) != 0;
    const bool marked = gate_->marked != 0 && (gate_->marked >> (pc / 2 % 64) & 1) != 0;
    if (!special && !marked && !gate_->attention.load(std::memory_order_relaxed) && !clock_.due()) [[likely]] {
      last_pc_ = pc;
      clock_.Tick();
      return;
    }
  }
  Guarded([this, pc] { LookAt(pc); });
  if (thrown_ != nullptr) StopBefore(pc);
}

// An exception that was thrown ends the run before the next instruction.
template <typename Function>
void UnicornCore::Guarded(Function function) noexcept {
  try {
    function();
  } catch (...) {
    if (thrown_ == nullptr) thrown_ = std::current_exception();
    gate_->attention.store(true, std::memory_order_relaxed);
  }
}

void UnicornCore::LookAt(uint32_t pc) {
  fixups_.Apply();
  if (thrown_ != nullptr) return;
  if (stopping_) {  // in an IT block: the instruction before this one was executed in spite of the stop
    clock_.Tick();
    stop_pc_ = last_pc_ = pc;
    return;
  }
  if (failed_) {
    StopBefore(pc);
    return;
  }
  const uint16_t opcode = code_.Find(pc);
  const uint16_t second = code_.Find(pc + 2);
  const uint8_t kind = KindOf(opcode, second);
  if (gate_->BeforeInstruction(pc, kind)) {
    StopBefore(pc);
    return;
  }
  const CpuStop::Reason trap = Trap(kind, opcode, second);
  if (trap == CpuStop::Reason::kGate) {
    last_pc_ = pc;
    clock_.Tick();
    return;
  }
  stop_ = {trap};
  StopBefore(pc);
}

// Why the architecture does not execute an instruction that the engine would; kGate if it does.
CpuStop::Reason UnicornCore::Trap(uint8_t kind, uint16_t first, uint16_t second) const {
  const auto reads = [this](unsigned number) { return registers_.Read(GeneralRegister(number)); };
  if ((kind & gate_->kinds & kFloatingPoint) != 0) return CpuStop::Reason::kNoCoprocessor;
  if ((kind & gate_->kinds & kDivide) != 0 && reads(second & 0xF) == 0) return CpuStop::Reason::kDivideByZero;
  if ((kind & kAlignedBase) == 0) return CpuStop::Reason::kGate;
  const unsigned base = BaseRegister(first);
  if (base == 13 || base == 15) return CpuStop::Reason::kGate;  // always aligned
  return (reads(base) & 3) != 0 ? CpuStop::Reason::kUnaligned : CpuStop::Reason::kGate;
}

void UnicornCore::StopBefore(uint32_t pc) {
  stopping_ = true;
  stop_pc_ = pc;
  uc_emu_stop(engine_);
}

CpuStop UnicornCore::Run(CpuGate& gate) {
  gate_ = &gate;
  if (!mapped_) MapBus();
  DropChanges();
  WatchData(gate_->data_accesses);
  stopping_ = failed_ = false;
  stop_ = {};
  interrupt_ = -1;
  thrown_ = nullptr;
  last_pc_ = pc_;
  const uc_err error = uc_emu_start(engine_, pc_ | 1, kNowhere, 0, 0);
  fixups_.Apply();
  if (thrown_ != nullptr) {
    pc_ = last_pc_;
    std::rethrow_exception(std::exchange(thrown_, nullptr));
  }
  const uint32_t end = registers_.pc() & ~1u;
  if (stopping_ && end != stop_pc_) clock_.Tick();  // the last instruction of an IT block
  if (failed_) {                                    // whatever the instruction did, even if it loaded PC
    registers_.Restore();
    pc_ = last_pc_;
    return stop_;
  }
  if (stopping_) {
    pc_ = end;
    return stop_;
  }
  const UnicornEnd how = {.error = error,
                          .interrupt = interrupt_,
                          .pc = end,
                          .last_pc = last_pc_,
                          .last_opcode = code_.Find(last_pc_),
                          .thumb = (registers_.Read(CpuRegister::kXpsr) & kXpsrThumb) != 0,
                          .fault_address = fault_address_};
  return StopOf(how, pc_);
}

}  // namespace probegate::sim
