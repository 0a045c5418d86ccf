"""The emulated bus with libusb, transfer by transfer: faults, kernel drivers, hot-plug, malformed devices."""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest
import usb_steps
from stack import BOUND, wait_until
from usb_bus import usbemu, usbemu_path

pytestmark = pytest.mark.long

IN, OUT = 0x81, 0x01
PACKET_SIZE, PACKET_COUNT = "00ff", "00fe"
CLAIM = ["claim", 0]
ASK_SIZE = ["out", OUT, PACKET_SIZE]
SIZE_512 = "00020002"
READ = ["read", IN, 512]


@pytest.mark.parametrize(
    "keys,size,count",
    [
        ("", SIZE_512, "000104"),
        ("packet-size=64,packet-count=1", "00024000", "000101"),
        ("packet-size=1024,packet-count=255", "00020004", "0001ff"),
        ("packet-size=0,packet-count=0", "00020000", "000100"),
    ],
)
def test_dap_info(keys, size, count):
    with usbemu(f"cmsis-dap-v2,serial=P,{keys}".rstrip(",")) as bus:
        results = usb_steps.run(
            bus, "P", CLAIM, ASK_SIZE, READ, ["out", OUT, PACKET_COUNT], READ, ["out", OUT, "0003"], READ
        )
    assert results[2] == size and results[4] == count
    assert results[6] == "0002" + b"P\0".hex()


def test_hid_reports_are_padded():
    with usbemu("cmsis-dap-v1,serial=P") as bus:
        results = usb_steps.run(
            bus,
            "P",
            CLAIM,
            ["detach", 0],
            CLAIM,
            ["out", OUT, PACKET_SIZE + "00" * 62],
            ["read", IN, 64],
            ["control", 0x21, 9, 0x200, 0, PACKET_COUNT + "00" * 62],
            ["read", IN, 64],
        )
    assert results[0] == "BUSY"  # usbhid has it
    assert results[4] == "00024000".ljust(128, "0") and results[6] == "000104".ljust(128, "0")


def test_a_request_in_two_packets_is_one():
    # DAP_ExecuteCommands with 40 DAP_Info commands in 82 bytes, of which the first packet holds 64.
    request = "7f28" + PACKET_COUNT * 40
    with usbemu("cmsis-dap-v2,serial=P,packet-size=256", flags=["--speed=full"]) as bus:
        results = usb_steps.run(bus, "P", CLAIM, ["out", OUT, request], ["read", IN, 256])
    assert results[2].startswith("7f28") and len(results[2]) // 2 == 2 + 3 * 40


def test_a_device_that_is_full_refuses():
    with usbemu("cmsis-dap-v2,serial=P,packet-count=2") as bus:
        results = usb_steps.run(
            bus,
            "P",
            CLAIM,
            ASK_SIZE,
            ASK_SIZE,
            ["out", OUT, PACKET_SIZE, 200],
            READ,
            ASK_SIZE,
            READ,
            READ,
            ["read", IN, 512, 200],
        )
    assert results[1:] == [2, 2, "TIMEOUT", SIZE_512, 2, SIZE_512, SIZE_512, "TIMEOUT"]


def test_a_reply_that_is_longer_than_asked_for():
    with usbemu("cmsis-dap-v2,serial=P", "cmsis-dap-v2,serial=LONG,reply-extra=600") as bus:
        # A buffer smaller than the packet overflows; a full buffer ends the transfer.
        assert usb_steps.run(bus, "P", CLAIM, ASK_SIZE, ["read", IN, 2], ASK_SIZE, READ)[2:] == [
            "OVERFLOW",
            2,
            SIZE_512,
        ]
        long = usb_steps.run(bus, "LONG", CLAIM, ASK_SIZE, READ, READ)
        assert long[2].startswith(SIZE_512 + "ee") and len(long[2]) == 1024 and len(long[3]) == 2 * 92


