// A range of IP addresses, such as the addresses of a network, or one address.
//
// Threads: one at a time; Contains, any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace probegate {

class AddressRange {
 public:
  // Parses "10.0.0.7", "10.0.0.0/8", "fd00::1" or "fd00::/8". Bits of the address after the prefix are ignored. Nothing
  // if `text` is none of these; names are not looked up.
  static std::optional<AddressRange> Parse(std::string_view text);

  // Whether `host`, a numeric address, is in the range. An IPv4 address that is mapped into IPv6 counts as the IPv4
  // address. The zone of a link-local address ("%eth0") is ignored. False if `host` is not an address.
  bool Contains(std::string_view host) const;

 private:
  // An IPv4 address is kept as it is mapped into IPv6 (RFC 4291, 2.5.5.2).
  using Bytes = std::array<uint8_t, 16>;
  static std::optional<Bytes> ParseAddress(std::string_view text);

  Bytes address_{};
  int prefix_ = 0;  // bits of `address_` that count
};

// Whether one of `ranges` contains `host`.
bool Contains(const std::vector<AddressRange>& ranges, std::string_view host);

}  // namespace probegate
