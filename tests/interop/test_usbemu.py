"""The emulated USB bus with third-party programs: lsusb, OpenOCD and pyOCD. They must use its devices as they use real
ones, so that tests on this bus are meaningful."""

import re
import sys

import pytest
from stack import wait_until
from usb_bus import usbemu

pytestmark = pytest.mark.long

RAM = 0x20000100

OPENOCD = """
adapter driver cmsis-dap
{backend}
{serial}
transport select swd
adapter speed 1000
swd newdap chip cpu -expected-id 0x2ba01477
dap create chip.dap -chain-position chip.cpu
target create chip.cpu cortex_m -dap chip.dap
gdb_port disabled
tcl_port disabled
telnet_port disabled
"""


def openocd(bus, *commands, backend="auto", serial=None):
    """Runs OpenOCD with these commands, and returns the completed process."""
    select = "" if backend == "auto" else f"cmsis_dap_backend {backend}"
    named = f"adapter serial {serial}" if serial else ""
    words = ["openocd", "-c", OPENOCD.format(backend=select, serial=named)]
    for command in commands:
        words += ["-c", command]
    return bus.run(words)


def pyocd(bus, *words):
    return bus.run([sys.executable, "-m", "pyocd", *words], bound=60)


def interfaces_of(lsusb):
    """The class and the name of each interface in the output of `lsusb -v`, in order."""
    return re.findall(r"bInterfaceClass +(\d+) .*\n.*\n.*\n +iInterface +\d+ ?(.*)", lsusb)


def test_lsusb():
    devices = (
        "cmsis-dap-v2,serial=TWO,swo=on,product=Probe CMSIS-DAP é",
        "cmsis-dap-v1,serial=ONE,id=c251:f001",
        "composite,serial=,vendor=Somebody",
    )
    with usbemu(*devices) as bus:
        shown = bus.run(["lsusb", "-v", "-d", "0d28:"])
        assert shown.returncode == 0, shown.stderr
        v2, composite = re.split(r"^Bus ", shown.stdout, flags=re.MULTILINE)[1:]
        v1 = bus.run(["lsusb", "-v", "-d", "c251:f001"]).stdout
    if "iSerial                 0" in v2:
        v2, composite = composite, v2
    assert "iProduct                2 Probe CMSIS-DAP é" in v2 and "iSerial                 3 TWO" in v2
    assert interfaces_of(v2) == [("255", "CMSIS-DAP v2")]
    assert re.findall(r"EP \d (?:IN|OUT)", v2) == ["EP 1 OUT", "EP 1 IN", "EP 2 IN"]
    assert interfaces_of(v1) == [("3", "CMSIS-DAP v1")] and "Report Descriptor" in v1
    assert "iManufacturer           1 Somebody" in composite
    assert interfaces_of(composite) == [
        ("8", "Drive"),
        ("2", "Serial port"),
        ("10", ""),
        ("3", "CMSIS-DAP v1"),
        ("255", "CMSIS-DAP v2"),
    ]


@pytest.mark.parametrize("speed", ["", "full", "high"])
@pytest.mark.parametrize(
    "kind,backend,said",
    [
        ("cmsis-dap-v2", "usb_bulk", "CMSIS-DAPv2"),
        ("cmsis-dap-v1", "hid", ""),
        ("composite", "usb_bulk", "CMSIS-DAPv2"),
        ("composite", "hid", ""),
    ],
)
def test_openocd(kind, backend, said, speed):
    with usbemu(f"{kind},serial=P", flags=[f"--speed={speed}"] if speed else []) as bus:
        ended = openocd(
            bus,
            "init",
            "halt",
            f"mww {RAM:#x} 0x12345678 64",
            f"mdw {RAM + 252:#x}",
            "reg pc",
            "resume",
            "shutdown",
            backend=backend,
            serial="P",
        )
        text = ended.stderr
        assert ended.returncode == 0, text
        assert f"{RAM + 252:#010x}: 12345678" in text and said in text and "Serial# = P" in text
        with bus.board() as board:
            assert board.call("read_word", board=0, address=RAM)["value"] == 0x12345678
            assert board.call("state", board=0)["core"] != "halted"
        assert bus.call("bus")["open_files"] == 0


def test_openocd_does_not_find_an_unplugged_probe():
    with usbemu("cmsis-dap-v2,serial=P,plugged=off") as bus:
        assert openocd(bus, "init", "shutdown").returncode != 0
        bus.plug("P")
        assert openocd(bus, "init", "shutdown").returncode == 0
        bus.unplug("P")
        assert openocd(bus, "init", "shutdown").returncode != 0


