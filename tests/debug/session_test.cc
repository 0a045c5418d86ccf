// Debugging sessions from start to end, with scripts in place of the programs.
#include "debug/session.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "debug/sessions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/access/service/rules.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

class FakeClient final : public DebugClient {
 public:
  void OnOutput(std::string bytes) override {
    MutexLock lock(mutex_);
    output_ += bytes;
    changed_.NotifyAll();
    if (reads_ && session_ != nullptr) session_->OutputTaken();
  }
  void OnEnd(const DebugEnd& end) override {
    MutexLock lock(mutex_);
    end_ = end;
    changed_.NotifyAll();
    if (session_ != nullptr) session_->EndTaken();
  }
  void GiveUp() override {}

  void Attach(std::shared_ptr<DebugSession> session, bool reads = true) {
    MutexLock lock(mutex_);
    reads_ = reads;
    session_ = std::move(session);
    if (reads_) session_->OutputTaken();
    if (end_) session_->EndTaken();
  }
  DebugEnd WaitForEnd() {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + kWaitBound;
    while (!end_) {
      if (changed_.WaitUntil(mutex_, deadline) || end_) continue;
      ADD_FAILURE() << "the session has not ended; gdb's output: " << output_;
      end_.emplace();
    }
    session_ = nullptr;
    return *end_;
  }
  size_t output_bytes() {
    MutexLock lock(mutex_);
    return output_.size();
  }
  void WaitForOutput(const std::string& text) {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + kWaitBound;
    while (output_.find(text) == std::string::npos && !end_) {
      if (!changed_.WaitUntil(mutex_, deadline)) break;
    }
    EXPECT_NE(output_.find(text), std::string::npos) << output_ << (end_ ? end_->reason : "");
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::string output_ ABSL_GUARDED_BY(mutex_);
  std::optional<DebugEnd> end_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<DebugSession> session_ ABSL_GUARDED_BY(mutex_);
  bool reads_ ABSL_GUARDED_BY(mutex_) = true;
};

constexpr char kServes[] = R"(echo '{"event":"probe.served","probe":"A1","port":4711}')";
constexpr char kListens[] = "echo \"GDB server listening on port 4712\"";
constexpr char kStays[] = "\nexec sleep 3600";
// Prints "ready" and repeats each line that it reads. On "run" it loops until it is interrupted; on "quit" it exits
// with code 3. The tests send signals only while it loops, because shells differ in what a signal does to `read`.
constexpr char kGdb[] = R"(trap 'stopped=yes' INT
echo ready
while read line; do
  case "$line" in
    quit) exit 3 ;;
    run)
      echo running
      while [ -z "$stopped" ]; do :; done
      stopped=
      echo interrupted ;;
    *) echo "got $line" ;;
  esac
done
echo end of input
exit 0)";

const Caller kClient(Peer{.address = "h:1", .host = "h", .client = "h"});
const Caller kOther(Peer{.address = "i:1", .host = "i", .client = "i"});

ProbesAnswer OneProbe() {
  auto list = std::make_shared<ProbeList>();
  list->probes.emplace_back().status.mutable_description()->set_unique_id("A1");
  return list;
}

