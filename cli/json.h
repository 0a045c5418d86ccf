// What --json prints.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace probegate {

// A message in proto3's JSON mapping, with the .proto's field names and all fields; on one line.
std::string ToJson(const google::protobuf::Message& message);

// A string in quotes.
std::string ToJson(const std::string& text);

// `object`, a JSON object, with one member more; `value` is JSON.
std::string WithMember(std::string object, const std::string& name, const std::string& value);

}  // namespace probegate
