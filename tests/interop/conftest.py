"""Fixtures of the interop tests: those of all tests of whole programs, and some that only these need.

Environment: as for ../program_fixtures.py. PROBEGATE_SOAK_SECONDS is the duration of the test with sixteen clients, and
of the soak in tests/hostile.
"""

import pytest
from elftools.elf.elffile import ELFFile
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
    promtool,
    pyocd,
    pytest_runtest_makereport,
    raw,
    show_logs,
    stack,
    workers,
)
from stack import Stack
from usb_stack import usb_stack


@pytest.fixture
def usb(programs, api):
    """Starts an emulated USB bus with devices, and a server and a gateway on it."""
    return lambda *devices, **options: usb_stack(programs, api, devices, **options)


@pytest.fixture(scope="session")
def symbols(firmware):
    """The addresses of the firmware's symbols: {name: address}."""
    with open(firmware, "rb") as file:
        return {s.name: s["st_value"] for s in ELFFile(file).get_section_by_name(".symtab").iter_symbols()}


@pytest.fixture(scope="module")
def _shared_lab(_shared_programs, firmware):
    return Stack(_shared_programs, sim_flags=["--flash", firmware, "--flash-speed", 1000])


@pytest.fixture
def lab(_shared_lab, request):
    """A shared stack whose board runs the firmware and has fast flash. Each test must begin with a reset."""
    yield _shared_lab
    if getattr(request.node, "failed", False):
        show_logs(_shared_lab.programs)