class DebugSessionTest : public testing::Test {
 protected:
  DebugSessionTest() {
    std::signal(SIGPIPE, SIG_IGN);
    std::filesystem::create_directory(folder.path / "work");
    work = *WorkFolder::Make(folder.path / "work", log);
    // Does what probegate-launch does, without the confinement.
    folder.Script("launch", "while [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"");
    folder.Write("elf/a.elf",
                 "\x7f"
                 "ELF");
    Gateway(std::string(kServes) + kStays);
    Server(std::string(kListens) + kStays);
    Gdb(kGdb);
    recipes = std::make_unique<RecipeBook>(*RecipeBook::Read("f",
                                                             "recipes: [{name: r, boards: [b], server: [" +
                                                                 (folder.path / "server").string() +
                                                                 "], gdb: " + (folder.path / "gdb").string() + "}]",
                                                             ""));
    elf_files = std::make_unique<ElfFiles>(*ElfFiles::Make({folder.path / "elf"}));
  }
  void Gateway(const std::string& body) { folder.Script("gateway", body); }
  void Server(const std::string& body) { folder.Script("server", body); }
  void Gdb(const std::string& body) { folder.Script("gdb", body); }

  // Starts a session, with what the test has set before.
  std::shared_ptr<DebugSession> Start(bool reads = true) {
    quotas = std::make_unique<DebugQuotas>(quota_limits);
    context = std::make_unique<DebugContext>(DebugContext{.tools = {.launcher = folder.path / "launch",
                                                                    .gateway = folder.path / "gateway",
                                                                    .servers = {"s:1"},
                                                                    .confined = false},
                                                          .sources = {.recipes = *recipes,
                                                                      .elf_files = *elf_files,
                                                                      .uploads = uploads,
                                                                      .access = access,
                                                                      .list_probes = list_probes},
                                                          .limits = limits,
                                                          .work = *work,
                                                          .quotas = *quotas,
                                                          .timers = timers,
                                                          .elf_disk = disk,
                                                          .work_disk = disk,
                                                          .metrics = metrics,
                                                          .audit = audit,
                                                          .log = log});
    sessions = std::make_unique<DebugSessions>(*context);
    auto session = *sessions->Start(Config(), caller, client);
    client->Attach(session, reads);
    return session;
  }
  // What the audit log has so far.
  std::string Audited() {
    EXPECT_TRUE(audit_log->Flush());
    std::ifstream file(folder.path / "audit.log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  static DebugConfig Config() {
    DebugConfig config;
    config.port = {{"port", "A1"}};
    config.fqbn = "b";
    config.import_file = "a.elf";
    return config;
  }
  // Checks that the sessions have left no files.
  void TearDown() override {
    sessions = nullptr;
    timers.Stop();
    work = nullptr;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path / "work"), {}), 0);
  }

  TemporaryFolder folder;
  Log log{LogFormat::kText, LogLevel::kError};
  Quota upload_quota{"uploads", {.all = 1, .per_client = 1}};
  Workers disk{1};
  Timers timers;
  UploadStore uploads{folder.path, {}, upload_quota, timers, disk};
  std::unique_ptr<RecipeBook> recipes;
  std::unique_ptr<ElfFiles> elf_files;
  MetricSet metric_set;
  DebugMetrics metrics{metric_set};
  const std::unique_ptr<AuditLog> audit_log = *AuditLog::Open((folder.path / "audit.log").string(), "test");
  const DebugAudit audit{audit_log.get()};
  AccessControl access{{.restricts = true, .identifies = true, .serves = Right::kDebug, .token_grace = {{}}},
                       OpenToAll()};
  Caller caller = kClient;
  DebugLimits limits;
  DebugQuotaLimits quota_limits;
  std::function<void(ProbesCallback)> list_probes = [](const ProbesCallback& done) { done(OneProbe()); };
  std::unique_ptr<WorkFolder> work;
  std::unique_ptr<DebugQuotas> quotas;
  std::unique_ptr<DebugContext> context;
  std::shared_ptr<FakeClient> client = std::make_shared<FakeClient>();
  std::unique_ptr<DebugSessions> sessions;
};

TEST_F(DebugSessionTest, TheClientTalksToGdbUntilGdbExits) {
  const auto session = Start();
  session->Input("one\n");
  client->WaitForOutput("ready\ngot one\n");
  session->Input("run\n");
  client->WaitForOutput("running\n");
  session->Interrupt();
  client->WaitForOutput("interrupted\n");
  session->Input("quit\n");
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.reason, "gdb exited with code 3");
  EXPECT_EQ(end.gdb_exit_code, 3);
  EXPECT_EQ(end.code, absl::StatusCode::kOk);
}

