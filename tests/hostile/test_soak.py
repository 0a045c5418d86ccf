"""A short soak (soak.py). `./dev soak` runs a long one, and `./dev test --full` one of full size for a minute."""

import os

from soak import Size, Soak

SECONDS = float(os.environ.get("PROBEGATE_SOAK_SECONDS", "0"))


def test_soak(programs, api):  # `api` generates the modules that the clients and the attacks use
    size = Size(SECONDS, latency=False) if SECONDS else Size(seconds=20, boards=8, connections=40, latency=False)
    problems, _ = Soak(programs, size).run()
    assert problems == []
