#include "base/server_list.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/background.h"
#include "base/socket.h"

namespace probegate {
namespace {

bool IsIpv6(const std::string& address) { return address.find(':') != std::string::npos; }

std::string ToText(int family, const void* address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, address, text, sizeof text);
}

// The canonical spelling of an address, by which addresses are compared; nothing if `host` is not an address.
std::optional<std::string> Canonical(const std::string& host) {
  if (Endpoint{host}.is_unix()) return host;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ToText(AF_INET, &v4);
  // inet_pton does not accept zones.
  const size_t percent = host.find('%');
  const std::string zone = percent == std::string::npos ? "" : host.substr(percent);
  in6_addr v6;
  if (zone == "%" || inet_pton(AF_INET6, host.substr(0, percent).c_str(), &v6) != 1) return std::nullopt;
  if (zone.empty() && IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::memcpy(&v4, &v6.s6_addr[sizeof v6 - sizeof v4], sizeof v4);
    return ToText(AF_INET, &v4);
  }
  return ToText(AF_INET6, &v6) + zone;
}

template <typename Container, typename Value>
bool Contains(const Container& container, const Value& value) {
  return std::find(std::begin(container), std::end(container), value) != std::end(container);
}

// The addresses of a name that count as servers, sorted.
std::vector<std::string> Choose(std::vector<std::string> addresses) {
  for (std::string& address : addresses) address = Canonical(address).value_or(address);
  if (!std::all_of(addresses.begin(), addresses.end(), IsIpv6)) std::erase_if(addresses, IsIpv6);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

// The errors of getaddrinfo that mean that there is no address, rather than that the system could not find out.
constexpr int kNothingThere[] = {EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY};

absl::Status LookupError(const std::string& host, const Resolution& failed) {
  const std::string message = absl::StrCat(host, " cannot be looked up: ", failed.why);
  return Contains(kNothingThere, failed.error) ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

}  // namespace

Endpoint DefaultServer() { return {"127.0.0.1", 50051}; }

bool IsAddress(const std::string& host) { return Canonical(host).has_value(); }

std::string Server::ToString() const {
  return name == address ? name.ToString() : absl::StrCat(name.ToString(), " (", address.ToString(), ")");
}

absl::StatusOr<std::vector<Endpoint>> ParseServerNames(const std::vector<std::string>& texts) {
  std::vector<Endpoint> names;
  for (const std::string& text : texts) {
    auto name = ParseAddress(text);
    if (!name || (name->port == 0 && !name->is_unix())) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is neither HOST:PORT nor unix:/PATH"));
    }
    const auto address = Canonical(name->host);
    if (!address && IsIpv6(name->host)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", name->host, " is not an IPv6 address"));
    }
    if (address) name->host = *address;
    if (!Contains(names, *name)) names.push_back(*name);
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& host) {
  // This machine can reach itself by IPv4 and by IPv6, whatever addresses its network has.
  const Resolution found = Resolve({host, 0}, IsLoopback(host) ? 0 : AI_ADDRCONFIG);
  if (!found.ok()) return LookupError(host, found);
  std::vector<std::string> addresses;
  for (const SocketAddress& address : found.addresses) addresses.push_back(address.Host());
  return addresses;
}

ServerLookup LookUpServers(const std::vector<Endpoint>& names, const HostResolver& resolve) {
  using Addresses = absl::StatusOr<std::vector<std::string>>;
  std::vector<std::future<Addresses>> answers;
  for (const Endpoint& name : names) {
    if (IsAddress(name.host)) {
      answers.push_back(
          std::async(std::launch::deferred, [&name]() -> Addresses { return std::vector<std::string>{name.host}; }));
      continue;
    }
    answers.push_back(InBackground([&name, &resolve] { return resolve(name.host); },
                                   [&name](const std::string& why) -> Addresses {
                                     return absl::UnavailableError(name.host + " cannot be looked up: " + why);
                                   }));
  }
  ServerLookup lookup;
  for (size_t i = 0; i < names.size(); ++i) {
    Addresses addresses = answers[i].get();
    if (addresses.ok() && addresses->empty()) {
      addresses = absl::NotFoundError(absl::StrCat(names[i].host, " has no address"));
    }
    if (!addresses.ok()) {
      lookup.failures.push_back({names[i], addresses.status()});
      continue;
    }
    for (const std::string& host : Choose(*std::move(addresses))) {
      const Endpoint address{host, names[i].port};
      const auto is_same = [&address](const Server& server) { return server.address == address; };
      if (std::none_of(lookup.servers.begin(), lookup.servers.end(), is_same)) {
        lookup.servers.push_back({address, names[i]});
      }
    }
  }
  return lookup;
}

std::vector<Server> KeepKnownServers(const std::vector<Server>& before, const ServerLookup& now) {
  std::vector<Server> servers = now.servers;
  for (const Server& known : before) {
    const bool not_known_now = std::any_of(
        now.failures.begin(), now.failures.end(),
        [&known](const FailedName& failed) { return failed.name == known.name && absl::IsUnavailable(failed.status); });
    const auto is_same = [&known](const Server& server) { return server.address == known.address; };
    if (not_known_now && std::none_of(servers.begin(), servers.end(), is_same)) servers.push_back(known);
  }
  return servers;
}

}  // namespace probegate
