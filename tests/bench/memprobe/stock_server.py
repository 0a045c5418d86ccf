"""pyOCD's own server with the in-memory probe: stock_server.py PORT LATENCY_US

The probe is registered here like a plugin's; everything else is the unmodified `pyocd server`.
"""

import ctypes
import sys

from pyocd.__main__ import main
from pyocd.probe.aggregator import PROBE_CLASSES

from probe import UNIQUE_ID, MemProbe

PR_SET_TIMERSLACK = 29


def run(port, latency_us):
    MemProbe.latency = latency_us / 1e6
    PROBE_CLASSES["memprobe"] = MemProbe
    # By default the kernel lets a sleep overrun by 50 µs. Threads that are created later inherit this setting.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    sys.argv = ["pyocd", "server", "--no-config", "--uid", f"memprobe:{UNIQUE_ID}", "--port", str(port)]
    sys.exit(main())


if __name__ == "__main__":
    run(int(sys.argv[1]), float(sys.argv[2]))
