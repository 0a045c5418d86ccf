"""A soak of full size for a minute (soak.py), in `./dev test --full`. `./dev soak` runs a long one."""

import os

import pytest
from soak import Size, Soak

SECONDS = float(os.environ.get("PROBEGATE_SOAK_SECONDS", "0"))


@pytest.mark.skipif(SECONDS == 0, reason="long; ./dev test --full runs it")
def test_soak(programs, api):  # `api` generates the modules that the clients and the attacks use
    problems, _ = Soak(programs, Size(SECONDS, latency=False)).run()
    assert problems == []
