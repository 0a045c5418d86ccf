"""Which board is served on which port: a board keeps its port when programs restart and when other
boards come and go."""

import os
import pty

import pytest
from raw_client import RAM
from stack import NO_METRICS, free_port


def served(gateway, serial):
    return int(gateway.wait_for_line(rf"Serving debug probe .*\({serial}\) on port (\d+)")[1])


def unique_id(raw, port):
    client = raw(port)
    try:
        return client.call("readprop", "unique_id")
    finally:
        client.close()


def test_each_board_has_its_own_port(make_stack, raw):
    stack = make_stack(boards=3)
    ports = [stack.port_of(serial) for serial in stack.serials]
    assert sorted(ports) == list(range(stack.gateway_port, stack.gateway_port + 3))
    for serial, port in zip(stack.serials, ports):
        assert unique_id(raw, port) == serial
    clients = [raw(port).attach() for port in ports]
    for number, client in enumerate(clients):
        client.write_word(RAM, number)
    assert [client.read_word(RAM) for client in clients] == [0, 1, 2]


def test_ports_survive_restarts(make_stack, raw):
    stack = make_stack(boards=2)
    ports = {serial: stack.port_of(serial) for serial in stack.serials}
    stack.gateway.stop()
    stack.start_gateway()
    assert {serial: stack.port_of(serial) for serial in stack.serials} == ports


def test_port_of_an_absent_board_is_reserved(make_stack, raw, control):
    """The first board is away when the gateway restarts: the second board must not get its port."""
    stack = make_stack(boards=2)
    ports = {serial: stack.port_of(serial) for serial in stack.serials}
    absent, present = sorted(stack.serials, key=ports.get)
    stack.gateway.stop()
    stack.server.stop()
    sim = control(stack)
    sim.unplug(stack.serials.index(absent))
    stack.start_server()
    gateway = stack.start_another_gateway("probegate-gateway", stack.gateway_port, stack.state)
    assert served(gateway, present) == ports[present]
    assert unique_id(raw, ports[present]) == present
    sim.plug(stack.serials.index(absent))
    assert served(gateway, absent) == ports[absent]
    assert unique_id(raw, ports[absent]) == absent


def test_map(make_stack, raw):
    stack = make_stack(boards=2, start_gateway=False)
    chosen, base = free_port(), free_port(2)
    gateway = stack.start_another_gateway(
        "mapped", base, stack.programs.directory / "mapped", "--map", f"{stack.serials[0]}={chosen}"
    )
    assert served(gateway, stack.serials[0]) == chosen
    assert served(gateway, stack.serials[1]) in (base, base + 1)
    assert unique_id(raw, chosen) == stack.serials[0]


def test_map_is_kept_without_the_flag(make_stack, raw):
    """A port given by --map is kept by later runs, and by other gateways with the same state."""
    stack = make_stack(boards=2, start_gateway=False)
    mapped, other = stack.serials
    port = free_port(2)
    first = stack.start_another_gateway(
        "mapped", free_port(2), stack.state, "--map", f"{mapped.lower()}={port}", "--uid", mapped
    )
    assert served(first, mapped) == port
    second = stack.start_another_gateway("second", port, stack.state, "--uid", other)
    assert served(second, other) != port
    second.stop()
    first.stop()
    assert served(stack.start_another_gateway("third", free_port(2), stack.state), mapped) == port
    assert unique_id(raw, port) == mapped


def test_map_of_an_unknown_probe_warns_once(make_stack):
    stack = make_stack(start_gateway=False)
    gateway = stack.start_another_gateway("typo", free_port(), stack.state, "--map", f"nobody={free_port()}")
    served(gateway, stack.serial)
    assert len([line for line in gateway.log().splitlines() if "--map nobody=" in line and "warn" in line.lower()]) == 1


def test_map_to_the_port_of_another_probe(make_stack):
    stack = make_stack()
    stack.gateway.stop()
    result = stack.programs.run(
        "probegate-gateway",
        *NO_METRICS,
        "--server",
        stack.server_address,
        "--state",
        stack.state,
        "--map",
        f"nobody={stack.gateway_port}",
    )
    assert result.returncode == 1, result
    assert str(stack.gateway_port) in result.stderr and stack.serial in result.stderr


