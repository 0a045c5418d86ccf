"""Settings for single probes (`probes:` in the server's configuration file), labels, and what is not served."""

import json

import pytest
from grpc_client import StreamSession
from raw_client import DPIDR, RAM
from stack import wait_until
from test_cli import NOT_FOUND, OK, USAGE
from test_usb import DPIDR_VALUE

NAMELESS_V2 = "cmsis-dap-v2,serial=BULK,product=Thing,interface=Thing,id=1209:0002"
NAMELESS_V1 = "cmsis-dap-v1,serial=HID,product=Thing,interface=Thing,id=1209:0001"


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file; returns the server's flags."""

    def write(text):
        file = tmp_path / "server.yaml"
        file.write_text(text)
        return ["--config", file]

    return write


def cli(stack, *arguments, code=OK):
    result = stack.programs.run("probegate", "--server", stack.address, *arguments)
    assert result.returncode == code, result
    return result.stdout + result.stderr


def listed(stack, *arguments):
    """The probes in `list --json`, by unique ID."""
    answer = json.loads(cli(stack, "--json", "list", *arguments))
    return {probe["status"]["description"]["unique_id"]: probe["status"] for probe in answer["probes"]}


def unserved(stack):
    """What `list --all --json` shows as not served, by location."""
    return {device["location"]: device for device in json.loads(cli(stack, "--json", "list", "--all"))["unserved"]}


@pytest.mark.parametrize("device", [NAMELESS_V2, NAMELESS_V1])
def test_an_entry_by_vendor_and_product_makes_a_device_a_probe(device, usb, raw, config):
    serial = "BULK" if device == NAMELESS_V2 else "HID"
    with usb(device, "cmsis-dap-v2,serial=ONE", start_gateway=False) as (bus, stack):
        stack.wait_for_state("ONE", "idle")
        assert list(stack.states()) == ["ONE"]
    entry = f"probes: [{{match: {{usb: {device[-9:]}}}, labels: {{rig: '7'}}}}]\n"
    with usb(device, server_flags=config(entry)) as (bus, stack):
        assert raw(stack.port_of(serial)).attach().call("read_dp", DPIDR) == DPIDR_VALUE
        assert listed(stack)[serial]["description"]["labels"]["rig"] == "7"


def test_settings_apply_and_say_where_they_come_from(usb, raw, config):
    text = """
probes:
  - match: {uid: ONE}
    serial: BENCH-3
    packet-count: 2
    clock: 400k
    clock-max: 2M
  - match: {product: "*cmsis-dap*"}
    packet-count: 3
    cmsis-dap: v1
"""
    with usb("composite,serial=ONE", "cmsis-dap-v1,serial=TWO", server_flags=config(text)) as (bus, stack):
        client = raw(stack.port_of("BENCH-3")).attach()
        with bus.board() as board:
            assert board.call("state", board=0)["clock_hz"] == 400_000
            client.call("set_clock", 1_000_000)
            assert board.call("state", board=0)["clock_hz"] == 1_000_000
            client.call("set_clock", 10_000_000)
            assert board.call("state", board=0)["clock_hz"] == 2_000_000
        stack.wait_for_state("TWO", "idle")
        settings = {
            probe: {one["setting"]: (one["value"], one["from"]) for one in status["settings"]}
            for probe, status in listed(stack).items()
        }
        assert settings["BENCH-3"] == {
            "serial": ("BENCH-3", "configuration"),
            "packet-count": ("2", "configuration"),
            "clock": ("400000", "configuration"),
            "clock-max": ("2000000", "configuration"),
            "cmsis-dap": ("v1", "configuration"),
            "packet-size": ("64", "the probe"),
        }
        assert settings["TWO"]["packet-count"] == ("3", "configuration")


def test_settings_of_a_probe_over_tcp(make_stack, config):
    entry = "probes: [{match: {product: '*'}, packet-count: 1, labels: {rack: left}}]\n"
    stack = make_stack(server_flags=config(entry))
    output = stack.programs.run("probegate", "--server", stack.server_address, "--json", "list").stdout
    status = json.loads(output)["probes"][0]["status"]
    assert status["description"]["labels"]["rack"] == "left"
    assert {"setting": "packet-count", "value": "1", "from": "configuration"} in status["settings"]


