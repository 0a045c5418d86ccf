// Which servers a program is to use: the names that it was given, and the addresses that they stand for.
//
// A program takes a repeatable `--server HOST:PORT`. A HOST with several addresses (a headless Service, a DNS round
// robin) is as many servers, each with the PORT. So what counts is addresses: whoever talks to several servers makes a
// channel to each `Server::address`, and says `Server::name` for what its user called it (the :authority, and
// messages).
//
// A name's addresses change. The gateway, and `probegate top`, look them up again every kLookupInterval; the other
// commands of `probegate` once each.
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

// Where probegate-server listens unless told otherwise, and where the other programs look for it: on this machine.
Endpoint DefaultServer();

// Whether `host`, as Endpoint has it, is an IPv4 or IPv6 address, rather than a name that is to be looked up. An IPv6
// address may have a zone (RFC 4007): fe80::1%eth0.
bool IsAddress(const std::string& host);

struct Server {
  Endpoint address;  // the host is an IPv4 or IPv6 address; what a channel is made to, and what tells servers apart
  Endpoint name;     // as ParseServerNames has it
  bool operator==(const Server&) const = default;

  // For a person: the name, and the address in parentheses where that is not the same.
  std::string ToString() const;
};

// The names in `texts`, each HOST:PORT with a port from 1 upward, in their order, each once. INVALID_ARGUMENT with the
// first that is none: also where a HOST has a colon, as no name has, and is no IPv6 address. An address is spelt as
// inet_ntop(3) does, and one of IPv4 within IPv6 (::ffff:127.0.0.1) as what it is, so that it is one server however it
// was written.
absl::StatusOr<std::vector<Endpoint>> ParseServerNames(const std::vector<std::string>& texts);

// All addresses of a host, IPv6 without brackets, in any order, also more than once. NOT_FOUND where there is no such
// host, or it has no address; UNAVAILABLE where that is not known now. Threads: any. May block.
using HostResolver = std::function<absl::StatusOr<std::vector<std::string>>(const std::string& host)>;

// The system's: getaddrinfo(3), so /etc/hosts, DNS and whatever else /etc/nsswitch.conf names. Addresses of a family
// that this machine has no route for are left out. Blocks as long as the system's resolver may: with DNS servers that
// do not answer, some ten seconds each.
absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& host);

struct FailedName {
  Endpoint name;
  absl::Status status;  // as HostResolver's; the message names the host
};

struct ServerLookup {
  std::vector<Server> servers;
  std::vector<FailedName> failures;
};

// The servers that `names` stand for, in the order of the names; those of a name by address, as text, so that equal
// answers give equal lists in whatever order DNS gives them. An address that two names share is the first's.
//
// - A HOST that is an address is taken as it is, and never looked up.
// - A machine that has an IPv4 and an IPv6 address, as `localhost` has, is one server. Which address goes with which
//   nobody says; so a name's IPv4 addresses count where it has any, and its IPv6 addresses where it has none. A server
//   that listens on IPv6 alone, while its name has an IPv4 address too, is to be named by its address.
// - A machine whose name has two IPv4 addresses counts as two servers, with the same probes: name it by one of them.
// - A name that cannot be looked up is a failure; the others are not touched by it.
//
// Threads: any. Blocks until all names are looked up, which is done for all at once; a name for which there is no
// thread is a failure (UNAVAILABLE).
ServerLookup LookUpServers(const std::vector<Endpoint>& names, const HostResolver& resolve = ResolveHost);

// For who looks up again: `now`'s servers, and behind them those of `before` whose name could not be looked up this
// time (UNAVAILABLE). A DNS server that is away for a minute takes nobody's probes away. A name that has no address any
// more (NOT_FOUND) has lost its servers.
std::vector<Server> KeepKnownServers(const std::vector<Server>& before, const ServerLookup& now);

}  // namespace probegate
