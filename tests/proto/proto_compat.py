#!/usr/bin/env python3
"""Finds changes to the .proto files that would break clients of a released version.

The files are compared with golden/probegate_v1.binpb, the descriptor set of the last release. Additions are allowed.
After a release, `build/venv/bin/python tests/proto/proto_compat.py --update` makes the current files the new baseline.
"""

import pathlib
import subprocess
import sys

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = pathlib.Path(__file__).parent / "golden" / "probegate_v1.binpb"

# Attributes of a field that matter on the wire, in JSON or in generated code, and their names in messages.
FIELD_ATTRIBUTES = {
    "name": "name",
    "type": "type",
    "label": "label (repeated or not)",
    "type_name": "message or enum type",
    "proto3_optional": "presence (optional or not)",
}
METHOD_ATTRIBUTES = {
    "input_type": "request type",
    "output_type": "response type",
    "client_streaming": "client streaming",
    "server_streaming": "server streaming",
}


def describe(root=ROOT):
    """The descriptor set of all .proto files: ours, and those of Arduino CLI."""
    files = sorted(file for part in ("probegate", "cc") for file in (root / "proto" / part).rglob("*.proto"))
    command = [
        "protoc",
        f"-I{root / 'proto'}",
        "--include_imports",
        "--descriptor_set_out=/dev/stdout",
        *map(str, files),
    ]
    return descriptor_pb2.FileDescriptorSet.FromString(
        subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    )


def breaks(old, new):
    """One line for each thing in `old` that clients rely on and that `new` changes or removes."""
    before, after = _index(old), _index(new)
    for name, message in before["message"].items():
        if name not in after["message"]:
            yield f"message {name}: removed"
        else:
            yield from _field_breaks(name, message, after["message"][name])
    for name, enum in before["enum"].items():
        if name not in after["enum"]:
            yield f"enum {name}: removed"
        else:
            yield from _value_breaks(name, enum, after["enum"][name])
    for name, service in before["service"].items():
        if name not in after["service"]:
            yield f"service {name}: removed"
        else:
            yield from _method_breaks(name, service, after["service"][name])


def _index(files):
    """For messages, enums and services each: full name -> descriptor."""
    index = {"message": {}, "enum": {}, "service": {}}

    def add_message(scope, message):
        name = f"{scope}.{message.name}"
        index["message"][name] = message
        for nested in message.nested_type:
            add_message(name, nested)
        for enum in message.enum_type:
            index["enum"][f"{name}.{enum.name}"] = enum

    for file in files.file:
        for message in file.message_type:
            add_message(file.package, message)
        index["enum"].update({f"{file.package}.{enum.name}": enum for enum in file.enum_type})
        index["service"].update({f"{file.package}.{service.name}": service for service in file.service})
    return index


def _field_breaks(name, old, new):
    fields = {field.number: field for field in new.field}
    for field in old.field:
        now = fields.get(field.number)
        where = f"field {name}.{field.name} = {field.number}"
        if now is None:
            yield f"{where}: removed or renumbered"
            continue
        for attribute, words in FIELD_ATTRIBUTES.items():
            if getattr(field, attribute) != getattr(now, attribute):
                yield f"{where}: its {words} changed"
        if _oneof_of(old, field) != _oneof_of(new, now):
            yield f"{where}: moved into, out of or between oneofs"


def _oneof_of(message, field):
    if not field.HasField("oneof_index") or field.proto3_optional:
        return None
    return message.oneof_decl[field.oneof_index].name


def _value_breaks(name, old, new):
    values = {value.name: value.number for value in new.value}
    for value in old.value:
        if value.name not in values:
            yield f"enum value {name}.{value.name}: removed"
        elif values[value.name] != value.number:
            yield f"enum value {name}.{value.name}: its number changed from {value.number} to {values[value.name]}"


def _method_breaks(name, old, new):
    methods = {method.name: method for method in new.method}
    for method in old.method:
        now = methods.get(method.name)
        if now is None:
            yield f"method {name}/{method.name}: removed"
            continue
        for attribute, words in METHOD_ATTRIBUTES.items():
            if getattr(method, attribute) != getattr(now, attribute):
                yield f"method {name}/{method.name}: its {words} changed"


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: proto_compat.py --update")
    GOLDEN.write_bytes(describe().SerializeToString(deterministic=True))
    print(f"{GOLDEN.relative_to(ROOT)} now matches proto/")
