// A debugging session: a gateway that serves one probe, a GDB server that uses it, and a gdb that uses the GDB server;
// from the client's request until all three have ended.
//
//   planning → gateway → gdbserver → gdb (the client talks to it) → ended
//
// Each program is started once the one before it has printed the port on which it listens. A session ends for whichever
// of these comes first: gdb exits, the client ends the session or disconnects, a program that is needed exits, the
// probe is lost, or a limit is reached. Then all programs are ended, in reverse order, and waited for. Only after that
// the client is told.
//
// Threads: Run is the session's own thread. It starts, reads, writes and ends everything, and waits in poll(2). The
// other functions may be called from any thread, do not block, and leave a note for that thread. SIGPIPE must be
// ignored.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "base/timers.h"
#include "debug/debug_audit.h"
#include "debug/debug_metrics.h"
#include "debug/debug_quotas.h"
#include "debug/gateway_log.h"
#include "debug/gdb_pipe.h"
#include "debug/plan.h"
#include "debug/sandbox.h"
#include "debug/session_end.h"
#include "debug/session_groups.h"
#include "debug/session_notes.h"
#include "debug/stage.h"
#include "debug/work_folder.h"
#include "debug/workers.h"
#include "telemetry/log.h"

namespace probegate {

// The client of a session. Called on the session's thread; must not block.
class DebugClient {
 public:
  virtual ~DebugClient() = default;
  // Not called again until DebugSession::OutputTaken has been called.
  virtual void OnOutput(std::string bytes) = 0;
  // The last output, after which DebugSession::EndTaken must be called. An earlier OnOutput may not have been taken
  // yet.
  virtual void OnEnd(const DebugEnd& end) = 0;
  // The client has not taken the end for kPatience.
  virtual void GiveUp() = 0;
};

struct DebugLimits {
  size_t input_bytes = size_t{4} << 20;  // that wait for gdb to read them
  double output_bytes_per_second = 4 << 20;
  std::chrono::milliseconds max_time{std::chrono::hours(8)};
  std::chrono::milliseconds idle{std::chrono::minutes(30)};   // without input or output, from gdb's first output on
  std::chrono::milliseconds start{std::chrono::seconds(60)};  // for each program to become ready
  std::chrono::milliseconds half_close{1000};                 // for gdb to end after the client's half-close
  std::chrono::milliseconds upload_pause{std::chrono::seconds(10)};  // between two parts of an upload
  std::chrono::milliseconds upload_time{std::chrono::minutes(5)};    // for an upload in all
};

// What all sessions share. Must outlive them.
struct DebugContext {
  DebugTools tools;
  DebugSources sources;
  DebugLimits limits;
  WorkFolder& work;
  const SessionGroups* groups = nullptr;  // null: sessions have no control groups
  DebugQuotas& quotas;
  Timers& timers;
  // For what gRPC's threads need from the file system: where ELF files are looked for may stop without --work-dir.
  Workers& elf_disk;
  Workers& work_disk;
  DebugMetrics& metrics;
  const DebugAudit& audit;
  Log& log;
};

class DebugSession : public std::enable_shared_from_this<DebugSession> {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kPatience{5};  // with a client that does not read

  // Must be owned by a shared_ptr. `place` is its place among the sessions, which it gives back when it has ended and
  // its files are removed.
  DebugSession(const DebugContext& context, DebugConfig config, Caller caller, uint64_t number,
               std::shared_ptr<DebugClient> client, Quota::Grant place);
  ~DebugSession();
  DebugSession(const DebugSession&) = delete;
  DebugSession& operator=(const DebugSession&) = delete;

  void Run();

  void Input(std::string data) { notes_.AddInput(std::move(data)); }
  void Interrupt() { notes_.Interrupt(); }
  void HalfClose() { notes_.HalfClose(); }
  // The access file has changed.
  void CheckAccess() { notes_.CheckAccess(); }
  // The client has taken the last OnOutput.
  void OutputTaken() { notes_.OutputTaken(); }
  // The client has taken OnEnd, or no longer exists.
  void EndTaken() { notes_.EndTaken(); }
  // Ends the session; the first reason counts.
  void End(DebugEnd end) { notes_.End(std::move(end)); }

 private:
  // Waits until something happens, at most until `until`, and handles it.
  void Turn(Clock::time_point until);
  Clock::time_point NextDeadline(Clock::time_point now);
  void CheckDeadlines(Clock::time_point now);
  // Applies the notes that have come.
  void TakeNotes();
  // True if more input has come and gdb has taken all of the input before it.
  bool TakeNotesOnce();

  // Makes the plan, and asks for the list of probes.
  void Plan();
  // Completes the plan, tells the logs, and starts the first program.
  absl::Status Begin(const ProbesAnswer& probes);
  void StartStage(DebugMetrics::StageNumber number, const ProcessCommand& command, const char* ready, int input);
  void StartGdbServer();
  void StartGdb();
  void OnStageOutput(DebugMetrics::StageNumber number);
  void OnGatewayLine(const std::string& line);
  void OnReady(DebugMetrics::StageNumber number);
  void OnStageExit(DebugMetrics::StageNumber number);
  void ReadGdb();
  void FailStage(DebugMetrics::StageNumber number, const std::string& what);
  void Finish(DebugEnd end) {
    if (!end_) end_ = std::move(end);
  }
  void EndPrograms();
  void EndGroup();
  const AccessControl& access() const { return context_.sources.access; }
  DebugAudit::Session audited() const { return {.caller = caller_, .number = number_, .probe = plan_->probe.uid}; }
  void LogEnd();
  void TellEnd();

  const DebugContext& context_;
  const DebugConfig config_;
  const Caller caller_;
  const uint64_t number_;
  const std::shared_ptr<DebugClient> client_;
  SessionNotes notes_;

  // The rest belongs to the session's thread.
  std::shared_ptr<Quota::Grant> place_;
  std::optional<DebugPlan> plan_;
  bool begun_ = false;  // the audit log has its beginning
  std::string work_;
  DebugTools tools_;  // the context's, with this session's group and sandbox
  std::optional<SessionGroup> group_;
  std::optional<Sandbox> sandbox_;  // in which the GDB server and gdb run
  std::optional<Stage> stages_[3];  // by DebugMetrics::StageNumber
  bool ready_[3] = {};              // by DebugMetrics::StageNumber
  GatewayLog gateway_log_;
  GdbPipe gdb_pipe_;
  bool gdb_spoke_ = false;          // gdb has printed something
  bool interrupt_pending_ = false;  // an interrupt that gdb has not been sent yet
  std::optional<Clock::time_point> half_closed_at_;
  std::optional<DebugEnd> end_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point last_word_ = began_;  // when input or output last came
};

}  // namespace probegate
