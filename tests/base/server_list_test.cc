// The names of servers, and the addresses that they resolve to.
#include "base/server_list.h"

#include <atomic>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A resolver that knows `hosts`. Look-ups of other hosts fail with UNAVAILABLE.
HostResolver Knows(std::map<std::string, std::vector<std::string>> hosts) {
  return [hosts = std::move(hosts)](const std::string& host) -> absl::StatusOr<std::vector<std::string>> {
    const auto found = hosts.find(host);
    if (found == hosts.end()) return absl::UnavailableError(host + " cannot be looked up");
    return found->second;
  };
}

std::vector<Endpoint> Names(const std::vector<std::string>& texts) { return ParseServerNames(texts).value(); }

std::vector<std::string> Addresses(const std::vector<Server>& servers) {
  std::vector<std::string> addresses;
  for (const Server& server : servers) addresses.push_back(server.address.ToString());
  return addresses;
}

std::vector<std::string> LookUp(const std::vector<std::string>& names, const HostResolver& resolve) {
  return Addresses(LookUpServers(Names(names), resolve).servers);
}

TEST(IsAddress, TellsAddressesFromNames) {
  for (const char* address : {"127.0.0.1", "::1", "fe80::1%eth0", "fe80::1%2", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsAddress(address)) << address;
  }
  for (const char* name : {"localhost", "lab-1.example", "10.0.0.256", "foo:bar", ":", "foo%eth0", "fe80::1%", ""}) {
    EXPECT_FALSE(IsAddress(name)) << name;
  }
}

TEST(ParseServerNames, KeepsTheOrderAndDropsDuplicates) {
  EXPECT_THAT(Names({"b:1", "a:1", "b:1", "b:2", "[::1]:3"}),
              ElementsAre(Endpoint{"b", 1}, Endpoint{"a", 1}, Endpoint{"b", 2}, Endpoint{"::1", 3}));
  EXPECT_THAT(Names({}), IsEmpty());
}

TEST(ParseServerNames, TakesAnAddressOnceHoweverItIsWritten) {
  EXPECT_THAT(Names({"[0:0:0:0:0:0:0:1]:1", "[::1]:1", "[::0:1]:1", "[FE80::1%eth0]:2", "[fe80:0::1%eth0]:2",
                     "[fe80::1%eth1]:2", "[::ffff:127.0.0.1]:3", "127.0.0.1:3", "[::FFFF:7f00:1]:3"}),
              ElementsAre(Endpoint{"::1", 1}, Endpoint{"fe80::1%eth0", 2}, Endpoint{"fe80::1%eth1", 2},
                          Endpoint{"127.0.0.1", 3}));
}

TEST(ParseServerNames, TakesUnixSockets) {
  EXPECT_THAT(Names({"unix:/run/s", "a:1", "unix:/run/s"}), ElementsAre(Endpoint{"/run/s", 0}, Endpoint{"a", 1}));
}

