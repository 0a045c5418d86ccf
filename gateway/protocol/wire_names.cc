#include "gateway/protocol/wire_names.h"

#include <array>

namespace probegate {
namespace {

struct Name {
  int number;
  std::string_view name;
};

constexpr auto kProtocols = std::to_array<Name>({
    {v1::WIRE_PROTOCOL_DEFAULT, "DEFAULT"},
    {v1::WIRE_PROTOCOL_SWD, "SWD"},
    {v1::WIRE_PROTOCOL_JTAG, "JTAG"},
});

constexpr auto kCapabilities = std::to_array<Name>({
    {v1::CAPABILITY_SWJ_SEQUENCE, "SWJ_SEQUENCE"},
    {v1::CAPABILITY_BANKED_DP_REGISTERS, "BANKED_DP_REGISTERS"},
    {v1::CAPABILITY_APV2_ADDRESSES, "APv2_ADDRESSES"},
    {v1::CAPABILITY_MANAGED_AP_SELECTION, "MANAGED_AP_SELECTION"},
    {v1::CAPABILITY_JTAG_SEQUENCE, "JTAG_SEQUENCE"},
    {v1::CAPABILITY_SWD_SEQUENCE, "SWD_SEQUENCE"},
    {v1::CAPABILITY_SWO, "SWO"},
});

template <typename Names>
std::string_view Find(const Names& names, int number) {
  for (const Name& row : names) {
    if (row.number == number) return row.name;
  }
  return {};
}

}  // namespace

std::string_view WireProtocolName(int protocol) { return Find(kProtocols, protocol); }

std::string_view CapabilityName(int capability) { return Find(kCapabilities, capability); }

std::optional<v1::WireProtocol> WireProtocolByName(std::string_view name) {
  for (const Name& row : kProtocols) {
    if (row.name == name) return static_cast<v1::WireProtocol>(row.number);
  }
  return std::nullopt;
}

}  // namespace probegate
