#include "gateway/port_check.h"

#include <string>
#include <utility>

#include "base/endpoint.h"
#include "base/self_connection.h"

namespace probegate {
namespace {

constexpr char kHello[] = "{\"id\":1,\"request\":\"hello\",\"arguments\":[1]}\n";

// Why there is no reply to a `hello` at `port`; empty if there is one.
std::string SayHello(ProbePort& port, Deadline deadline) {
  const SelfConnector connector({"127.0.0.1", port.port()}, [&port](const Endpoint& from) { port.Expect(from); });
  const OpenedSocket opened = connector.Connect(deadline);
  if (opened.error != 0) return "cannot connect: " + ErrorText(opened.error);
  const int socket = opened.socket.number();
  if (const int error = SendAll(socket, kHello, deadline)) return ErrorText(error);
  std::string reply;
  while (!reply.ends_with('\n')) {
    const Received received = Receive(socket, reply, deadline);
    if (received.error != 0) return "no reply to hello: " + ErrorText(received.error);
    if (received.size == 0) return "the connection was closed instead of a reply to hello";
  }
  return reply.find("\"status\"") != std::string::npos ? "" : "the reply to hello is " + reply;
}

}  // namespace

void PortCheck::Add(const std::shared_ptr<ProbePort>& port) {
  MutexLock lock(mutex_);
  ports_.push_back(port);
}

std::shared_ptr<ProbePort> PortCheck::Next() {
  MutexLock lock(mutex_);
  std::erase_if(ports_, [](const auto& port) { return port.expired(); });
  if (ports_.empty()) return nullptr;
  auto port = ports_.front();
  ports_.erase(ports_.begin());
  ports_.push_back(port);
  return port.lock();
}

absl::Status PortCheck::Run(Deadline deadline) {
  const std::shared_ptr<ProbePort> port = Next();
  if (port == nullptr || !port->listening()) return absl::OkStatus();
  const std::string why = SayHello(*port, deadline);
  // The port may have been closed meanwhile.
  if (why.empty() || !port->listening()) return absl::OkStatus();
  return absl::UnavailableError("port " + std::to_string(port->port()) + ": " + why);
}

}  // namespace probegate
