"""Fixtures of the tests of deploy/: those of tests/interop, because they need the same programs and
stacks, and paths."""

import importlib.util
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
INTEROP = ROOT / "tests" / "interop"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

_spec = importlib.util.spec_from_file_location("probegate_interop_conftest", INTEROP / "conftest.py")
_interop = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_interop)

# pylint: disable=protected-access
pytest_runtest_makereport = _interop.pytest_runtest_makereport
bin_directory = _interop.bin_directory
prometheus_directory = _interop.prometheus_directory
promtool = _interop.promtool
programs = _interop.programs
make_stack = _interop.make_stack
control = _interop.control
raw = _interop.raw
pyocd = _interop.pyocd
api = _interop.api


@pytest.fixture(scope="session")
def deploy():
    return ROOT / "deploy"


@pytest.fixture(scope="session")
def kustomize():
    default = ROOT / "build" / "kustomize" / "usr" / "bin"
    program = pathlib.Path(os.environ.get("PROBEGATE_KUSTOMIZE", default)).resolve() / "kustomize"
    assert program.exists(), f"no {program} (PROBEGATE_KUSTOMIZE; ./dev test unpacks it)"
    return program
