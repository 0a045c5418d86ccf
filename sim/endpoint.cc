#include "sim/endpoint.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <stdexcept>

#include "asio/io_context.hpp"
#include "spdlog/fmt/fmt.h"

namespace probegate::sim {

HostPort ParseHostPort(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument(fmt::format("'{}' is not of the form HOST:PORT", text));
  std::string host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string::npos)) {
    throw std::invalid_argument(
        fmt::format("'{}' is not of the form HOST:PORT (an IPv6 address must be in brackets)", text));
  }
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end) {
    throw std::invalid_argument(fmt::format("'{}': the port must be a number from 0 to 65535", text));
  }
  return {host, port};
}

asio::ip::tcp::endpoint Resolve(const HostPort& address) {
  asio::io_context io;
  asio::ip::tcp::resolver resolver(io);
  asio::error_code error;
  const auto results =
      resolver.resolve(address.host, std::to_string(address.port), asio::ip::resolver_base::numeric_service, error);
  if (error || results.empty()) {
    throw std::runtime_error(fmt::format("cannot resolve '{}': {}", address.host, error.message()));
  }
  return results.begin()->endpoint();
}

std::string ToString(const asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return v6 ? fmt::format("[{}]:{}", address, endpoint.port()) : fmt::format("{}:{}", address, endpoint.port());
}

asio::ip::tcp::acceptor Listen(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint) {
  try {
    return asio::ip::tcp::acceptor(io, endpoint, true);
  } catch (const asio::system_error& error) {
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", ToString(endpoint), error.code().message()));
  }
}

bool PeerIsThere(asio::ip::tcp::socket& socket) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_ESTABLISHED;
}

}  // namespace probegate::sim
