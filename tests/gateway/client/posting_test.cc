#include "gateway/client/posting.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

// An empty request of the kind whose field `kMutable` creates.
template <auto kMutable>
v1::StreamRequest Request() {
  v1::StreamRequest request;
  (request.*kMutable)();
  return request;
}
constexpr auto Lock = Request<&v1::StreamRequest::mutable_lock>;
constexpr auto Unlock = Request<&v1::StreamRequest::mutable_unlock>;
constexpr auto Read = Request<&v1::StreamRequest::mutable_read_ap>;
constexpr auto Write = Request<&v1::StreamRequest::mutable_write_ap>;

// The message that is sent if this request waits for an answer.
v1::StreamRequest Send(Posting& posting, v1::StreamRequest request) {
  posting.TakeAlong(request);
  return request;
}

v1::StreamRequest Connect(uint64_t id) {
  v1::StreamRequest request;
  request.set_request_id(id);
  request.mutable_connect();
  return request;
}
v1::StreamResponse ConnectAnswer(uint64_t id) {
  v1::StreamResponse response;
  response.set_request_id(id);
  response.mutable_connect();
  return response;
}

Posting Connected() {
  Posting posting(true);
  v1::StreamRequest connect = Connect(1);
  const Posting::Mark sent = posting.TakeAlong(connect);
  posting.NoteAnswer(ConnectAnswer(1), sent);
  return posting;
}

TEST(Posting, AWriteIsPostedOnlyToAConnectedProbe) {
  Posting posting(true);
  EXPECT_FALSE(posting.Admits(Write()));
  v1::StreamRequest connect = Connect(1);
  const Posting::Mark sent = posting.TakeAlong(connect);
  EXPECT_FALSE(posting.Admits(Write()));
  posting.NoteAnswer(ConnectAnswer(1), sent);
  EXPECT_TRUE(posting.Admits(Write()));
}

TEST(Posting, TheAnswerToAnEarlierConnectDoesNotCount) {
  Posting posting(true);
  v1::StreamRequest connect = Connect(1);
  const Posting::Mark sent = posting.TakeAlong(connect);
  v1::StreamRequest disconnect;
  disconnect.set_request_id(2);
  disconnect.mutable_disconnect();
  posting.TakeAlong(disconnect);
  posting.NoteAnswer(ConnectAnswer(1), sent);
  EXPECT_FALSE(posting.Admits(Write()));
}

TEST(Posting, ALockAndItsUnlockAreHeldTogether) {
  Posting posting = Connected();
  EXPECT_EQ(posting.Post(Lock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Write(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.TakeHeld().posted_size(), 3);
  EXPECT_FALSE(posting.holds_any());
}

// Gives the server a lock to hold.
void LockAndRead(Posting& posting) {
  EXPECT_EQ(posting.Post(Lock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(Send(posting, Read()).posted_size(), 1);
}

TEST(Posting, AnUnlockOfALockThatTheServerHasIsHeldBriefly) {
  Posting posting = Connected();
  LockAndRead(posting);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kBriefly);
  EXPECT_TRUE(posting.TakeHeld().posted(0).has_unlock());
  // The next request is held as usual.
  EXPECT_EQ(posting.Post(Lock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kYes);
}

TEST(Posting, AnUnlockThatWasHeldTooLongIsSentWithoutTheRequestsAfterIt) {
  Posting posting = Connected();
  LockAndRead(posting);
  EXPECT_EQ(posting.Post(Write(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Unlock(), Posting::kHeldBytes - 80), Posting::Hold::kBriefly);
  EXPECT_EQ(posting.Post(Lock(), 30), Posting::Hold::kYes);
  const v1::StreamRequest unlock = posting.TakeUnlock();
  ASSERT_EQ(unlock.posted_size(), 2);
  EXPECT_TRUE(unlock.posted(0).has_write_ap());
  EXPECT_TRUE(unlock.posted(1).has_unlock());
  EXPECT_EQ(posting.TakeUnlock().posted_size(), 0);
  // What was sent no longer counts toward a full message, and the server does not have the next lock yet.
  EXPECT_EQ(posting.Post(Write(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kYes);
  const v1::StreamRequest rest = posting.TakeHeld();
  ASSERT_EQ(rest.posted_size(), 3);
  EXPECT_TRUE(rest.posted(0).has_lock());
}

TEST(Posting, AnUnlockThatWasTakenAlongIsNotSentAgain) {
  Posting posting = Connected();
  LockAndRead(posting);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kBriefly);
  EXPECT_EQ(Send(posting, Read()).posted_size(), 1);
  EXPECT_EQ(posting.Post(Write(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.TakeUnlock().posted_size(), 0);
  EXPECT_TRUE(posting.holds_any());
}

TEST(Posting, OnlyTheOutermostUnlockCounts) {
  Posting posting = Connected();
  EXPECT_EQ(posting.Post(Lock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Lock(), 40), Posting::Hold::kYes);
  Send(posting, Read());
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kBriefly);
}

TEST(Posting, ManyHeldBytesAreSentAtOnce) {
  Posting posting = Connected();
  EXPECT_EQ(posting.Post(Write(), Posting::kHeldBytes - 1), Posting::Hold::kYes);
  EXPECT_EQ(posting.Post(Write(), 1), Posting::Hold::kNo);
}

TEST(Posting, WritesAreOutstandingUntilALaterAnswer) {
  Posting posting = Connected();
  v1::StreamRequest early = Read();
  const Posting::Mark before = posting.TakeAlong(early);
  EXPECT_EQ(posting.Post(Write(), 40), Posting::Hold::kYes);
  EXPECT_EQ(posting.writes_outstanding(), 1U);
  v1::StreamRequest late = Read();
  const Posting::Mark after = posting.TakeAlong(late);
  posting.NoteAnswer({}, before);
  EXPECT_EQ(posting.writes_outstanding(), 1U);
  posting.NoteAnswer({}, after);
  EXPECT_EQ(posting.writes_outstanding(), 0U);
}

TEST(Posting, AnUnlockIsPostedOnlyIfThereIsALock) {
  Posting posting(true);
  EXPECT_FALSE(posting.Admits(Unlock()));
  v1::StreamResponse locked;
  locked.mutable_lock();
  posting.NoteAnswer(locked, {});
  ASSERT_TRUE(posting.Admits(Unlock()));
  EXPECT_EQ(posting.Post(Unlock(), 40), Posting::Hold::kBriefly);
  EXPECT_FALSE(posting.Admits(Unlock()));
}

}  // namespace
}  // namespace probegate
