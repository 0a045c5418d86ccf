#include "sim/trace.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "spdlog/spdlog.h"

namespace probegate::sim {

Trace::Trace(const SimClock& clock, const std::string& path, std::shared_ptr<spdlog::logger> log)
    : clock_(clock), path_(path), log_(std::move(log)), file_(std::fopen(path.c_str(), "we")) {
  if (file_ == nullptr) throw std::runtime_error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
}

Trace::~Trace() {
  if (file_ != nullptr && std::fflush(file_.get()) != 0) GiveUp();
}

void Trace::Write() {
  if (file_ == nullptr) return;
  line_ += '\n';
  if (std::fwrite(line_.data(), 1, line_.size(), file_.get()) != line_.size()) GiveUp();
}

void Trace::GiveUp() {
  log_->error("cannot write to {}, so the trace ends here: {}", path_, std::strerror(errno));
  file_.reset();
}

}  // namespace probegate::sim
