"""A hostile client of the gateway's ports: the remote protocol has no passwords, so anyone who reaches a port can try
this."""

import contextlib
import json
import select
import socket
import threading
import time

import pytest
from honest_client import assert_goes_on
from metrics import wait_for
from other_address import connect
from process_usage import MIB, forget_peak, peak, usage, wait_until_as_before
from raw_client import DISCONNECTED, RAM, RawClient, RemoteError
from stack import LOOPBACK, wait_until

OTHER = "127.0.0.2"  # counts as another client
BUDGET = 256 * MIB  # --max-memory-in-flight
ENDED = "probegate_gateway_clients_ended_total"

ATTACK = [
    ("open",),
    ("connect", "SWD"),
    ("swj_sequence", 51, (1 << 51) - 1),
    ("swj_sequence", 16, 0xE79E),
    ("swj_sequence", 51, (1 << 51) - 1),
    ("swj_sequence", 8, 0),
    ("read_dp", 0),
    ("write_dp", 0, 0x1E),
    ("write_dp", 4, 0x50000000),
    ("read_dp", 4),
    ("write_ap", 0, 0x23000052),
    ("write_ap", 4, RAM),
    ("write_ap", 0xC, 0xDEADBEEF),
    ("flush",),
]
LINES = b"".join(
    json.dumps({"id": i, "request": name, "arguments": arguments}).encode() + b"\n"
    for i, (name, *arguments) in enumerate(ATTACK)
)


def browser_request(method, stack):
    """What a browser sends for a page of another site that has JSON lines in a text/plain body."""
    body = b"\n" + LINES
    head = f"{method} / HTTP/1.1\r\nHost: localhost:{stack.port}\r\nOrigin: http://evil.example\r\n"
    head += f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


