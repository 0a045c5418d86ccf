"""How programs end: whatever a probe does, and while clients are connected."""

import signal

import pytest
from debug_client import Debugd
from raw_client import DPIDR


def test_server_shuts_down_cleanly_if_a_probe_does_not_answer(make_stack, control, raw):
    """The server waits a bounded time for the probe's replies, then ends normally and logs that."""
    stack = make_stack()
    client = raw(stack.port).attach()
    client.call("read_dp", DPIDR)
    control(stack).call("inject", board=0, fault="drop_reply", at=1, times=0)
    stack.server.signal(signal.SIGTERM)
    assert stack.server.wait() == 0, stack.server.log()
    assert "stopped" in stack.server.log().splitlines()[-1], stack.server.log()


@pytest.fixture
def loader_log(monkeypatch, tmp_path):
    """Lets the dynamic loader write what it does in programs that start; returns what it wrote for a program."""
    monkeypatch.setenv("LD_DEBUG", "files")
    monkeypatch.setenv("LD_DEBUG_OUTPUT", str(tmp_path / "loader"))
    return lambda program: (tmp_path / f"loader.{program.pid}").read_text(errors="replace")


def test_static_objects_are_not_destroyed_while_grpc_has_threads(make_stack, loader_log):
    """gRPC's timer thread cannot be ended. It would crash if it ran during the destructors, which is too rare to see."""
    stack = make_stack()
    debugd = Debugd(stack)
    for program in [debugd.program, stack.gateway, stack.server]:
        assert program.stop() == 0
        log = loader_log(program)
        assert "calling init: " in log
        assert "calling fini: " not in log, program.name


def test_many_stops_with_clients(make_stack):
    """The gateway calls again at once, and is connected in every phase of the server's start and end."""
    stack = make_stack()
    for _ in range(20):
        assert stack.server.stop() == 0, stack.server.log()
        stack.start_server()
