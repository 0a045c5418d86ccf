"""JTAG chains of several TAPs: the simulated one as OpenOCD sees it, and the debug port in it through the gateway."""

import pytest
from raw_client import CTRL_STAT, DPIDR, POWER_UP, POWERED, RAM, RemoteError
from usb_bus import usbemu

WORDS = [0x10000000 + 0x01010101 * i for i in range(16)]
JTAG = {"dap_protocol": "jtag"}
IDCODE = 0x4BA00477
BOUNDARY_SCAN = 0x06413041
DPIDR_VALUE = 0x2BA01477

# The debug port first, last and in the middle.
CHAINS = ["dap,5:0x06413041", "5:0x06413041,dap", "7,5:0x06413041,dap,10"]

OPENOCD = """
adapter driver cmsis-dap
transport select jtag
adapter speed 1000
{taps}
dap create chip.dap -chain-position chip.cpu
target create chip.cpu cortex_m -dap chip.dap
gdb_port disabled
tcl_port disabled
telnet_port disabled
"""
TAP_OF_CPU = "jtag newtap chip cpu -irlen 4 -expected-id 0x4ba00477"
TAP_OF_BOUNDARY_SCAN = "jtag newtap chip bs -irlen 5 -expected-id 0x06413041"


@pytest.fixture(params=CHAINS)
def on_chain(request, make_stack):
    return make_stack(sim_flags=["--jtag-chain", request.param])


@pytest.mark.long
@pytest.mark.parametrize(
    "chain,taps",
    [
        ("dap,5:0x06413041", [TAP_OF_CPU, TAP_OF_BOUNDARY_SCAN]),
        ("5:0x06413041,dap", [TAP_OF_BOUNDARY_SCAN, TAP_OF_CPU]),
        ("dap,5:0x06413041", [TAP_OF_CPU]),  # OpenOCD finds the other one by itself
    ],
)
def test_openocd_accepts_the_simulated_chain(chain, taps):
    """OpenOCD verifies IDCODEs and the bits that instruction registers capture."""
    flags = ["--sim-flag=--jtag-chain", f"--sim-flag={chain}"]
    with usbemu("cmsis-dap-v2,serial=P", flags=flags) as bus:
        words = ["openocd", "-c", OPENOCD.format(taps="\n".join(taps))]
        for command in ("init", "halt", f"mww {RAM:#x} 0x12345678 64", f"mdw {RAM + 252:#x}", "shutdown"):
            words += ["-c", command]
        ended = bus.run(words)
    assert ended.returncode == 0, ended.stderr
    assert "tap/device found: 0x4ba00477" in ended.stderr and "tap/device found: 0x06413041" in ended.stderr
    assert "Error" not in ended.stderr and "UNEXPECTED" not in ended.stderr
    assert f"{RAM + 252:#010x}: 12345678" in ended.stderr


def test_pyocd_attaches_and_shares(on_chain, workers):
    first, second = workers(2)
    for worker in (first, second):
        worker.attach(on_chain.uid, **JTAG)
    first.target("write_memory_block32", RAM, WORDS)
    first.target("flush")
    assert second.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    first.detach()
    assert second.call("read_expecting", "read32", RAM, WORDS, 32) == 0
    second.detach()


def test_pyocd_changes_protocols(on_chain, workers):
    (worker,) = workers(1)
    for protocol in ("jtag", "swd", "jtag"):
        worker.attach(on_chain.uid, dap_protocol=protocol)
        worker.target("write_memory_block32", RAM, WORDS)
        assert worker.target("read_memory_block32", RAM, len(WORDS)) == WORDS
        worker.detach()


def enter_idle(client):
    client.call("jtag_sequence", 6, 1, False, 0x3F)
    client.call("jtag_sequence", 1, 0, False, 1)


