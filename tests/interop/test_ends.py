"""How the server shuts down if a probe hangs."""

import signal

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
