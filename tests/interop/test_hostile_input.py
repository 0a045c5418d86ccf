"""Input that no well-behaved client sends. The gateway answers as the protocol says, uses bounded
memory, and continues to serve other clients."""

import json
import resource
import socket

import pytest
from metrics import wait_for
from process_usage import MIB, usage
from raw_client import CSW, CSW_WORDS, DISCONNECTED, DPIDR, DRW, GENERAL, RAM, TAR, RemoteError
from stack import wait_until

DPIDR_VALUE = 0x2BA01477


@pytest.fixture(autouse=True)
def other_clients_are_served(stack, raw):
    """Checks after each test that an ordinary client is served."""
    yield
    assert raw(stack.port).attach().call("read_dp", DPIDR) == DPIDR_VALUE


@pytest.mark.parametrize(
    "line, expected",
    [
        (b"", (-1, "invalid request format")),
        (b"hello", (-1, "invalid request format")),
        (b"{", (-1, "invalid request format")),
        (b"[]", (-1, "invalid request format")),
        (b"1", (-1, "invalid request format")),
        (b'{"id": 1, "request": "hello", "arguments": [1]} x', (-1, "invalid request format")),
        (b'{"id": 1e999, "request": "flush"}', (-1, "invalid request format")),
        (b'{"id": NaN, "request": "flush"}', (-1, "invalid request format")),
        (b"\xff\xfe\x00", (-1, "invalid request format")),
        (b'{"request": "hello", "arguments": [1]}', (-1, "missing request ID")),
        (b'{"id": 7}', (7, "missing request field")),
        (b'{"id": 7, "request": "hello", "arguments": 1}', (7, "invalid request arguments format")),
        (b'{"id": 7, "request": "no_such"}', (7, "unknown request type")),
        (b'{"id": 7, "request": "hello"}', (7, "malformed request; invalid number of arguments")),
        (b"[" * 100_000, (-1, "invalid request format")),
        (b'{"id":' * 50_000, (-1, "invalid request format")),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_connection_survives_format_errors(stack, raw, line, expected):
    client = raw(stack.port)
    client.call("hello", 1)
    client.send_bytes(line + b"\n")
    reply = client.receive()
    assert (reply["id"], reply["status"], reply["error"]) == (expected[0], GENERAL, expected[1])
    client.call("hello", 1)


@pytest.mark.parametrize(
    "request_name, arguments, named",
    [
        ("read_dp", ["0"], 'got "0"'),
        ("read_dp", [1], "DP address 0x1 "),
        ("read_dp", [-4], "got -4"),
        ("read_dp", [1 << 70], f"got {1 << 70}"),
        ("write_dp", [0, 1 << 32], f"got {1 << 32}"),
        ("write_ap_multiple", [0xC, "abc"], 'got "abc"'),
        ("write_ap_multiple", [0xC, [1, "2"]], 'got "2"'),
        ("read_ap_multiple", [0xC, 1 << 40], f"got {1 << 40}"),
        ("swj_sequence", [0, 0], "length must be an integer from 1 to 65536, got 0"),
        ("swj_sequence", [1 << 30, 0], f"got {1 << 30}"),
        ("swd_sequence", [[[]]], "got []"),
        ("swd_sequence", [[[1, 2, 3]]], "got [1, 2, 3]"),
        ("set_clock", ["fast"], 'got "fast"'),
        ("set_clock", [0], "frequency must be a number of Hz from 1 to 4294967295, got 0"),
        ("connect", ["I2C"], "I2C"),
        ("hello", [2], "version 2"),
        ("readprop", ["__class__"], "'__class__'"),
        ("get_memory_interface_for_ap", [3, 0], "invalid AP version"),
        ("read_mem", [99, 0, 32], "invalid handle"),
        ("read_block32", [99, 0, 1 << 40], f"got {1 << 40}"),
    ],
)
def test_wrong_arguments_are_reported_and_the_connection_survives(stack, raw, request_name, arguments, named):
    client = raw(stack.port).attach()
    with pytest.raises(RemoteError) as refusal:
        client.call(request_name, *arguments)
    assert refusal.value.status == GENERAL
    assert named in refusal.value.message
    assert client.call("read_dp", DPIDR) == DPIDR_VALUE


def test_line_without_end_is_bounded(stack, raw):
    """The limit is 16 MiB: the client gets an error line and then a reset, however much more it sends."""
    client = raw(stack.port)
    client.call("hello", 1)

    def reset():
        try:
            client.send_bytes(b"x" * (1 << 20))
        except ConnectionError:
            return True
        return False

    before = usage(stack.gateway).resident
    wait_until(reset, "the connection is reset")
    assert usage(stack.gateway).resident - before < 64 * MIB
    # The error line was sent before the reset, so it can still be read.
    assert client.receive() == {
        "id": -1,
        "status": GENERAL,
        "error": "request line longer than 16777216 bytes (--max-line-bytes)",
    }
    assert client.receive_line() == b""


def test_line_over_the_bound_is_answered(make_stack, raw):
    stack = make_stack(gateway_flags=["--max-line-bytes", 65536])
    client = raw(stack.port)
    client.call("hello", 1)
    client.send_bytes(b'{"id": 5, "request": "' + b"x" * 65536 + b'"}\n')
    reply = client.receive()
    assert (reply["id"], reply["status"]) == (-1, GENERAL)
    assert "65536" in reply["error"], reply
    with pytest.raises(ConnectionResetError):
        client.receive_line()


def test_half_close_answers_everything_first(stack, raw):
    client = raw(stack.port).attach()
    sent = [client.send("read_dp", DPIDR) for _ in range(200)]
    client.socket.shutdown(socket.SHUT_WR)
    for request_id in sent:
        assert client.result("read_dp", request_id) == DPIDR_VALUE
    assert client.receive_line() == b""


@pytest.mark.parametrize(
    "line, answer",
    [
        (b'{"id": 1, "request": "hello", "arguments": [1]}', {"id": 1, "status": 0}),
        (b'{"id": 1, "req', {"id": -1, "status": GENERAL, "error": "invalid request format"}),
    ],
    ids=["whole", "half"],
)
def test_last_line_without_line_feed(stack, raw, line, answer):
    """End-of-file also ends a line, which is answered before the connection is closed."""
    client = raw(stack.port)
    client.call("hello", 1)
    client.send_bytes(line)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.receive() == answer
    assert client.receive_line() == b""


def test_one_byte_at_a_time(stack, raw):
    client = raw(stack.port)
    for byte in b'{"id": 9, "request": "hello", "arguments": [1]}\r\n':
        client.send_bytes(bytes([byte]))
    assert client.receive() == {"id": 9, "status": 0}


@pytest.mark.parametrize("identity", [None, "a", 1.5, True, [1, {"b": None}], {"c": "\u00e9"}, 1 << 200, -3])
def test_any_id_comes_back(stack, raw, identity):
    client = raw(stack.port)
    client.send_bytes(json.dumps({"id": identity, "request": "hello", "arguments": [1]}).encode() + b"\n")
    assert client.receive() == {"id": identity, "status": 0}


def test_reset_in_the_middle_of_requests(stack, raw):
    for _ in range(20):
        client = raw(stack.port).attach()
        for _ in range(50):
            client.send("read_ap_multiple", DRW, 256)
        client.abort()
    expect_no_sessions_left(stack)


def test_connect_and_leave(stack, raw):
    for end in ("close", "abort") * 100:
        getattr(raw(stack.port), end)()
    expect_no_sessions_left(stack)


def expect_no_sessions_left(stack):
    """Waits until no connection and no session is left, including those of earlier tests."""
    for url, name in (
        (stack.gateway.metrics_url(), "probegate_gateway_connections"),
        (stack.server.metrics_url(), "probegate_sessions"),
    ):
        wait_for(url, lambda shown, name=name: shown.value(name) == 0, f"{name} is 0")


def test_slow_reader_uses_bounded_memory_and_does_not_delay_others(stack, raw):
    """The replies need far more space than socket buffers have: the gateway must stop reading
    instead of queueing replies."""
    slow = raw(stack.port).attach()
    other = raw(stack.port).attach()
    before = usage(stack.gateway).resident
    block = json.dumps({"id": 0, "request": "read_ap_multiple", "arguments": [DRW, 4096]}).encode() + b"\n"
    slow.socket.setblocking(False)
    requests = 0
    try:
        while requests < 20_000:  # 900 MB of replies
            slow.socket.sendall(block)
            requests += 1
    except BlockingIOError:
        pass
    for i in range(200):
        other.write_word(RAM, i)
        assert other.read_word(RAM) == i
    assert usage(stack.gateway).resident - before < 200 * MIB
    slow.socket.setblocking(True)
    slow.abort()


def test_pipelined_requests_are_answered_in_order(stack, raw):
    client = raw(stack.port).attach()
    client.call("write_ap", CSW, CSW_WORDS)
    client.call("write_ap", TAR, RAM)
    client.call("write_ap_multiple", DRW, list(range(256)))
    client.call("write_ap", TAR, RAM)
    sent = [client.send("read_ap", DRW) for _ in range(256)]
    assert [client.result("read_ap", request_id) for request_id in sent] == list(range(256))


def test_128_clients_at_once(stack, raw):
    clients = [raw(stack.port) for _ in range(128)]
    sent = [
        (client, client.send("hello", 1), client.send("open"), client.send("readprop", "is_open")) for client in clients
    ]
    for client, hello, opened, is_open in sent:
        client.result("hello", hello)
        client.result("open", opened)
        assert client.result("readprop", is_open) is True


def test_too_many_connections_are_refused(make_stack, raw):
    stack = make_stack(gateway_flags=["--max-connections", 4])
    served = [raw(stack.port) for _ in range(4)]
    for client in served:
        client.call("hello", 1)
    extra = raw(stack.port)
    with pytest.raises(RemoteError, match="--max-connections") as refusal:
        extra.call("hello", 1)
    assert refusal.value.status == DISCONNECTED
    with pytest.raises(ConnectionResetError):
        extra.receive_line()
    served[0].close()

    def free_again():
        try:
            return raw(stack.port).status("hello", 1) == 0
        except ConnectionError:
            return False

    wait_until(free_again, "a new client is served again")


@pytest.fixture
def few_open_files():
    """Starts programs with a soft limit of open files that is far below the hard limit, as in a login shell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 1024:
        pytest.skip(f"the hard limit of open files is {hard}")

    class SoftLimit:
        def __enter__(self):
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))

        def __exit__(self, *_):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return SoftLimit()


def test_soft_limit_of_open_files_does_not_bound_connections(make_stack, raw, few_open_files):
    stack = make_stack(start_gateway=False)
    stack.gateway_flags += ["--max-connections-per-client", 400]
    with few_open_files:
        stack.start_gateway()
    clients = [raw(stack.port) for _ in range(300)]
    for client in clients:
        client.call("hello", 1)
