"""Fixtures of the tests of deploy/: those of all tests of whole programs, and paths."""

import os
import pathlib
import sys

import pytest
from program_fixtures import (
    api,
    bin_directory,
    control,
    make_stack,
    programs,
    prometheus_directory,
    promtool,
    pyocd,
    pytest_runtest_makereport,
    raw,
)

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="session")
def deploy():
    return ROOT / "deploy"


@pytest.fixture(scope="session")
def kustomize():
    default = ROOT / "build" / "kustomize" / "usr" / "bin"
    program = pathlib.Path(os.environ.get("PROBEGATE_KUSTOMIZE", default)).resolve() / "kustomize"
    assert program.exists(), f"no {program} (PROBEGATE_KUSTOMIZE; ./dev test unpacks it)"
    return program
