"""The attributes of `probegate read` and `write` and of gRPC's memory handles, on a Cortex-M4, whose AHB-AP makes
privileged or user accesses and knows nothing of TrustZone."""

import json

import pytest
from dap_client import DapClient
from grpc_client import CommandError, StreamSession, UnarySession
from raw_client import CSW, RAM

CPUID, CPUID_VALUE = 0xE000ED00, 0x410FC241
MEM_AP = 0x00012000  # of the ADIv6 chip
OK, FAILED, USAGE = 0, 1, 2


def run(stack, *arguments):
    result = stack.programs.run("probegate", "--server", stack.server_address, *arguments)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("ap", [[], ["--ap", hex(MEM_AP)]], ids=["adiv5", "adiv6"])
def test_the_core_can_be_read_however_the_ap_was_left(make_stack, ap):
    stack = make_stack(sim_flags=["--chip", "adiv6"] if ap else [])
    stack.server.stop()
    board = DapClient(stack.sim_port)
    board.power_up()
    select = MEM_AP | 0xD00 if ap else 0
    board.transfer((0x8, select), (0x1, 0x01000042))  # CSW: no HPROT[1], no MasterType
    board.close()
    stack.start_server()
    stack.server.wait_for_line(r"probe\.connected")
    code, output = run(stack, "read", *ap, hex(CPUID))
    assert code == OK and f"{CPUID_VALUE:08x}" in output, output
    # The server leaves CSW as it found it.
    stack.server.stop()
    board = DapClient(stack.sim_port)
    board.power_up()
    board.transfer((0x8, select))
    assert board.transfer((0x3,)) == [0x01000042]
    board.close()
    stack.start_server()


def test_user_accesses_are_refused_by_the_core_and_not_by_memory(stack):
    code, output = run(stack, "read", "--user", hex(CPUID))
    assert code == FAILED and "FAULT" in output and "0xe000ed00" in output.lower(), output
    assert run(stack, "read", "--privileged", hex(CPUID))[0] == OK
    assert run(stack, "write", "--user", hex(RAM), "0x11223344")[0] == OK
    assert run(stack, "write", "--user", "--width", "8", hex(RAM + 1), "0x55")[0] == OK
    code, output = run(stack, "--json", "read", "--user", "--width", "16", hex(RAM), "2")
    assert code == OK and json.loads(output)["values"] == [0x5544, 0x1122], output


@pytest.mark.parametrize("flag", ["--secure", "--non-secure"])
def test_an_attribute_that_the_ap_does_not_have_is_refused(stack, flag):
    for command in (["read", flag, hex(RAM)], ["write", flag, hex(RAM), "1"]):
        code, output = run(stack, *command)
        assert code == FAILED, output
        for part in ("AP 0x0", "0x24770011", f"{flag.removeprefix('--')} accesses", "no security attribute"):
            assert part in output


@pytest.mark.parametrize("flags", [["--secure", "--non-secure"], ["--user", "--privileged"]])
def test_opposites_exclude_each_other(stack, flags):
    code, output = run(stack, "read", *flags, hex(RAM))
    assert code == USAGE and flags[0] in output and flags[1] in output, output


@pytest.mark.parametrize("sort", [UnarySession, StreamSession])
def test_a_session_has_a_handle_for_each_combination(stack, api, sort):
    session = sort(api, stack.server_address, stack.serial)
    try:
        session.command("Open")
        session.command("Connect")
        plain = session.command("GetMemoryInterfaceForAp", ap_version=1)
        user_only = api.AccessAttributes(privileged=False)
        user = session.command("GetMemoryInterfaceForAp", ap_version=1, attributes=user_only)
        assert plain.handle != user.handle and user.attributes == user_only
        found = session.command("ReadAp", address=CSW).value
        for _ in range(2):
            read = {"address": CPUID, "transfer_size": 32}
            assert session.command("ReadMem", handle=plain.handle, **read).value == CPUID_VALUE
            with pytest.raises(CommandError) as error:
                session.command("ReadMem", handle=user.handle, **read)
            assert error.value.detail.kind == api.ERROR_KIND_TRANSFER_FAULT
        # The session's own registers are not those of its handles.
        assert session.command("ReadAp", address=CSW).value == found
        with pytest.raises(CommandError) as error:
            secure = api.AccessAttributes(secure=True)
            session.command("GetMemoryInterfaceForAp", ap_version=1, attributes=secure)
        assert error.value.detail.kind == api.ERROR_KIND_UNSUPPORTED
        session.end()
    finally:
        session.close()
