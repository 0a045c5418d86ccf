"""A soak for a minute, in `./dev test --full`, and how a soak judges latencies. `./dev soak` runs a long one."""

import os

import pytest
from honest_client import Sample
from soak import ALWAYS_GOOD_MS, Size, Soak, is_delayed

SECONDS = float(os.environ.get("PROBEGATE_SOAK_SECONDS", "0"))


@pytest.mark.skipif(SECONDS == 0, reason="long; ./dev test --full runs it")
def test_soak(programs, api):  # `api` generates the modules that the clients and the attacks use
    problems, _ = Soak(programs, Size(SECONDS, latency=False)).run()
    assert problems == []


@pytest.mark.parametrize(
    ("alone_ms", "slowest_ms", "delayed"),
    [
        (2.0, 5000.0, True),
        (2.0, ALWAYS_GOOD_MS, False),
        (600.0, 5000.0, False),
        (600.0, 6001.0, True),
    ],
)
def test_delayed_requests_are_found(alone_ms, slowest_ms, delayed):
    alone = Sample([alone_ms] * 100, [])
    assert is_delayed(alone, Sample([alone_ms] * 98 + [slowest_ms] * 2, [])) == delayed


def test_a_client_without_requests_is_not_delayed():
    assert not is_delayed(Sample([2.0] * 100, []), Sample([], []))
