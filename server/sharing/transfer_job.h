// A debug command as register transfers that have yet to be planned and sent.
//
// Made from a request alone, on any thread; then the lane's thread plans it (server/sharing/transfer_plan.h), in one go
// or, if it is long, in slices between which other sessions have their turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/adi/mem_ap.h"

namespace probegate {

// One stretch of accesses to one place. Its data is in TransferJob::words.
struct TransferStep {
  enum class Target : uint8_t {
    kDp,      // `address` is the DP register: 0x0 to 0xC
    kAp,      // `address` is the AP register's, as the protocols carry it
    kMemory,  // through the memory interface TransferJob::handle, as `run` says
  };
  Target target = Target::kDp;
  bool write = false;
  uint64_t address = 0;
  adi::MemApRun run;
  size_t first_word = 0;
  size_t word_count = 0;
};

struct TransferJob {
  std::vector<TransferStep> steps;
  // What is written, and room for what is read. Its size no longer changes.
  std::vector<uint32_t> words;
  // The command's name if it is posted (server/sharing/posted_failure.h); else empty.
  std::string_view posted_as;
  // For a memory access, which of the session's memory interfaces; set even if the job has no steps.
  std::optional<uint32_t> handle;
  // Set once its first access, without a request to be secure or not, got FAULT: it is repeated as this
  // (docs/sharing.md, Access attributes).
  std::optional<bool> secure_instead;

  // Progress: the current step and how many of its words are done.
  size_t step = 0;
  size_t step_done = 0;
  uint64_t bytes_done = 0;

  // How it ended; meaningful once finished.
  absl::Status status;

  bool finished() const { return step >= steps.size(); }
  void Fail(absl::Status why);
  size_t transfers_left() const;
  // The first `word_count` of `words` are done, and no others.
  void ContinueFrom(size_t word_count);

  // One access to a DP or an AP register.
  static TransferJob ReadRegister(TransferStep::Target target, uint64_t address, size_t count);
  static TransferJob WriteRegister(TransferStep::Target target, uint64_t address, std::vector<uint32_t> words);

  // Memory accesses; `bytes` are the target's, in its order.
  static TransferJob ReadMemory(uint32_t handle, std::vector<adi::MemApRun> runs);
  static TransferJob WriteMemory(uint32_t handle, std::vector<adi::MemApRun> runs, absl::Span<const uint8_t> bytes);

  // Accesses nothing: has the plan find out what the memory interface's AP can do.
  static TransferJob LearnMemory(uint32_t handle);

  // Copies what a ReadMemory job has read; it must have succeeded. `bytes` is as long as all its runs together.
  void CopyBytesTo(absl::Span<uint8_t> bytes) const;
};

}  // namespace probegate
