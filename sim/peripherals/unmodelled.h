// The addresses of peripherals that exist on the chip but are not modelled: they read as zero and ignore writes, and
// the first access to each word is logged at debug level.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/target/bus.h"

namespace spdlog {
class logger;
}

namespace probegate::sim {

class Unmodelled : public Region {
 public:
  // `log` may be null; `board` is the prefix of each message.
  Unmodelled(uint32_t base, uint32_t size, std::shared_ptr<spdlog::logger> log, std::string board);

  uint32_t base() const { return base_; }
  uint32_t size() const { return size_; }

  uint32_t Read(uint32_t offset, unsigned size) override;
  void Write(uint32_t offset, unsigned size, uint32_t value) override;

 private:
  bool FirstAccess(uint32_t offset);

  const uint32_t base_;
  const uint32_t size_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::string board_;
  std::vector<bool> accessed_;  // a bit for each word; empty before the first access
};

}  // namespace probegate::sim
