"""A sequence of requests that uses every debug command at least once, for both kinds of session (grpc_client.py).

Each step is a method of the service DebugProbe, the fields of its request, and the expected result: a dictionary of
response fields, a function of the response, or the ErrorKind with which the step must fail. The order matters.
"""

from raw_client import CLEAR_STICKY, CSW, CSW_WORDS, CTRL_STAT, DRW, FAULTING, POWER_UP, POWERED, RAM, TAR

LINE_RESET = (b"\xff" * 7)[:7]
WORDS = [0x01020304, 0xFFFFFFFF, 0, 0x80000001]


class Fails:
    """The step must fail with this kind of error, and the ErrorDetail must have the fields in `detail`."""

    def __init__(self, kind, **detail):
        self.kind = kind
        self.detail = detail


def steps(api):
    swd = api.WIRE_PROTOCOL_SWD
    jtag = api.WIRE_PROTOCOL_JTAG
    not_open = Fails("ERROR_KIND_NOT_OPEN")
    invalid = Fails("ERROR_KIND_INVALID_ARGUMENT")
    return [
        ("GetState", {}, {"is_open": False, "wire_protocol": 0}),
        ("HasSwo", {}, {"has_swo": True}),
        ("SwoStart", {"baudrate": 1_000_000}, not_open),
        ("SwoRead", {}, {"data": b""}),
        ("Connect", {"protocol": swd}, not_open),
        ("Open", {}, {}),
        ("ReadDp", {"address": 0}, not_open),
        ("Connect", {"protocol": swd}, {"protocol": swd}),
        ("Connect", {"protocol": api.WIRE_PROTOCOL_JTAG}, Fails("ERROR_KIND_PROBE_ERROR")),
        ("GetState", {}, {"is_open": True, "wire_protocol": swd}),
        ("SetClock", {"frequency_hz": 1_000_000}, {}),
        ("SetClock", {"frequency_hz": 0}, invalid),
        ("Lock", {}, {}),
        ("SwjSequence", {"bit_count": 51, "bits": LINE_RESET}, {}),
        ("SwjSequence", {"bit_count": 16, "bits": b"\x9e\xe7"}, {}),
        ("SwjSequence", {"bit_count": 51, "bits": LINE_RESET}, {}),
        ("SwjSequence", {"bit_count": 8, "bits": b"\0"}, {}),
        ("SwjSequence", {"bit_count": 0, "bits": b""}, invalid),
        ("ReadDp", {"address": 0}, {"value": 0x2BA01477}),
        ("Unlock", {}, {}),
        ("Unlock", {}, invalid),
        ("ReadDp", {"address": 3}, invalid),
        ("WriteDp", {"address": 0, "value": CLEAR_STICKY}, {}),
        ("WriteDp", {"address": CTRL_STAT, "value": POWER_UP}, {}),
        ("ReadDp", {"address": CTRL_STAT}, lambda r: r.value & POWERED == POWERED),
        ("ReadAp", {"address": 0xFC}, {"value": 0x24770011}),
        ("WriteAp", {"address": CSW, "value": CSW_WORDS}, {}),
        ("WriteAp", {"address": TAR, "value": RAM}, {}),
        ("WriteApMultiple", {"address": DRW, "values": WORDS}, {}),
        ("WriteAp", {"address": TAR, "value": RAM}, {}),
        ("ReadApMultiple", {"address": DRW, "count": 4}, {"values": WORDS}),
        ("ReadApMultiple", {"address": DRW, "count": 4_194_305}, invalid),
        ("WriteAp", {"address": TAR, "value": FAULTING}, {}),
        ("ReadAp", {"address": DRW}, Fails("ERROR_KIND_TRANSFER_FAULT")),
        ("GetMemoryInterfaceForAp", {"ap_version": 1, "address": 0}, {"handle": 0}),
        ("GetMemoryInterfaceForAp", {"ap_version": 1, "address": 9}, lambda r: not r.HasField("handle")),
        ("GetMemoryInterfaceForAp", {"ap_version": 3, "address": 0}, invalid),
        ("ReadMem", {"handle": 0, "address": RAM, "transfer_size": 32}, {"value": WORDS[0]}),
        ("ReadMem", {"handle": 0, "address": RAM + 1, "transfer_size": 8}, {"value": 3}),
        ("ReadMem", {"handle": 0, "address": RAM + 1, "transfer_size": 16}, invalid),
        ("ReadMem", {"handle": 77, "address": RAM, "transfer_size": 32}, Fails("ERROR_KIND_NOT_FOUND")),
        (
            "ReadMem",
            {"handle": 0, "address": FAULTING, "transfer_size": 32},
            Fails("ERROR_KIND_TRANSFER_FAULT", fault_address=FAULTING),
        ),
        ("WriteMem", {"handle": 0, "address": RAM + 2, "transfer_size": 16, "value": 0xBEEF}, {}),
        ("ReadMem", {"handle": 0, "address": RAM, "transfer_size": 32}, {"value": 0xBEEF0304}),
        ("WriteBlock32", {"handle": 0, "address": RAM, "values": WORDS * 300}, {}),
        ("ReadBlock32", {"handle": 0, "address": RAM, "word_count": 1200}, {"values": WORDS * 300}),
        ("WriteBlock8", {"handle": 0, "address": RAM + 3, "data": b"probegate"}, {}),
        ("ReadBlock8", {"handle": 0, "address": RAM + 3, "byte_count": 9}, {"data": b"probegate"}),
        (
            "ReadBlock32",
            {"handle": 0, "address": RAM + 0x40000 - 32, "word_count": 32},
            Fails("ERROR_KIND_TRANSFER_FAULT", fault_address=RAM + 0x40000, completed_bytes=32),
        ),
        ("Flush", {}, {}),
        (
            "SwdSequence",
            {"segments": [api.SwdSegment(cycles=8, output=b"\0"), api.SwdSegment(cycles=16)]},
            lambda r: [len(c) for c in r.captured] == [2],
        ),
        ("JtagSequence", {"cycles": 8, "tms": True, "read_tdo": True, "tdi": b"\x5a"}, Fails("ERROR_KIND_PROBE_ERROR")),
        ("AssertReset", {"asserted": True}, {}),
        ("IsResetAsserted", {}, {"asserted": True}),
        ("AssertReset", {"asserted": False}, {}),
        ("IsResetAsserted", {}, {"asserted": False}),
        ("Reset", {}, {}),
        ("SwoStop", {}, {}),
        ("SwoStart", {"baudrate": 0}, invalid),
        ("SwoStart", {"baudrate": 4_000_000_000}, Fails("ERROR_KIND_PROBE_ERROR")),
        ("SwoStart", {"baudrate": 1_000_000}, {}),
        ("SwoRead", {}, {"data": b"", "data_lost": False, "garbled": False}),
        ("SwoStop", {}, {}),
        ("Disconnect", {}, {}),
        ("Disconnect", {}, {}),
        ("Connect", {"protocol": jtag}, {"protocol": jtag}),
        ("SwjSequence", {"bit_count": 51, "bits": LINE_RESET}, {}),
        ("SwjSequence", {"bit_count": 16, "bits": b"\x3c\xe7"}, {}),
        ("JtagSequence", {"cycles": 6, "tms": True, "tdi": b"\x3f"}, lambda r: not r.HasField("tdo")),
        ("JtagSequence", {"cycles": 1, "tdi": b"\1"}, {}),
        ("JtagSequence", {"cycles": 1, "tms": True, "tdi": b"\1"}, {}),
        ("JtagSequence", {"cycles": 2, "tdi": b"\3"}, {}),
        ("JtagSequence", {"cycles": 32, "read_tdo": True, "tdi": b"\xff" * 4}, {"tdo": b"\x77\x04\xa0\x4b"}),
        ("JtagSequence", {"cycles": 0, "tdi": b""}, invalid),
        ("JtagSequence", {"cycles": 9, "tdi": b"\0"}, invalid),
        ("JtagSequence", {"cycles": 65537, "tdi": b"\0" * 8193}, invalid),
        ("SwdSequence", {"segments": [api.SwdSegment(cycles=8, output=b"\0")]}, Fails("ERROR_KIND_PROBE_ERROR")),
        ("GetMemoryInterfaceForAp", {"ap_version": 1, "address": 0}, {"handle": 0}),
        ("ReadMem", {"handle": 0, "address": RAM + 4, "transfer_size": 8}, lambda r: r.value == ord("r")),
        (
            "ReadMem",
            {"handle": 0, "address": FAULTING, "transfer_size": 32},
            Fails("ERROR_KIND_TRANSFER_FAULT", fault_address=FAULTING),
        ),
        ("Disconnect", {}, {}),
        ("Close", {}, {}),
        ("Close", {}, {}),
        ("GetState", {}, {"is_open": False, "wire_protocol": 0}),
    ]


def matches(response, expected):
    if callable(expected):
        return expected(response)
    return all(_value(response, name) == value for name, value in expected.items())


def _value(response, name):
    value = getattr(response, name)
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "extend") else value