TEST(ParseServerNames, QuotesTheInvalidName) {
  for (const char* bad : {"unix:", "unix:run", "b", "b:", "b:0", ":1", "b:65536", "b:1,c:1", "::1:5", "[foo:bar]:1",
                          "[fe80::1%]:1", ""}) {
    const auto names = ParseServerNames({"a:1", bad});
    EXPECT_EQ(names.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(names.status().message(), HasSubstr("\"" + std::string(bad) + "\""));
  }
}

TEST(LookUpServers, DoesNotLookUpAddresses) {
  const HostResolver never = [](const std::string& host) -> absl::StatusOr<std::vector<std::string>> {
    ADD_FAILURE() << host;
    return std::vector<std::string>();
  };
  EXPECT_THAT(LookUp({"10.0.0.9:1", "[fe80::1%eth0]:2", "10.0.0.1:1", "[::1]:3", "unix:/run/a:b"}, never),
              ElementsAre("10.0.0.9:1", "[fe80::1%eth0]:2", "10.0.0.1:1", "[::1]:3", "unix:/run/a:b"));
}

TEST(LookUpServers, MakesAServerForEachAddress) {
  const HostResolver resolve = Knows({{"pods", {"10.0.0.3", "10.0.0.1", "10.0.0.3", "10.0.0.2"}}, {"a", {"10.0.0.9"}}});
  const ServerLookup lookup = LookUpServers(Names({"pods:7", "a:8"}), resolve);
  EXPECT_THAT(Addresses(lookup.servers), ElementsAre("10.0.0.1:7", "10.0.0.2:7", "10.0.0.3:7", "10.0.0.9:8"));
  EXPECT_EQ(lookup.servers[1].name, (Endpoint{"pods", 7}));
  EXPECT_EQ(lookup.servers[1].ToString(), "pods:7 (10.0.0.2:7)");
  EXPECT_THAT(lookup.failures, IsEmpty());
}

TEST(LookUpServers, AMachineWithIpv4AndIpv6IsOneServer) {
  EXPECT_THAT(LookUp({"both:1"}, Knows({{"both", {"::1", "127.0.0.1"}}})), ElementsAre("127.0.0.1:1"));
  EXPECT_THAT(LookUp({"six:1"}, Knows({{"six", {"fd00::2", "fd00::1"}}})), ElementsAre("[fd00::1]:1", "[fd00::2]:1"));
}

TEST(LookUpServers, ComparesAddressesNotTheirSpelling) {
  const HostResolver resolve = Knows({{"six", {"fd00:0::1", "FD00::1"}}, {"mapped", {"::ffff:10.0.0.1"}}});
  EXPECT_THAT(LookUp({"six:1", "[fd00::1]:1", "mapped:1", "10.0.0.1:1"}, resolve),
              ElementsAre("[fd00::1]:1", "10.0.0.1:1"));
}

TEST(LookUpServers, GivesASharedAddressToTheFirstName) {
  const HostResolver resolve = Knows({{"a", {"10.0.0.1", "10.0.0.2"}}, {"b", {"10.0.0.2"}}});
  const ServerLookup lookup = LookUpServers(Names({"a:1", "b:1", "b:2", "10.0.0.1:1"}), resolve);
  EXPECT_THAT(Addresses(lookup.servers), ElementsAre("10.0.0.1:1", "10.0.0.2:1", "10.0.0.2:2"));
  EXPECT_EQ(lookup.servers[1].name.host, "a");
}

TEST(LookUpServers, AFailedNameDoesNotAffectOthers) {
  const ServerLookup lookup =
      LookUpServers(Names({"lost:1", "a:1", "empty:1"}), Knows({{"a", {"10.0.0.1"}}, {"empty", {}}}));
  EXPECT_THAT(Addresses(lookup.servers), ElementsAre("10.0.0.1:1"));
  ASSERT_EQ(lookup.failures.size(), 2u);
  EXPECT_EQ(lookup.failures[0].name.host, "lost");
  EXPECT_TRUE(absl::IsUnavailable(lookup.failures[0].status));
  EXPECT_TRUE(absl::IsNotFound(lookup.failures[1].status));
  EXPECT_THAT(lookup.failures[1].status.message(), HasSubstr("empty"));
}

TEST(LookUpServers, LooksUpAllNamesAtOnce) {
  std::atomic<int> waiting = 0;
  // Each look-up waits for the others. If they ran one after the other, none would end.
  const HostResolver resolve = [&waiting](const std::string&) -> absl::StatusOr<std::vector<std::string>> {
    ++waiting;
    AwaitTrue([&waiting] { return waiting == 3; }, "three look-ups at once");
    return std::vector<std::string>{"10.0.0.1"};
  };
  EXPECT_THAT(LookUp({"a:1", "b:2", "c:3"}, resolve), ElementsAre("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"));
}

TEST(LookUpServers, ANameForWhichNoThreadStartsIsAFailure) {
  const NoThreads no_threads;
  const ServerLookup lookup = LookUpServers(Names({"a:1", "10.0.0.9:1"}), Knows({{"a", {"10.0.0.1"}}}));
  EXPECT_THAT(Addresses(lookup.servers), ElementsAre("10.0.0.9:1"));
  ASSERT_EQ(lookup.failures.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(lookup.failures[0].status));
  EXPECT_THAT(lookup.failures[0].status.message(), HasSubstr("a cannot be looked up: there is no thread"));
}

TEST(KeepKnownServers, KeepsThoseWhoseNameCannotBeLookedUpNow) {
  const std::vector<Endpoint> names = Names({"a:1", "b:1"});
  const auto before = LookUpServers(names, Knows({{"a", {"10.0.0.1", "10.0.0.2"}}, {"b", {"10.0.0.3"}}})).servers;
  const ServerLookup now = LookUpServers(names, Knows({{"b", {"10.0.0.2", "10.0.0.4"}}}));
  const std::vector<Server> kept = KeepKnownServers(before, now);
  EXPECT_THAT(Addresses(kept), ElementsAre("10.0.0.2:1", "10.0.0.4:1", "10.0.0.1:1"));
  EXPECT_EQ(kept[0].name.host, "b");
  // Once more, with the servers that were kept.
  EXPECT_EQ(KeepKnownServers(kept, now), kept);
}

TEST(KeepKnownServers, DropsThoseWhoseNameNoLongerHasAnAddress) {
  const std::vector<Endpoint> names = Names({"a:1", "b:1"});
  const auto before = LookUpServers(names, Knows({{"a", {"10.0.0.1"}}, {"b", {"10.0.0.3"}}})).servers;
  EXPECT_THAT(Addresses(KeepKnownServers(before, LookUpServers(names, Knows({{"a", {}}, {"b", {"10.0.0.3"}}})))),
              ElementsAre("10.0.0.3:1"));
}

// The system's resolver.

TEST(ResolveHost, FindsThisMachine) {
  ASSERT_TRUE(ResolveHost("localhost").ok());
  EXPECT_THAT(LookUp({"localhost:50051"}, ResolveHost), ElementsAre(AnyOf("127.0.0.1:50051", "[::1]:50051")));
}

TEST(ResolveHost, NamesAnUnknownHost) {
  // By RFC 6761 this is never a host. But if no DNS server answers, the resolver cannot know that.
  const auto addresses = ResolveHost("no-such-host.invalid");
  EXPECT_TRUE(absl::IsNotFound(addresses.status()) || absl::IsUnavailable(addresses.status())) << addresses.status();
  EXPECT_THAT(addresses.status().message(), HasSubstr("no-such-host.invalid"));
}

}  // namespace
}  // namespace probegate
