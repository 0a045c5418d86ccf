#include "debug/process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "gtest/gtest.h"

namespace probegate {
namespace {

ProcessCommand Shell(const std::string& script) {
  return {.words = {"/bin/sh", "-c", script}, .environment = {{"COLOUR", "red"}}, .directory = "/"};
}

// Everything that is written to the pipe until no process has it open for writing any more.
std::string ReadAll(Pipe pipe) {
  {
    const FileDescriptor ours = std::move(pipe.write);
  }
  std::string all;
  char bytes[4096];
  while (true) {
    pollfd file{.fd = pipe.read.number(), .events = POLLIN};
    ::poll(&file, 1, 30'000);
    const ssize_t got = ::read(pipe.read.number(), bytes, sizeof bytes);
    if (got <= 0) return all;
    all.append(bytes, static_cast<size_t>(got));
  }
}

TEST(ProcessTest, HasOnlyTheEnvironmentThatItIsGiven) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  Pipe pipe = *MakePipe();
  const auto process = Process::Start(Shell("env; pwd; grep SigBlk /proc/self/status; cat"), -1, pipe.write.number());
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string said = ReadAll(std::move(pipe));
  EXPECT_NE(said.find("COLOUR=red\n"), std::string::npos) << said;
  EXPECT_EQ(said.find("HOME="), std::string::npos) << said;
  EXPECT_NE(said.find("\n/\n"), std::string::npos) << said;
  EXPECT_NE(said.find("SigBlk:\t0000000000000000"), std::string::npos) << said;
}

TEST(ProcessTest, IsASessionOfItsOwn) {
  const Pipe pipe = *MakePipe();
  const auto process = Process::Start(Shell("exec sleep 3600"), -1, pipe.write.number());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(::getsid(process->pid()), process->pid());
  EXPECT_EQ(::getpgid(process->pid()), process->pid());
}

TEST(ProcessTest, ReportsHowItEnded) {
  Pipe pipe = *MakePipe();
  auto process = Process::Start(Shell("exit 7"), -1, pipe.write.number());
  ASSERT_TRUE(process.ok());
  pollfd file{.fd = process->pidfd(), .events = POLLIN};
  ASSERT_EQ(::poll(&file, 1, 30'000), 1);
  const auto end = process->TryWait();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->ToString(), "exited with code 7");
  EXPECT_EQ(process->TryWait()->number, 7);

  auto killed = Process::Start(Shell("kill -9 $$"), -1, pipe.write.number());
  file.fd = killed->pidfd();
  ASSERT_EQ(::poll(&file, 1, 30'000), 1);
  EXPECT_EQ(killed->TryWait()->ToString(), "was ended by signal 9 (Killed)");
}

TEST(ProcessTest, TheDestructorKillsTheWholeGroup) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  Pipe pipe = *MakePipe();
  {
    // The shell starts one process in the background and then waits for another.
    auto process = Process::Start(Shell("sleep 3600 & echo x; sleep 3600"), -1, pipe.write.number());
    ASSERT_TRUE(process.ok());
    pollfd file{.fd = pipe.read.number(), .events = POLLIN};
    ASSERT_EQ(::poll(&file, 1, 30'000), 1);
    EXPECT_FALSE(process->TryWait());
  }
  // No process has the pipe open any more.
  EXPECT_EQ(ReadAll(std::move(pipe)), "x\n");
}

TEST(ProcessTest, TheErrorNamesAProgramThatCannotBeStarted) {
  Pipe pipe = *MakePipe();
  const auto process = Process::Start({.words = {"/no/such/program"}, .directory = "/"}, -1, pipe.write.number());
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.status().message(), "cannot start /no/such/program: No such file or directory");
}

}  // namespace
}  // namespace probegate
