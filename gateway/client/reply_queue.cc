#include "gateway/client/reply_queue.h"

#include <utility>

#include "gateway/protocol/error_status.h"

namespace probegate {
namespace {

// An entry, and what a string keeps besides its text.
constexpr uint64_t kEntryCost = 512;

}  // namespace

void ReplyQueue::Await(Waiting request) {
  bytes_ += request.line_bytes;
  cost_ += request.cost;
  entries_.push_back({
      .id = std::string(request.id),
      .request_id = request.request_id,
      .record = std::move(request.record),
      .bytes = request.line_bytes,
      .cost = request.cost,
      .write_result = request.write_result,
      .reply = {},
  });
}

std::string& ReplyQueue::ReplyBuffer(std::string_view id, RequestRecord&& record, ReplyStatus status,
                                     uint64_t request_id) {
  if (entries_.empty()) {
    record_.End(record, request_id, OutcomeOf(status));
    return out_;
  }
  Entry& entry = entries_.emplace_back();
  // The ID is only needed again if the reply is replaced, which happens to posted requests.
  if (request_id != 0) entry.id = id;
  entry.request_id = request_id;
  entry.record = std::move(record);
  entry.status = status;
  return entry.reply;
}

// The entry's reply has been written, or replaced.
void ReplyQueue::NoteReply(Entry& entry) {
  bytes_ -= entry.bytes;
  cost_ -= entry.cost;
  entry.bytes = entry.reply.size() + entry.id.size();
  entry.cost = kEntryCost + entry.reply.capacity() + entry.id.capacity();
  bytes_ += entry.bytes;
  cost_ += entry.cost;
}

void ReplyQueue::AnswerOk(std::string_view id, RequestRecord&& record, std::string_view result, uint64_t request_id) {
  std::string& reply = ReplyBuffer(id, std::move(record), ReplyStatus::kOk, request_id);
  BeginReply(reply, id, ReplyStatus::kOk);
  if (!result.empty()) reply.append(kResultKey).append(result);
  EndReply(reply);
  if (!entries_.empty()) NoteReply(entries_.back());
}

void ReplyQueue::AnswerError(std::string_view id, RequestRecord&& record, ReplyStatus status,
                             std::string_view message) {
  AppendErrorReply(ReplyBuffer(id, std::move(record), status, 0), id, status, message);
  if (!entries_.empty()) NoteReply(entries_.back());
}

void ReplyQueue::AnswerNext(v1::StreamResponse& response) {
  Entry& entry = entries_.front();
  if (response.has_error()) {
    const ReplyStatus status = StatusOfError(response.error().kind());
    WriteError(entry, response.error(), status);
    Finish(status);
    return;
  }
  BeginReply(out_, entry.id, ReplyStatus::kOk);
  if (entry.write_result != nullptr) {
    const size_t before = out_.size();
    out_ += kResultKey;
    if (LongResult::IsLong(response)) {
      result_.emplace(std::move(response));
      return;
    }
    if (!entry.write_result(response, out_)) out_.resize(before);
  }
  EndReply(out_);
  Finish(ReplyStatus::kOk);
}

void ReplyQueue::WritePart() {
  if (!result_->AppendPart(out_)) return;
  result_.reset();
  EndReply(out_);
  Finish(ReplyStatus::kOk);
}

void ReplyQueue::Finish(ReplyStatus status) {
  Entry& entry = entries_.front();
  record_.End(entry.record, entry.request_id, OutcomeOf(status));
  PopFront();
  MoveReadyToOutput();
}

void ReplyQueue::PopFront() {
  bytes_ -= entries_.front().bytes;
  cost_ -= entries_.front().cost;
  entries_.pop_front();
}

void ReplyQueue::MoveReadyToOutput() {
  while (!entries_.empty() && entries_.front().is_ready()) {
    MoveToOutput(entries_.front());
    PopFront();
  }
}

void ReplyQueue::WriteError(const Entry& entry, const v1::ErrorDetail& error, ReplyStatus status) {
  const std::string_view not_found = entry.record.command->not_found_message;
  const bool stock_words = error.kind() == v1::ERROR_KIND_NOT_FOUND && !not_found.empty();
  AppendErrorReply(out_, entry.id, status, stock_words ? not_found : std::string_view(error.message()));
}

void ReplyQueue::MoveToOutput(Entry& entry) {
  if (out_.empty()) {
    out_.swap(entry.reply);
  } else {
    out_ += entry.reply;
  }
  record_.End(entry.record, entry.request_id, OutcomeOf(entry.status));
}

void ReplyQueue::Fail(std::string_view reason, Posted posted) {
  const size_t first = result_ ? 1 : 0;
  for (size_t i = first; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (entry.is_ready() && !(posted == Posted::kFailed && entry.is_posted())) continue;
    entry.status = ReplyStatus::kProbeDisconnected;
    entry.reply.clear();
    AppendErrorReply(entry.reply, entry.id, entry.status, reason);
    NoteReply(entry);
  }
  if (!result_) MoveReadyToOutput();
}

void ReplyQueue::Abandon() {
  for (Entry& entry : entries_) record_.End(entry.record, entry.request_id, Unanswered());
  entries_.clear();
  result_.reset();
  bytes_ = 0;
  cost_ = 0;
}

}  // namespace probegate