def test_labels_choose_probes(usb, config):
    text = """
probes:
  - {match: {uid: ONE}, labels: {rack: Left, chip: nrf52}}
  - {match: {uid: TWO}, labels: {rack: left}}
"""
    devices = [f"cmsis-dap-v2,serial={serial},vendor=Acme,product=P{serial} CMSIS-DAP" for serial in ("ONE", "TWO")]
    with usb(*devices, server_flags=config(text), start_gateway=False) as (bus, stack):
        for serial in ("ONE", "TWO"):
            stack.wait_for_state(serial, "idle")
        labels = listed(stack)["ONE"]["description"]["labels"]
        assert (labels["vendor"], labels["product"], labels["chip"]) == ("Acme", "PONE CMSIS-DAP", "nrf52")
        assert labels["host"] != ""
        assert "chip=nrf52, host=" in cli(stack, "list", "--labels")
        assert "nrf52" not in cli(stack, "list")
        assert list(listed(stack, "--label", "chip=NRF52")) == ["ONE"]
        assert list(listed(stack, "--label", "rack=left")) == ["ONE", "TWO"]
        assert list(listed(stack, "--label", "rack=left", "--label", "chip=none")) == []
        # The same over gRPC.
        request = stack.api.ListProbesRequest(labels={"rack": "LEFT", "chip": "nrf52"})
        assert [p.description.unique_id for p in stack.directory.ListProbes(request).probes] == ["ONE"]

        # One match stands for a unique ID; several do not.
        assert cli(stack, "read", "--label", "chip=nrf52", hex(RAM), "1").lower().startswith("20000000")
        assert "ONE, TWO" in cli(stack, "read", "--label", "rack=left", hex(RAM), "1", code=NOT_FOUND)
        assert "TWO" in cli(stack, "write", "--label", "rack=left", "-u", "two", hex(RAM), "1")
        assert "chip=none" in cli(stack, "read", "--label", "chip=none", hex(RAM), "1", code=NOT_FOUND)
        assert "chip is not KEY=VALUE" in cli(stack, "list", "--label", "chip", code=USAGE)

        top = cli(stack, "top", "--once", "--interval", "0.1", "--label", "chip=nrf52")
        assert "ONE" in top and "TWO" not in top
        assert "chip=none" in cli(stack, "top", "--once", "--label", "chip=none", code=NOT_FOUND)
        opened = [StreamSession(stack.api, stack.address, probe) for probe in ("ONE", "TWO")]
        sessions = json.loads(cli(stack, "--json", "sessions", "--label", "chip=nrf52"))["sessions"]
        assert [session["probe"] for session in sessions] == ["ONE"]
        assert len(json.loads(cli(stack, "--json", "sessions", "--label", "rack=left"))["sessions"]) == 2
        for session in opened:
            session.end()
        assert "chip=none" in cli(stack, "sessions", "--label", "chip=none", code=NOT_FOUND)


def test_what_is_not_served_is_listed_with_the_reason(usb, config):
    devices = [
        "cmsis-dap-v2,serial=ONE",
        "cmsis-dap-v2,serial=IGNORED",
        "cmsis-dap-v2,serial=STLINK,id=0483:374b,vendor=ST,product=ST-Link,interface=Thing",
        "cmsis-dap-v2,serial=JTAG,id=0403:6010,product=Cheap JTAG adapter,interface=Thing",
        "cmsis-dap-v2,serial=PHONE,id=1209:0003,product=Phone,interface=Thing",
        "cmsis-dap-v2,serial=EXCLUDED",
    ]
    flags = config("probes: [{match: {uid: ignored}, cmsis-dap: ignore}]\nuid: [ONE, IGNORED]\n")
    with usb(*devices, server_flags=flags, start_gateway=False) as (bus, stack):
        stack.wait_for_state("ONE", "idle")
        stack.server.wait_for_line(r"probe\.refused location=usb:1-6 ")
        assert list(listed(stack)) == ["ONE"]
        devices = unserved(stack)
        assert set(devices) == {"usb:1-2", "usb:1-3", "usb:1-4", "usb:1-6"}
        assert "cmsis-dap: ignore (configuration)" in devices["usb:1-2"]["reason"]
        assert "ST-Link" in devices["usb:1-3"]["reason"]
        assert (devices["usb:1-3"]["usb_id"], devices["usb:1-3"]["description"]) == ("0483:374b", "ST ST-Link")
        assert 'match: {usb: "0403:6010"}' in devices["usb:1-4"]["reason"]
        assert "--uid" in devices["usb:1-6"]["reason"] and devices["usb:1-6"]["unique_id"] == "EXCLUDED"
        table = cli(stack, "list", "--all")
        assert "NOT SERVED" in table and "STLINK" in table and "PHONE" not in table
        assert "NOT SERVED" not in cli(stack, "list")
        assert stack.server.log().count("usb.unserved") == 3
        bus.unplug("STLINK")
        bus.unplug("EXCLUDED")
        wait_until(lambda: set(unserved(stack)) == {"usb:1-2", "usb:1-4"}, "what was unplugged is not listed any more")
