"""proto/ is compatible with the last release, and the check finds each kind of incompatible change."""

import re

import proto_compat
import pytest
from google.protobuf import descriptor_pb2


def test_compatible_with_the_last_release():
    golden = descriptor_pb2.FileDescriptorSet.FromString(proto_compat.GOLDEN.read_bytes())
    found = list(proto_compat.breaks(golden, proto_compat.describe()))
    assert not found, "\n".join(found)


RELEASED = """
syntax = "proto3";
package probegate.v1;
enum Mode { MODE_UNSPECIFIED = 0; MODE_FAST = 1; MODE_SLOW = 2; }
message Request {
  message Part { uint32 length = 1; }
  enum Kind { KIND_UNSPECIFIED = 0; }
  uint32 address = 1;
  repeated fixed32 words = 2;
  Part part = 3;
  oneof what { bool read = 4; bool write = 5; }
  optional string user = 6;
}
message Response {}
service Probe {
  rpc Read(Request) returns (Response);
  rpc Watch(Request) returns (stream Response);
}
"""

# A text, its replacement, and a part of the complaint, or None if the change is allowed.
CHANGES = [
    ("", "", None),
    ("message Response {}", "message Response { bool more = 1; }", None),
    ("rpc Read(", "rpc Write(Request) returns (Response);\n  rpc Read(", None),
    ("MODE_SLOW = 2;", "MODE_SLOW = 2; MODE_LAZY = 3;", None),
    ("message Response {}", "message Response {}\nmessage Extra {}", None),
    ("uint32 address = 1;", "", "Request.address = 1: removed or renumbered"),
    ("uint32 address = 1;", "reserved 1; reserved 'address';", "Request.address = 1: removed or renumbered"),
    ("uint32 address = 1;", "uint32 address = 9;", "Request.address = 1: removed or renumbered"),
    ("uint32 address = 1;", "uint64 address = 1;", "its type changed"),
    ("uint32 address = 1;", "uint32 place = 1;", "its name changed"),
    ("uint32 address = 1;", "optional uint32 address = 1;", "its presence"),
    ("optional string user = 6;", "string user = 6;", "its presence"),
    ("repeated fixed32 words", "fixed32 words", "its label"),
    ("Part part = 3;", "Response part = 3;", "its message or enum type changed"),
    ("bool write = 5; }", "} bool write = 5;", "oneofs"),
    ("oneof what", "oneof which", "oneofs"),
    ("uint32 length = 1;", "", "Request.Part.length = 1: removed"),
    ("enum Kind { KIND_UNSPECIFIED = 0; }", "", "enum probegate.v1.Request.Kind: removed"),
    ("MODE_SLOW = 2;", "", "Mode.MODE_SLOW: removed"),
    ("MODE_SLOW = 2;", "MODE_SLOW = 3;", "number changed from 2 to 3"),
    ("MODE_SLOW = 2;", "MODE_LAZY = 2;", "Mode.MODE_SLOW: removed"),
    ("rpc Read(Request) returns (Response);", "", "Probe/Read: removed"),
    ("rpc Read(", "rpc Fetch(", "Probe/Read: removed"),
    ("rpc Read(Request)", "rpc Read(Response)", "its request type changed"),
    ("rpc Read(Request) returns (Response)", "rpc Read(Request) returns (Request)", "its response type changed"),
    ("rpc Read(Request)", "rpc Read(stream Request)", "its client streaming changed"),
    ("returns (stream Response)", "returns (Response)", "its server streaming changed"),
    ("package probegate.v1;", "package probegate.v2;", "message probegate.v1.Request: removed"),
]


def described(tmp_path, name, text):
    root = tmp_path / name
    folder = root / "proto" / "probegate" / "v1"
    folder.mkdir(parents=True)
    (folder / "probe.proto").write_text(text)
    return proto_compat.describe(root)


@pytest.mark.parametrize("old,new,complaint", CHANGES)
def test_each_kind_of_change(tmp_path, old, new, complaint):
    assert old in RELEASED
    before = described(tmp_path, "before", RELEASED)
    after = described(tmp_path, "after", RELEASED.replace(old, new, 1))
    found = list(proto_compat.breaks(before, after))
    if complaint is None:
        assert not found
    else:
        assert any(re.search(re.escape(complaint), line) for line in found), found


@pytest.mark.parametrize("kind", ["message", "service", "enum"])
def test_a_removed_message_service_or_enum_is_found(tmp_path, kind):
    line = {"message": "message Gone {}", "service": "service Gone {}", "enum": "enum Gone { GONE = 0; }"}[kind]
    before = described(tmp_path, "before", RELEASED + line)
    after = described(tmp_path, "after", RELEASED)
    assert list(proto_compat.breaks(before, after)) == [f"{kind} probegate.v1.Gone: removed"]