def test_raw_sequences_see_the_whole_chain(make_stack, workers, raw):
    """A client's own scans go out as they are, before the chain has been found and after."""
    stack = make_stack(sim_flags=["--jtag-chain", "dap,5:0x06413041"])
    client = raw(stack.port)
    client.call("hello", 1)
    client.call("open")
    client.call("connect", "JTAG")
    client.take_lock()

    def idcodes():
        enter_idle(client)
        client.call("jtag_sequence", 1, 1, False, 1)
        client.call("jtag_sequence", 2, 0, False, 3)
        bits = client.call("jtag_sequence", 64, 0, True, (1 << 64) - 1)
        client.call("jtag_sequence", 2, 1, False, 3)
        client.call("jtag_sequence", 1, 0, False, 1)
        return bits

    assert idcodes() == BOUNDARY_SCAN << 32 | IDCODE
    assert client.call("read_dp", DPIDR) == DPIDR_VALUE
    assert idcodes() == BOUNDARY_SCAN << 32 | IDCODE
    client.call("write_dp", CTRL_STAT, POWER_UP)
    assert client.call("read_dp", CTRL_STAT) & POWERED == POWERED
    client.call("unlock")
    (worker,) = workers(1)
    worker.attach(stack.uid, **JTAG)
    worker.target("write_memory_block32", RAM, WORDS)
    worker.start("read_until_stopped", RAM, WORDS)
    for round_number in range(20):
        client.take_lock()
        assert idcodes() == BOUNDARY_SCAN << 32 | IDCODE
        client.call("unlock")
        client.call("jtag_sequence", 1 + round_number % 7, round_number % 2, False, 0x55)
    result = worker.stop()
    assert result["wrong"] == 0 and result["count"] > 0
    worker.detach()
    client.detach()


def connect(client):
    client.call("hello", 1)
    client.call("open")
    client.call("connect", "JTAG")
    enter_idle(client)
    return client


def config(tmp_path, chain):
    """The server's flags for a configuration of each probe's chain."""
    file = tmp_path / "server.yaml"
    file.write_text(f'probes: [{{match: {{product: "*cmsis-dap*"}}, jtag-chain: {chain}}}]\n')
    return ["--config", file]


TWO_ARM_IDCODES = ["--jtag-chain", "4:0x4ba00477,dap,7"]  # the first TAP answers no transfer


def test_the_first_arm_tap_is_the_debug_port(make_stack, raw):
    client = connect(raw(make_stack(sim_flags=TWO_ARM_IDCODES).port))
    assert client.status("read_dp", DPIDR) == 10


@pytest.mark.parametrize("chain", ["{device: 1}", "{ir-lengths: [4, 4, 7], device: 1}"])
def test_the_configuration_names_the_debug_port(chain, make_stack, raw, tmp_path):
    stack = make_stack(sim_flags=TWO_ARM_IDCODES, server_flags=config(tmp_path, chain))
    assert connect(raw(stack.port)).call("read_dp", DPIDR) == DPIDR_VALUE


@pytest.mark.parametrize(
    "chain,words",
    [
        ("{ir-lengths: [4, 8]}", r"IR lengths 4, 8, but has 2 TAPs .* and 9 IR bits; correct jtag-chain"),
        ("{device: 2}", r"names device 2 .* 2 TAPs \(IDCODE 0x4ba00477, 0x06413041\) and 9 IR bits"),
    ],
)
def test_a_configuration_that_does_not_fit_the_chain_is_said(chain, words, make_stack, raw, tmp_path):
    stack = make_stack(sim_flags=["--jtag-chain", "dap,5:0x06413041"], server_flags=config(tmp_path, chain))
    with pytest.raises(RemoteError, match=words):
        connect(raw(stack.port)).call("read_dp", DPIDR)


def test_what_cannot_be_found_is_said(make_stack, raw):
    """The simulated probe has room for eight devices in DAP_JTAG_Configure."""
    client = connect(raw(make_stack(sim_flags=["--jtag-chain", "dap" + 8 * ",5"]).port))
    with pytest.raises(RemoteError, match="does not accept a JTAG chain of 9 TAPs"):
        client.call("read_dp", DPIDR)
    client.detach()
