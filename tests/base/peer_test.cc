#include "base/peer.h"

#include <string>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(ClientKey, IsAnIpv4AddressOrAnIpv6Network) {
  const struct {
    const char* host;
    const char* key;
  } rows[] = {
      {"10.0.0.7", "10.0.0.7"},
      {"::ffff:10.0.0.7", "10.0.0.7"},  // the same client, through a socket for both families
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
      {"2001:db8:1:2::7", "2001:db8:1:2::/64"},
      {"2001:db8:1:3::7", "2001:db8:1:3::/64"},
      {"::1", "::/64"},
      {"fe80::1%eth0", "fe80::/64"},
      {"", ""},
      {"unix:/run/socket", "unix:/run/socket"},
      {"10.0.0.256", "10.0.0.256"},
  };
  for (const auto& row : rows) EXPECT_EQ(ClientKey(row.host), row.key) << row.host;
}

TEST(ParsePeer, TakesAddressesApart) {
  const Peer v4 = ParsePeer("ipv4:10.0.0.7:51234");
  EXPECT_EQ(v4.address, "10.0.0.7:51234");
  EXPECT_EQ(v4.host, "10.0.0.7");
  EXPECT_EQ(v4.client, "10.0.0.7");
  const Peer v6 = ParsePeer("ipv6:%5B2001:db8::7%5D:51234");
  EXPECT_EQ(v6.address, "[2001:db8::7]:51234");
  EXPECT_EQ(v6.host, "2001:db8::7");
  EXPECT_EQ(v6.client, "2001:db8::/64");
  const Peer zone = ParsePeer("ipv6:%5Bfe80::1%25eth0%5D:51234");
  EXPECT_EQ(zone.address, "[fe80::1%eth0]:51234");
  EXPECT_EQ(zone.client, "fe80::/64");
}

TEST(Peer, OnAUnixSocketIsTheUser) {
  const Peer peer = PeerWithUid(1000);
  EXPECT_EQ(peer.address, "uid 1000");
  EXPECT_EQ(peer.host, "uid 1000");
  EXPECT_EQ(peer.client, "uid 1000");
  EXPECT_EQ(peer.uid, 1000u);
}

TEST(Peer, IsLocalOnLoopbackAndOnAUnixSocket) {
  EXPECT_TRUE(PeerWithUid(0).local());
  EXPECT_TRUE(ParsePeer("ipv4:127.0.0.1:5").local());
  EXPECT_TRUE(ParsePeer("ipv6:%5B::1%5D:5").local());
  EXPECT_FALSE(ParsePeer("ipv4:10.0.0.7:5").local());
  EXPECT_FALSE(ParsePeer("unix:").local()) << "nobody knows whose it is";
}

TEST(ParsePeer, LeavesOtherTextUnchanged) {
  for (const char* text : {"", "unix:", "ipv4:", "ipv4:no-port", "ipv6:%5B::1"}) {
    const Peer peer = ParsePeer(text);
    EXPECT_EQ(peer.address, text);
    EXPECT_EQ(peer.client, text);
  }
}

}  // namespace
}  // namespace probegate
