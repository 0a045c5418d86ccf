#include "gateway/probe_port.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/dispatch.hpp"
#include "asio/ip/v6_only.hpp"
#include "asio/redirect_error.hpp"

namespace probegate {
namespace {

using asio::ip::tcp;

// A CI farm's clients connect all at once. The kernel reduces this to its own bound (net.core.somaxconn).
constexpr int kBacklog = 4096;

// How long to wait after a failed accept, for example because the process has no file descriptors left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

template <typename Acceptor>
asio::error_code Bind(Acceptor& acceptor, const tcp::endpoint& endpoint) {
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  return error;
}

absl::Status ListenError(uint16_t port, const std::string& uid, const asio::error_code& error) {
  const std::string number = std::to_string(port);
  if (error == asio::error::address_in_use) {
    return absl::AlreadyExistsError("port " + number + ", wanted for debug probe " + uid +
                                    ", is in use by another program: stop that, or choose another port with --map " +
                                    uid + "=PORT");
  }
  return absl::UnavailableError("cannot listen on port " + number + " for debug probe " + uid + ": " + error.message() +
                                "; choose another port with --map " + uid + "=PORT");
}

}  // namespace

absl::StatusOr<std::shared_ptr<ProbePort>> ProbePort::Listen(const PortContext& context,
                                                             std::shared_ptr<const ServedProbe> probe, uint16_t port,
                                                             bool allow_remote) {
  Acceptor acceptor(asio::make_strand(context.io));
  asio::error_code error;
  if (allow_remote) {
    error = Bind(acceptor, tcp::endpoint(tcp::v6(), port));
    if (error == asio::error::address_family_not_supported) error = Bind(acceptor, tcp::endpoint(tcp::v4(), port));
  } else {
    error = Bind(acceptor, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  }
  if (error) return ListenError(port, probe->unique_id(), error);
  const std::shared_ptr<ProbePort> self(new ProbePort(context, std::move(probe), std::move(acceptor)));
  asio::co_spawn(self->acceptor_.get_executor(), self->Accept(), asio::detached);
  return self;
}

ProbePort::ProbePort(const PortContext& context, std::shared_ptr<const ServedProbe> probe, Acceptor acceptor)
    : context_(context),
      probe_(std::move(probe)),
      acceptor_(std::move(acceptor)),
      port_(acceptor_.local_endpoint().port()) {}

Task<> ProbePort::Accept() {
  const auto self = shared_from_this();
  asio::error_code error;
  Timer timer(acceptor_.get_executor());
  while (true) {
    Socket socket =
        co_await acceptor_.async_accept(asio::make_strand(context_.io), asio::redirect_error(kUseTask, error));
    if (!acceptor_.is_open()) {
      // Stop may have run after the connection was accepted, but before it was known here, so Stop did not end it.
      if (!error) ResetSocket(socket);
      co_return;
    }
    if (!error) {
      Adopt(std::move(socket));
    } else if (error != asio::error::connection_aborted) {
      context_.log.Warning("port.accept_failed", {{"port", unsigned{port_}}, {"reason", error.message()}});
      timer.expires_after(kAcceptPause);
      co_await timer.async_wait(asio::redirect_error(kUseTask, error));
    }
  }
}

void ProbePort::Adopt(Socket socket) {
  asio::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return;
  const bool own = IsExpected(endpoint);
  const bool welcome = own || context_.budget.Take();
  const uint64_t number = ++last_connection_;
  auto on_closed = [self = shared_from_this(), number, counted = welcome && !own] {
    if (counted) self->context_.budget.GiveBack();
    const MutexLock lock(self->mutex_);
    self->connections_.erase(number);
  };
  const auto connection =
      std::make_shared<Connection>(std::move(socket), ToString(endpoint), probe_, context_.connection_options,
                                   own ? context_.uncounted.metrics : context_.metrics,
                                   own ? context_.uncounted.log : context_.log, std::move(on_closed));
  {
    const MutexLock lock(mutex_);
    connections_.emplace(number, connection);
  }
  if (welcome) {
    connection->Start();
  } else {
    connection->Refuse("the gateway already has " + std::to_string(context_.budget.max()) +
                       " connections: close some, or raise --max-connections");
  }
}

void ProbePort::Expect(const Endpoint& from) {
  const MutexLock lock(mutex_);
  expected_ = from.port;
}

bool ProbePort::IsExpected(const tcp::endpoint& from) {
  asio::ip::address address = from.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  const MutexLock lock(mutex_);
  if (!address.is_loopback() || from.port() != expected_) return false;
  expected_ = 0;
  return true;
}

void ProbePort::Stop(const std::string& reason) {
  listening_ = false;
  asio::dispatch(acceptor_.get_executor(), [self = shared_from_this(), reason] {
    asio::error_code ignored;
    self->acceptor_.close(ignored);
    std::map<uint64_t, std::weak_ptr<Connection>> connections;
    {
      const MutexLock lock(self->mutex_);
      connections = self->connections_;
    }
    for (const auto& [number, weak] : connections) {
      if (const auto connection = weak.lock()) connection->End(reason);
    }
  });
}

}  // namespace probegate