FIRST_BYTES = {
    "a POST of a web page": ("http", lambda stack: browser_request("POST", stack)),
    "a PUT of a web page": ("http", lambda stack: browser_request("PUT", stack)),
    "a WebSocket": ("http", lambda stack: browser_request("GET", stack)),
    "HTTP/2": ("http", lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + LINES),
    "TLS": ("tls", lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n" + LINES),
    "an empty line": ("not_json", lambda _: b"\n" + LINES),
    "a list": ("not_json", lambda _: b"[1]\n" + LINES),
    "an unknown method": ("not_json", lambda stack: browser_request("BREW", stack)),
    "bytes": ("not_json", lambda _: bytes(range(9)) + b"\n" + LINES),
    "half an object": ("not_json", lambda _: b'{"id": 1\n' + LINES),
}


@pytest.mark.parametrize("kind", FIRST_BYTES)
def test_a_connection_that_does_not_begin_with_an_object_is_reset(stack, raw, kind):
    """A web page must not be able to use a board through a gateway on loopback."""
    reason, make = FIRST_BYTES[kind]
    honest = raw(stack.port).attach()
    honest.write_word(RAM, 0x11111111)
    before = ended(stack, reason)
    client = raw(stack.port)
    with contextlib.suppress(ConnectionError):
        client.send_bytes(make(stack))
    with pytest.raises(ConnectionResetError):
        client.receive_line()
    wait_until(lambda: ended(stack, reason) == before + 1, "the connection is counted")
    assert honest.read_word(RAM) == 0x11111111
    stack.gateway.wait_for_line(r"client\.ended ")


def ended(stack, reason):
    return wait_for(stack.gateway.metrics_url(), lambda shown: True, "metrics are shown").value(ENDED, reason=reason)


def test_a_flood_of_browsers_is_logged_once_per_second(stack, raw):
    start = time.monotonic()
    logged = stack.gateway.log().count("client.ended")
    for _ in range(200):
        client = raw(stack.port)
        with contextlib.suppress(ConnectionError):
            client.send_bytes(b"GET / HTTP/1.1\r\n")
        with pytest.raises(ConnectionResetError):
            client.receive_line()
    assert stack.gateway.log().count("client.ended") - logged <= time.monotonic() - start + 2


def test_clients_that_say_nothing_or_drip_make_room(make_stack, honest):
    """They are closed after 10 s, however they try to look alive, and meanwhile others are served."""
    stack = make_stack(gateway_flags=["--max-connections", 40, "--max-connections-per-client", 20])
    client = honest("json", stack.port, source=OTHER)
    alone = client.take(100)
    before = usage(stack.gateway)
    silent = [connect(stack.port) for _ in range(15)]
    dripping = [connect(stack.port) for _ in range(5)]
    told = RawClient(stack.port)
    with pytest.raises(RemoteError, match="--max-connections-per-client") as refusal:
        told.call("hello", 1)
    assert refusal.value.status == DISCONNECTED
    deadline = time.monotonic() + 30
    alive = set(dripping)
    while alive and time.monotonic() < deadline:
        _, writable, _ = select.select([], list(alive), [], 0.05)
        for each in writable:
            try:
                each.send(b"{")
            except ConnectionError:
                alive.discard(each)
        select.select([], [], [], 0.05)
    assert not alive
    for each in silent:
        with contextlib.suppress(ConnectionResetError):
            assert each.recv(1) == b""
        each.close()
    with RawClient(stack.port) as again:
        again.call("hello", 1)
    assert_goes_on(alone, client.take(100))
    wait_until_as_before(stack.gateway, before)


def test_one_client_cannot_have_all_connections(make_stack, honest):
    """Connections beyond its share are reset, and cost nothing."""
    stack = make_stack()
    client = honest("json", stack.port, source=OTHER)
    alone = client.take(100)
    before = usage(stack.gateway)
    forget_peak(stack.gateway)
    connections = []
    for _ in range(1100):
        with contextlib.suppress(ConnectionError):
            connections.append(connect(stack.port))
    with connect(stack.port, "127.0.0.3") as third:
        third.sendall(b'{"id": 1, "request": "hello", "arguments": [1]}\n')
        assert json.loads(third.makefile("rb").readline()) == {"id": 1, "status": 0}
    assert usage(stack.gateway).descriptors <= before.descriptors + 256 + 16 + 4
    assert peak(stack.gateway) <= before.resident + 64 * MIB
    assert_goes_on(alone, client.take(100))
    for each in connections:
        each.close()
    wait_until_as_before(stack.gateway, before)


def send_until_stopped(client, data, count, bound=4.0):
    """Sends the data so often, or until the gateway has not read for a while."""
    client.settimeout(bound)
    with contextlib.suppress(OSError):
        for _ in range(count):
            client.sendall(data)


LONG_ID = "x" * (15 << 20)
# Lines that take a lot of memory until they are answered.
HOARDS = {
    "long IDs": {"request": "hello", "arguments": [1], "id": LONG_ID},
    "long IDs of bad lines": {"request": "no_such", "id": LONG_ID},
    "long IDs of requests that the server answers": {"request": "set_clock", "arguments": [1000000], "id": LONG_ID},
    "lists of numbers": {"id": 1, "request": "write_ap_multiple", "arguments": [0xC, [1] * 3_000_000]},
    "lists of segments": {"id": 1, "request": "swd_sequence", "arguments": [[[1]] * 65536]},
    "unfinished lines": None,
    "large reads": {"id": 1, "request": "read_ap_multiple", "arguments": [0xC, 1 << 22]},
}


@pytest.mark.parametrize("kind", HOARDS)
def test_what_a_client_makes_the_gateway_hold_is_bounded(make_stack, honest, kind):
    """Eight connections of one client, each of which sends large lines and reads none of the replies."""
    stack = make_stack()
    client = honest("json", stack.port, source=OTHER)
    alone = client.take(100)
    before = usage(stack.gateway)
    forget_peak(stack.gateway)
    request = HOARDS[kind]
    line = json.dumps(request, separators=(",", ":")).encode() + b"\n" if request else b'{"id": "' + LONG_ID.encode()
    attackers = []
    for _ in range(8):
        attacker = RawClient(stack.port)
        attacker.call("hello", 1)
        attackers.append(attacker)
    threads = [
        threading.Thread(target=send_until_stopped, args=(attacker.socket, line, 24 if len(line) > 1000 else 500))
        for attacker in attackers
    ]
    for thread in threads:
        thread.start()
    under_attack = client.take(200)
    for thread in threads:
        thread.join()
    assert peak(stack.gateway) <= before.resident + BUDGET / 4 + 64 * MIB
    assert_goes_on(alone, under_attack)
    for attacker in attackers:
        attacker.abort()
    wait_until_as_before(stack.gateway, before)


def test_lines_behind_a_request_that_waits(make_stack):
    stack = make_stack(server_flags=["--lock-idle", 60, "--lock-max", 600])
    holder = RawClient(stack.port).attach()
    holder.take_lock()
    before = usage(stack.gateway)
    forget_peak(stack.gateway)
    attacker = RawClient(stack.port)
    attacker.call("hello", 1)
    attacker.call("open")
    attacker.send("connect", "SWD")  # waits for the lock
    line = json.dumps(HOARDS["long IDs"]).encode() + b"\n"
    send_until_stopped(attacker.socket, line, 24)
    assert peak(stack.gateway) <= before.resident + BUDGET / 4 + 16 * MIB
    with connect(stack.port) as other:
        other.sendall(b'{"id": 1, "request": "hello", "arguments": [1]}\n')
        assert json.loads(other.makefile("rb").readline())["status"] == 0
    attacker.abort()
    wait_until_as_before(stack.gateway, before)


def test_the_largest_line_is_served_while_others_hoard(stack):
    """Also to the client whose other connections have not finished theirs."""
    hoarders = [RawClient(stack.port) for _ in range(8)]
    for hoarder in hoarders:
        hoarder.call("hello", 1)
        send_until_stopped(hoarder.socket, b'{"id": "' + b"x" * (200 << 10), 1, 0.2)
    for source in (OTHER, LOOPBACK):
        with connect(stack.port, source) as client:
            thread = threading.Thread(
                target=lambda c=client: c.sendall(json.dumps(HOARDS["long IDs"]).encode() + b"\n")
            )
            thread.start()
            if source == LOOPBACK:
                for hoarder in hoarders:
                    hoarder.abort()
            assert json.loads(client.makefile("rb").readline())["status"] == 0
            thread.join()


def flood(port, payload, stop):
    with socket.create_connection((LOOPBACK, port)) as client:
        client.sendall(b'{"id": 0, "request": "hello", "arguments": [1]}\n')
        client.setblocking(False)
        at = 0
        while not stop.is_set():
            readable, writable, _ = select.select([client], [client], [], 0.1)
            with contextlib.suppress(BlockingIOError):
                if readable:
                    client.recv(1 << 20)
                if writable:
                    at = (at + client.send(payload[at : at + (1 << 18)])) % len(payload)


FLOODS = {
    "empty objects": b"{}\n" * 100_000,
    "empty lines": b"\n" * 300_000,
    "long numbers": b'{"id":1,"request":"jtag_sequence","arguments":[65536,false,true,%s]}\n' % (b"9" * 19728) * 20,
    "locks": b'{"id":1,"request":"lock"}\n{"id":2,"request":"unlock"}\n' * 5000,
    "deep lists": (b"[" * 900 + b"]" * 900 + b"\n") * 200,
}


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_does_not_delay_others(stack, honest, kind, connections):
    client = honest("json", stack.port, source=OTHER)
    alone = client.take(200)
    stop = threading.Event()
    threads = [threading.Thread(target=flood, args=(stack.port, FLOODS[kind], stop)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        under_attack = client.take(200)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    print(f"{kind} on {connections}: alone {alone}; under attack {under_attack}")
    assert_goes_on(alone, under_attack)
