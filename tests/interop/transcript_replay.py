"""Replays a recorded conversation (tests/transcripts) with a gateway, and reports where the replies differ.

The conversation was recorded with pyOCD's own server. These must be the same: which requests succeed, the replies' keys
and the types of their values, status numbers, the texts of the protocol's errors, which connection gets which reply,
and the order. What depends on the probe (names, register and memory contents, texts of the probe's errors) may differ.
Intended differences are listed in DIFFERENCES.

    python3 transcript_replay.py HOST PORT FILE
"""

import base64
import dataclasses
import hashlib
import json
import re
import socket
import sys
from collections.abc import Callable

# Seconds; far more than a reply takes on a loaded machine.
BOUND = 30.0

# Errors whose texts are part of the protocol.
PROTOCOL_ERRORS = re.compile(
    r"invalid request format|missing request ID|missing request field|invalid request arguments format|unknown request type|"
    r"malformed request; invalid number of arguments|client requested unsupported protocol version .*|"
    r"unknown property name .* requested|invalid protocol name .*|invalid handle received from remote memory access"
)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A case in which the gateway intentionally answers differently."""

    why: str
    # Takes the recorded request (its text, or None if the text was not recorded) and the recorded reply.
    applies: Callable[[str, dict], bool]
    # Whether the gateway's reply is the intended one.
    wanted: Callable[[dict], bool]


def _error(status, text=None, id_=None):
    def wanted(reply):
        return (
            reply["status"] == status
            and isinstance(reply["error"], str)
            and (text is None or reply["error"] == text)
            and (id_ is None or reply["id"] == id_)
        )

    return wanted


def _is_request(name):
    return lambda request, reply: bool(request) and f'"request": "{name}"' in request


def _has_text(pattern):
    return lambda request, reply: bool(re.search(pattern, reply.get("error", "")))


# The first difference that applies is used.
DIFFERENCES = [
    Difference(
        "NaN, Infinity and 1e999 are not JSON",
        lambda request, reply: bool(request) and bool(re.search(r"NaN|Infinity|1e999", request)),
        _error(1, "invalid request format", -1),
    ),
    Difference(
        "has_swo, which pyOCD's client sends, is known",
        _is_request("has_swo"),
        lambda reply: reply["status"] == 0 and isinstance(reply["result"], bool),
    ),
    Difference(
        "a probe that is connected with SWD runs no JTAG sequence",
        lambda request, reply: bool(request) and '"jtag_sequence"' in request and reply["status"] == 0,
        _error(3),
    ),
    Difference(
        "only the documented properties can be read",
        lambda request, reply: (
            bool(request)
            and bool(
                re.search(
                    r'"readprop", "arguments": \["(_\w+|session|probe|open|'
                    r'read_dp|Protocol|PROTOCOL_NAME_MAP)"',
                    request,
                )
            )
        ),
        lambda reply: _error(1)(reply) and reply["error"].startswith("unknown property name '"),
    ),
    Difference(
        "a request that is not UTF-8, or that is nested too deeply, is not JSON",
        _has_text(r"codec can't decode|maximum recursion depth"),
        _error(1, "invalid request format", -1),
    ),
    Difference(
        "integers may have any length",
        _has_text(r"Exceeds the limit \(4300 digits\)"),
        lambda reply: reply["status"] == 0,
    ),
    Difference(
        "a request name that is a list or an object is an unknown request",
        _has_text(r"unhashable type"),
        _error(1, "unknown request type"),
    ),
    Difference(
        "errors about wrong argument types have our own texts",
        _has_text(r"format: a real number is required|attribute name must be string"),
        _error(1),
    ),
]

# Requests that need a capability of the probe. If the probe does not have it, the reply is a ProbeError.
OPTIONAL_REQUESTS = {
    "jtag_sequence": "JTAG_SEQUENCE",
    "swd_sequence": "SWD_SEQUENCE",
    "swo_start": "SWO",
    "swo_stop": "SWO",
    "swo_read": "SWO",
}
PROBE_ERROR = 3

# The recording's in-memory probe always answers. A real link must be established again after raw sequences and a reset:
# line reset, JTAG-to-SWD, line reset, idle cycles, DPIDR.
WAKE_BEFORE_NOTES = {"DP"}
WAKE = [
    ("swj_sequence", 51, (1 << 51) - 1),
    ("swj_sequence", 16, 0xE79E),
    ("swj_sequence", 51, (1 << 51) - 1),
    ("swj_sequence", 8, 0),
    ("read_dp", 0),
]

# An ADIv6 AP address for an ADIv5 target: each server may answer this differently.
PROBE_SPECIFIC = [re.compile(r'"get_memory_interface_for_ap", "arguments": \[2, 0\]')]


def _decode(line):
    """Decodes JSON. Integers that are too long for Python's int() stay strings, which can be compared just as well."""
    return json.loads(line, parse_int=lambda digits: int(digits) if len(digits) < 4300 else digits)


