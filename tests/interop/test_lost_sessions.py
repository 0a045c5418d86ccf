"""A lost session stays lost: requests fail with status 2 until the client opens a new session, and
never return a value."""

import signal

import pytest
from pyocd_client import PyocdError
from raw_client import DISCONNECTED, DPIDR, RAM
from stack import wait_until

DPIDR_VALUE = 0x2BA01477


def expect_lost_then_open_again(client):
    """Checks that requests that need a session keep failing, that others succeed, and that
    everything works after `open`."""
    for _ in range(3):
        assert client.status("read_dp", DPIDR) == DISCONNECTED
    assert client.status("read_ap", 0xC) == DISCONNECTED
    assert client.status("write_dp", 8, 0) == DISCONNECTED
    assert client.status("hello", 1) == 0
    wait_until(lambda: client.status("open") == 0, "the probe can be opened again")
    # The new session is not connected yet.
    assert client.call("readprop", "wire_protocol") is None
    client.call("connect", "SWD")
    client.wake()
    assert client.call("read_dp", DPIDR) == DPIDR_VALUE


def test_server_killed_and_started_again(make_stack, raw):
    stack = make_stack()
    client = raw(stack.port).attach()
    client.write_word(RAM, 0x11111111)
    client.call("flush")
    stack.server.kill()
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    stack.start_server()
    expect_lost_then_open_again(client)
    assert client.read_word(RAM) == 0x11111111


def test_server_back_before_the_client_asks(make_stack, raw):
    """The client sends nothing while the server restarts. It must not end up in a session that it did not open."""
    stack = make_stack()
    client = raw(stack.port).attach()
    stack.server.kill()
    stack.start_server()
    # A new connection shows when the gateway is connected to the server again.
    fresh = raw(stack.port)
    wait_until(lambda: fresh.status("open") == 0, "the gateway is connected to the server again")
    expect_lost_then_open_again(client)


def test_pyocd_while_the_server_restarts(make_stack, workers):
    stack = make_stack()
    (worker,) = workers(1)
    worker.attach(stack.uid)
    worker.target("write32", RAM, 0x22222222)
    stack.server.kill()
    stack.start_server()
    for _ in range(3):
        with pytest.raises(PyocdError) as error:
            worker.probe("read_dp", DPIDR)
        assert error.value.kind == "ProbeDisconnected"
        # pyOCD fails to take the lock here, so it raises a different exception; but it must not return a value.
        with pytest.raises(PyocdError):
            worker.target("read32", RAM)


def test_a_lock_is_gone_with_its_session(make_stack, raw):
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    client = raw(stack.port).attach()
    client.take_lock()
    stack.server.kill()
    stack.start_server()
    other = raw(stack.port)
    wait_until(lambda: other.status("open") == 0, "the gateway is connected to the server again")
    other.call("connect", "SWD")
    other.wake()
    assert client.status("unlock") == DISCONNECTED


def test_probe_unplugged_and_plugged_in(make_stack, raw, control):
    stack = make_stack()
    client, idle = raw(stack.port).attach(), raw(stack.port).attach()
    sim = control(stack)
    sim.unplug(0)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    assert client.status("open") != 0
    sim.plug(0)
    expect_lost_then_open_again(client)
    expect_lost_then_open_again(idle)


def test_other_boards_continue(make_stack, raw, control):
    stack = make_stack(boards=2)
    gone, stays = (raw(stack.port_of(serial)).attach() for serial in stack.serials)
    control(stack).unplug(0)
    wait_until(lambda: gone.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    assert stays.call("read_dp", DPIDR) == DPIDR_VALUE


def test_board_that_is_plugged_in_later_is_served(make_stack, raw, control):
    stack = make_stack(boards=2)
    sim = control(stack)
    sim.unplug(1)
    stack.server.stop()
    stack.gateway.stop()
    stack.start_server()
    gateway = stack.start_another_gateway("probegate-gateway", stack.gateway_port, stack.state)
    gateway.wait_for_line(rf"\({stack.serials[0]}\) on port {stack.gateway_port}\b")
    sim.plug(1)
    port = int(gateway.wait_for_line(rf"\({stack.serials[1]}\) on port (\d+)")[1])
    assert raw(port).attach().call("read_dp", DPIDR) == DPIDR_VALUE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_drains(make_stack, raw, number):
    """On a signal, the server ends its sessions with an error and exits with 0, even though clients
    still have sessions."""
    stack = make_stack()
    client, holder = raw(stack.port).attach(), raw(stack.port).attach()
    holder.take_lock()
    stack.server.signal(number)
    assert stack.server.wait() == 0
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    assert holder.status("unlock") == DISCONNECTED


def test_server_leaves_the_probe_disconnected(make_stack, raw, control):
    stack = make_stack()
    raw(stack.port).attach()
    sim = control(stack)
    assert sim.is_connected(0)
    stack.server.signal(signal.SIGTERM)
    assert stack.server.wait() == 0
    assert not sim.is_connected(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gateway_ends_its_connections(make_stack, raw, number):
    """pyOCD spins forever at an orderly end-of-file, so the gateway must reset the connections that it ends."""
    stack = make_stack()
    idle = raw(stack.port).attach()
    waiting, holder = raw(stack.port).attach(), raw(stack.port).attach()
    holder.take_lock()
    due = waiting.send("read_dp", DPIDR)
    # Once this is answered, the request above has reached the server.
    wait_until(lambda: holder.call("read_dp", DPIDR) == DPIDR_VALUE, "the holder has the probe")
    stack.gateway.signal(number)
    assert stack.gateway.wait() == 0
    reply = waiting.receive()
    assert (reply["id"], reply["status"]) == (due, DISCONNECTED)
    for client in (idle, waiting, holder):
        with pytest.raises(ConnectionResetError):
            client.receive_line()


def test_a_gateway_that_is_killed_resets_its_clients(make_stack, raw):
    """To its clients this must look like an end by the gateway: a reset, whatever state the connection is in."""
    stack = make_stack(gateway_flags=["--max-connections", 4])
    silent, idle = raw(stack.port), raw(stack.port).attach()
    holder, waiting = raw(stack.port).attach(), raw(stack.port).attach()
    holder.take_lock()
    waiting.send("read_dp", DPIDR)
    refused = raw(stack.port)
    stack.gateway.wait_for_line("connection.refused")
    stack.gateway.kill()
    for client in (silent, idle, holder, waiting, refused):
        with pytest.raises(ConnectionResetError):
            client.receive_line()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_pyocd_ends_when_the_gateway_does(make_stack, workers, number):
    stack = make_stack()
    (worker,) = workers(1)
    worker.attach(stack.uid)
    stack.gateway.signal(number)
    assert stack.gateway.wait() == (0 if number == signal.SIGTERM else -number)
    with pytest.raises(PyocdError):
        worker.target("read32", RAM)
