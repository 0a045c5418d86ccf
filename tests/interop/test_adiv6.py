"""ADIv6: banked DP registers and 32-bit AP addresses, which need the right value in SELECT."""

import pytest
from pyocd_client import PyocdError
from raw_client import FAULTING, RAM

WORDS = [0x10000000 + 0x01010101 * i for i in range(16)]
DPIDR_VALUE = 0x3BA03477
BASE_POINTER = 0x00010001
MEM_AP = 0x00012000
MEM_AP_IDR = 0x14770005


@pytest.fixture
def adiv6(make_stack):
    return make_stack(sim_flags=["--chip", "adiv6"])


@pytest.mark.parametrize("protocol", ["swd", "jtag"])
def test_commander_attaches_and_reads(adiv6, pyocd, protocol):
    output = pyocd.run(
        "commander",
        adiv6.uid,
        "-O",
        f"dap_protocol={protocol}",
        "-v",
        "-c",
        "halt",
        "-c",
        f"write32 {RAM:#x} 0xfeedf00d",
        "-c",
        f"read32 {RAM:#x} 4",
        "-c",
        "read32 0xe000ed00",
    )
    assert "DP IDR = 0x3ba03477 (v3" in output
    assert "ROM table #0 @ 0x010000" in output and "AHB5-AP@0x12000 IDR = 0x14770005" in output
    assert "Successfully halted" in output
    assert "feedf00d" in output and "410fc241" in output


@pytest.mark.parametrize("protocol", ["swd", "jtag"])
def test_two_at_once(adiv6, workers, protocol):
    both = workers(2)
    for worker in both:
        worker.attach(adiv6.uid, dap_protocol=protocol)
    for i, worker in enumerate(both):
        worker.target("write_memory_block32", RAM + 0x100 * i, WORDS[i:] + WORDS[:i])
    for i, worker in enumerate(both):
        worker.start("read_expecting", "read32", RAM + 0x100 * i, WORDS[i:] + WORDS[:i], 300)
    for worker in both:
        assert worker.finish() == 0
    with pytest.raises(PyocdError) as error:
        both[0].target("read32", FAULTING)
    assert error.value.kind == "TransferFaultError"
    assert both[1].target("read_memory_block32", RAM + 0x100, 15) == WORDS[1:]
    for worker in both:
        worker.detach()


@pytest.mark.parametrize("protocol", ["SWD", "JTAG"])
def test_each_session_has_its_own_dp_bank(make_stack, raw, protocol):
    adiv6 = make_stack(sim_flags=["--chip", "adiv6"], gateway_flags=["--memory-interface", "on"])
    clients = [raw(adiv6.port), raw(adiv6.port)]
    for client in clients:
        client.call("hello", 1)
        client.call("open")
        client.call("connect", protocol)
        assert client.call("get_memory_interface_for_ap", 2, MEM_AP) == 0  # establishes the link and powers up
    first, second = clients
    first.call("write_dp", 8, 2)
    second.call("write_dp", 8, 1)
    for _ in range(3):
        assert first.call("read_dp", 0) == BASE_POINTER
        assert second.call("read_dp", 0) == 0x20
        assert first.call("read_ap", MEM_AP + 0xDFC) == MEM_AP_IDR
    second.call("write_dp", 8, 0)
    first.call("reset")  # the server no longer knows the value of SELECT
    assert second.call("read_dp", 0) == DPIDR_VALUE
    assert first.call("read_dp", 0) == BASE_POINTER
    assert first.status("read_ap", 0x01000DFC) == 12  # there is no AP
    assert second.call("read_ap", MEM_AP + 0xDFC) == MEM_AP_IDR


def test_memory_interface_of_the_server(adiv6, programs):
    def probegate(*arguments):
        result = programs.run("probegate", "--server", adiv6.server_address, *arguments)
        return result.returncode, result.stdout + result.stderr

    code, text = probegate("write", "--ap", hex(MEM_AP), hex(RAM), "0xfeedf00d", "0x12345678")
    assert code == 0, text
    code, text = probegate("read", "--ap", hex(MEM_AP), hex(RAM), "2")
    assert code == 0 and "feedf00d" in text and "12345678" in text, text
    code, text = probegate("read", "--ap", "0x10000", hex(RAM))  # the ROM table
    assert code == 1, text
