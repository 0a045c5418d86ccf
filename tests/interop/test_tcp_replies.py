"""A probe over TCP whose replies come late, twice, with another command's number, in pieces, or not at all: the command
that was in progress fails, the session goes on, and no client gets a wrong value."""

import contextlib

import pytest
from dap_proxy import FAULTS, DapProxy
from pyocd_client import PyocdError
from raw_client import DPIDR, PROBE_ERROR, RAM
from stack import LOOPBACK, Stack

TRANSFER, TRANSFER_BLOCK = 0x05, 0x06
WORDS = list(range(0x10000000, 0x10000000 + 600))  # three packets, in flight together


class ProxiedStack(Stack):
    """The server reaches its board through a bridge."""

    def probe_flags(self):
        self.proxy = DapProxy(self.sim_port)
        return ["--cmsis-dap-tcp", f"{LOOPBACK}:{self.proxy.port}"]


@pytest.fixture
def stack(programs):
    return ProxiedStack(programs)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoiled_reply_costs_one_command(stack, raw, fault):
    client = raw(stack.port).attach()
    client.write_word(RAM, 0x12345678)
    client.call("flush")
    stack.proxy.spoil_next(fault, TRANSFER)
    statuses = [client.status("read_dp", DPIDR) for _ in range(4)]
    assert stack.proxy.done()
    assert sorted(statuses) == [0, 0, 0, 0 if fault == "twice" else PROBE_ERROR]
    assert client.read_word(RAM) == 0x12345678
    assert client.call("read_dp", DPIDR) == 0x2BA01477
    assert "probe.gone" not in stack.server.log()


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_pyocd_never_gets_wrong_words(stack, workers, fault):
    (worker,) = workers(1)
    worker.attach(stack.uid)
    worker.target("write_memory_block32", RAM, WORDS)
    stack.proxy.spoil_next(fault, TRANSFER_BLOCK)
    with contextlib.suppress(PyocdError):
        assert worker.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    assert stack.proxy.done()
    for _ in range(2):
        assert worker.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    worker.detach()
    assert "probe.gone" not in stack.server.log()
