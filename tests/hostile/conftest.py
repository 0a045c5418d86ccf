"""Fixtures of the hostile tests: those of all tests of whole programs, and honest clients that work during an attack.
README.md lists the modules that attacks are made of."""

import pathlib
import sys

import pytest
from program_fixtures import (
    _shared_programs,
    _shared_stack,
    _worker_pool,
    api,
    bin_directory,
    control,
    debug_stack,
    firmware,
    make_stack,
    programs,
    prometheus_directory,
    pytest_runtest_makereport,
    raw,
    stack,
    workers,
)

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
from honest_client import HonestClient
from other_address import Forwarder


@pytest.fixture
def honest(api):
    """Starts honest clients, each a process of its own (honest_client.py), and ends them after the test."""
    clients = []

    def start(kind, address, **options):
        clients.append(HonestClient(kind, address, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.kill()


@pytest.fixture
def from_address():
    """Opens ways to a port of this machine that arrive from another loopback address (other_address.py)."""
    forwarders = []

    def forward(source, port):
        forwarders.append(Forwarder(source, port))
        return forwarders[-1]

    yield forward
    for forwarder in forwarders:
        forwarder.close()
