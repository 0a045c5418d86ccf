"""Measures the real pyOCD on a probe: client_timing.py UID REPEATS. Prints one JSON object with times in milliseconds.

The import of pyOCD is not included. Each figure is the median of the repeats.
"""

import json
import statistics
import sys
import time

from pyocd.core.helpers import ConnectHelper

RAM = 0x20000000
SIZE = 65536


def main(uid, repeats):
    times = {"attach": [], "read32": [], "read_64k": [], "write_64k": []}

    def timed(name, action):
        start = time.perf_counter()
        result = action()
        times[name].append(1e3 * (time.perf_counter() - start))
        return result

    def write(target, data):
        target.write_memory_block8(RAM, data)
        target.flush()  # writes may be posted, by pyOCD's own probes as well

    for _ in range(repeats):
        session = ConnectHelper.session_with_chosen_probe(
            unique_id=uid,
            blocking=False,
            return_first=True,
            no_config=True,
            options={"target_override": "cortex_m", "connect_mode": "attach"},
        )
        timed("attach", session.open)
        for _ in range(10):
            timed("read32", lambda: session.target.read32(RAM))
        data = timed("read_64k", lambda: session.target.read_memory_block8(RAM, SIZE))
        timed("write_64k", lambda: write(session.target, data))
        session.close()
    print(json.dumps({name: statistics.median(values) for name, values in times.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
