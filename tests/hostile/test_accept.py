"""Attacks on the gRPC ports' connections: more of them than the program has files or one client may have, silent ones,
and floods. A client at another address goes on."""

import resource
import select
import socket
import threading

import pytest
from honest_client import assert_goes_on
from other_address import connect
from process_usage import MIB, forget_peak, peak, usage, wait_until_as_before
from raw_http2 import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Client,
    frame,
    grpc_headers,
    header_block,
)
from stack import BOUND, wait_until

ATTACKER = "127.0.0.66"
LIST_PROBES = "/probegate.v1.ProbeDirectory/ListProbes"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@pytest.fixture
def visitor(api, from_address, honest):
    """An honest client from another address: each request is a new connection with a call."""

    def start(stack):
        return honest("grpc-visits", from_address("127.0.0.2", stack.server_port).address)

    return start


class Held:
    """The attacker's connections to a port."""

    def __init__(self, port, count):
        self.connections = [self._connect(port) for _ in range(count)]

    @staticmethod
    def _connect(port):
        try:
            return connect(port, ATTACKER, BOUND)
        except ConnectionResetError:
            return None

    def open(self):
        """How many the server has not closed."""
        return sum(1 for one in self.connections if one is not None and self._is_open(one))

    @staticmethod
    def _is_open(connection):
        try:
            return connection.recv(1 << 16, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self):
        for one in self.connections:
            if one is not None:
                one.close()


def test_the_server_accepts_again_after_it_had_no_file_left(make_stack, visitor):
    stack = make_stack(start_gateway=False)
    client = visitor(stack)
    before = usage(stack.server)
    limit = before.descriptors + 20
    resource.prlimit(stack.server.pid, resource.RLIMIT_NOFILE, (limit, limit))
    held = Held(stack.server_port, 100)
    stack.server.wait_for_line(r"accept\.failed .*listener=gRPC")
    held.close()
    wait_until_as_before(stack.server, before)
    assert not visitor(stack).take(20).failures
    client.kill()


def test_one_client_cannot_take_all_connections(make_stack, visitor):
    stack = make_stack(start_gateway=False, server_flags=["--max-connections-per-client", "8"])
    client = visitor(stack)
    alone = client.take(50)
    before = usage(stack.server)
    held = Held(stack.server_port, 30)
    wait_until(lambda: held.open() <= 8, "those above the share of a client are reset")
    assert_goes_on(alone, client.take(50))
    stack.server.wait_for_line(rf"connection\.refused .*peer={ATTACKER}")
    held.close()
    wait_until_as_before(stack.server, before, descriptors=8)

    def may_have_its_share():
        again = Held(stack.server_port, 8)
        try:
            return again.open() == 8
        finally:
            again.close()

    wait_until(may_have_its_share, "the attacker's places are free again")


def test_connections_that_say_nothing_or_make_no_call_are_closed(make_stack):
    stack = make_stack(start_gateway=False, server_flags=["--connection-idle", "0.5"])
    silent = Held(stack.server_port, 4)
    idle = Http2Client(stack.server_port, ATTACKER)
    wait_until(lambda: idle.pump() or idle.closed, "a connection without a call is closed")
    wait_until(lambda: silent.open() == 0, "silent connections are closed", 3 * BOUND)


def begin_call(path=REFLECTION):
    return frame(HEADERS, END_HEADERS, 1, header_block(grpc_headers(path)))


def repeated(first, data):
    yield first
    while True:
        yield data


def calls(path, end):
    """Calls that are begun, and end with the frame `end(stream)`."""
    block = header_block(grpc_headers(path))
    for batch in range(1 << 20):
        streams = range(2 * 100 * batch + 1, 2 * 100 * (batch + 1), 2)
        yield b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, block) + end(stream) for stream in streams)


def reset(stream):
    return frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))


# What a connection sends again and again.
FLOODS = {
    "resets": lambda: calls(LIST_PROBES, reset),
    "resets of unknown methods": lambda: calls("/no.such.Service/Method", reset),
    "streams": lambda: calls(LIST_PROBES, lambda _: b""),
    "pings": lambda: repeated(b"", frame(PING, 0, 0, bytes(8)) * 1000),
    "settings": lambda: repeated(b"", frame(SETTINGS, 0, 0, b"\0\4\0\0\xff\xff") * 1000),
    "windows": lambda: repeated(begin_call(), frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1") * 1000),
    "priorities": lambda: repeated(b"", frame(PRIORITY, 0, 1, bytes(5)) * 1000),
    "empty data": lambda: repeated(begin_call(), frame(DATA, 0, 1) * 1000),
    "messages": lambda: repeated(begin_call(), frame(DATA, 0, 1, b"\0\0\0\0\2:\0") * 1000),
    "headers": lambda: repeated(
        frame(HEADERS, 0, 1, header_block(grpc_headers(REFLECTION))),
        frame(CONTINUATION, 0, 1, header_block([("a", "b" * 100)]) * 100),
    ),
}


class Flooder(threading.Thread):
    """Sends a flood over some connections, each of which is made again when the server closes it."""

    def __init__(self, port, kind, connections):
        super().__init__(daemon=True)
        self.port, self.kind, self.connections = port, kind, connections
        self.stopping = threading.Event()
        self.ended = 0  # connections that the server has closed

    def stop(self):
        self.stopping.set()
        self.join()

    def run(self):
        # A thread for each, because a connection that the server has paused blocks its own.
        threads = [threading.Thread(target=self._flood, daemon=True) for _ in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _flood(self):
        while not self.stopping.is_set():
            try:
                with connect(self.port, ATTACKER, BOUND) as connection:
                    connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
                    for data in FLOODS[self.kind]():
                        if self.stopping.is_set():
                            return
                        self._send(connection, data)
            except OSError:
                self.ended += 1

    def _send(self, connection, data):
        connection.setblocking(False)
        while data and not self.stopping.is_set():
            readable, writable, _ = select.select([connection], [connection], [], 0.1)
            if readable and not connection.recv(1 << 16):
                raise ConnectionResetError
            if writable:
                data = data[connection.send(data) :]


@pytest.mark.parametrize("kind", FLOODS)
def test_others_are_served_while_connections_flood(make_stack, visitor, kind):
    stack = make_stack(start_gateway=False)
    client = visitor(stack)
    alone = client.take(100)
    before = usage(stack.server)
    forget_peak(stack.server)
    flooder = Flooder(stack.server_port, kind, 8)
    flooder.start()
    try:
        assert_goes_on(alone, client.take(300))
        print(f"peak {peak(stack.server) >> 20} MiB")
        assert peak(stack.server) < 768 * MIB, "more than the units and containers let a server have"
    finally:
        flooder.stop()
    wait_until_as_before(stack.server, before, descriptors=8)
