#include "gateway/client/reply_queue.h"

#include <utility>

#include "gateway/protocol/error_status.h"

namespace probegate {

void ReplyQueue::Await(Waiting request) {
  line_bytes_ += request.line_bytes;
  entries_.push_back({
      .id = std::string(request.id),
      .request_id = request.request_id,
      .record = std::move(request.record),
      .line_bytes = request.line_bytes,
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
  entry.id = id;
  entry.request_id = request_id;
  entry.record = std::move(record);
  entry.status = status;
  return entry.reply;
}

void ReplyQueue::AnswerOk(std::string_view id, RequestRecord&& record, std::string_view result, uint64_t request_id) {
  std::string& reply = ReplyBuffer(id, std::move(record), ReplyStatus::kOk, request_id);
  BeginReply(reply, id, ReplyStatus::kOk);
  if (!result.empty()) reply.append(kResultKey).append(result);
  EndReply(reply);
}

void ReplyQueue::AnswerError(std::string_view id, RequestRecord&& record, ReplyStatus status,
                             std::string_view message) {
  AppendErrorReply(ReplyBuffer(id, std::move(record), status, 0), id, status, message);
}

void ReplyQueue::AnswerNext(const v1::StreamResponse& response) {
  Entry& entry = entries_.front();
  line_bytes_ -= entry.line_bytes;
  const ReplyStatus status = Write(entry, response);
  record_.End(entry.record, entry.request_id, OutcomeOf(status));
  entries_.pop_front();
  while (!entries_.empty() && entries_.front().is_ready()) {
    MoveToOutput(entries_.front());
    entries_.pop_front();
  }
}

ReplyStatus ReplyQueue::Write(const Entry& entry, const v1::StreamResponse& response) {
  if (response.has_error()) {
    const v1::ErrorDetail& error = response.error();
    const ReplyStatus status = StatusOfError(error.kind());
    const std::string_view not_found = entry.record.command->not_found_message;
    const bool stock_words = error.kind() == v1::ERROR_KIND_NOT_FOUND && !not_found.empty();
    AppendErrorReply(out_, entry.id, status, stock_words ? not_found : std::string_view(error.message()));
    return status;
  }
  BeginReply(out_, entry.id, ReplyStatus::kOk);
  if (entry.write_result != nullptr) {
    const size_t before = out_.size();
    out_ += kResultKey;
    if (!entry.write_result(response, out_)) out_.resize(before);
  }
  EndReply(out_);
  return ReplyStatus::kOk;
}

void ReplyQueue::MoveToOutput(Entry& entry) {
  out_ += entry.reply;
  record_.End(entry.record, entry.request_id, OutcomeOf(entry.status));
}

void ReplyQueue::Fail(std::string_view reason, Posted posted) {
  for (Entry& entry : entries_) {
    const bool fails = !entry.is_ready() || (posted == Posted::kFailed && entry.is_posted());
    if (fails) {
      AppendErrorReply(out_, entry.id, ReplyStatus::kProbeDisconnected, reason);
      record_.End(entry.record, entry.request_id, OutcomeOf(ReplyStatus::kProbeDisconnected));
    } else {
      MoveToOutput(entry);
    }
  }
  entries_.clear();
  line_bytes_ = 0;
}

void ReplyQueue::Abandon() {
  for (Entry& entry : entries_) record_.End(entry.record, entry.request_id, Unanswered());
  entries_.clear();
  line_bytes_ = 0;
}

}  // namespace probegate
