#include "gateway/client/client_record.h"

#include <utility>

#include "base/session_name.h"

namespace probegate {

ClientRecord::ClientRecord(std::string probe, std::string peer, GatewayMetrics& metrics, Log& log)
    : probe_(std::move(probe)), peer_(std::move(peer)), metrics_(metrics), log_(log), received_at_(Clock::now()) {}

void ClientRecord::Connected() {
  connected_ = true;
  log_.Info("client.connected", {{"probe", probe_}, {"client", peer_}});
}

void ClientRecord::Disconnected() {
  if (const uint64_t count = bad_lines_.TakeHeldBack(); count > 0) WarnOfBadLines(count);
  if (!connected_) return;
  log_.Info("client.disconnected", {{"probe", probe_},
                                    {"client", peer_},
                                    {"session", session_},
                                    {"requests", requests_},
                                    {"bytes_in", bytes_in_},
                                    {"bytes_out", bytes_out_}});
}

void ClientRecord::Received(size_t bytes) {
  received_at_ = Clock::now();
  bytes_in_ += bytes;
  metrics_.bytes_in.Add(static_cast<double>(bytes));
}

void ClientRecord::Sent(size_t bytes) {
  bytes_out_ += bytes;
  metrics_.bytes_out.Add(static_cast<double>(bytes));
}

RequestRecord ClientRecord::Begin(const Command* command, std::string_view trace_id) {
  ++requests_;
  RequestRecord request{.command = command, .trace = {}, .scope{metrics_.request(command), Unanswered(), received_at_}};
  if (log_.enabled(LogLevel::kDebug)) request.trace = trace_id;
  return request;
}

void ClientRecord::End(RequestRecord& request, uint64_t request_id, size_t outcome) {
  request.scope.Finish(outcome, Clock::now());
  if (!log_.enabled(LogLevel::kDebug)) return;
  const auto time = std::chrono::duration_cast<std::chrono::microseconds>(request.scope.waited());
  log_.Debug("request.done", {{"probe", probe_},
                              {"client", peer_},
                              {"session", session_},
                              {"request", request_id},
                              {"command", RequestName(request.command)},
                              {"status", ReplyOutcomeName(outcome)},
                              {"us", static_cast<int64_t>(time.count())},
                              {"trace", request.trace}});
}

void ClientRecord::BadLine(std::string_view why) {
  metrics_.bad_lines.Add();
  last_bad_line_ = why;
  if (const auto count = bad_lines_.Admit(received_at_)) WarnOfBadLines(*count);
}

void ClientRecord::WarnOfBadLines(uint64_t count) {
  log_.Warning("client.bad_lines",
               {{"probe", probe_}, {"client", peer_}, {"count", count}, {"reason", last_bad_line_}});
}

void ClientRecord::SessionOpened(std::string_view session_id) {
  session_ = SessionName(session_id);
  log_.Info("session.opened", {{"probe", probe_}, {"client", peer_}, {"session", session_}});
}

void ClientRecord::SessionLost(std::string_view reason) {
  metrics_.sessions_lost.Add();
  log_.Warning("session.lost", {{"probe", probe_}, {"client", peer_}, {"session", session_}, {"reason", reason}});
}

void ClientRecord::PostedInVain(std::string_view reason) {
  log_.Warning("client.posted_in_vain",
               {{"probe", probe_}, {"client", peer_}, {"session", session_}, {"reason", reason}});
}

}  // namespace probegate
