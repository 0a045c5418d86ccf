// How much memory a message takes once it is parsed, found out from its bytes, before it is parsed.
//
// A parsed message may be much larger than its bytes: an empty submessage takes two bytes on the wire, and some hundred
// as an object. So a server that only bounds the size of messages can be made to allocate gigabytes. This reads through
// the bytes without allocating anything (https://protobuf.dev/programming-guides/encoding/), stops as soon as the
// message would exceed the caller's limit, and refuses what no honest client sends: groups, which proto3 does not have,
// and messages that are nested more than kMaxDepth deep.
//
// The estimate is for the parser of C++: objects, strings, the spare room of repeated fields, unknown fields, which the
// parser keeps, and what the allocator adds. Before a message is parsed, the estimate is at least what it will take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include "absl/status/statusor.h"

namespace google::protobuf::io {
class CodedInputStream;
}

namespace probegate {

// Threads: any.
class ParsedSize {
 public:
  static constexpr int kMaxDepth = 16;

  // For messages of `type`, which must be a type of the generated code.
  explicit ParsedSize(const google::protobuf::Descriptor& type);

  // The bytes of memory that the `wire_bytes` bytes of `wire` take once parsed. INVALID_ARGUMENT if they are not a
  // valid message, are refused as described above, or would take more than `limit`.
  absl::StatusOr<size_t> Of(google::protobuf::io::ZeroCopyInputStream& wire, size_t wire_bytes, size_t limit) const;

 private:
  enum class Kind : uint8_t { kScalar, kText, kMessage };
  struct Field {
    uint32_t number = 0;
    uint32_t wire_type = 0;  // of one value
    Kind kind = Kind::kScalar;
    bool repeated = false;
    size_t bytes = 0;  // that each value takes
    size_t shape = 0;  // of a message: index into shapes_
  };
  struct Shape {
    std::string name;
    size_t bytes = 0;           // of an empty message
    std::vector<Field> fields;  // by number
  };
  struct Scan;

  size_t AddShape(const google::protobuf::Descriptor& type);
  static const Field* Find(const Shape& shape, uint32_t number);
  absl::Status ScanMessage(Scan& scan, size_t shape, int depth) const;
  absl::Status ScanField(Scan& scan, const Field* field, uint32_t tag, int depth) const;
  absl::Status ScanLengthDelimited(Scan& scan, const Field* field, int depth) const;

  std::map<std::string, size_t> known_;  // index of a type's shape, by its full name
  std::vector<Shape> shapes_;            // the first is that of the message itself
};

}  // namespace probegate