FAULTS = [
    ("stall", {"transfer": "in"}, [2, "PIPE", None, SIZE_512]),
    ("stall", {"transfer": "out"}, ["PIPE", "TIMEOUT", None, "TIMEOUT"]),
    ("error", {"transfer": "in"}, [2, "IO", None, SIZE_512]),
    ("truncate", {"transfer": "in", "bytes": 3}, [2, "000200", None, "TIMEOUT"]),
    ("corrupt", {"transfer": "in", "bytes": 1}, [2, "00fd0002", None, "TIMEOUT"]),
    ("corrupt", {"transfer": "out"}, [2, "ff", None, "TIMEOUT"]),
    ("drop", {"transfer": "in"}, [2, "TIMEOUT", None, "TIMEOUT"]),
    ("drop", {"transfer": "out"}, [2, "TIMEOUT", None, "TIMEOUT"]),
    ("babble", {"transfer": "in"}, [2, "OVERFLOW", None, "TIMEOUT"]),
    ("delay", {"transfer": "in", "milliseconds": 50}, [2, SIZE_512, None, "TIMEOUT"]),
    ("unplug", {"transfer": "in"}, [2, "NO_DEVICE", "NO_DEVICE", "NO_DEVICE"]),
]


@pytest.mark.parametrize("fault,arguments,expected", FAULTS, ids=[f"{row[0]}-{row[1]['transfer']}" for row in FAULTS])
def test_a_fault(fault, arguments, expected):
    with usbemu("cmsis-dap-v2,serial=P") as bus:
        bus.inject("P", fault, **arguments)
        halted = IN if arguments["transfer"] == "in" else OUT
        # Short time-outs for transfers that must time out, and long ones for all others.
        timeouts = [200 if result == "TIMEOUT" else 20_000 for result in expected]
        results = usb_steps.run(
            bus,
            "P",
            CLAIM,
            ASK_SIZE,
            ["read", IN, 512, timeouts[1]],
            ["clear_halt", halted],
            ["read", IN, 512, timeouts[3]],
        )
        assert results[1:] == expected
        if fault == "unplug":
            bus.plug("P")
        # The fault must have hit only one transfer.
        assert usb_steps.run(bus, "P", CLAIM, ASK_SIZE, READ)[2] == SIZE_512


def test_the_control_socket_answers_when_a_fault_has_happened():
    with usbemu("cmsis-dap-v2,serial=P") as bus:

        def send(**request):
            bus.socket.sendall(json.dumps(request).encode() + b"\n")

        def receive():
            return json.loads(bus.lines.readline())

        send(command="inject", device="P", fault="stall", transfer="in", at=2, wait=True, id="stall")
        send(command="devices", id="devices")
        assert receive()["id"] == "devices"
        assert usb_steps.run(bus, "P", CLAIM, ASK_SIZE, READ, READ)[1:] == [2, SIZE_512, "PIPE"]
        assert receive() == {"id": "stall", "ok": True}
        send(command="inject", device="P", fault="stall", at=100, wait=True, id="cleared")
        send(command="inject", device="P", fault="stall", at=100, wait=True, id="unplugged")
        send(command="clear_faults", device="P", id=1)
        assert [receive()["id"] for _ in range(3)] == ["cleared", "unplugged", 1]
        send(command="inject", device="P", fault="stall", at=100, wait=True, id="unplugged")
        send(command="unplug", device="P", id=2)
        assert not receive()["ok"] and receive() == {"id": 2, "ok": True}


def test_the_control_socket_refuses_what_is_wrong():
    with usbemu("cmsis-dap-v2,serial=P", "cmsis-dap-v2,serial=SAME", "cmsis-dap-v2,serial=SAME") as bus:
        for request in (
            {"command": "nothing"},
            {"command": "plug"},
            {"command": "plug", "device": "OTHER"},
            {"command": "plug", "device": 3},
            {"command": "unplug", "device": "SAME"},
            {"command": "inject", "device": "P", "fault": "nothing"},
            {"command": "inject", "device": "P", "fault": "stall", "transfer": "sideways"},
            {"command": "inject", "device": "P", "fault": "stall", "at": 0},
            {"command": "inject", "device": "P", "fault": "delay", "milliseconds": -1},
        ):
            answer = bus.ask(**request)
            assert not answer["ok"] and answer["error"], request
        bus.socket.sendall(b"not json\n")
        assert b'"ok":false' in bus.lines.readline()
        bus.unplug(1)
        assert [device["plugged"] for device in bus.devices()] == [True, False, True]


def test_a_driver_is_detached_and_attached_again():
    with usbemu("cmsis-dap-v1,serial=P") as bus:
        results = usb_steps.run(
            bus,
            "P",
            ["has_driver", 0],
            ["hidraws"],
            ["detach", 0],
            ["has_driver", 0],
            ["hidraws"],
            CLAIM,
            ["attach", 0],
            ["release", 0],
            ["attach", 0],
            ["has_driver", 0],
            ["hidraws"],
        )
    assert results[:2] == [True, ["hidraw0"]]
    assert results[3:5] == [False, []]
    assert results[6] == "BUSY"
    assert results[9:] == [True, ["hidraw1"]]


