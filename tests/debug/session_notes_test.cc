#include "debug/session_notes.h"

#include <poll.h>

#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace probegate {
namespace {

constexpr SessionNotes::Clock::time_point kPast{};

bool IsReadable(int fd) {
  pollfd file{.fd = fd, .events = POLLIN};
  return ::poll(&file, 1, 0) == 1;
}

TEST(SessionNotesTest, EachNoteMakesTheFileReadable) {
  SessionNotes notes(10);
  ASSERT_TRUE(notes.ok());
  const std::function<void()> all[] = {[&] { notes.AddInput("x"); }, [&] { notes.Interrupt(); },
                                       [&] { notes.HalfClose(); },   [&] { notes.OutputTaken(); },
                                       [&] { notes.EndTaken(); },    [&] { notes.End({}); }};
  for (const auto& note : all) {
    EXPECT_FALSE(IsReadable(notes.fd()));
    note();
    EXPECT_TRUE(IsReadable(notes.fd()));
    notes.ReadWakeUps();
  }
}

TEST(SessionNotesTest, InputWaitsUntilItIsTaken) {
  SessionNotes notes(10);
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

TEST(SessionNotesTest, InputBeyondTheLimitEndsTheSession) {
  SessionNotes notes(10);
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

TEST(SessionNotesTest, InputAfterTheEndIsDropped) {
  SessionNotes notes(10);
  notes.End({DebugEndCause::kStopping, "stopping"});
  notes.AddInput("x");
  EXPECT_EQ(notes.Take(true).input, "");
}

TEST(SessionNotesTest, AnInterruptIsTakenOnceAndAHalfCloseStays) {
  SessionNotes notes(10);
  notes.Interrupt();
  notes.OutputTaken();
  notes.HalfClose();
  SessionNotes::Taken taken = notes.Take(true);
  EXPECT_TRUE(taken.interrupt && taken.output_taken && taken.half_closed);
  taken = notes.Take(true);
  EXPECT_FALSE(taken.interrupt || taken.output_taken);
  EXPECT_TRUE(taken.half_closed);
}

TEST(SessionNotesTest, TheFirstEndCounts) {
  SessionNotes notes(10);
  notes.End({DebugEndCause::kClientGone, "gone"});
  notes.End({DebugEndCause::kIdle, "later"});
  EXPECT_EQ(notes.Take(false).end->reason, "gone");
}

TEST(SessionNotesTest, WaitsForTheEndToBeTaken) {
  SessionNotes notes(10);
  EXPECT_FALSE(notes.WaitForEndTaken(kPast));
  const std::jthread client([&notes] { notes.EndTaken(); });
  EXPECT_TRUE(notes.WaitForEndTaken(SessionNotes::Clock::now() + std::chrono::hours(1)));
  EXPECT_TRUE(notes.WaitForEndTaken(kPast));
}

}  // namespace
}  // namespace probegate
