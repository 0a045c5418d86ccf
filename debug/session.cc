#include "debug/session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

namespace probegate {
namespace {

constexpr size_t kOutputBytes = size_t{64} << 10;  // that wait for the client, besides what it was given

// A text of a JSON line, as the gateway's log writes it; what is escaped stands for itself.
std::string TextOf(const std::string& line, const std::string& field) {
  const std::string before = "\"" + field + "\":\"";
  std::string text;
  const size_t at = line.find(before);
  if (at == std::string::npos) return text;
  for (size_t i = at + before.size(); i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return text;
}

}  // namespace

DebugSession::DebugSession(const DebugContext& context, cc::arduino::cli::debug::DebugConfigReq request, Peer peer,
                           uint64_t number, std::shared_ptr<DebugClient> client)
    : context_(context),
      request_(std::move(request)),
      peer_(std::move(peer)),
      number_(number),
      client_(std::move(client)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

DebugSession::~DebugSession() = default;

// --- Notes from other threads

void DebugSession::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.number(), &one, sizeof one);
}

void DebugSession::Input(std::string data) {
  {
    MutexLock lock(mutex_);
    notes_.input += data;
    if (notes_.input.size() > context_.limits.input_bytes && !notes_.end) {
      notes_.end = DebugEnd(DebugEndCause::kInputLimit,
                            "more than " + std::to_string(context_.limits.input_bytes) +
                                " bytes of input wait for gdb, which does not read them (--max-input)");
    }
    // Nobody will read it.
    if (notes_.end) notes_.input.clear();
  }
  Wake();
}

void DebugSession::Interrupt() {
  {
    MutexLock lock(mutex_);
    notes_.interrupt = true;
  }
  Wake();
}

void DebugSession::HalfClose() {
  {
    MutexLock lock(mutex_);
    notes_.half_closed = true;
  }
  Wake();
}

void DebugSession::OutputTaken() {
  {
    MutexLock lock(mutex_);
    notes_.output_taken = true;
  }
  Wake();
}

void DebugSession::EndTaken() {
  {
    MutexLock lock(mutex_);
    notes_.end_taken = true;
  }
  Wake();
}

void DebugSession::End(DebugEnd end) {
  {
    MutexLock lock(mutex_);
    if (!notes_.end) notes_.end = std::move(end);
  }
  Wake();
}

void DebugSession::TakeNotes() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.number(), &count, sizeof count);
  while (TakeOnce()) {
  }
}

bool DebugSession::TakeOnce() {
  Notes notes;
  bool more = false;
  {
    MutexLock lock(mutex_);
    // What gdb has not taken stays there, where it is counted.
    if (input_.empty()) input_.swap(notes_.input);
    more = !notes_.input.empty();
    notes.interrupt = std::exchange(notes_.interrupt, false);
    notes.output_taken = std::exchange(notes_.output_taken, false);
    notes.half_closed = notes_.half_closed && !more;
    // What came with the half-close has its second, too.
    if (notes_.half_closed && gdb_spoke_ && !half_closed_at_) half_closed_at_ = Clock::now();
    notes.end = notes_.end;
  }
  if (notes.interrupt || !input_.empty()) last_word_ = Clock::now();
  if (notes.output_taken) output_outstanding_ = false;
  if (notes.end) Finish(*std::move(notes.end));
  interrupt_ = interrupt_ || notes.interrupt;
  // Before gdb minds SIGINT it would die of it.
  if (interrupt_ && gdb_spoke_) {
    interrupt_ = false;
    stages_[DebugMetrics::kGdb]->process().Signal(SIGINT);
  }
  WriteGdb();
  if (notes.half_closed && input_.empty()) stdin_.reset();
  // Nothing else would have it written: what is left here waits for gdb to read, what is left there for a note.
  return more && input_.empty();
}

// --- The session's thread

void DebugSession::Run() {
  context_.metrics.sessions.Add(1);
  if (Plan()) {
    StartStage(DebugMetrics::kGateway, GatewayCommand(context_.tools, *plan_, work_), kGatewayPort, -1);
    while (!end_) Turn(NextDeadline(Clock::now()));
  }
  // What gdb has said before it ended is the client's.
  const Clock::time_point patience = Clock::now() + kPatience;
  while (end_->gdb_exit_code && (gdb_output_open_ || !output_.empty()) && Clock::now() < patience) Turn(patience);
  EndPrograms();
  context_.metrics.sessions.Add(-1);
  context_.metrics.ended(end_->cause).Add();
  context_.log.Info("session.ended", {{"debug_session", number_},
                                      {"probe", plan_ ? plan_->probe : std::string()},
                                      {"client", peer_.address},
                                      {"cause", RowOf(end_->cause).name},
                                      {"reason", end_->reason.substr(0, end_->reason.find('\n'))},
                                      {"bytes_in", bytes_in_},
                                      {"bytes_out", bytes_out_}});
  TellEnd();
}

