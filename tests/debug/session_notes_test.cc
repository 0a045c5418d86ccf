#include "debug/session_notes.h"

#include <poll.h>

#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace probegate {
namespace {

constexpr SessionNotes::Clock::time_point kPast{};

class SessionNotesTest : public testing::Test {
 protected:
  Quota memory{"memory", {.all = 100, .per_client = 100}};
};

bool IsReadable(int fd) {
  pollfd file{.fd = fd, .events = POLLIN};
  return ::poll(&file, 1, 0) == 1;
}

TEST_F(SessionNotesTest, EachNoteMakesTheFileReadable) {
  SessionNotes notes(10, memory, "c");
  ASSERT_TRUE(notes.ok());
  const std::function<void()> all[] = {[&] { notes.AddInput("x"); },
                                       [&] { notes.Interrupt(); },
                                       [&] { notes.HalfClose(); },
                                       [&] { notes.OutputTaken(); },
                                       [&] { notes.EndTaken(); },
                                       [&] { notes.End({}); },
                                       [&] { notes.ProbesListed(absl::UnavailableError("")); }};
  for (const auto& note : all) {
    EXPECT_FALSE(IsReadable(notes.fd()));
    note();
    EXPECT_TRUE(IsReadable(notes.fd()));
    notes.ReadWakeUps();
  }
}

TEST_F(SessionNotesTest, InputWaitsUntilItIsTaken) {
  SessionNotes notes(10, memory, "c");
  notes.AddInput("one ");
  notes.AddInput("two");
  SessionNotes::Taken taken = notes.Take(false);
  EXPECT_EQ(taken.input, "");
  EXPECT_TRUE(taken.more_input);
  taken = notes.Take(true);
  EXPECT_EQ(taken.input, "one two");
  EXPECT_FALSE(taken.more_input);
  EXPECT_EQ(notes.Take(true).input, "");
}

TEST_F(SessionNotesTest, InputBeyondTheLimitEndsTheSession) {
  SessionNotes notes(10, memory, "c");
  notes.AddInput("0123456789");
  EXPECT_FALSE(notes.Take(true).end);  // only what is waiting counts
  notes.AddInput("0123456789");
  EXPECT_FALSE(notes.Take(false).end);
  notes.AddInput("x");
  const SessionNotes::Taken taken = notes.Take(true);
  ASSERT_TRUE(taken.end);
  EXPECT_EQ(taken.end->cause, DebugEndCause::kInputLimit);
  EXPECT_EQ(taken.input, "");
}

TEST_F(SessionNotesTest, InputCountsUntilItIsGivenBack) {
  SessionNotes notes(10, memory, "c");
  notes.AddInput("one ");
  notes.AddInput("two");
  EXPECT_EQ(memory.taken_by("c"), 7U);
  {
    const SessionNotes::Taken taken = notes.Take(true);
    EXPECT_EQ(memory.taken_by("c"), 7U);
  }
  EXPECT_EQ(memory.taken_by("c"), 0U);
  notes.AddInput("0123456789x");  // ends the session
  EXPECT_EQ(memory.taken_by("c"), 0U);
}

TEST_F(SessionNotesTest, TheListOfProbesIsTakenOnce) {
  SessionNotes notes(10, memory, "c");
  EXPECT_FALSE(notes.Take(true).probes);
  notes.ProbesListed(absl::UnavailableError("none"));
  EXPECT_EQ(notes.Take(false).probes->status().message(), "none");
  EXPECT_FALSE(notes.Take(true).probes);
}

TEST_F(SessionNotesTest, InputAfterTheEndIsDropped) {
  SessionNotes notes(10, memory, "c");
  notes.End({DebugEndCause::kStopping, "stopping"});
  notes.AddInput("x");
  EXPECT_EQ(notes.Take(true).input, "");
}

TEST_F(SessionNotesTest, AnInterruptIsTakenOnceAndAHalfCloseStays) {
  SessionNotes notes(10, memory, "c");
  notes.Interrupt();
  notes.OutputTaken();
  notes.HalfClose();
  SessionNotes::Taken taken = notes.Take(true);
  EXPECT_TRUE(taken.interrupt && taken.output_taken && taken.half_closed);
  taken = notes.Take(true);
  EXPECT_FALSE(taken.interrupt || taken.output_taken);
  EXPECT_TRUE(taken.half_closed);
}

TEST_F(SessionNotesTest, TheFirstEndCounts) {
  SessionNotes notes(10, memory, "c");
  notes.End({DebugEndCause::kClientGone, "gone"});
  notes.End({DebugEndCause::kIdle, "later"});
  EXPECT_EQ(notes.Take(false).end->reason, "gone");
}

TEST_F(SessionNotesTest, WaitsForTheEndToBeTaken) {
  SessionNotes notes(10, memory, "c");
  EXPECT_FALSE(notes.WaitForEndTaken(kPast));
  const std::jthread client([&notes] { notes.EndTaken(); });
  EXPECT_TRUE(notes.WaitForEndTaken(SessionNotes::Clock::now() + std::chrono::hours(1)));
  EXPECT_TRUE(notes.WaitForEndTaken(kPast));
}

}  // namespace
}  // namespace probegate
