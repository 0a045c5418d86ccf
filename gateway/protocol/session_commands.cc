#include <array>
#include <charconv>
#include <cstdlib>

#include "gateway/json/json_writer.h"
#include "gateway/protocol/commands.h"
#include "gateway/protocol/wire_names.h"

namespace probegate::commands {
namespace {

// The only version of the remote protocol.
constexpr std::string_view kProtocolVersion = "1";

// The number without its fraction, as Python's %i prints it.
std::string WholePart(const JsonValue& value) {
  if (value.kind == JsonValue::Kind::kBool) return value.text == "true" ? "1" : "0";
  if (value.kind == JsonValue::Kind::kInteger) return value.text == "-0" ? "0" : Excerpt(value.text);
  return Excerpt(std::to_string(static_cast<long long>(
      std::max(-9.2e18, std::min(9.2e18, std::strtod(std::string(value.text).c_str(), nullptr))))));
}

bool IsNumber(const JsonValue& value) {
  return value.kind == JsonValue::Kind::kInteger || value.kind == JsonValue::Kind::kFloat ||
         value.kind == JsonValue::Kind::kBool;
}

bool IsOne(const JsonValue& value) {
  if (value.kind == JsonValue::Kind::kFloat) return std::strtod(std::string(value.text).c_str(), nullptr) == 1;
  return WholePart(value) == kProtocolVersion;
}

bool IsOpenResult(const v1::StreamResponse& response, std::string& out) {
  AppendBool(out, response.get_state().is_open());
  return true;
}

bool WireProtocolResult(const v1::StreamResponse& response, std::string& out) {
  if (!response.get_state().has_wire_protocol()) return false;
  AppendJsonString(out, WireProtocolName(response.get_state().wire_protocol()));
  return true;
}

template <typename Values>
void AppendNames(std::string& out, const Values& values, std::string_view (*name)(int)) {
  out += '[';
  bool first = true;
  for (const int value : values) {
    if (name(value).empty()) continue;
    if (!first) out += ", ";
    first = false;
    AppendJsonString(out, name(value));
  }
  out += ']';
}

using ProbeDescription = v1::ProbeDescription;

// A property that does not change, so that no round trip to the server is needed. If `append` appends nothing, the
// value is None.
struct Property {
  std::string_view name;
  void (*append)(const ProbeDescription& probe, std::string& out);
};
constexpr auto kProperties = std::to_array<Property>({
    {"vendor_name",
     [](const ProbeDescription& probe, std::string& out) { AppendJsonString(out, probe.vendor_name()); }},
    {"product_name",
     [](const ProbeDescription& probe, std::string& out) { AppendJsonString(out, probe.product_name()); }},
    {"description",
     [](const ProbeDescription& probe, std::string& out) { AppendJsonString(out, probe.description()); }},
    {"unique_id", [](const ProbeDescription& probe, std::string& out) { AppendJsonString(out, probe.unique_id()); }},
    {"supported_wire_protocols", [](const ProbeDescription& probe,
                                    std::string& out) { AppendNames(out, probe.wire_protocols(), &WireProtocolName); }},
    {"capabilities",
     [](const ProbeDescription& probe, std::string& out) { AppendNames(out, probe.capabilities(), &CapabilityName); }},
    {"associated_board_info", [](const ProbeDescription&, std::string&) {}},
});

// A property of the session, and its value if there is no session.
struct StateProperty {
  std::string_view name;
  ResultWriter write_result;
  std::string_view without_session;
};
constexpr auto kStateProperties = std::to_array<StateProperty>({
    {"is_open", &IsOpenResult, "false"},
    {"wire_protocol", &WireProtocolResult, ""},
});

}  // namespace

Step Hello(Call& call, Anything<"version"> version) {
  if (!IsNumber(version.value)) return RefuseArgument(call, version.kName, "an integer", version.value.text);
  if (IsOne(version.value)) return Step::kAnswer;
  call.text = "client requested unsupported protocol version " + WholePart(version.value) + " (expected 1)";
  return Step::kRefuse;
}

Step ReadProperty(Call& call, Anything<"name"> name) {
  if (!name.value.is_string()) return RefuseArgument(call, name.kName, "a string", name.value.text);
  const std::string wanted = DecodeJsonString(name.value);
  for (const Property& property : kProperties) {
    if (property.name != wanted) continue;
    property.append(call.context.probe, call.text);
    return Step::kAnswer;
  }
  for (const StateProperty& property : kStateProperties) {
    if (property.name != wanted) continue;
    if (!call.context.has_session) {
      call.text = property.without_session;
      return Step::kAnswer;
    }
    call.request.mutable_get_state();
    call.write_result = property.write_result;
    return Step::kSend;
  }
  call.text = "unknown property name '" + Excerpt(wanted) + "' requested";
  return Step::kRefuse;
}

void Open(Call& call) { call.request.mutable_open(); }
void Close(Call& call) { call.request.mutable_close(); }

void Lock(Call& call) {
  call.may_post = true;
  call.request.mutable_lock();
}

void Unlock(Call& call) {
  call.may_post = true;
  call.request.mutable_unlock();
}

}  // namespace probegate::commands
