"""How the server ends when something hangs."""

import signal

from raw_client import DPIDR


def test_a_probe_that_does_not_answer_does_not_cut_the_end_short(make_stack, control, raw):
    """Its replies are waited for, a bounded time; the server then ends as ever, and says so."""
    stack = make_stack()
    client = raw(stack.port).attach()
    client.call("read_dp", DPIDR)
    control(stack).call("inject", board=0, fault="drop_reply", at=1, times=0)
    stack.server.signal(signal.SIGTERM)
    assert stack.server.wait() == 0, stack.server.log()
    assert "stopped" in stack.server.log().splitlines()[-1], stack.server.log()
