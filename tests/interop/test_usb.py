"""Probes on an emulated USB bus, with the real server and the real gateway."""

import json
import pathlib

import pytest
import swo
import usb_bus
from raw_client import DISCONNECTED, DPIDR, DRW, PROBE_ERROR, RAM, TAR, RemoteError
from stack import LOOPBACK, wait_until
from usb_stack import stack_of, use

DPIDR_VALUE = 0x2BA01477
BLOCK = 256  # words; TAR must be written again after each block
KINDS = ["cmsis-dap-v2", "cmsis-dap-v1", "composite"]
# Each of these faults makes at most one command fail, and never loses the probe.
FAULTS = ["stall", "error", "babble", "truncate", "corrupt"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_is_used(kind, usb, raw, pyocd):
    with usb(f"{kind},serial=ONE") as (bus, stack):
        client = raw(stack.port_of("ONE")).attach()
        assert client.call("read_dp", DPIDR) == DPIDR_VALUE
        client.write_word(RAM, 0x12345678)
        assert client.read_word(RAM) == 0x12345678
        words = [(i * 0x9E3779B1) & 0xFFFFFFFF for i in range(16 * BLOCK)]
        for first in range(0, len(words), BLOCK):
            client.call("write_ap", TAR, RAM + 4 * first)
            client.call("write_ap_multiple", DRW, words[first : first + BLOCK])
        read = []
        for first in range(0, len(words), BLOCK):
            read += client.read_words(RAM + 4 * first, BLOCK)
        assert read == words
        client.detach()
        output = pyocd.commander(f"remote:{LOOPBACK}:{stack.port_of('ONE')}", "read32 0x20000000 8")
        assert f"{words[1]:08x}" in output


def test_unique_ids(usb):
    devices = [
        "cmsis-dap-v2,serial=TWIN",
        "cmsis-dap-v1,serial=TWIN",
        "cmsis-dap-v2,serial=,id=1209:0001",
        "cmsis-dap-v2,serial=PAIR,functions=v2+v2",
        "composite,serial=COMP,vendor=Somebody,product=Thing",
    ]
    with usb(*devices, start_gateway=False) as (bus, stack):
        for probe in ("TWIN@1-1", "TWIN@1-2", "1209:0001@1-3", "PAIR-if0", "PAIR-if1", "COMP"):
            stack.wait_for_state(probe, "idle")
        assert "Somebody Thing" in stack.list()
        assert len(stack.list().splitlines()) == 7  # the CMSIS-DAP v1 interface of COMP is not a separate probe


def test_a_client_of_a_probe_that_comes_and_goes(usb, raw):
    """When the probe is unplugged, its client gets status 2 at once. It can open the probe again on the same port."""
    with usb("cmsis-dap-v2,serial=ONE", "cmsis-dap-v1,serial=TWO") as (bus, stack):
        clients = {name: raw(stack.port_of(name)).attach() for name in ("ONE", "TWO")}
        for name, client in clients.items():
            other = clients["TWO" if name == "ONE" else "ONE"]
            bus.unplug(name)
            stack.wait_for_state(name, "away")
            for _ in range(3):
                assert client.status("read_dp", DPIDR) == DISCONNECTED
            assert client.status("open") == DISCONNECTED
            assert "it was unplugged" in stack.list()
            assert other.call("read_dp", DPIDR) == DPIDR_VALUE
            bus.plug(name)
            stack.open_again(client)
            assert client.call("read_dp", DPIDR) == DPIDR_VALUE


def works(client):
    """Whether the probe works; the injected fault may still hit a transfer that is in progress."""
    try:
        client.wake()
        return client.call("read_dp", DPIDR) == DPIDR_VALUE
    except RemoteError as error:
        assert error.status == PROBE_ERROR, error
        return False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_transfer_goes_wrong(fault, usb, raw):
    """A command may fail, but the probe is not lost."""
    with usb("cmsis-dap-v2,serial=ONE") as (bus, stack):
        client = raw(stack.port_of("ONE")).attach()
        for transfer in ("in", "out"):
            for at in range(1, 4):
                bus.inject(0, fault, transfer=transfer, at=at)
                for _ in range(3):
                    assert client.status("read_dp", DPIDR) in (0, PROBE_ERROR)
                bus.call("clear_faults", device=0)
                wait_until(lambda: works(client), "the probe works again")
        assert "probe.gone" not in stack.server.log()


def test_a_probe_that_hangs_is_away_until_it_answers(usb, raw):
    with usb("cmsis-dap-v2,serial=ONE") as (bus, stack):
        client = raw(stack.port_of("ONE")).attach()
        bus.inject(0, "drop", transfer="out", times=0)
        assert client.status("read_dp", DPIDR) in (DISCONNECTED, PROBE_ERROR)
        stack.wait_for_state("ONE", "away")
        bus.call("clear_faults", device=0)
        stack.open_again(client)
        assert client.call("read_dp", DPIDR) == DPIDR_VALUE


@pytest.mark.parametrize("kind", ["cmsis-dap-v2,swo=on", "cmsis-dap-v1"])
def test_settings_are_restored_after_a_reset_of_the_probe(kind, usb, raw):
    """Resetting the port restarts firmware that hangs. At most one command fails, and SWO data in
    the meantime is lost."""
    with usb(f"{kind},serial=ONE") as (bus, stack), bus.board() as board:
        client = raw(stack.port_of("ONE")).attach()
        client.call("set_clock", 4_000_000)
        client.call("swo_start", swo.BAUD)
        client.write_word(RAM, 0x12345678)
        client.call("flush")
        bus.inject(0, "hang", transfer="out")
        assert client.status("read_dp", DPIDR) in (
            0,
            PROBE_ERROR,
        )  # the fault may have hit a request for SWO data instead
        wait_until(lambda: works(client), "the probe works again")
        state = board.call("state", board=0)
        assert state["connected"] and state["clock_hz"] == 4_000_000
        assert client.read_word(RAM) == 0x12345678
        listener = swo.reader(client)
        listener.more()
        listener.data = b""
        swo.Target.of_board(board).send(range(10))
        listener.wait_for(b"".join(swo.packet(word) for word in range(10)))
        assert "probe.gone" not in stack.server.log()


def system_file(bus, pattern):
    """The path of a file in the first device's folder in /sys."""
    (file,) = (pathlib.Path(bus.environment["UMOCKDEV_DIR"]) / "sys/bus/usb/devices/1-1").glob(pattern)
    return file


def test_a_device_that_is_configured_late_is_served(programs, api):
    """A person may set `authorized` in /sys at any time; then the device is configured."""
    with usb_bus.usbemu("cmsis-dap-v2,serial=ONE") as bus:
        value = system_file(bus, "bConfigurationValue")
        configured = value.read_text()
        value.write_text("")
        with stack_of(programs, api, bus, start_gateway=False) as stack:
            stack.server.wait_for_line(r"usb\.unusable location=usb:1-1 .*not configured")
            assert "ONE" not in stack.list()
            value.write_text(configured)
            stack.wait_for_state("ONE", "idle")


def test_interface_names_missing_in_sys_are_read_from_the_device(programs, api):
    with usb_bus.usbemu("cmsis-dap-v2,serial=ONE") as bus:
        system_file(bus, "1-1:1.*/interface").write_text("")
        with stack_of(programs, api, bus, start_gateway=False) as stack:
            stack.wait_for_state("ONE", "idle")


def test_a_device_with_unreadable_interface_names_is_tried_again(programs, api):
    with usb_bus.usbemu("cmsis-dap-v2,serial=ONE") as bus:
        name = system_file(bus, "1-1:1.*/interface")
        told = name.read_text()
        name.write_text("")
        bus.inject(0, "stall", transfer="control", times=0)
        with stack_of(programs, api, bus, start_gateway=False) as stack:
            stack.server.wait_for_line(r"usb\.unusable location=usb:1-1 .*names of its interfaces")
            bus.call("clear_faults", device=0)
            name.write_text(told)
            stack.wait_for_state("ONE", "idle")


def test_a_probe_without_permission_is_listed_with_a_hint(usb, raw):
    with usb("cmsis-dap-v2,serial=SHUT,denied=on", "cmsis-dap-v2,serial=OPEN") as (bus, stack):
        stack.wait_for_state("SHUT", "away")
        assert "no permission" in stack.list() and "deploy/udev/70-probegate.rules" in stack.list()
        assert raw(stack.port_of("OPEN")).attach().call("read_dp", DPIDR) == DPIDR_VALUE


MALFORMED = [
    "total-length-long",
    "total-length-short",
    "length-zero",
    "length-long",
    "no-endpoints",
    "many-endpoints",
    "packet-zero",
    "report-cut",
    "report-endless",
    "report-long-items",
]


def test_malformed_devices_are_reported_and_do_not_affect_others(usb, raw):
    devices = [f"cmsis-dap-v{1 if 'report' in name else 2},serial={name},malformed={name}" for name in MALFORMED]
    liars = ["packet-size=0", "packet-count=0", "reply-extra=600"]  # the first two are served, with safe values
    devices += [f"cmsis-dap-v2,serial=LIAR{number},{liar}" for number, liar in enumerate(liars)]
    with usb(*devices, "cmsis-dap-v2,serial=GOOD") as (bus, stack):
        client = raw(stack.port_of("GOOD")).attach()
        for number in range(len(MALFORMED)):
            stack.server.wait_for_line(rf"usb\.unusable location=usb:1-{number + 1} ")
        for number in range(2):
            stack.server.wait_for_line(rf"probe\.assumption probe=LIAR{number} ")
        stack.server.wait_for_line(rf"probe\.unreachable location=usb:1-{len(MALFORMED) + 3} ")
        assert client.call("read_dp", DPIDR) == DPIDR_VALUE
        states = {line.split()[0]: line.split()[1] for line in stack.list().splitlines()[1:]}
        assert [name for name, state in states.items() if state != "away"] == ["GOOD", "LIAR0", "LIAR1"]


KEYBOARDS = [
    "cmsis-dap-v1,serial=ONE,functions=kbd+v1+kbd",  # each interface has CMSIS-DAP in its name
    "cmsis-dap-v1,serial=ONE,functions=kbd+v1+kbd,interface=Thing",
]  # only the product has it in its name


@pytest.mark.parametrize("device", KEYBOARDS)
def test_a_keyboard_beside_a_probe_is_left_alone(device, usb, raw):
    with usb(device) as (bus, stack):
        assert raw(stack.port_of("ONE")).attach().call("read_dp", DPIDR) == DPIDR_VALUE
        assert list(stack.states()) == ["ONE"]
        assert len(bus.run(["ls", "/sys/class/hidraw"]).stdout.split()) == 2


def test_report_descriptors_missing_in_sys_are_read_from_the_device(programs, api, raw):
    """/sys has no report descriptors, as after a server that was killed and did not reattach the kernel's driver. The
    server then reads them from the device."""
    with usb_bus.usbemu(KEYBOARDS[1]) as bus:
        files = list(
            (pathlib.Path(bus.environment["UMOCKDEV_DIR"]) / "sys/bus/usb/devices/1-1").glob("*/*/report_descriptor")
        )
        assert len(files) == 3
        for file in files:
            file.write_bytes(b"")
        with stack_of(programs, api, bus) as stack:
            assert raw(stack.port_of("ONE")).attach().call("read_dp", DPIDR) == DPIDR_VALUE


def test_the_kernels_driver_is_attached_again(usb):
    with usb("cmsis-dap-v1,serial=ONE", start_gateway=False) as (bus, stack):

        def has_driver():
            return bus.run(["ls", "/sys/class/hidraw"]).stdout.strip() != ""

        stack.wait_for_state("ONE", "idle")
        assert not has_driver()
        assert stack.server.stop() == 0
        assert has_driver()


def test_no_usb_makes_no_transfers(usb):
    with usb("cmsis-dap-v2,serial=ONE", server_flags=["--no-usb"], start_gateway=False) as (bus, stack):
        stack.server.wait_for_line(r"no\.probes")
        assert bus.transfers() == 0
        assert "ONE" not in stack.list()


def test_packets_are_recorded(usb, raw, tmp_path):
    file = tmp_path / "packets.jsonl"
    with usb("cmsis-dap-v2,serial=ONE", server_flags=["--record", file]) as (bus, stack):
        use(raw(stack.port_of("ONE")))
        bus.unplug("ONE")
        stack.wait_for_state("ONE", "away")
        assert stack.server.stop() == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["recording"] == 1
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    packets = [line for line in lines if "direction" in line]
    assert {line["probe"] for line in lines[1:]} == {"usb:1-1"}
    assert packets[0]["direction"] == "out" and packets[0]["data"] == "00ff"
    assert {line["direction"] for line in packets} == {"in", "out"}
    assert [line["event"] for line in lines if "event" in line][0] == "opened"
    assert any("unplugged" in line.get("text", "") for line in lines) and lines[-1]["event"] == "closed"
