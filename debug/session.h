// A debugging session: a gateway for its one probe, a GDB server on it, a gdb on that; from the client's wishes to the
// end of all three.
//
//   planning → gateway → gdbserver → gdb (the client talks with it) → ended
//
// Each program is started when the one before it has said on which port it listens. A session ends by the first of: gdb
// ended, its client said so or is gone, a program ended that it needs, the probe is lost, a limit is reached. Then all
// programs are ended, in the opposite order, and waited for; only after that the client is told.
//
// Threads: Run is the session's own thread, and starts, reads, writes and ends everything; it waits in poll(2). The
// others may be called from any thread, do not block, and leave it a note. SIGPIPE must be ignored.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "debug/debug_metrics.h"
#include "debug/plan.h"
#include "debug/session_end.h"
#include "debug/stage.h"
#include "telemetry/log.h"

namespace probegate {

// To whom a session talks. Called on the session's thread; must not block.
class DebugClient {
 public:
  virtual ~DebugClient() = default;
  // The next comes after DebugSession::OutputTaken.
  virtual void OnOutput(std::string bytes) = 0;
  // The last, to be followed by DebugSession::EndTaken. An OnOutput may not have been taken yet.
  virtual void OnEnd(const DebugEnd& end) = 0;
  // It has not taken what it was told for kPatience.
  virtual void GiveUp() = 0;
};

struct DebugLimits {
  size_t input_bytes = size_t{4} << 20;  // that wait for gdb to read them
  double output_bytes_per_second = 4 << 20;
  std::chrono::milliseconds max_time{std::chrono::hours(8)};
  std::chrono::milliseconds idle{std::chrono::minutes(30)};   // without a word of either side, from gdb's first on
  std::chrono::milliseconds start{std::chrono::seconds(60)};  // for each program to be of use
  std::chrono::milliseconds half_close{1000};                 // for gdb to end after one
};

// What all sessions share, and what outlives them.
struct DebugContext {
  DebugTools tools;
  DebugSources sources;
  DebugLimits limits;
  std::filesystem::path work;  // sessions have folders of their own in it
  DebugMetrics& metrics;
  Log& log;
};

class DebugSession {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kPatience{5};  // with clients that do not read

  DebugSession(const DebugContext& context, cc::arduino::cli::debug::DebugConfigReq request, Peer peer, uint64_t number,
               std::shared_ptr<DebugClient> client);
  ~DebugSession();
  DebugSession(const DebugSession&) = delete;
  DebugSession& operator=(const DebugSession&) = delete;

  void Run();

  void Input(std::string data);
  void Interrupt();
  void HalfClose();
  // The client has taken the output that it was given last; it has taken its end, or is no more.
  void OutputTaken();
  void EndTaken();
  // Ends it; the first reason counts.
  void End(DebugEnd end);

 private:
  struct Notes {
    std::string input;
    bool interrupt = false;
    bool half_closed = false;
    bool output_taken = false;
    bool end_taken = false;
    std::optional<DebugEnd> end;
  };

  void Wake();
  void TakeNotes();
  // True where there is more, for which there is room.
  bool TakeOnce();
  // One turn: waits until something happens, or `until`, and does what is to be done.
  void Turn(Clock::time_point until);
  Clock::time_point NextDeadline(Clock::time_point now);
  void CheckDeadlines(Clock::time_point now);

  bool Plan();
  void StartStage(DebugMetrics::StageNumber number, const ProcessCommand& command, const char* ready, int input);
  void StartGdb();
  void OnStageOutput(DebugMetrics::StageNumber number);
  void OnReady(DebugMetrics::StageNumber number);
  void OnGatewayLine(const std::string& line);
  void OnStageExit(DebugMetrics::StageNumber number);
  void ReadGdb();
  void WriteGdb();
  void SendOutput();
  bool MayReadGdb(Clock::time_point now);
  void FailStage(DebugMetrics::StageNumber number, const std::string& what);
  void Finish(DebugEnd end) {
    if (!end_) end_ = std::move(end);
  }

  void EndPrograms();
  void EndStage(std::optional<Stage>& stage, int signal, std::chrono::milliseconds patience);
  void TellEnd();

  const DebugContext& context_;
  const cc::arduino::cli::debug::DebugConfigReq request_;
  const Peer peer_;
  const uint64_t number_;
  const std::shared_ptr<DebugClient> client_;
  const FileDescriptor wake_;

  Mutex mutex_;
  Notes notes_ ABSL_GUARDED_BY(mutex_);

  // The session's thread.
  std::optional<DebugPlan> plan_;
  std::string work_;
  std::optional<Stage> stages_[3];       // by DebugMetrics::StageNumber
  bool ready_[3] = {};                   // likewise
  std::string server_session_;           // the GDB server's, in the gateway's words; empty until it has one
  std::optional<FileDescriptor> stdin_;  // gdb's
  std::string input_;                    // for it
  std::string output_;                   // for the client
  bool output_outstanding_ = false;
  bool gdb_output_open_ = false;
  bool gdb_spoke_ = false;
  bool interrupt_ = false;
  std::optional<Clock::time_point> half_closed_at_;
  std::optional<DebugEnd> end_;
  Clock::time_point began_ = Clock::now();
  Clock::time_point last_word_ = began_;
  Clock::time_point refilled_ = began_;
  double allowance_ = 0;  // bytes of output that may be read now
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace probegate
