#include "access/audit_log.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/mutex.h"
#include "tests/access/folder.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// What a sink has got, and how it behaves. Shared with the log's thread.
class Disk {
 public:
  absl::Status Write(std::string_view line) {
    MutexLock lock(mutex_);
    ++attempts_;
    while (hanging_) wake_.Wait(mutex_);
    if (!failure_.ok()) return failure_;
    lines_.emplace_back(line);
    return absl::OkStatus();
  }
  absl::Status Reopen() {
    MutexLock lock(mutex_);
    ++reopened_;
    return reopen_failure_;
  }
  void Fail(absl::Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  void FailToReopen(absl::Status status) {
    MutexLock lock(mutex_);
    reopen_failure_ = std::move(status);
  }
  void Hang(bool hanging) {
    MutexLock lock(mutex_);
    hanging_ = hanging;
    wake_.NotifyAll();
  }
  std::vector<std::string> lines() {
    MutexLock lock(mutex_);
    return lines_;
  }
  int attempts() {
    MutexLock lock(mutex_);
    return attempts_;
  }
  int reopened() {
    MutexLock lock(mutex_);
    return reopened_;
  }

 private:
  Mutex mutex_;
  CondVar wake_;
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  int attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  int reopened_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status reopen_failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

class DiskSink : public AuditSink {
 public:
  explicit DiskSink(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
  absl::Status Write(std::string_view line) override { return disk_->Write(line); }
  absl::Status Reopen() override { return disk_->Reopen(); }

 private:
  const std::shared_ptr<Disk> disk_;
};

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() : disk(std::make_shared<Disk>()), log(*AuditLog::Start(std::make_unique<DiskSink>(disk))) {}
  ~AuditLogTest() override { disk->Hang(false); }

  void Write(const std::string& reason) { log->Write({.kind = AuditKind::kSessionEnded, .reason = reason}); }

  const std::shared_ptr<Disk> disk;
  std::unique_ptr<AuditLog> log;
};

TEST_F(AuditLogTest, WritesEventsInOrder) {
  Write("first");
  Write("second");
  EXPECT_TRUE(log->Flush());
  EXPECT_THAT(disk->lines(), ElementsAre(HasSubstr("first"), HasSubstr("second")));
  EXPECT_TRUE(log->ok().ok());
}

TEST_F(AuditLogTest, WritesEverythingBeforeItEnds) {
  for (int i = 0; i < 1'000; ++i) Write("x");
  log.reset();
  EXPECT_THAT(disk->lines(), SizeIs(1'000));
}

TEST_F(AuditLogTest, IsNotOkWhileItCannotBeWritten) {
  disk->Fail(absl::UnavailableError("the disk is full"));
  Write("first");
  AwaitTrue([&] { return !log->ok().ok(); }, "the failure");
  EXPECT_EQ(log->ok(), absl::UnavailableError("the audit log: the disk is full"));
  Write("second");
  disk->Fail(absl::OkStatus());
  log->Reopen();
  AwaitTrue([&] { return log->ok().ok(); }, "the end of the failure");
  EXPECT_TRUE(log->Flush());
  EXPECT_THAT(disk->lines(), ElementsAre(HasSubstr("first"), HasSubstr("second")));
  EXPECT_EQ(log->lost(), 0);
}

TEST_F(AuditLogTest, TriesAgainByItself) {
  disk->Fail(absl::UnavailableError("the disk is full"));
  Write("first");
  AwaitTrue([&] { return disk->attempts() >= 2; }, "a second attempt");
  disk->Fail(absl::OkStatus());
  AwaitTrue([&] { return log->ok().ok(); }, "the end of the failure");
}

TEST_F(AuditLogTest, CountsWhatDoesNotFitAndSaysSoInItsPlace) {
  disk->Hang(true);
  Write("first");
  AwaitTrue([&] { return disk->attempts() == 1; }, "the first line");
  uint64_t written = 0;
  const std::string reason(300, 'x');
  while (log->lost() == 0) {
    Write(reason);
    ++written;
  }
  Write("also lost");
  EXPECT_EQ(log->lost(), 2);
  EXPECT_EQ(log->ok(), absl::UnavailableError("the audit log: its queue is full"));
  disk->Hang(false);
  AwaitTrue([&] { return log->ok().ok(); }, "room in the queue");
  Write("last");
  AwaitTrue([&] { return log->Flush(); }, "the last line");
  const std::vector<std::string> lines = disk->lines();
  ASSERT_THAT(lines, SizeIs(1 + (written - 1) + 1 + 1));
  EXPECT_THAT(lines[lines.size() - 2], HasSubstr(R"("event":"events.lost","lost":2)"));
  EXPECT_THAT(lines.back(), HasSubstr("last"));
}

TEST_F(AuditLogTest, IsNotOkIfTheFileCannotBeOpenedAgain) {
  disk->FailToReopen(absl::UnavailableError("no such folder"));
  log->Reopen();
  AwaitTrue([&] { return !log->ok().ok(); }, "the failure");
  EXPECT_EQ(log->ok(), absl::UnavailableError("the audit log: no such folder"));
  Write("first");
  AwaitTrue([&] { return disk->lines().size() == 1; }, "the line");
  disk->FailToReopen(absl::OkStatus());
  AwaitTrue([&] { return log->ok().ok(); }, "another attempt to open it");
  EXPECT_GE(disk->reopened(), 2);
}

TEST_F(AuditLogTest, EndsIfTheSinkHangs) {
  disk->Hang(true);
  Write("first");
  log.reset();
}

TEST_F(AuditLogTest, EndsIfTheSinkFails) {
  disk->Fail(absl::UnavailableError("the disk is full"));
  Write("first");
  Write("second");
  log.reset();
  EXPECT_GE(disk->attempts(), 2);
}

TEST(AuditLog, FollowsARotation) {
  const Folder folder;
  const std::string path = folder.path() + "/audit";
  auto sink = OpenAuditSink(path, "test");
  ASSERT_TRUE(sink.ok()) << sink.status();
  const auto log = AuditLog::Start(*std::move(sink));
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->Write({.reason = "before"});
  EXPECT_TRUE((*log)->Flush());
  std::filesystem::rename(path, path + ".1");
  (*log)->Reopen();
  (*log)->Write({.reason = "after"});
  EXPECT_TRUE((*log)->Flush());
  EXPECT_THAT(Content(path + ".1"), HasSubstr("before"));
  EXPECT_THAT(Content(path), HasSubstr("after"));
}

TEST(AuditLog, NeedsAThread) {
  const NoThreads none;
  const auto log = AuditLog::Start(std::make_unique<DiskSink>(std::make_shared<Disk>()));
  EXPECT_EQ(log.status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace probegate