def test_menu_does_not_change_the_terminal(make_stack, raw):
    """The gateway must not set O_NONBLOCK on the terminal, because that would break other programs that use it."""
    stack = make_stack(boards=2, start_gateway=False)
    port = free_port()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(
            stack.programs.path("probegate-gateway"),
            [
                "probegate-gateway",
                *NO_METRICS,
                "--server",
                stack.server_address,
                "--port",
                str(port),
                "--state",
                str(stack.state),
            ],
        )
    try:
        output = b""
        while b"quit> " not in output:
            output += os.read(terminal, 4096)
        with open(f"/proc/{child}/fdinfo/0") as info:
            flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags:"))
        assert flags & os.O_NONBLOCK == 0
        os.write(terminal, b"1\n")
        while b"on port" not in output:
            output += os.read(terminal, 4096)
        assert unique_id(raw, port) == sorted(stack.serials)[1]
        os.write(terminal, b"\x03")
        while True:
            try:
                if not os.read(terminal, 4096):
                    break
            except OSError:  # the other end of the terminal is closed
                break
    finally:
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0


def test_uid_serves_one_probe(make_stack, raw):
    stack = make_stack(boards=2, start_gateway=False)
    port = free_port(2)
    gateway = stack.start_another_gateway("one", port, stack.programs.directory / "one", "--uid", stack.serials[1])
    assert served(gateway, stack.serials[1]) == port
    assert unique_id(raw, port) == stack.serials[1]
    assert f"({stack.serials[0]}) on port" not in gateway.log()


def test_gateway_waits_for_the_server(programs, make_stack, raw):
    stack = make_stack()
    port = stack.server_port
    stack.server.stop()
    gateway = stack.start_another_gateway("early", free_port(), programs.directory / "early")
    gateway.wait_for_line(rf"{port}")
    stack.start_server()
    assert unique_id(raw, served(gateway, stack.serial)) == stack.serial


def test_allow_from_says_who_may_connect(make_stack, raw):
    """All addresses in 127.0.0.0/8 are this machine's, and count as different ones."""
    stack = make_stack(gateway_flags=["--allow-remote", "--allow-from", "127.0.0.2", "--allow-from", "127.0.1.0/24"])
    for source in ("127.0.0.2", "127.0.1.77"):
        raw(stack.port, source=source).attach().detach()
    for source in ("127.0.0.1", "127.0.0.3", "127.0.2.1"):
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            raw(stack.port, source=source).attach()
    # The warning stands for all connections of a second, or there are several.
    refused = rf"connection\.refused listener=\"the port of debug probe {stack.serial}\" peer=127\.0\.0\.1:\d+ reason=.*--allow-from"
    stack.gateway.wait_for_line(refused)
    raw(stack.port, source="127.0.0.2").attach().detach()


def test_allow_from_needs_allow_remote(programs):
    result = programs.run("probegate-gateway", "--allow-from", "10.0.0.0/8")
    assert result.returncode == 2 and "--allow-from needs --allow-remote" in result.stderr, result
    result = programs.run("probegate-gateway", "--allow-remote", "--allow-from", "lab")
    assert result.returncode == 2 and "lab is neither an IP address nor a network" in result.stderr, result


@pytest.mark.parametrize("program", ["server", "gateway"])
def test_allow_remote_warns_once(make_stack, programs, program):
    flags = {f"{program}_flags": ["--allow-remote"]}
    stack = make_stack(**flags)
    log = getattr(stack, program).log()
    warnings = [line for line in log.splitlines() if "warn" in line.lower() and "control" in line]
    assert len(warnings) == 1, log


def test_port_zero_takes_free_ports_and_keeps_no_state(make_stack, raw):
    stack = make_stack(boards=2, start_gateway=False)
    state = stack.programs.directory / "none"
    gateway = stack.start_another_gateway("any-port", 0, state)
    ports = {serial: served(gateway, serial) for serial in stack.serials}
    assert len(set(ports.values())) == 2 and 0 not in ports.values()
    for serial, port in ports.items():
        assert unique_id(raw, port) == serial
    assert not state.exists()
