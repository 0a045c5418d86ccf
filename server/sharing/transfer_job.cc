#include "server/sharing/transfer_job.h"

#include <algorithm>
#include <utility>

namespace probegate {

void TransferJob::Fail(absl::Status why) {
  status = std::move(why);
  step = steps.size();
}

size_t TransferJob::transfers_left() const {
  size_t left = 0;
  for (size_t i = step; i < steps.size(); ++i) left += steps[i].word_count;
  return left - (finished() ? 0 : step_done);
}

void TransferJob::ContinueFrom(size_t word_count) {
  step = 0;
  bytes_done = 0;
  for (const TransferStep& s : steps) {
    step_done = std::min(word_count - s.first_word, s.word_count);
    if (s.target == TransferStep::Target::kMemory && s.word_count > 0) {
      bytes_done += step_done * (s.run.byte_count / s.run.transfers);
    } else if (s.target == TransferStep::Target::kAp) {
      bytes_done += 4 * step_done;
    }
    if (step_done < s.word_count) return;
    ++step;
    step_done = 0;
  }
}

TransferJob TransferJob::ReadRegister(TransferStep::Target target, uint64_t address, size_t count) {
  TransferJob job;
  job.words.resize(count);
  if (count > 0) job.steps.push_back({.target = target, .address = address, .word_count = count});
  return job;
}

TransferJob TransferJob::WriteRegister(TransferStep::Target target, uint64_t address, std::vector<uint32_t> words) {
  TransferJob job;
  job.words = std::move(words);
  if (!job.words.empty()) {
    job.steps.push_back({.target = target, .write = true, .address = address, .word_count = job.words.size()});
  }
  return job;
}

TransferJob TransferJob::ReadMemory(uint32_t handle, std::vector<adi::MemApRun> runs) {
  TransferJob job;
  job.handle = handle;
  size_t words = 0;
  for (const adi::MemApRun& run : runs) {
    job.steps.push_back(
        {.target = TransferStep::Target::kMemory, .run = run, .first_word = words, .word_count = run.transfers});
    words += run.transfers;
  }
  job.words.resize(words);
  return job;
}

TransferJob TransferJob::WriteMemory(uint32_t handle, std::vector<adi::MemApRun> runs,
                                     absl::Span<const uint8_t> bytes) {
  TransferJob job = ReadMemory(handle, std::move(runs));
  size_t offset = 0;
  for (TransferStep& step : job.steps) {
    step.write = true;
    const std::vector<uint32_t> lanes = adi::ToLanes(step.run, bytes.subspan(offset, step.run.byte_count));
    std::copy(lanes.begin(), lanes.end(), job.words.begin() + static_cast<ptrdiff_t>(step.first_word));
    offset += step.run.byte_count;
  }
  return job;
}

TransferJob TransferJob::LearnMemory(uint32_t handle) {
  TransferJob job;
  job.handle = handle;
  job.steps.push_back({.target = TransferStep::Target::kMemory});
  return job;
}

void TransferJob::CopyBytesTo(absl::Span<uint8_t> bytes) const {
  size_t offset = 0;
  for (const TransferStep& s : steps) {
    adi::FromLanes(s.run, absl::MakeConstSpan(words).subspan(s.first_word, s.word_count),
                   bytes.subspan(offset, s.run.byte_count));
    offset += s.run.byte_count;
  }
}

}  // namespace probegate
