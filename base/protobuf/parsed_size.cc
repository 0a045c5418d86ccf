#include "base/protobuf/parsed_size.h"

#include <algorithm>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <google/protobuf/wire_format.h>

#include "absl/strings/str_cat.h"

namespace probegate {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;

constexpr size_t kAllocation = 16;              // what the allocator adds to each piece of memory
constexpr size_t kPointer = 2 * sizeof(void*);  // in a repeated field, with its spare room
constexpr size_t kText = sizeof(std::string) + 2 * kAllocation;
constexpr size_t kUnknownField = 2 * 16;  // in an unknown field set, with its spare room
constexpr size_t kUnknownSet = 128;       // the set itself, which a message has once it has an unknown field

absl::Status Invalid(std::string_view why) { return absl::InvalidArgumentError(std::string(why)); }

absl::Status Malformed() { return Invalid("the message is not valid: it is cut off, or not encoded as Protobuf"); }

}  // namespace

struct ParsedSize::Scan {
  google::protobuf::io::CodedInputStream in;
  size_t limit;
  size_t bytes = 0;

  bool Skip(uint32_t count) { return in.Skip(static_cast<int>(count)); }
  // Whether the next `length` bytes are within the message that is being read.
  bool Has(uint32_t length) const { return length <= static_cast<uint32_t>(in.BytesUntilLimit()); }
};

ParsedSize::ParsedSize(const Descriptor& type) { AddShape(type); }

size_t ParsedSize::AddShape(const Descriptor& type) {
  const auto [known, is_new] = known_.try_emplace(type.full_name(), shapes_.size());
  const size_t index = known->second;
  if (!is_new) return index;
  const google::protobuf::Message* empty = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
  shapes_.push_back({.name = type.full_name(), .bytes = empty->SpaceUsedLong() + kAllocation, .fields = {}});
  std::vector<Field> fields;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    Field entry{.number = static_cast<uint32_t>(field.number()),
                .wire_type = static_cast<uint32_t>(WireFormat::WireTypeForFieldType(field.type())),
                .repeated = field.is_repeated()};
    if (field.message_type() != nullptr) {
      entry.kind = Kind::kMessage;
      entry.shape = AddShape(*field.message_type());
      entry.bytes = shapes_[entry.shape].bytes + (entry.repeated ? kPointer : 0);
    } else if (entry.wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      entry.kind = Kind::kText;
      entry.bytes = kText + (entry.repeated ? kPointer : 0);
    } else if (entry.repeated) {
      const bool wide = field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
                        field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 ||
                        field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
      entry.bytes = 2 * (wide ? sizeof(uint64_t) : sizeof(uint32_t));
    }
    fields.push_back(entry);
  }
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.number < b.number; });
  shapes_[index].fields = std::move(fields);
  return index;
}

const ParsedSize::Field* ParsedSize::Find(const Shape& shape, uint32_t number) {
  const auto found = std::lower_bound(shape.fields.begin(), shape.fields.end(), number,
                                      [](const Field& field, uint32_t wanted) { return field.number < wanted; });
  return found != shape.fields.end() && found->number == number ? &*found : nullptr;
}

absl::StatusOr<size_t> ParsedSize::Of(google::protobuf::io::ZeroCopyInputStream& wire, size_t wire_bytes,
                                      size_t limit) const {
  Scan scan{.in = google::protobuf::io::CodedInputStream(&wire), .limit = limit};
  scan.in.PushLimit(static_cast<int>(wire_bytes));
  scan.bytes = shapes_[0].bytes;
  if (absl::Status status = ScanMessage(scan, 0, 0); !status.ok()) return status;
  return scan.bytes;
}

absl::Status ParsedSize::ScanMessage(Scan& scan, size_t shape, int depth) const {
  if (depth > kMaxDepth) return Invalid(absl::StrCat("messages are nested more than ", kMaxDepth, " deep"));
  bool has_unknown = false;
  while (scan.in.BytesUntilLimit() > 0) {
    const uint32_t tag = scan.in.ReadTagNoLastTag();
    const auto number = static_cast<uint32_t>(WireFormatLite::GetTagFieldNumber(tag));
    if (number == 0) return Malformed();
    const auto wire_type = static_cast<uint32_t>(WireFormatLite::GetTagWireType(tag));
    const Field* field = Find(shapes_[shape], number);
    const bool packed = field != nullptr && field->repeated && wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    // The parser keeps a field of another type than it expects as an unknown one.
    if (field != nullptr && field->wire_type != wire_type && !packed) field = nullptr;
    if (field == nullptr && !std::exchange(has_unknown, true)) scan.bytes += kUnknownSet;
    if (absl::Status status = ScanField(scan, field, tag, depth); !status.ok()) return status;
    if (scan.bytes > scan.limit) {
      return Invalid(absl::StrCat("the message would take more than ", scan.limit, " bytes of memory"));
    }
  }
  return absl::OkStatus();
}

absl::Status ParsedSize::ScanField(Scan& scan, const Field* field, uint32_t tag, int depth) const {
  const auto wire_type = WireFormatLite::GetTagWireType(tag);
  if (wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) return ScanLengthDelimited(scan, field, depth);
  scan.bytes += field == nullptr ? kUnknownField : field->bytes;
  uint64_t value = 0;
  bool read = false;
  switch (wire_type) {
    case WireFormatLite::WIRETYPE_VARINT:
      read = scan.in.ReadVarint64(&value);
      break;
    case WireFormatLite::WIRETYPE_FIXED32:
      read = scan.Skip(sizeof(uint32_t));
      break;
    case WireFormatLite::WIRETYPE_FIXED64:
      read = scan.Skip(sizeof(uint64_t));
      break;
    default:
      return Invalid("the message has groups, which no field of it is");
  }
  return read ? absl::OkStatus() : Malformed();
}

absl::Status ParsedSize::ScanLengthDelimited(Scan& scan, const Field* field, int depth) const {
  uint32_t length = 0;
  if (!scan.in.ReadVarint32(&length) || !scan.Has(length)) return Malformed();
  if (field == nullptr) {
    scan.bytes += kUnknownField + kText + length;
  } else if (field->kind == Kind::kText) {
    scan.bytes += field->bytes + length;
  } else if (field->kind == Kind::kScalar) {
    const size_t least = field->wire_type == WireFormatLite::WIRETYPE_FIXED32   ? sizeof(uint32_t)
                         : field->wire_type == WireFormatLite::WIRETYPE_FIXED64 ? sizeof(uint64_t)
                                                                                : 1;
    scan.bytes += length / least * field->bytes;
  } else {
    scan.bytes += field->bytes;
    const auto outer = scan.in.PushLimit(static_cast<int>(length));
    if (absl::Status status = ScanMessage(scan, field->shape, depth + 1); !status.ok()) return status;
    scan.in.PopLimit(outer);
    return absl::OkStatus();
  }
  return scan.Skip(length) ? absl::OkStatus() : Malformed();
}

}  // namespace probegate