class Connection:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), BOUND)
        self.file = self.socket.makefile("rb")
        self.requests = []  # sent, and not answered yet
        self.finished = False

    def send(self, data, request):
        self.socket.sendall(data)
        self.requests.append(request)

    def receive(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the gateway closed the connection")
        return _decode(line)

    def ask(self, name, *arguments):
        self.send(json.dumps({"id": "extra", "request": name, "arguments": arguments}).encode() + b"\n", None)
        self.requests.pop()
        return self.receive()

    def finish(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.file.close()
        self.socket.close()


def _bytes_of(entry):
    """The line that was sent, without its LF."""
    if "line_b64" in entry:
        return base64.b64decode(entry["line_b64"])
    if "line" in entry:
        return entry["line"].encode()
    data = (
        entry["head"] + entry["head"][-1] * (entry["len"] - len(entry["head"]) - len(entry["tail"])) + entry["tail"]
    ).encode()
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ValueError(f"cannot reconstruct the line that starts with {entry['head']}")
    return data


def _type_of(value):
    if isinstance(value, list):
        return [_type_of(value[0])] if value else []
    return type(value).__name__


def _same_type(expected, actual):
    if isinstance(expected, list) and isinstance(actual, list):
        return not expected or not actual or _type_of(expected) == _type_of(actual)
    return _type_of(expected) == _type_of(actual)


def _name_of(request):
    found = re.search(r'"request": "(\w+)"', request or "")
    return found[1] if found else None


def _compare(request, expected, actual, capabilities):
    """What is wrong with the reply, or None."""
    if request and any(pattern.search(request) for pattern in PROBE_SPECIFIC):
        return None
    for difference in DIFFERENCES:
        if difference.applies(request, expected):
            return None if difference.wanted(actual) else f"not the intended reply, although {difference.why}"
    if expected["id"] != actual["id"]:
        return "different ID"
    capability = OPTIONAL_REQUESTS.get(_name_of(request))
    if capability and capability not in capabilities:
        return None if actual["status"] in (expected["status"], PROBE_ERROR) else "different status"
    if expected["status"] != actual["status"]:
        return "different status"
    if expected.keys() != actual.keys():
        return "different keys"
    if "error" in expected and PROTOCOL_ERRORS.fullmatch(expected["error"]) and expected["error"] != actual["error"]:
        return "different error text"
    if "result" in expected and not _same_type(expected["result"], actual["result"]):
        return "different type of result"
    return None


class Replay:
    def __init__(self, host, port, entries):
        self.host, self.port, self.entries = host, port, entries
        self.connections = {}
        self.mismatches = []
        self.capabilities = self._capabilities()

    def _capabilities(self):
        connection = Connection(self.host, self.port)
        try:
            return connection.ask("readprop", "capabilities").get("result", [])
        finally:
            connection.close()

    def run(self):
        for number, entry in enumerate(self.entries, 1):
            try:
                self._step(entry)
            except (OSError, EOFError, ValueError, IndexError) as error:
                self.mismatches.append(f"line {number}: {json.dumps(entry)[:200]}: {error!r}")
                break
        for connection in self.connections.values():
            connection.close()
        return self.mismatches

    def _step(self, entry):
        if "note" in entry:
            if entry["note"] in WAKE_BEFORE_NOTES:
                self._wake()
            return
        key = entry["conn"]
        if entry.get("event") == "connect":
            self.connections[key] = Connection(self.host, self.port)
            return
        connection = self.connections[key]
        if entry.get("event") == "close":
            self._close(entry, connection)
        elif entry["dir"] == "c2s":
            request = _bytes_of(entry)
            connection.send(request + (b"\n" if entry.get("eol", True) else b""), entry.get("line"))
        else:
            request = connection.requests.pop(0)
            expected, actual = _decode(entry["line"]), connection.receive()
            problem = _compare(request, expected, actual, self.capabilities)
            if problem:
                self.mismatches.append(
                    f"{problem}: {str(request)[:200]} -> {str(actual)[:200]}, recorded {str(expected)[:200]}"
                )

    def _close(self, entry, connection):
        if entry["dir"] == "c2s":
            connection.finish()
            connection.finished = True
        elif connection.finished:
            rest = connection.file.read()
            if rest:
                self.mismatches.append(f"more replies than recorded: {rest[:200]}")
        # The recorded server closes the connection after some errors; the gateway keeps it open.
        elif connection.ask("hello", 1).get("status") != 0:
            self.mismatches.append("the connection does not work after an error")

    def _wake(self):
        for name, *arguments in WAKE:
            for connection in self.connections.values():
                reply = connection.ask(name, *arguments)
                if reply["status"] != 0:
                    self.mismatches.append(f"the target does not wake: {name} -> {reply}")


def replay(host, port, file):
    """Replays a file; returns a description of each difference."""
    with open(file, encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    return Replay(host, port, entries).run()


if __name__ == "__main__":
    found = replay(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    print("\n".join(found) or "no differences")
    sys.exit(1 if found else 0)