TEST_F(DebugSessionTest, InputBeforeAHalfCloseStillReachesGdb) {
  limits.half_close = std::chrono::hours(1);
  const auto session = Start();
  session->Input("one\n");
  session->HalfClose();
  client->WaitForOutput("got one\nend of input\n");
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
}

TEST_F(DebugSessionTest, AGdbThatDoesNotEndAfterAHalfCloseIsKilled) {
  Gdb("echo ready; exec sleep 3600");
  const auto session = Start();
  session->HalfClose();
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kHalfClosed);
}

TEST_F(DebugSessionTest, TheReasonForALostProbeComesFromTheGateway) {
  const auto lost = R"(echo '{"event":"session.lost","probe":"A1","reason":"it fell"}')";
  Gateway(std::string(kServes) + "\nwhile [ ! -e " + (folder.path / "go").string() + " ]; do sleep 0.01; done\n" +
          lost + kStays);
  const auto session = Start();
  client->WaitForOutput("ready");
  folder.Write("go", "");
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.reason, "probe A1 is lost: it fell");
  EXPECT_EQ(end.code, absl::StatusCode::kUnavailable);
}

TEST_F(DebugSessionTest, TheEndNamesTheStageThatFailedAndQuotesItsLastLines) {
  Server("echo no target; exit 1");
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().reason, "stage gdbserver: exited with code 1; its last lines:\nno target");
}

TEST_F(DebugSessionTest, AStageThatIsNotReadyInTimeFails) {
  limits.start = std::chrono::milliseconds(50);
  Gateway("exec sleep 3600");
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().reason, "stage gateway: was not ready in time (--start-time)");
}

TEST_F(DebugSessionTest, AGdbThatExitsWithoutOutputFails) {
  Gdb("exit 4");
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().reason, "stage gdb: exited with code 4");
}

TEST_F(DebugSessionTest, TooMuchUnreadInputEndsTheSession) {
  limits.input_bytes = 200'000;
  Gdb("echo ready; exec sleep 3600");
  const auto session = Start();
  client->WaitForOutput("ready");
  for (int i = 0; i < 100; ++i) session->Input(std::string(10'000, 'x'));
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kInputLimit);
}

TEST_F(DebugSessionTest, EndEndsTheSessionWithTheFirstReason) {
  const auto session = Start();
  client->WaitForOutput("ready");
  session->End({DebugEndCause::kClientGone, "gone"});
  session->End({DebugEndCause::kIdle, "later"});
  EXPECT_EQ(client->WaitForEnd().reason, "gone");
}

TEST_F(DebugSessionTest, StopEndsASessionThatIsStarting) {
  const auto session = Start();
  sessions->Stop();
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kStopping);
  const auto refused = sessions->Start({}, kClient, client);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(DebugSessionTest, ASessionIsRefusedWhileAnEndedOneIsNotJoined) {
  quota_limits.sessions.per_client = 1;
  const auto first = Start();
  const auto other = std::make_shared<FakeClient>();
  const auto second = *sessions->Start(Config(), kOther, other);
  other->Attach(second);
  first->End({DebugEndCause::kClientGone, "gone"});
  client->WaitForEnd();
  // Its thread releases it last. After that, only its entry and this test have a reference.
  const auto bound = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (first.use_count() > 2 && std::chrono::steady_clock::now() < bound) std::this_thread::yield();
  EXPECT_EQ(first.use_count(), 2);
  const auto refused = sessions->Start(Config(), kOther, other);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  sessions->Stop();
  EXPECT_EQ(other->WaitForEnd().cause, DebugEndCause::kStopping);
}

TEST_F(DebugSessionTest, ASessionIsRefusedIfNoThreadCanBeStarted) {
  const auto session = Start();
  const auto other = std::make_shared<FakeClient>();
  {
    const NoThreads no_threads;
    const auto refused = sessions->Start(Config(), kClient, other);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(refused.status().message()),
                testing::StartsWith("cannot start a thread for the debugging session: "));
  }
  EXPECT_EQ(metrics.ended(DebugEndCause::kRefused).value(), 1);
  // The refused session leaves nothing behind, and the running one is not affected.
  session->Input("quit\n");
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
}

