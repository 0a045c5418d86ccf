"""The tools that the hostile tests are made of do what they say, on a stack that is not attacked."""

import pytest
from grpc_client import UnarySession
from honest_client import assert_goes_on
from other_address import connect
from process_usage import MIB, Usage, cpu_seconds, forget_peak, peak, usage, wait_until_as_before
from raw_http2 import GRPC_PREFIX, Http2Client, grpc_message
from stack import wait_until

LIST_PROBES = "/probegate.v1.ProbeDirectory/ListProbes"


@pytest.mark.parametrize("kind", ["json", "json-visits", "grpc", "grpc-visits", "http"])
def test_honest_clients_are_served(stack, honest, kind):
    address = {
        "json": stack.port,
        "json-visits": stack.port,
        "http": stack.server.metrics_url().removeprefix("http://"),
    }.get(kind, stack.server_address)
    client = honest(kind, address, probe=stack.serial)
    alone = client.take(20)
    assert alone.failures == [] and len(alone.latencies_ms) >= 20
    assert_goes_on(alone, client.take(20))


def test_failures_are_recorded(make_stack, honest):
    stack = make_stack()
    client = honest("json", stack.port)
    alone = client.take(5)
    stack.gateway.stop()
    wait_until(lambda: client.take(1).failures, "a request fails")
    with pytest.raises(AssertionError, match="failures"):
        assert_goes_on(alone, client.take(1))


def test_another_address_is_another_client(stack, raw, api, from_address):
    raw(stack.port, source="127.0.0.2").attach()
    stack.gateway.wait_for_line(r"client\.connected .*client=127\.0\.0\.2:")
    session = UnarySession(api, from_address("127.0.0.3", stack.server_port).address, stack.serial)
    stack.server.wait_for_line(r"session\.opened .*peer=127\.0\.0\.3:")
    session.end()
    session.close()


def test_http2_client_makes_calls(stack):
    with Http2Client(stack.server_port) as client:
        answer = client.call(LIST_PROBES, b"")
        assert answer.ended and answer.headers == 2 and stack.serial.encode() in answer.data[GRPC_PREFIX.size :]
        assert client.ping() and not client.refused
        unfinished = client.open(LIST_PROBES)
        assert client.send_data(unfinished, grpc_message(bytes(100))[:50]) == 50
        client.reset(unfinished)
        assert client.ping() and not client.refused


def test_usage_returns_after_connections_have_gone(make_stack):
    stack = make_stack()
    before = usage(stack.gateway)
    forget_peak(stack.gateway)
    connections = [connect(stack.port) for _ in range(20)]
    wait_until(lambda: usage(stack.gateway).descriptors >= before.descriptors + 20, "connections are accepted")
    assert peak(stack.gateway) >= before.resident - MIB and cpu_seconds(stack.gateway) >= 0
    with pytest.raises(AssertionError, match="no more than before"):
        wait_until_as_before(stack.gateway, before, bound=0.1)
    for connection in connections:
        connection.close()
    wait_until_as_before(stack.gateway, before)
    with pytest.raises(AssertionError, match="no more than before"):
        wait_until_as_before(stack.gateway, Usage(0, 0, 0), bound=0.1)
