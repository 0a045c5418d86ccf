#include "cli/memory/target_memory.h"

#include <algorithm>
#include <utility>

#include "base/request_limits.h"
#include "cli/print/client_text.h"
#include "cli/print/complain.h"
#include "cli/print/failure.h"

namespace probegate {
namespace {

constexpr size_t kBytesPerRequest = 256 * 1024;
constexpr uint64_t kWordsPerRequest = kBytesPerRequest / sizeof(uint32_t);
static_assert(kBytesPerRequest <= kMaxBlockBytes);
// How many single accesses may be unanswered at the same time.
constexpr uint64_t kAccessesInFlight = 100;
static_assert(kAccessesInFlight < kMaxUnanswered, "the server must keep reading while they are unanswered");
constexpr std::chrono::seconds kPatience{2};  // before the wait is explained to the user

}  // namespace

TargetMemory::TargetMemory(ServerClient& server, const v1::ClientInfo& client, const std::string& probe,
                           const MemoryPath& path)
    : server_(server),
      wanted_(probe),
      timeout_(path.timeout),
      stream_(server.debug_probe().Stream(&context_)),
      waiting_(kPatience, [this] { Explain(); }, path.timeout, [this] { context_.TryCancel(); }) {
  v1::StreamRequest session;
  session.mutable_open_session()->set_probe(probe);
  *session.mutable_open_session()->mutable_client() = client;
  probe_ = Ask(session).open_session().probe().unique_id();
  v1::StreamRequest open;
  open.mutable_open();
  Ask(open);
  if (path.clock) SetClock(*path.clock);
  v1::StreamRequest connect;
  connect.mutable_connect();
  Ask(connect);
  // An APSEL has 8 bits; a larger number is the address of an ADIv6 AP.
  v1::StreamRequest interface;
  interface.mutable_get_memory_interface_for_ap()->set_ap_version(path.ap <= 0xFF ? 1 : 2);
  interface.mutable_get_memory_interface_for_ap()->set_address(path.ap);
  *interface.mutable_get_memory_interface_for_ap()->mutable_attributes() = path.attributes;
  const v1::StreamResponse found = Ask(interface);
  if (!found.get_memory_interface_for_ap().has_handle()) {
    throw Failure(ExitCode::kFailed, "AP " + std::to_string(path.ap) + " of " + probe_ +
                                         " is not a MEM-AP; --ap takes another APSEL or, for an ADIv6 target such as " +
                                         "the RP2350, the AP's address");
  }
  handle_ = found.get_memory_interface_for_ap().handle();
  const bool wanted = path.attributes.has_secure() || path.attributes.has_privileged();
  if (wanted && !found.get_memory_interface_for_ap().has_attributes()) {
    throw Failure(ExitCode::kUnreachable,
                  "the server is too old for --secure, --non-secure, --privileged and --user: update it");
  }
}

TargetMemory::~TargetMemory() {
  if (finished_) return;
  waiting_.Begin();
  stream_->WritesDone();
  // Read until the session has ended, so that the probe is free when the program exits. The responses do not matter.
  v1::StreamResponse response;
  while (stream_->Read(&response)) {
  }
  stream_->Finish();
}

void TargetMemory::SetClock(uint32_t hertz) {
  v1::StreamRequest request;
  request.mutable_set_clock()->set_frequency_hz(hertz);
  const uint32_t runs = Ask(request).set_clock().frequency_hz();
  if (runs == 0 || runs == hertz) return;  // 0: the server is too old to say
  Complain("the clock is " + std::to_string(runs) + " Hz instead of " + std::to_string(hertz) +
           " Hz: the probe or its settings do not allow that frequency, or another session asked for a lower one");
}

std::vector<uint32_t> TargetMemory::Read(uint64_t address, uint64_t count, unsigned width) {
  std::vector<uint32_t> values;
  while (width == 32 && values.size() < count) {
    v1::StreamRequest request;
    v1::ReadBlock32Request& read = *request.mutable_read_block32();
    read.set_handle(handle_);
    read.set_address(address + values.size() * 4);
    read.set_word_count(static_cast<uint32_t>(std::min(count - values.size(), kWordsPerRequest)));
    const v1::StreamResponse response = Ask(std::move(request));
    values.insert(values.end(), response.read_block32().values().begin(), response.read_block32().values().end());
  }
  for (uint64_t sent = 0; values.size() < count;) {
    for (; sent < count && sent - values.size() < kAccessesInFlight; ++sent) {
      v1::StreamRequest request;
      v1::ReadMemRequest& read = *request.mutable_read_mem();
      read.set_handle(handle_);
      read.set_address(address + sent * (width / 8));
      read.set_transfer_size(width);
      Send(std::move(request));
    }
    values.push_back(Receive().read_mem().value());
  }
  return values;
}

void TargetMemory::Write(uint64_t address, const std::vector<uint32_t>& values, unsigned width) {
  if (width == 32) {
    v1::StreamRequest request;
    v1::WriteBlock32Request& write = *request.mutable_write_block32();
    write.set_handle(handle_);
    write.set_address(address);
    write.mutable_values()->Add(values.begin(), values.end());
    Ask(std::move(request));
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    v1::StreamRequest request;
    v1::WriteMemRequest& write = *request.mutable_write_mem();
    write.set_handle(handle_);
    write.set_address(address + i * (width / 8));
    write.set_transfer_size(width);
    write.set_value(values[i]);
    Ask(std::move(request));
  }
}

void TargetMemory::WriteBytes(uint64_t address, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size(); done += kBytesPerRequest) {
    v1::StreamRequest request;
    v1::WriteBlock8Request& write = *request.mutable_write_block8();
    write.set_handle(handle_);
    write.set_address(address + done);
    write.set_data(bytes.substr(done, kBytesPerRequest));
    Ask(std::move(request));
  }
}

v1::StreamResponse TargetMemory::Ask(v1::StreamRequest request) {
  Send(std::move(request));
  return Receive();
}

void TargetMemory::Send(v1::StreamRequest request) {
  waiting_.Begin();
  if (!stream_->Write(request)) Lost();
  waiting_.End();
}

v1::StreamResponse TargetMemory::Receive() {
  v1::StreamResponse response;
  waiting_.Begin();
  if (!stream_->Read(&response)) Lost();
  waiting_.End();
  if (response.has_error()) Throw(response.error());
  return response;
}

void TargetMemory::Lost() {
  finished_ = true;
  const grpc::Status status = stream_->Finish();
  if (waiting_.gave_up()) {
    const std::string late = "no answer within " + std::to_string(timeout_.count()) + " s (--timeout)";
    if (const std::string holder = Holder(); !holder.empty()) throw Failure(ExitCode::kBusy, late + ": " + holder);
    throw Failure(ExitCode::kFailed, late);
  }
  server_.Check(status);
  throw Failure(ExitCode::kFailed, "the server ended the session");
}

std::string TargetMemory::Holder() const {
  const v1::ListSessionsResponse sessions = server_.ListSessions(wanted_);
  for (const v1::SessionInfo& session : sessions.sessions()) {
    if (!session.holds_lock()) continue;
    return "session " + session.session() + " of " + Who(session) + " holds the lock of " + session.probe();
  }
  return {};
}

void TargetMemory::Explain() const {
  try {
    const std::string holder = Holder();
    Complain("waiting: " + (holder.empty() ? std::string("the probe has not answered yet") : holder));
  } catch (const Failure&) {
    // The thread that waits for the answer gets the same error, so nothing is reported here.
  }
}

}  // namespace probegate
