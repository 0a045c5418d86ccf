#include "telemetry/log_writer.h"

#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/start_thread.h"
#include "base/write_all.h"

namespace probegate {
namespace {

// False after an error.
bool WriteLine(int file, const std::string& line) { return WriteAll(file, line) == line.size(); }

}  // namespace

struct LogWriter::State {
  State(int to, DroppedLine line) : file(to), dropped_line(std::move(line)) {}

  void Run();
  void WriteLines(const std::vector<std::string>& lines);

  const int file;
  const DroppedLine dropped_line;
  bool threaded = false;  // LogWriter's: whether it has a thread
  uint64_t untold = 0;    // lines that are missing, and have not been told: the thread's own

  Mutex mutex;
  CondVar wake;
  CondVar finished;
  std::vector<std::string> queue ABSL_GUARDED_BY(mutex);
  size_t queued_bytes ABSL_GUARDED_BY(mutex) = 0;
  uint64_t overflow ABSL_GUARDED_BY(mutex) = 0;  // dropped since the thread last took the queue
  uint64_t dropped ABSL_GUARDED_BY(mutex) = 0;   // since the start
  bool writing ABSL_GUARDED_BY(mutex) = false;   // what was taken from the queue
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool done ABSL_GUARDED_BY(mutex) = false;
};

void LogWriter::State::Run() {
  for (;;) {
    std::vector<std::string> lines;
    uint64_t missing = 0;
    {
      MutexLock lock(mutex);
      writing = false;
      if (queue.empty()) finished.NotifyAll();
      while (queue.empty() && !stopping) wake.Wait(mutex);
      if (queue.empty()) {
        done = true;
        finished.NotifyAll();
        return;
      }
      writing = true;
      lines.swap(queue);
      queued_bytes = 0;
      missing = std::exchange(overflow, 0);
    }
    WriteLines(lines);
    // Lines were dropped only while the queue was full, so they belong after these and before all later ones.
    untold += missing;
    if (untold > 0 && WriteLine(file, dropped_line(untold))) untold = 0;
  }
}

void LogWriter::State::WriteLines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (untold > 0 && WriteLine(file, dropped_line(untold))) untold = 0;
    if (WriteLine(file, line)) continue;
    ++untold;
    MutexLock lock(mutex);
    ++dropped;
  }
}

LogWriter::LogWriter(int file, DroppedLine dropped_line)
    : state_(std::make_shared<State>(file, std::move(dropped_line))) {
  state_->threaded = StartDetached("the log", [state = state_] { state->Run(); }).ok();
}

LogWriter::~LogWriter() {
  if (!state_->threaded) return;
  const auto deadline = std::chrono::steady_clock::now() + kLastWait;
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->wake.NotifyAll();
  while (!state_->done && state_->finished.WaitUntil(state_->mutex, deadline)) {
  }
}

void LogWriter::Write(std::string line) {
  if (!state_->threaded) {
    WriteLine(state_->file, line);
    return;
  }
  MutexLock lock(state_->mutex);
  if (state_->overflow > 0 || state_->queued_bytes + line.size() > kQueueBytes) {
    ++state_->overflow;
    ++state_->dropped;
    return;
  }
  state_->queued_bytes += line.size();
  state_->queue.push_back(std::move(line));
  state_->wake.NotifyAll();
}

void LogWriter::Flush() {
  if (!state_->threaded) return;
  const auto deadline = std::chrono::steady_clock::now() + kLastWait;
  MutexLock lock(state_->mutex);
  while ((state_->writing || !state_->queue.empty()) && state_->finished.WaitUntil(state_->mutex, deadline)) {
  }
}

uint64_t LogWriter::dropped() const {
  MutexLock lock(state_->mutex);
  return state_->dropped;
}

}  // namespace probegate