TEST_F(DebugSessionTest, ASessionEndsWhileTheServersDoNotAnswer) {
  ProbesCallback asked;
  list_probes = [&asked](ProbesCallback done) { asked = std::move(done); };
  const auto session = Start();
  session->End({DebugEndCause::kClientGone, "gone"});
  EXPECT_EQ(client->WaitForEnd().reason, "gone");
  sessions->Stop();
  ASSERT_TRUE(asked);
  asked(OneProbe());  // too late
}

TEST_F(DebugSessionTest, TheEndSaysThatNoServerAnswers) {
  list_probes = [](const ProbesCallback& done) { done(absl::UnavailableError("no server answers")); };
  const auto session = Start();
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.reason, "no server answers");
  EXPECT_EQ(end.code, absl::StatusCode::kUnavailable);
}

TEST_F(DebugSessionTest, WhatASessionLeavesDoesNotStayWhateverItIs) {
  Gdb("mkdir -p deep/deep/deep; chmod 0 deep/deep; mkdir none; chmod 0 none; chmod 0 .; echo ready; read line; exit 0");
  for (int i = 0; i < 2; ++i) {
    client = std::make_shared<FakeClient>();
    sessions = nullptr;
    const auto session = Start();
    session->Input("quit\n");
    EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
  }
  sessions->Stop();
  EXPECT_EQ(work->trash().size(), 0U);
}

TEST_F(DebugSessionTest, AnEndedSessionTakesNothingFromTheQuotas) {
  const auto session = Start();
  session->Input("one\n");
  client->WaitForOutput("got one\n");
  EXPECT_EQ(quotas->sessions.taken_by("h"), 1U);
  session->Input("quit\n");
  client->WaitForEnd();
  sessions->Stop();
  EXPECT_EQ(quotas->sessions.taken_by("h"), 0U);
  EXPECT_EQ(quotas->memory.taken_by("h"), 0U);
}

TEST_F(DebugSessionTest, ASessionThatTakesTooLongIsEnded) {
  limits.max_time = std::chrono::milliseconds(50);
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kTooLong);
}

TEST_F(DebugSessionTest, AClientThatDoesNotReadStopsGdb) {
  Gdb("head -c 1000000 /dev/zero");
  limits.idle = std::chrono::milliseconds(500);
  const auto session = Start(false);
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kIdle);
  EXPECT_GT(client->output_bytes(), 0U);
  EXPECT_LE(client->output_bytes(), size_t{64} << 10);
}

TEST_F(DebugSessionTest, AClientThatReadsGetsAllOutput) {
  Gdb("head -c 1000000 /dev/zero");
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
  EXPECT_EQ(client->output_bytes(), 1'000'000U);
}

TEST_F(DebugSessionTest, TheRateDoesNotDelayTheLastOutput) {
  limits.output_bytes_per_second = 0.001;
  Gdb("echo ready; read line; echo bye");
  const auto session = Start();
  client->WaitForOutput("ready\n");
  session->Input("go\n");
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
  client->WaitForOutput("ready\nbye\n");
}

