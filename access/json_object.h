// Parses JSON objects from outside, strictly (RFC 8259).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace probegate {

// The object that `text` is. Nothing if it is not valid JSON in UTF-8, is not an object, has a member twice, or is
// nested deeper than 16 levels. Two readers may take different values from an object that has a member twice, so a
// token with one is not trusted.
std::optional<nlohmann::json> ParseJsonObject(std::string_view text);

// The bytes of `text`, which is base64url without padding (RFC 4648, §5). Nothing if it has any other character.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace probegate