bool DebugSession::Plan() {
  auto plan = MakePlan(request_, peer_.host, context_.sources);
  if (!plan.ok()) {
    Finish(DebugEnd(DebugEndCause::kBadConfig, plan.status()));
    return false;
  }
  plan_ = *std::move(plan);
  std::string pattern = (context_.work / "session-XXXXXX").string();
  if (!wake_.ok() || ::mkdtemp(pattern.data()) == nullptr) {
    Finish(DebugEnd(DebugEndCause::kStageFailed, "there is no room for the session's files"));
    return false;
  }
  work_ = pattern;
  context_.log.Info("session.started", {{"debug_session", number_},
                                        {"probe", plan_->probe},
                                        {"client", peer_.address},
                                        {"recipe", plan_->recipe.name},
                                        {"interpreter", plan_->interpreter}});
  return true;
}

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

void DebugSession::StartGdb() {
  auto pipe = MakePipe();
  if (!pipe.ok()) return FailStage(DebugMetrics::kGdb, std::string(pipe.status().message()));
  // The read end was made not to block, which is for this program; here gdb has that end.
  ::fcntl(pipe->read.number(), F_SETFL, 0);
  ::fcntl(pipe->write.number(), F_SETFL, O_NONBLOCK);
  const uint16_t port = *stages_[DebugMetrics::kGdbServer]->port();
  StartStage(DebugMetrics::kGdb, GdbCommand(context_.tools, *plan_, work_, port), "", pipe->read.number());
  stdin_.emplace(std::move(pipe->write));
  gdb_output_open_ = stages_[DebugMetrics::kGdb].has_value();
}

void DebugSession::Turn(Clock::time_point until) {
  const Clock::time_point now = Clock::now();
  std::vector<pollfd> files = {{.fd = wake_.number(), .events = POLLIN}};
  std::vector<std::function<void()>> handlers = {[] {}};
  const auto watch = [&](int fd, short events, std::function<void()> handler) {
    files.push_back({.fd = fd, .events = events});
    handlers.push_back(std::move(handler));
  };
  for (const auto number : {DebugMetrics::kGateway, DebugMetrics::kGdbServer, DebugMetrics::kGdb}) {
    if (!stages_[number]) continue;
    if (number != DebugMetrics::kGdb) watch(stages_[number]->output(), POLLIN, [=, this] { OnStageOutput(number); });
    // Once the session ends, only what gdb still has to say is waited for.
    if (!end_) watch(stages_[number]->process().pidfd(), POLLIN, [=, this] { OnStageExit(number); });
  }
  if (MayReadGdb(now)) watch(stages_[DebugMetrics::kGdb]->output(), POLLIN, [this] { ReadGdb(); });
  if (stdin_ && !input_.empty()) watch(stdin_->number(), POLLOUT, [this] { WriteGdb(); });
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  ::poll(files.data(), files.size(), static_cast<int>(std::clamp<int64_t>(wait, 0, 60'000)));
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].revents != 0) handlers[i]();
  }
  TakeNotes();
  SendOutput();
  if (!end_) CheckDeadlines(Clock::now());
}

DebugSession::Clock::time_point DebugSession::NextDeadline(Clock::time_point now) {
  Clock::time_point next = began_ + context_.limits.max_time;
  // Until then the programs' own bounds count.
  if (gdb_spoke_) next = std::min(next, last_word_ + context_.limits.idle);
  for (size_t number = 0; number < std::size(stages_); ++number) {
    if (stages_[number] && !ready_[number]) next = std::min(next, stages_[number]->started() + context_.limits.start);
  }
  if (half_closed_at_) next = std::min(next, *half_closed_at_ + context_.limits.half_close);
  // Then some of the allowance is there again.
  if (gdb_output_open_ && allowance_ <= 0)
    next = std::min<Clock::time_point>(next, now + std::chrono::milliseconds(10));
  return next;
}

