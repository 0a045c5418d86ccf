// What --json prints.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace probegate {

// A message in proto3's JSON mapping, with the .proto's field names and all fields; on one line. Throws kFailed
// where it holds what JSON cannot say, such as a time beyond the year 9999.
std::string ToJson(const google::protobuf::Message& message);

// A string in quotes.
std::string ToJson(const std::string& text);

// `object`, a JSON object, with one member more; `value` is JSON. Throws kFailed where `object` is none.
std::string WithMember(std::string object, const std::string& name, const std::string& value);

}  // namespace probegate
