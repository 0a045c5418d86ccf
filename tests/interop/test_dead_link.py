"""The network cable of a lock's holder is pulled: the gateway receives no FIN, no RST, nothing."""

import os
import subprocess
import sys

import pytest
from raw_client import DPIDR

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from raw_client import RawClient
client = RawClient(int(sys.argv[3]), host=sys.argv[2]).attach()
client.take_lock()
print("locked", flush=True)
sys.stdin.read()
"""
GATEWAY_SIDE, CLIENT_SIDE = "198.18.77.1", "198.18.77.2"  # RFC 2544: addresses for benchmarks


# The protocol allows 30 s to detect a dead connection (TCP keep-alive takes 25 s of them); a loaded
# machine gets 5 s more.
FREED_WITHIN = 30 + 5


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def namespace():
    """A network namespace joined to this one by a pair of virtual Ethernet devices."""
    if os.geteuid() != 0:
        print("skipped: creating a network namespace needs root")
        pytest.skip("creating a network namespace needs root")
    name, here, there = (f"{prefix}{os.getpid()}" for prefix in ("pgns", "pgh", "pgt"))
    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: cannot create a network namespace: {error}")
        pytest.skip(f"cannot create a network namespace: {error}")
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("address", "add", f"{GATEWAY_SIDE}/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "address", "add", f"{CLIENT_SIDE}/30", "dev", there)
        ip("-n", name, "link", "set", there, "up")
        yield name, here
    finally:
        subprocess.run(["ip", "link", "delete", here], check=False, capture_output=True)
        ip("netns", "delete", name)


def test_lock_of_a_dead_link_is_freed(make_stack, raw, namespace):
    name, device = namespace
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600], gateway_flags=["--allow-remote"])
    other = raw(stack.port).attach()
    holder = subprocess.Popen(
        [
            "ip",
            "netns",
            "exec",
            name,
            sys.executable,
            "-c",
            HOLDER,
            os.path.dirname(__file__),
            GATEWAY_SIDE,
            str(stack.port),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "locked\n"
        ip("link", "set", device, "down")
        other.socket.settimeout(FREED_WITHIN)
        assert other.call("read_dp", DPIDR) == 0x2BA01477
    finally:
        holder.kill()
        holder.wait()
