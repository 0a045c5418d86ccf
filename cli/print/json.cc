#include "cli/print/json.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "cli/print/failure.h"

namespace probegate {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) {
    throw Failure(ExitCode::kFailed, "cannot convert this " + message.GetTypeName() + " to JSON");
  }
  return text;
}

std::string ToJson(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return ToJson(value);
}

std::string WithMember(std::string object, const std::string& name, const std::string& value) {
  if (!object.starts_with('{') || !object.ends_with('}'))
    throw Failure(ExitCode::kFailed, "not a JSON object: " + object);
  object.pop_back();
  return object + (object == "{" ? "" : ",") + ToJson(name) + ":" + value + "}";
}

}  // namespace probegate
