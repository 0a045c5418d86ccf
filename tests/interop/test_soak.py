"""Sixteen real pyOCDs on one probe; each checks its own range of memory in all widths."""

import os
import subprocess

from raw_client import RAM

CLIENTS = 16
STRETCH = 0x1000
SECONDS = float(os.environ.get("PROBEGATE_SOAK_SECONDS", "10"))


def test_sixteen_clients(make_stack, workers):
    stack = make_stack()
    clients = workers(CLIENTS)
    for client in clients:
        client.start("attach", uid=stack.uid)
    for client in clients:
        client.finish(120)
    for number, client in enumerate(clients):
        client.start("check_memory_until_stopped", RAM + number * STRETCH, STRETCH, number)
    try:
        stack.gateway.process.wait(SECONDS)
        raise AssertionError("the gateway ended")
    except subprocess.TimeoutExpired:
        pass
    results = [client.stop(120) for client in clients]
    assert [r["mismatch"] for r in results] == [None] * CLIENTS
    assert all(r["rounds"] > 0 for r in results), results
    for client in clients:
        client.detach()
