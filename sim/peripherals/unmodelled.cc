#include "sim/peripherals/unmodelled.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace probegate::sim {

Unmodelled::Unmodelled(uint32_t base, uint32_t size, std::shared_ptr<spdlog::logger> log, std::string board)
    : base_(base), size_(size), log_(std::move(log)), board_(std::move(board)) {}

bool Unmodelled::FirstAccess(uint32_t offset) {
  if (!log_ || !log_->should_log(spdlog::level::debug)) return false;
  accessed_.resize(size_ / 4);
  const bool first = !accessed_[offset / 4];
  accessed_[offset / 4] = true;
  return first;
}

uint32_t Unmodelled::Read(uint32_t offset, unsigned) {
  if (FirstAccess(offset)) log_->debug("{}: read of {:#010x}, which is not modelled", board_, base_ + offset);
  return 0;
}

void Unmodelled::Write(uint32_t offset, unsigned, uint32_t value) {
  if (FirstAccess(offset)) {
    log_->debug("{}: write of {:#x} to {:#010x}, which is not modelled", board_, value, base_ + offset);
  }
}

}  // namespace probegate::sim
