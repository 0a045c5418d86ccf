// The output of --json.
#pragma once

#include <string>

#include <google/protobuf/message.h>

namespace probegate {

// A message in proto3's JSON mapping, on one line, with the field names of the .proto file and including empty fields.
// Throws kFailed if the message contains something that JSON cannot express, such as a time after the year 9999.
std::string ToJson(const google::protobuf::Message& message);

// A JSON string, in quotes.
std::string ToJson(const std::string& text);

// `object`, a JSON object, with another member added; `value` is JSON. Throws kFailed if `object` is not an object.
std::string WithMember(std::string object, const std::string& name, const std::string& value);

}  // namespace probegate