def test_an_interface_has_one_owner():
    with usbemu("cmsis-dap-v2,serial=P") as bus:
        first = bus.start([sys.executable, usb_steps.__file__, "P", '[["claim", 0], ["read", 129, 512, 20000]]'])
        wait_until(lambda: bus.devices()[0]["transfers"]["in"] == 1, "the first process has claimed the interface")
        assert usb_steps.run(bus, "P", CLAIM) == ["BUSY"]
        bus.unplug("P")
        assert first.wait(30) == 0


def test_a_node_without_permission():
    script = "import os; os.open('/dev/bus/usb/001/002', os.O_RDWR)"
    ended = subprocess.run(
        [usbemu_path(), "--device", "cmsis-dap-v2,denied=on", "--", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert ended.returncode == 1 and "PermissionError" in ended.stderr


HOTPLUG = textwrap.dedent("""
    import ctypes, sys
    usb = ctypes.CDLL("libusb-1.0.so.0")
    context = ctypes.c_void_p()
    assert usb.libusb_init(ctypes.byref(context)) == 0
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    usb.libusb_get_device_address.argtypes = [ctypes.c_void_p]
    def happened(_, device, event, __):
        print("came" if event == 1 else "left", usb.libusb_get_device_address(device), flush=True)
        return 0
    callback = kind(happened)
    handle = ctypes.c_int()
    usb.libusb_hotplug_register_callback.argtypes = [ctypes.c_void_p] + [ctypes.c_int] * 5 + [kind] + [ctypes.c_void_p] * 2
    assert usb.libusb_hotplug_register_callback(context, 3, 0, 0x0D28, -1, -1, callback, None, ctypes.addressof(handle)) == 0
    print("listening", flush=True)
    while True:
        usb.libusb_handle_events(context)
""")


def test_hot_plug_events():
    with usbemu("cmsis-dap-v2,serial=P", "composite,serial=Q,plugged=off") as bus:
        log = bus.directory / "events"
        with open(log, "wb") as output:
            listener = bus.start([sys.executable, "-c", HOTPLUG], stdout=output)
            try:
                wait_until(lambda: "listening" in log.read_text(), "libusb listens for hot-plug events")
                bus.plug("Q")
                bus.unplug("P")
                bus.plug("P")
                bus.unplug("Q")
                wait_until(lambda: log.read_text().count("\n") >= 5, "libusb has reported four changes")
            finally:
                listener.kill()
                listener.wait()
        assert log.read_text().split("\n")[1:5] == ["came 3", "left 2", "came 4", "left 3"]


def test_a_hundred_plugs_leak_nothing():
    with usbemu("cmsis-dap-v2,serial=P", "cmsis-dap-v1,serial=Q") as bus:
        files = pathlib.Path(f"/proc/{bus.program.pid}/fd")

        def cycle():
            for serial in ("P", "Q"):
                bus.unplug(serial)
                bus.plug(serial)

        cycle()
        before = len(list(files.iterdir()))
        for _ in range(100):
            cycle()
        assert len(list(files.iterdir())) == before
        assert usb_steps.run(bus, "P", CLAIM, ASK_SIZE, READ)[2] == SIZE_512


def malformations():
    text = subprocess.run([usbemu_path(), "--help"], capture_output=True, text=True, timeout=BOUND, check=True).stdout
    return re.findall(
        r"^  ([a-z-]+): ", text[text.index("malformed=NAME:") : text.index("The control socket")], re.MULTILINE
    )


def test_malformed_devices():
    names = malformations()
    assert len(names) >= 15
    for start in range(0, len(names), 20):
        chosen = names[start : start + 20]
        with usbemu(*(f"composite,serial=M,malformed={name}" for name in chosen), "cmsis-dap-v2,serial=P") as bus:
            shown = bus.run(["lsusb", "-v"])
            assert shown.returncode in (0, 1), shown.stderr  # lsusb reports errors but continues
            assert "0d28:0204" in shown.stdout
            assert usb_steps.run(bus, "P", CLAIM, ASK_SIZE, READ)[2] == SIZE_512