TEST_F(DebugSessionTest, GdbGetsAllPiecesOfInput) {
  limits.half_close = std::chrono::hours(1);
  Gdb("echo ready; wc -c");
  const auto session = Start();
  for (int i = 0; i < 200; ++i) session->Input(std::string(10'000, 'x'));
  session->HalfClose();
  EXPECT_EQ(client->WaitForEnd().cause, DebugEndCause::kGdbExited);
  client->WaitForOutput("2000000\n");
}

TEST_F(DebugSessionTest, TheIdleTimeStartsWithGdbsFirstOutput) {
  limits.idle = std::chrono::milliseconds(1);
  limits.start = std::chrono::milliseconds(100);
  Gateway("exec sleep 3600");
  const auto session = Start();
  EXPECT_EQ(client->WaitForEnd().reason, "stage gateway: was not ready in time (--start-time)");
}

// --- Who may do this

TEST_F(DebugSessionTest, ASessionEndsWhenTheAccessFileNoLongerAllowsIt) {
  caller = TokenCaller("a");
  access.SetCurrent(Rules("rules: [{name: all, who: {token: a}, may: [debug]}]"));
  const auto session = Start();
  client->WaitForOutput("ready");
  sessions->CheckAccess();
  session->Input("one\n");
  client->WaitForOutput("got one");
  access.SetCurrent(Rules("rules: [{who: {token: a}, probes: {uid: A2}, may: [debug]}]"));
  sessions->CheckAccess();
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.cause, DebugEndCause::kDenied);
  EXPECT_EQ(end.code, absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(end.reason,
            "the access file has changed: token:a does not have the right `debug` for the probe A1; ask the "
            "administrator for a rule that gives it");
  sessions->Stop();
  EXPECT_THAT(Audited(), testing::AllOf(testing::HasSubstr(R"("event":"session.opened","decision":"allowed")"),
                                        testing::HasSubstr(R"("identity":"token:a","proof":"token")"),
                                        testing::HasSubstr(R"("probe":"A1","session":"1")"),
                                        testing::HasSubstr(R"-("rule":"all (line 1)")-"),
                                        testing::HasSubstr(R"("event":"session.ended")"),
                                        testing::HasSubstr(R"("reason":"denied: the access file has changed)")));
}

TEST_F(DebugSessionTest, ASessionEndsOnceItsTokenHasExpiredAndTheGraceIsOver) {
  caller = TokenCaller("a");
  caller.identity.expires = absl::Now();
  Start();
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.cause, DebugEndCause::kExpired);
  EXPECT_EQ(end.code, absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(end.reason, testing::HasSubstr("the token of token:a expired at"));
}

TEST_F(DebugSessionTest, AProbeThatTheClientMayNotDebugOnIsRefused) {
  caller = TokenCaller("a");
  access.SetCurrent(Rules("rules: [{who: {token: a}, may: [view]}]"));
  Start();
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.cause, DebugEndCause::kDenied);
  EXPECT_THAT(end.reason, testing::StartsWith("token:a does not have the right `debug` for the probe A1"));
  EXPECT_EQ(Audited(), "") << "it did not begin";
}

TEST_F(DebugSessionTest, AProbeThatTheClientMayNotSeeIsNotThere) {
  caller = TokenCaller("a");
  access.SetCurrent(Rules("rules: [{who: {token: a}, probes: {uid: A2}, may: [view, debug]}]"));
  Start();
  const DebugEnd end = client->WaitForEnd();
  EXPECT_EQ(end.code, absl::StatusCode::kNotFound);
  EXPECT_EQ(end.reason, "no probe matches port \"A1\"; the known probes are: none");
}

TEST_F(DebugSessionTest, TheLimitOfTheRulesCountsForTheIdentity) {
  caller = TokenCaller("a");
  caller.limits.sessions = 1;
  const auto first = Start();
  client->WaitForOutput("ready");
  Caller elsewhere = TokenCaller("a", "10.0.0.2");
  elsewhere.limits.sessions = 1;
  const auto other = std::make_shared<FakeClient>();
  const auto refused = sessions->Start(Config(), elsewhere, other);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("one client is 1, and token:a has 1"));
  first->End({DebugEndCause::kClientGone, "gone"});
  client->WaitForEnd();
}

}  // namespace
}  // namespace probegate
