// The servers that a program uses: the names that it was given, and the addresses that they resolve to.
//
// Programs have a repeatable option `--server HOST:PORT`. A HOST with several addresses (a headless Service, DNS round
// robin) stands for as many servers, each with the same PORT. So servers are told apart by address: a program that
// talks to several servers makes a channel to each `Server::address`, and uses `Server::name`, which is what the user
// wrote, as the :authority and in messages.
//
// A name's addresses can change. The gateway and `probegate top` look them up again every kLookupInterval, the other
// commands of `probegate` only once.
#pragma once

#include <chrono>
#include <compare>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/endpoint.h"

namespace probegate {

inline constexpr std::chrono::seconds kLookupInterval{10};

// The default address on which probegate-server listens, and to which the other programs connect. It is on this
// machine.
Endpoint DefaultServer();

// Whether `host`, in the form of Endpoint::host, is an IPv4 or IPv6 address or the path of a unix socket, rather than a
// name that must be looked up. An IPv6 address may have a zone (RFC 4007): fe80::1%eth0.
bool IsAddress(const std::string& host);

struct Server {
  Endpoint address;  // its host is an IPv4 or IPv6 address, or it is a unix socket; channels connect to it, and it
                     // tells servers apart
  Endpoint name;     // as returned by ParseServerNames
  bool operator==(const Server&) const = default;

  // For people to read: the name, and the address in parentheses if that differs.
  std::string ToString() const;
};

// Parses `texts`, each HOST:PORT with a port from 1 upward, or unix:/PATH. Returns them in their order, without
// duplicates. INVALID_ARGUMENT, which quotes the first wrong text, if there is one; a HOST that contains a colon but is
// not an IPv6 address is wrong, too. Addresses are normalized as by inet_ntop(3), and IPv4-mapped IPv6 addresses
// (::ffff:127.0.0.1) become IPv4 addresses, so that each is one server however it is written.
absl::StatusOr<std::vector<Endpoint>> ParseServerNames(const std::vector<std::string>& texts);

// Returns all addresses of a host, IPv6 ones without brackets, in any order and possibly with duplicates. NOT_FOUND if
// there is no such host, or it has no address; UNAVAILABLE if that cannot be found out now. Threads: any. May block.
using HostResolver = std::function<absl::StatusOr<std::vector<std::string>>(const std::string& host)>;

// The system's resolver, getaddrinfo(3), which uses /etc/hosts, DNS and whatever else /etc/nsswitch.conf names.
// Addresses of a family that this machine has no route for are left out. Blocks for as long as the system's resolver
// takes: if DNS servers do not answer, about ten seconds for each.
absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& host);

struct FailedName {
  Endpoint name;
  absl::Status status;  // with HostResolver's codes; the message names the host
};

struct ServerLookup {
  std::vector<Server> servers;
  std::vector<FailedName> failures;
};

// The servers that `names` resolve to, in the order of the names. Those of the same name are sorted by address, as
// text, so that the list does not depend on the order of DNS's answers. An address that two names share belongs to the
// first.
//
// - A HOST that is an address is used as it is, and never looked up.
// - A machine that has an IPv4 and an IPv6 address, such as `localhost`, is one server. Since DNS does not say which
//   addresses belong to the same machine, only a name's IPv4 addresses count if it has any, otherwise its IPv6
//   addresses. If a server only listens on IPv6, but its name also has an IPv4 address, the user must give the IPv6
//   address.
// - A machine whose name has two IPv4 addresses counts as two servers with the same probes. The user should give one of
//   the addresses.
// - A name that cannot be looked up is a failure. It does not affect the other names.
//
// Threads: any. Blocks until all names have been looked up, which happens in parallel. If no thread can be started for
// a name, that is a failure (UNAVAILABLE).
ServerLookup LookUpServers(const std::vector<Endpoint>& names, const HostResolver& resolve = ResolveHost);

// For programs that look names up repeatedly: the servers of `now`, followed by those of `before` whose name could not
// be looked up this time (UNAVAILABLE). So no probes are lost if a DNS server is down for a minute. A name that no
// longer has an address (NOT_FOUND) loses its servers.
std::vector<Server> KeepKnownServers(const std::vector<Server>& before, const ServerLookup& now);

}  // namespace probegate
