#include "debug/session.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <utility>
#include <vector>

namespace probegate {
namespace {

constexpr DebugMetrics::StageNumber kStages[] = {DebugMetrics::kGateway, DebugMetrics::kGdbServer, DebugMetrics::kGdb};

}  // namespace

DebugSession::DebugSession(const DebugContext& context, DebugConfig config, Caller caller, uint64_t number,
                           std::shared_ptr<DebugClient> client, Quota::Grant place)
    : context_(context),
      config_(std::move(config)),
      caller_(std::move(caller)),
      number_(number),
      client_(std::move(client)),
      notes_(context.limits.input_bytes, context.quotas.memory, caller_.key),
      place_(std::make_shared<Quota::Grant>(std::move(place))),
      tools_(context.tools),
      gdb_pipe_(context.limits.output_bytes_per_second, context.metrics) {}

DebugSession::~DebugSession() = default;

void DebugSession::Run() {
  context_.metrics.sessions.Add(1);
  Plan();
  while (!end_) Turn(NextDeadline(Clock::now()));
  // The client still gets what gdb printed before it ended.
  const Clock::time_point patience = Clock::now() + kPatience;
  while (end_->gdb_exit_code && gdb_pipe_.HasOutput() && Clock::now() < patience) Turn(patience);
  EndPrograms();
  context_.metrics.sessions.Add(-1);
  context_.metrics.ended(end_->cause).Add();
  LogEnd();
  TellEnd();
  place_ = nullptr;
}

void DebugSession::Plan() {
  if (!notes_.ok()) {
    return Finish({DebugEndCause::kStageFailed, "cannot create an eventfd: too many open files, or no memory left"});
  }
  auto plan = StartPlan(config_, context_.sources);
  if (!plan.ok()) return Finish(DebugEnd(DebugEndCause::kBadConfig, plan.status()));
  plan_ = *std::move(plan);
  context_.sources.list_probes([weak = weak_from_this()](const ProbesAnswer& probes) {
    if (const auto session = weak.lock()) session->notes_.ProbesListed(probes);
  });
}

absl::Status DebugSession::Begin(const ProbesAnswer& probes) {
  absl::Status status = AddProbe(config_, caller_, access(), probes, *plan_);
  if (status.ok()) status = TakeUpload(config_, caller_.owner, context_.sources.uploads, *plan_);
  if (!status.ok()) return status;
  const std::shared_ptr<const Policy> policy = access().policy();
  context_.audit.Opened(audited(), *policy, policy->Decide(caller_.identity, Right::kDebug, plan_->probe));
  begun_ = true;
  auto folder = context_.work.MakeSessionFolder();
  if (!folder.ok()) {
    Finish({DebugEndCause::kStageFailed, std::string(folder.status().message())});
    return absl::OkStatus();
  }
  work_ = *std::move(folder);
  if (context_.groups != nullptr) {
    auto group = context_.groups->Make();
    if (!group.ok()) {
      Finish({DebugEndCause::kStageFailed, std::string(group.status().message())});
      return absl::OkStatus();
    }
    tools_.group = group->path();
    group_.emplace(*std::move(group));
  }
  context_.log.Info("session.started", {{"debug_session", number_},
                                        {"probe", plan_->probe.uid},
                                        {"client", caller_.peer.address},
                                        {"identity", caller_.identity.Text()},
                                        {"recipe", plan_->recipe.name},
                                        {"interpreter", plan_->interpreter}});
  StartStage(DebugMetrics::kGateway, GatewayCommand(tools_, *plan_, caller_, work_), kGatewayPort, -1);
  return absl::OkStatus();
}

// --- The loop

void DebugSession::Turn(Clock::time_point until) {
  const Clock::time_point now = Clock::now();
  std::vector<pollfd> files = {{.fd = notes_.fd(), .events = POLLIN}};
  std::vector<std::function<void()>> handlers = {[] {}};
  const auto watch = [&](int fd, short events, std::function<void()> handler) {
    files.push_back({.fd = fd, .events = events});
    handlers.push_back(std::move(handler));
  };
  for (const auto number : kStages) {
    if (!stages_[number]) continue;
    if (number != DebugMetrics::kGdb) watch(stages_[number]->output(), POLLIN, [=, this] { OnStageOutput(number); });
    // Once the session is ending, only the rest of gdb's output matters.
    if (!end_) watch(stages_[number]->process().pidfd(), POLLIN, [=, this] { OnStageExit(number); });
  }
  if (gdb_pipe_.MayRead(now, end_.has_value())) {
    watch(stages_[DebugMetrics::kGdb]->output(), POLLIN, [this] { ReadGdb(); });
  }
  if (gdb_pipe_.input_fd() >= 0) watch(gdb_pipe_.input_fd(), POLLOUT, [this] { gdb_pipe_.WriteInput(); });
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  ::poll(files.data(), files.size(), static_cast<int>(std::clamp<int64_t>(wait, 0, 60'000)));
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].revents != 0) handlers[i]();
  }
  TakeNotes();
  if (auto output = gdb_pipe_.NextOutput()) client_->OnOutput(*std::move(output));
  if (!end_) CheckDeadlines(Clock::now());
}

void DebugSession::TakeNotes() {
  notes_.ReadWakeUps();
  while (TakeNotesOnce()) {
  }
}

bool DebugSession::TakeNotesOnce() {
  SessionNotes::Taken notes = notes_.Take(!gdb_pipe_.has_input());
  // gdb's time to end starts even if input from before the half-close is still waiting.
  if (notes.half_closed && gdb_spoke_ && !half_closed_at_) half_closed_at_ = Clock::now();
  if (notes.interrupt || !notes.input.empty() || gdb_pipe_.has_input()) last_word_ = Clock::now();
  if (notes.output_taken) gdb_pipe_.OutputTaken();
  if (notes.end) Finish(*std::move(notes.end));
  if (notes.probes && !end_) {
    if (const absl::Status begun = Begin(*notes.probes); !begun.ok()) {
      const bool denied = absl::IsPermissionDenied(begun);
      Finish(DebugEnd(denied ? DebugEndCause::kDenied : DebugEndCause::kBadConfig, begun));
    }
  }
  if (notes.check_access && begun_) {
    const absl::Status denied = access().CheckStill(caller_, Right::kDebug, plan_->probe);
    if (!denied.ok()) Finish(DebugEnd(DebugEndCause::kDenied, denied));
  }
  interrupt_pending_ = interrupt_pending_ || notes.interrupt;
  // Until gdb has set up its handler, SIGINT would kill it.
  if (interrupt_pending_ && gdb_spoke_) {
    interrupt_pending_ = false;
    stages_[DebugMetrics::kGdb]->process().Signal(SIGINT);
  }
  if (!notes.input.empty()) gdb_pipe_.SetInput(std::move(notes.input), std::move(notes.input_grant));
  if (notes.half_closed && !notes.more_input && !gdb_pipe_.has_input()) gdb_pipe_.CloseInput();
  // If gdb has not taken everything, poll(2) reports when it can; if there is no more input, fd() reports new input.
  return notes.more_input && !gdb_pipe_.has_input();
}

DebugSession::Clock::time_point DebugSession::NextDeadline(Clock::time_point now) {
  Clock::time_point next = began_ + context_.limits.max_time;
  // Before gdb's first output, the time each program has to become ready is the bound.
  if (gdb_spoke_) next = std::min(next, last_word_ + context_.limits.idle);
  for (const auto number : kStages) {
    if (stages_[number] && !ready_[number]) next = std::min(next, stages_[number]->started() + context_.limits.start);
  }
  if (half_closed_at_) next = std::min(next, *half_closed_at_ + context_.limits.half_close);
  if (const absl::Duration left = access().TimeLeft(caller_); left < absl::InfiniteDuration()) {
    next = std::min(next, now + absl::ToChronoMilliseconds(left) + std::chrono::milliseconds(1));
  }
  // By then some of the allowance is back.
  if (gdb_pipe_.IsThrottled()) next = std::min<Clock::time_point>(next, now + std::chrono::milliseconds(10));
  return next;
}

void DebugSession::CheckDeadlines(Clock::time_point now) {
  if (half_closed_at_ && now >= *half_closed_at_ + context_.limits.half_close) {
    Finish({DebugEndCause::kHalfClosed, "gdb did not end within a second of the client's half-close, and was killed"});
  }
  if (now >= began_ + context_.limits.max_time) {
    Finish({DebugEndCause::kTooLong, "the session reached its time limit (--max-time)"});
  }
  if (gdb_spoke_ && now >= last_word_ + context_.limits.idle) {
    Finish({DebugEndCause::kIdle,
            "the session was idle for too long: neither gdb nor the client sent anything "
            "(--idle)"});
  }
  if (const absl::Status expired = access().CheckToken(caller_); !expired.ok()) {
    Finish(DebugEnd(DebugEndCause::kExpired, expired));
  }
  for (const auto number : kStages) {
    if (stages_[number] && !ready_[number] && now >= stages_[number]->started() + context_.limits.start) {
      FailStage(number, "was not ready in time (--start-time)");
    }
  }
}

// --- Programs

void DebugSession::StartStage(DebugMetrics::StageNumber number, const ProcessCommand& command, const char* ready,
                              int input) {
  context_.metrics.stages[number].starts.Add();
  auto stage = Stage::Start(DebugMetrics::kStages[number], command, ready, input);
  if (!stage.ok()) {
    FailStage(number, std::string(stage.status().message()));
    return;
  }
  stages_[number].emplace(*std::move(stage));
}

void DebugSession::StartGdbServer() {
  const uint16_t port = *stages_[DebugMetrics::kGateway]->port();
  if (tools_.namespaces) {
    auto sandbox = Sandbox::Start(tools_.launcher, work_, tools_.group, port);
    if (!sandbox.ok()) return FailStage(DebugMetrics::kGdbServer, std::string(sandbox.status().message()));
    tools_.sandbox = sandbox->first();
    sandbox_.emplace(*std::move(sandbox));
  }
  StartStage(DebugMetrics::kGdbServer, GdbServerCommand(tools_, *plan_, work_, port), plan_->recipe.ready.c_str(), -1);
}

void DebugSession::StartGdb() {
  const auto input = gdb_pipe_.OpenInput();
  if (!input.ok()) return FailStage(DebugMetrics::kGdb, std::string(input.status().message()));
  const uint16_t port = *stages_[DebugMetrics::kGdbServer]->port();
  StartStage(DebugMetrics::kGdb, GdbCommand(tools_, *plan_, work_, port), "", input->number());
  if (stages_[DebugMetrics::kGdb]) gdb_pipe_.OpenOutput();
}

void DebugSession::OnStageOutput(DebugMetrics::StageNumber number) {
  Stage& stage = *stages_[number];
  std::string bytes;
  stage.Read(bytes);
  const bool verbose = config_.verbose && plan_->interpreter == "console" && !stages_[DebugMetrics::kGdb];
  if (verbose) gdb_pipe_.AddOutput(bytes);
  stage.Look(bytes, [&](const std::string& line) {
    if (number == DebugMetrics::kGateway) OnGatewayLine(line);
  });
  if (!ready_[number] && stage.port()) OnReady(number);
}

void DebugSession::OnGatewayLine(const std::string& line) {
  const auto loss = gateway_log_.ReadLoss(line);
  if (loss) Finish({DebugEndCause::kProbeLost, "probe " + plan_->probe.uid + " is lost: " + *loss});
}

void DebugSession::OnReady(DebugMetrics::StageNumber number) {
  if (end_) return;
  ready_[number] = true;
  const auto took = std::chrono::duration<double>(Clock::now() - stages_[number]->started());
  context_.metrics.stages[number].seconds.Observe(took.count());
  context_.log.Debug("stage.ready", {{"debug_session", number_},
                                     {"stage", stages_[number]->name()},
                                     {"ms", static_cast<int64_t>(took.count() * 1000)}});
  if (number == DebugMetrics::kGateway) {
    StartGdbServer();
  } else if (number == DebugMetrics::kGdbServer) {
    StartGdb();
  }
}

void DebugSession::OnStageExit(DebugMetrics::StageNumber number) {
  const auto ended = stages_[number]->process().TryWait();
  if (!ended || end_) return;
  // If the probe is lost, the gateway prints the reason before its client can notice and exit.
  if (number != DebugMetrics::kGdb && stages_[DebugMetrics::kGateway]) OnStageOutput(DebugMetrics::kGateway);
  if (number == DebugMetrics::kGdbServer) OnStageOutput(number);
  if (end_) return;
  if (number == DebugMetrics::kGdb && !gdb_spoke_) ReadGdb();
  if (number != DebugMetrics::kGdb || !gdb_spoke_) return FailStage(number, ended->ToString());
  if (!ended->by_signal) {
    Finish({DebugEndCause::kGdbExited, "gdb " + ended->ToString()});
    end_->gdb_exit_code = ended->number;
  } else {
    context_.metrics.stages[number].failures.Add();
    Finish({DebugEndCause::kGdbKilled, "gdb " + ended->ToString()});
  }
}

void DebugSession::ReadGdb() {
  if (!gdb_pipe_.Read(*stages_[DebugMetrics::kGdb])) return;
  last_word_ = Clock::now();
  if (!std::exchange(gdb_spoke_, true)) OnReady(DebugMetrics::kGdb);
}

void DebugSession::FailStage(DebugMetrics::StageNumber number, const std::string& what) {
  if (end_) return;
  context_.metrics.stages[number].failures.Add();
  const char* name = DebugMetrics::kStages[number];
  const std::string last = stages_[number] ? stages_[number]->tail().Text() : std::string();
  context_.log.Warning("stage.failed", {{"debug_session", number_}, {"stage", name}, {"reason", what}, {"last", last}});
  Finish({DebugEndCause::kStageFailed,
          "stage " + std::string(name) + ": " + what + (last.empty() ? "" : "; its last lines:\n" + last)});
}

// --- The end

// gdb first, so that the GDB server lets go of the target. On SIGINT pyOCD then gives the probe back.
void DebugSession::EndPrograms() {
  struct Row {
    DebugMetrics::StageNumber number;
    int signal;
  };
  static constexpr Row kRows[] = {
      {DebugMetrics::kGdb, SIGKILL}, {DebugMetrics::kGdbServer, SIGINT}, {DebugMetrics::kGateway, SIGTERM}};
  constexpr std::chrono::seconds kProgramPatience{2};
  gdb_pipe_.CloseInput();
  for (const Row& row : kRows) {
    // The GDB server has used the way to the gateway until its end.
    if (row.number == DebugMetrics::kGateway) sandbox_.reset();
    if (!stages_[row.number]) continue;
    stages_[row.number]->End(row.signal, kProgramPatience);
    stages_[row.number].reset();
  }
  EndGroup();
  // While the rest of what it left is removed, the session keeps its place.
  if (!work_.empty()) context_.work.RemoveSessionFolder(work_, place_);
  if (plan_) plan_->upload.reset();
}

void DebugSession::EndGroup() {
  if (!group_) return;
  for (const GroupLimitRow& row : kGroupLimits) {
    if (!group_->Reached(row.limit)) continue;
    context_.metrics.limits_reached(row.limit).Add();
    end_->reason = std::string(row.reached) + ": " + end_->reason;
    const bool a_program_ended = end_->cause == DebugEndCause::kGdbKilled || end_->cause == DebugEndCause::kStageFailed;
    if (a_program_ended) end_->code = absl::StatusCode::kResourceExhausted;
  }
  group_.reset();
}

void DebugSession::LogEnd() {
  if (begun_) context_.audit.Ended(audited(), *end_);
  context_.log.Info("session.ended", {{"debug_session", number_},
                                      {"probe", plan_ ? plan_->probe.uid : std::string()},
                                      {"client", caller_.peer.address},
                                      {"cause", RowOf(end_->cause).name},
                                      {"reason", end_->reason.substr(0, end_->reason.find('\n'))},
                                      {"bytes_in", gdb_pipe_.bytes_in()},
                                      {"bytes_out", gdb_pipe_.bytes_out()}});
}

void DebugSession::TellEnd() {
  client_->OnEnd(*end_);
  if (!notes_.WaitForEndTaken(Clock::now() + kPatience)) client_->GiveUp();
}

}  // namespace probegate