void DebugSession::CheckDeadlines(Clock::time_point now) {
  if (half_closed_at_ && now >= *half_closed_at_ + context_.limits.half_close) {
    Finish({DebugEndCause::kHalfClosed, "gdb did not end within a second of the client's half-close, and was killed"});
  }
  if (now >= began_ + context_.limits.max_time) {
    Finish({DebugEndCause::kTooLong, "the session has lasted as long as a session may (--max-time)"});
  }
  if (gdb_spoke_ && now >= last_word_ + context_.limits.idle) {
    Finish({DebugEndCause::kIdle, "neither gdb nor its client has said a word for too long (--idle)"});
  }
  for (const auto number : {DebugMetrics::kGateway, DebugMetrics::kGdbServer, DebugMetrics::kGdb}) {
    if (stages_[number] && !ready_[number] && now >= stages_[number]->started() + context_.limits.start) {
      FailStage(number, "was not of use in time");
    }
  }
}

// --- Programs

void DebugSession::OnStageOutput(DebugMetrics::StageNumber number) {
  Stage& stage = *stages_[number];
  std::string bytes;
  stage.Read(bytes);
  const bool verbose = request_.verbose() && plan_->interpreter == "console" && !stages_[DebugMetrics::kGdb];
  if (verbose && output_.size() < kOutputBytes) output_ += bytes;
  stage.Look(bytes, [&](const std::string& line) {
    if (number == DebugMetrics::kGateway) OnGatewayLine(line);
  });
  if (!ready_[number] && stage.port()) OnReady(number);
}

void DebugSession::OnGatewayLine(const std::string& line) {
  // The first is the GDB server's; others may use the port, too.
  if (server_session_.empty() && line.find(kGatewayOpened) != std::string::npos) {
    server_session_ = TextOf(line, "session");
  }
  if (line.find(kGatewayLost) == std::string::npos || TextOf(line, "session") != server_session_) return;
  Finish({DebugEndCause::kProbeLost, "probe " + plan_->probe + " is lost: " + TextOf(line, "reason")});
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
    StartStage(DebugMetrics::kGdbServer, GdbServerCommand(context_.tools, *plan_, work_, *stages_[number]->port()),
               plan_->recipe.ready.c_str(), -1);
  } else if (number == DebugMetrics::kGdbServer) {
    StartGdb();
  }
}

void DebugSession::OnStageExit(DebugMetrics::StageNumber number) {
  const auto ended = stages_[number]->process().TryWait();
  if (!ended || end_) return;
  // The gateway says why its client has lost the probe before the client can know.
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

void DebugSession::FailStage(DebugMetrics::StageNumber number, const std::string& what) {
  if (end_) return;
  context_.metrics.stages[number].failures.Add();
  const char* name = DebugMetrics::kStages[number];
  const std::string last = stages_[number] ? stages_[number]->tail().Text() : std::string();
  context_.log.Warning("stage.failed", {{"debug_session", number_}, {"stage", name}, {"reason", what}, {"last", last}});
  Finish({DebugEndCause::kStageFailed,
          "stage " + std::string(name) + ": " + what + (last.empty() ? "" : "; its last lines:\n" + last)});
}

void DebugSession::EndStage(std::optional<Stage>& stage, int signal, std::chrono::milliseconds patience) {
  if (!stage) return;
  stage->process().Signal(signal);
  const Clock::time_point until = Clock::now() + patience;
  std::string unheard;
  bool open = true;
  while (!stage->process().TryWait()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) break;
    pollfd files[] = {{.fd = stage->process().pidfd(), .events = POLLIN},
                      {.fd = open ? stage->output() : -1, .events = POLLIN}};
    ::poll(files, 2, static_cast<int>(left));
    if (files[1].revents != 0) open = stage->Read(unheard);
  }
  stage.reset();
}

// gdb first, so that the target is let go by the GDB server, which then gives the probe back, as pyOCD does on SIGINT.
void DebugSession::EndPrograms() {
  constexpr std::chrono::seconds kServerPatience{2};
  stdin_.reset();
  EndStage(stages_[DebugMetrics::kGdb], SIGKILL, kServerPatience);
  EndStage(stages_[DebugMetrics::kGdbServer], SIGINT, kServerPatience);
  EndStage(stages_[DebugMetrics::kGateway], SIGTERM, kServerPatience);
  std::error_code ignored;
  if (!work_.empty()) std::filesystem::remove_all(work_, ignored);
  if (plan_) plan_->upload.reset();
}

}  // namespace probegate
