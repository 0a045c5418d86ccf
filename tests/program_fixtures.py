"""Fixtures for tests of whole programs: the programs, stacks of them, and the real clients. A folder's conftest.py
imports those that its tests use. The modules that they are made of are in tests/interop.

Environment: PROBEGATE_BIN is the directory of the programs (default: build/dev/bin). PROBEGATE_PROMETHEUS is the
directory of Prometheus (default: where ./dev test unpacks it).
"""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# Programs that tests start must not depend on who runs the tests (docs/client.md).
os.environ["PROBEGATE_PROFILE"] = "none"
sys.path.insert(0, str(ROOT / "tests" / "interop"))

# pylint: disable=wrong-import-position
import grpc_client
from pyocd_client import PyocdCommands, WorkerPool
from raw_client import RawClient
from sim_control import SimControl
from stack import Programs, Stack


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Tells fixtures whether their test failed, so that they show logs only in that case."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.failed = True


@pytest.fixture(scope="session")
def bin_directory():
    directory = pathlib.Path(os.environ.get("PROBEGATE_BIN", ROOT / "build" / "dev" / "bin")).resolve()
    missing = [
        name
        for name in ("probegate-sim", "probegate-server", "probegate-gateway", "probegate")
        if not (directory / name).exists()
    ]
    assert not missing, f"not in {directory} (PROBEGATE_BIN): {', '.join(missing)}"
    return directory


@pytest.fixture(scope="session")
def prometheus_directory():
    """The directory of prometheus and promtool."""
    default = ROOT / "build" / "prometheus" / "usr" / "bin"
    directory = pathlib.Path(os.environ.get("PROBEGATE_PROMETHEUS", default)).resolve()
    missing = [name for name in ("prometheus", "promtool") if not (directory / name).exists()]
    assert not missing, f"not in {directory} (PROBEGATE_PROMETHEUS; ./dev test unpacks them): {', '.join(missing)}"
    return directory


@pytest.fixture
def promtool(prometheus_directory):
    return prometheus_directory / "promtool"


def show_logs(programs):
    for name, text in programs.logs():
        lines = text.splitlines()
        print(f"--- {name}, {len(lines)} lines, the last:")
        print("\n".join(lines[-60:]))


@pytest.fixture
def programs(bin_directory, tmp_path, request):
    """Starts programs. Ends them after the test, and fails the test if a program crashed or did not end cleanly."""
    programs = Programs(bin_directory, tmp_path)
    yield programs
    problems = programs.end_all()
    if problems or getattr(request.node, "failed", False):
        show_logs(programs)
    assert not problems, "; ".join(problems)


@pytest.fixture
def make_stack(programs):
    """Makes a stack for this test alone, with its own flags. The test may kill its programs and unplug its boards."""
    return lambda **options: Stack(programs, **options)


@pytest.fixture(scope="session")
def firmware(bin_directory):
    """The ELF file of the firmware that boards start with by default."""
    return bin_directory.parent / "firmware" / "firmware.elf"


@pytest.fixture
def debug_stack(make_stack, firmware):
    """Makes a stack without a gateway, for a probegate-debugd. Its server has already found its probes."""

    def make(**options):
        stack = make_stack(start_gateway=False, sim_flags=["--flash", firmware], **options)
        for serial in stack.serials:
            stack.server.wait_for_line(rf"probe\.connected probe={serial} ")
        return stack

    return make


@pytest.fixture(scope="module")
def _shared_programs(bin_directory, tmp_path_factory):
    programs = Programs(bin_directory, tmp_path_factory.mktemp("stack"))
    yield programs
    problems = programs.end_all()
    if problems:
        show_logs(programs)
    assert not problems, "; ".join(problems)


@pytest.fixture(scope="module")
def _shared_stack(_shared_programs):
    return Stack(_shared_programs)


@pytest.fixture
def stack(_shared_stack, request):
    """A stack that the tests of a module share. A test that uses it must leave it as it found it."""
    yield _shared_stack
    if getattr(request.node, "failed", False):
        show_logs(_shared_stack.programs)


@pytest.fixture
def control():
    """Connects to a stack's control port."""
    opened = []

    def connect(stack):
        opened.append(SimControl(stack.control_port))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def raw():
    """Connects plain clients, and closes them after the test."""
    clients = []

    def connect(port, **options):
        clients.append(RawClient(port, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def _worker_pool(tmp_path_factory):
    pool = WorkerPool(tmp_path_factory.mktemp("pyocd"))
    yield pool
    pool.end()


@pytest.fixture
def workers(_worker_pool):
    """Returns the given number of pyOCD processes."""
    taken = []

    def take(count):
        new = _worker_pool.take(count)
        taken.extend(new)
        return new

    yield take
    for worker in taken:
        _worker_pool.give_back(worker)


@pytest.fixture
def pyocd(tmp_path):
    return PyocdCommands(tmp_path)


@pytest.fixture(scope="session")
def api(tmp_path_factory):
    """The Python modules generated from the .proto files."""
    return grpc_client.generate(ROOT / "proto", tmp_path_factory.mktemp("generated"))
