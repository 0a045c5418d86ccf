"""Fixtures of the hostile tests: those of tests/interop, because they need the same programs and stacks, and honest
clients that work during an attack. README.md lists the modules that attacks are made of."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
INTEROP = ROOT / "tests" / "interop"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

_spec = importlib.util.spec_from_file_location("probegate_interop_conftest", INTEROP / "conftest.py")
_interop = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_interop)

# pylint: disable=wrong-import-position
from honest_client import HonestClient
from other_address import Forwarder

# pylint: disable=protected-access
pytest_runtest_makereport = _interop.pytest_runtest_makereport
bin_directory = _interop.bin_directory
prometheus_directory = _interop.prometheus_directory
programs = _interop.programs
make_stack = _interop.make_stack
firmware = _interop.firmware
debug_stack = _interop.debug_stack
_shared_programs = _interop._shared_programs
_shared_stack = _interop._shared_stack
stack = _interop.stack
control = _interop.control
raw = _interop.raw
_worker_pool = _interop._worker_pool
workers = _interop.workers
api = _interop.api


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
