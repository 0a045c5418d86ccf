"""Probes on an emulated USB bus are unplugged at every possible moment: their clients get an error at once, the probes
work when they are opened again, and the server leaks nothing."""

import os

import pytest
from raw_client import DISCONNECTED, DPIDR, RemoteError
from stack import wait_until
from usb_stack import use


def resources(pid):
    """How many open files and threads a process has."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def resume(bus, stack):
    """Clears the faults, plugs the device in if necessary, and waits until the server serves it again."""
    stack.wait_for_state("ONE", "idle", "away")
    bus.ask("clear_faults", device=0)  # no fault can hit the device from here on
    if not bus.devices()[0]["plugged"]:
        stack.wait_for_state("ONE", "away")
        bus.plug(0)
    stack.wait_for_state("ONE", "idle")


@pytest.mark.parametrize("kind", ["cmsis-dap-v2,swo=on", "cmsis-dap-v1"])
def test_unplugged_at_each_transfer(kind, usb, raw):
    with usb(f"{kind},serial=ONE") as (bus, stack):
        port = stack.port_of("ONE")
        before = bus.transfers()
        with raw(port) as client:
            use(client)
        count = bus.transfers() - before
        assert count > 40
        told = 0
        for at in range(1, count + 1):
            bus.inject(0, "unplug", at=at)
            with raw(port) as client:
                try:
                    use(client)
                except RemoteError as error:
                    assert error.status == DISCONNECTED, (at, error)
                    assert client.status("read_dp", DPIDR) == DISCONNECTED
                    told += 1
            # The fault may have hit a transfer at the end of the session, or none at all.
            resume(bus, stack)
            if at == 20:
                held = resources(stack.server.pid)
        assert told > count * 3 // 4
        with raw(port) as client:
            use(client)
        wait_until(lambda: resources(stack.server.pid)[0] <= held[0], "no files are left behind")


@pytest.mark.parametrize("kind", ["cmsis-dap-v2", "cmsis-dap-v1"])
def test_unplugged_at_each_transfer_of_its_opening(kind, usb, raw):
    with usb(f"{kind},serial=ONE") as (bus, stack):
        port = stack.port_of("ONE")
        count = bus.transfers()
        assert count > 15
        for at in range(1, count + 1):
            bus.unplug(0)
            bus.call("plug", device=0, fault="unplug", at=at)
            wait_until(lambda: not bus.devices()[0]["plugged"], f"it is unplugged at transfer {at}")
        resume(bus, stack)
        with raw(port) as client:
            use(client)


def test_a_hundred_plugs_and_unplugs_leak_nothing(usb):
    with usb("cmsis-dap-v2,serial=ONE", "cmsis-dap-v1,serial=TWO", start_gateway=False) as (bus, stack):
        first = None
        for cycle in range(100):
            for name in ("ONE", "TWO"):
                stack.wait_for_state(name, "idle")
            if cycle == 10:
                first = resources(stack.server.pid)
            for name in ("ONE", "TWO"):
                bus.unplug(name)
            if cycle % 2 == 0:
                stack.wait_for_state("TWO", "away")
            for name in ("ONE", "TWO"):
                bus.plug(name)
        for name in ("ONE", "TWO"):
            stack.wait_for_state(name, "idle")
        wait_until(lambda: resources(stack.server.pid) <= first, "no files or threads are left behind")
