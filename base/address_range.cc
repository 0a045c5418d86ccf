#include "base/address_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace probegate {
namespace {

constexpr int kMappedBits = 96;  // before the IPv4 address in a mapped one

}  // namespace

std::optional<AddressRange::Bytes> AddressRange::ParseAddress(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));
  Bytes bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) != 1) return std::nullopt;
  bytes = {};
  bytes[10] = bytes[11] = 0xFF;
  std::memcpy(&bytes[12], &v4, sizeof v4);
  return bytes;
}

std::optional<AddressRange> AddressRange::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = ParseAddress(host);
  if (!address || host.find('%') != host.npos) return std::nullopt;
  const bool v4 = host.find(':') == host.npos;
  const int most = v4 ? 32 : 128;
  int prefix = most;
  if (slash != text.npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix < 0 || prefix > most) {
      return std::nullopt;
    }
  }
  AddressRange range;
  range.address_ = *address;
  range.prefix_ = v4 ? prefix + kMappedBits : prefix;
  return range;
}

bool AddressRange::Contains(std::string_view host) const {
  const auto address = ParseAddress(host);
  if (!address) return false;
  const auto whole = static_cast<size_t>(prefix_ / 8);
  if (!std::equal(address_.begin(), address_.begin() + whole, address->begin())) return false;
  const int rest = prefix_ % 8;
  return rest == 0 || ((address_[whole] ^ (*address)[whole]) >> (8 - rest)) == 0;
}

bool Contains(const std::vector<AddressRange>& ranges, std::string_view host) {
  return std::any_of(ranges.begin(), ranges.end(), [host](const AddressRange& range) { return range.Contains(host); });
}

}  // namespace probegate
