// What --json prints.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace probegate {

// A message in proto3's JSON mapping, with the .proto's field names and all fields; on one line.
std::string ToJson(const google::protobuf::Message& message);

// A string in quotes.
std::string ToJson(const std::string& text);

}  // namespace probegate
