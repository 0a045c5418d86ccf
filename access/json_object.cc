#include "access/json_object.h"

#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"

namespace probegate {
namespace {

using nlohmann::json;

constexpr int kMostLevels = 16;
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::optional<json> ParseJsonObject(std::string_view text) {
  bool strict = true;
  std::vector<std::set<std::string>> members;  // of each object that has begun and not ended
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMostLevels) strict = false;
    if (event == json::parse_event_t::object_start) members.emplace_back();
    if (event == json::parse_event_t::object_end) members.pop_back();
    if (event == json::parse_event_t::key && !members.back().insert(value.get<std::string>()).second) strict = false;
    return strict;
  };
  json object = json::parse(text.begin(), text.end(), check, /*allow_exceptions=*/false);
  if (!strict || !object.is_object()) return std::nullopt;
  return object;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  std::string bytes;
  const bool valid = text.find_first_not_of(kBase64Url) == text.npos &&
                     absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes);
  if (!valid) return std::nullopt;
  return bytes;
}

}  // namespace probegate
