// An audit log that is kept in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "access/audit_sink.h"
#include "base/mutex.h"

namespace probegate {

// What was written, and whether it can be.
struct Paper {
  Mutex mutex;
  std::string text ABSL_GUARDED_BY(mutex);
  bool full ABSL_GUARDED_BY(mutex) = false;
};

class PaperSink final : public AuditSink {
 public:
  explicit PaperSink(std::shared_ptr<Paper> paper) : paper_(std::move(paper)) {}
  absl::Status Write(std::string_view line) override {
    MutexLock lock(paper_->mutex);
    if (paper_->full) return absl::ResourceExhaustedError("the disk is full");
    paper_->text += line;
    return absl::OkStatus();
  }
  absl::Status Reopen() override { return absl::OkStatus(); }

 private:
  const std::shared_ptr<Paper> paper_;
};

}  // namespace probegate