def test_pyocd_lists_probes_as_they_come_and_go():
    with usbemu("cmsis-dap-v2,serial=ONE", "cmsis-dap-v1,serial=TWO", "composite,serial=THREE") as bus:

        def listed():
            text = pyocd(bus, "list").stdout
            return {serial for serial in ("ONE", "TWO", "THREE") if re.search(rf"\b{serial}\b", text)}

        assert listed() == {"ONE", "TWO", "THREE"}
        bus.unplug("ONE")
        bus.unplug("THREE")
        assert listed() == {"TWO"}
        bus.plug("THREE")
        assert listed() == {"TWO", "THREE"}


@pytest.mark.parametrize(
    "device,flags",
    [
        ("cmsis-dap-v2", []),
        ("cmsis-dap-v2,packet-size=64,packet-count=1", []),
        ("cmsis-dap-v1", []),
        ("composite", ["-O", "cmsis_dap.prefer_v1=true"]),
    ],
)
def test_pyocd_reads_and_writes(device, flags):
    with usbemu(f"{device},serial=P") as bus:
        ended = pyocd(
            bus,
            "commander",
            "-t",
            "nrf52840",
            "-u",
            "P",
            *flags,
            "-c",
            "halt",
            "-c",
            f"fill 32 {RAM:#x} 4096 0xcafef00d",
            "-c",
            f"read32 {RAM:#x} 4096",
            "-c",
            "go",
        )
        assert ended.returncode == 0, ended.stderr
        assert len(re.findall(r"(?<= )cafef00d(?= )", ended.stdout)) == 1024
        with bus.board() as board:
            assert board.call("read_word", board=0, address=RAM + 4092)["value"] == 0xCAFEF00D


def test_larger_packets_need_fewer_transfers():
    """Fewer transfers make larger packets faster on a bus on which each transfer takes time."""
    counts = []
    for size in (64, 256, 1024):
        with usbemu(f"cmsis-dap-v2,serial=P,packet-size={size}", flags=["--speed=high"]) as bus:
            ended = pyocd(bus, "commander", "-t", "nrf52840", "-u", "P", "-c", f"fill 32 {RAM:#x} 16384 0")
            assert ended.returncode == 0, ended.stderr
            counts.append(bus.transfers())
    assert counts[0] > counts[1] + 300 > counts[2] + 300, counts


@pytest.mark.parametrize("kind", ["cmsis-dap-v2", "cmsis-dap-v1"])
def test_pyocd_flashes(kind):
    contents = bytes(range(256)) * 64
    with usbemu(f"{kind},serial=P", flags=["--sim-flag=--flash-speed=1000"]) as bus:
        (bus.directory / "image.bin").write_bytes(contents)
        ended = pyocd(bus, "flash", "-t", "nrf52840", "-u", "P", "--base-address", "0x10000", "image.bin")
        assert ended.returncode == 0, ended.stderr
        with bus.board() as board:
            for offset in (0, 0x1FFC, 0x3FFC):
                word = board.call("read_word", board=0, address=0x10000 + offset)["value"]
                assert word == int.from_bytes(contents[offset : offset + 4], "little")


def test_a_device_is_unplugged_with_its_board():
    with usbemu("cmsis-dap-v2,serial=P") as bus:
        with bus.board() as board:
            board.unplug(0)
            wait_until(lambda: not bus.devices()[0]["plugged"], "the device is unplugged")
            bus.plug("P")
            board.call("inject", board=0, fault="unplug", at=5)
        assert openocd(bus, "init", "shutdown").returncode != 0
        assert not bus.devices()[0]["plugged"]
        bus.plug("P")
        assert openocd(bus, "init", "shutdown").returncode == 0


def test_two_probes_with_one_serial_number():
    with usbemu("cmsis-dap-v2,serial=SAME", "cmsis-dap-v2,serial=SAME") as bus:
        assert bus.run(["lsusb", "-v"]).stdout.count(" SAME\n") == 2
        assert [device["serial"] for device in bus.devices()] == ["SAME", "SAME"]
        assert bus.devices()[0]["board"] != bus.devices()[1]["board"]


@pytest.mark.parametrize("kind", ["cmsis-dap-v2", "cmsis-dap-v1"])
def test_a_probe_is_unplugged_while_openocd_uses_it(kind):
    backend = "usb_bulk" if kind == "cmsis-dap-v2" else "hid"
    with usbemu(f"{kind},serial=P") as bus:
        assert openocd(bus, "init", "halt", "shutdown", backend=backend).returncode == 0
        count = bus.transfers()
        bus.inject("P", "unplug", at=count // 2)
        ended = openocd(bus, "init", "halt", "shutdown", backend=backend)
        assert ended.returncode != 0, ended.stderr
        assert not bus.devices()[0]["plugged"]
        bus.plug("P")
        assert openocd(bus, "init", "halt", "shutdown", backend=backend).returncode == 0
        assert bus.call("bus")["open_files"] == 0
