"""Random requests that no well-behaved client sends: lines for the gateway, and calls for the server."""

import json

import grpc
from raw_client import DISCONNECTED, FAULT, GENERAL, PROBE_ERROR, TIMEOUT, TRANSFER
from stack import BOUND

STATUSES = (0, GENERAL, DISCONNECTED, PROBE_ERROR, TRANSFER, TIMEOUT, FAULT)
NAMES = [
    "hello",
    "readprop",
    "open",
    "close",
    "connect",
    "disconnect",
    "lock",
    "unlock",
    "flush",
    "read_dp",
    "write_dp",
    "read_ap",
    "write_ap",
    "read_ap_multiple",
    "write_ap_multiple",
    "swj_sequence",
    "swd_sequence",
    "jtag_sequence",
    "set_clock",
    "reset",
    "assert_reset",
    "is_reset_asserted",
    "get_memory_interface_for_ap",
    "read_mem",
    "write_mem",
    "read_block32",
    "write_block32",
    "read_block8",
    "write_block8",
    "has_swo",
    "swo_start",
    "swo_stop",
    "swo_read",
]
ODD = [
    None,
    True,
    0,
    1,
    3,
    4,
    -1,
    12,
    1.5,
    1 << 31,
    1 << 64,
    -(1 << 70),
    "",
    "SWD",
    "JTAG",
    "unique_id",
    "__class__",
    [],
    {},
    [1],
    [[8]],
    {"a": {"b": []}},
    "x" * 300,
    '\u2603\u0000"\n\\',
    'x",probe="y"} 1',
]
# Valid requests: they are carried out, or fail because of the probe or the target.
FITTING = [
    ("open",),
    ("connect", "SWD"),
    ("lock",),
    ("unlock",),
    ("read_dp", 0),
    ("read_ap", 0xC),
    ("write_ap", 4, None),
    ("read_ap_multiple", 0xC, 5),
    ("read_mem", 0, None, 32),
    ("write_dp", 0, 0x1E),
    ("readprop", "unique_id"),
    ("flush",),
]
METHODS = [
    "OpenSession",
    "CloseSession",
    "ReadDp",
    "WriteAp",
    "ReadMem",
    "Lock",
    "GetState",
    "ListSessions",
    "EndSession",
]
UNANSWERED = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
NO_SERVICES = ["/probegate.v1.DebugProbe/", "/probegate.v1.Nothing/", "/"]


def _word(numbers):
    return "".join(
        chr(numbers.choice((numbers.randrange(32, 127), numbers.randrange(160, 0x3000))))
        for _ in range(numbers.randrange(1, 40))
    )


def _arguments(numbers):
    return [numbers.choice(ODD) for _ in range(numbers.choice((0, 0, 1, 1, 2, 3, 4, 20)))]


def _request(numbers):
    """A request with a known name and arguments that are hardly ever valid."""
    return {"id": numbers.choice(ODD), "request": numbers.choice(NAMES), "arguments": _arguments(numbers)}


def _fitting(numbers):
    name, *arguments = numbers.choice(FITTING)
    return {
        "id": numbers.choice(ODD),
        "request": name,
        "arguments": [numbers.getrandbits(32) & ~3 if argument is None else argument for argument in arguments],
    }


def _unknown(numbers):
    return {
        "id": numbers.getrandbits(40),
        "request": _word(numbers),
        "arguments": _arguments(numbers),
        "traceparent": _word(numbers),
        _word(numbers): _word(numbers),
    }


def _misshapen(numbers):
    return numbers.choice(
        [
            numbers.choice(ODD),
            {"id": numbers.choice(ODD)},
            {"request": _word(numbers)},
            {"id": 1, "request": numbers.choice(ODD), "arguments": numbers.choice(ODD)},
            {"id": 1, "request": "readprop", "arguments": [_word(numbers)]},
        ]
    )


def line(numbers):
    """One line with its line feed. Each line must get exactly one reply."""
    kind = numbers.randrange(20)
    if kind == 0:
        return numbers.choice((b"[", b'{"id":', b'{"a":[')) * numbers.randrange(1, 5000) + b"\n"
    if kind == 1:
        return numbers.randbytes(numbers.randrange(1, 200)).replace(b"\n", b"") + b"\n"
    make = (_fitting, _request, _unknown, _misshapen)[kind % 4]
    return json.dumps(make(numbers)).encode() + b"\n"


def send_lines(client, lines):
    """Sends all lines and reads a reply to each. The replies must be in order and have the
    request's id, or -1 if there is no id."""
    client.send_bytes(b"".join(lines))
    for sent in lines:
        reply = client.receive()
        assert reply["id"] == _id_of(sent), (sent, reply)
        assert reply["status"] in STATUSES, (sent, reply)
        assert ("error" in reply) == (reply["status"] != 0), (sent, reply)


def _id_of(sent):
    try:
        message = json.loads(sent)
    except (ValueError, RecursionError):
        return -1
    return message.get("id", -1) if isinstance(message, dict) else -1


def call(connection, api, numbers):
    """Makes one call, which must be answered, if only with an error."""
    method = numbers.choice(METHODS)
    service = "ProbeDirectory" if "Sessions" in method or method == "EndSession" else "DebugProbe"
    request = getattr(api, method + "Request")
    fields = {field.name for field in request.DESCRIPTOR.fields}
    values = {
        "probe": _word(numbers),
        "session_id": f"{numbers.getrandbits(128):032x}",
        "session": _word(numbers),
        "reason": _word(numbers),
        "client": {"name": _word(numbers)},
    }
    message = request(**{name: value for name, value in values.items() if name in fields}).SerializeToString()
    path = f"/probegate.v1.{service}/{method}"
    kind = numbers.randrange(4)
    if kind == 0:
        path = numbers.choice(NO_SERVICES) + f"M{numbers.getrandbits(64)}"
    elif kind == 1:
        message = numbers.randbytes(numbers.randrange(100))
    try:
        connection.unary_unary(path)(message, timeout=BOUND)
    except grpc.RpcError as error:
        assert error.code() not in UNANSWERED, (path, message, error)
