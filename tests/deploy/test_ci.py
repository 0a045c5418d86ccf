"""The GitHub and GitLab CI files in deploy/ci/ flash and test a board: their scripts run here with the real pyOCD and a
real gateway, and the files match the services' schemas."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import pytest
import yaml
from ci_runner import Job
from sim_control import SimControl
from stack import BOUND, LOOPBACK, free_port, wait_until

CI = pathlib.Path(__file__).parents[2] / "deploy" / "ci"
ACTION = CI / "github/board/action.yml"
TEMPLATE = CI / "gitlab/board.gitlab-ci.yml"
SCHEMAS = [
    ("vendor.github-actions", ACTION),
    ("vendor.github-workflows", CI / "github/firmware.yml"),
    ("vendor.gitlab-ci", TEMPLATE),
    ("vendor.gitlab-ci", CI / "gitlab/example.gitlab-ci.yml"),
]
FIRMWARE = pathlib.Path(os.environ.get("PROBEGATE_BUILD", CI.parents[1] / "build/dev")) / "firmware"


def given_by_the_workflow():
    """The inputs that the example workflow passes to the action."""
    steps = yaml.safe_load((CI / "github/firmware.yml").read_text())["jobs"]["board"]["steps"]
    (step,) = [step for step in steps if step["uses"] == "./.github/actions/board"]
    return step["with"]


def job_of_the_example():
    return yaml.safe_load((CI / "gitlab/example.gitlab-ci.yml").read_text())["board"]


@pytest.fixture
def checkout(tmp_path):
    """A repository's work directory, with the firmware that its build made."""
    directory = tmp_path / "checkout"
    (directory / "ci").mkdir(parents=True)
    (directory / "build").mkdir()
    shutil.copy(CI / "board_test.py", directory / "ci")
    shutil.copy(FIRMWARE / "firmware.elf", directory / "build/app.elf")
    return directory


@pytest.fixture
def farm(make_stack):
    return make_stack(boards=2, sim_flags=["--flash-speed", 1000])


def board(farm, number=1):
    return f"{LOOPBACK}:{farm.port_of(farm.serials[number])}"


def is_flashed(farm, number):
    """Whether the board's flash begins with the firmware's first two words."""
    expected = struct.unpack("<II", (FIRMWARE / "firmware.bin").read_bytes()[:8])
    control = SimControl(farm.control_port)
    try:
        return expected == tuple(control.call("read_word", board=number, address=a)["value"] for a in (0, 4))
    finally:
        control.close()


def sessions(farm):
    return json.loads(farm.programs.run("probegate", "--server", farm.server_address, "--json", "sessions").stdout)[
        "sessions"
    ]


def test_github_flashes_and_tests(farm, checkout):
    step, code, output = Job(checkout, PROBEGATE_BOARD=board(farm)).github(ACTION, given_by_the_workflow())
    assert (step, code) == ("Test", 0), output
    assert "counter is " in output and is_flashed(farm, 1) and not is_flashed(farm, 0)
    # The job has left no session behind.
    wait_until(lambda: sessions(farm) == [], "no session is left")


def test_gitlab_flashes_and_tests(farm, checkout):
    code, output = Job(checkout, PROBEGATE_BOARD=board(farm)).gitlab(TEMPLATE, job_of_the_example())
    assert code == 0, output
    assert "counter is " in output and is_flashed(farm, 1) and not is_flashed(farm, 0)


def test_job_fails_if_the_result_does_not_come(farm, checkout):
    given = {
        **given_by_the_workflow(),
        "board": board(farm),
        "test": 'python3 ci/board_test.py --elf "$FIRMWARE" --symbol fault --equals 7 --timeout 0.1',
    }
    step, code, output = Job(checkout).github(ACTION, given)
    assert (step, code) == ("Test", 1) and "fault is 0 (0x00000000), still after 0.1 s" in output, output


def test_job_fails_if_there_is_no_board(checkout):
    unused_address = f"{LOOPBACK}:{free_port()}"
    step, code, output = Job(checkout, PROBEGATE_BOARD=unused_address).github(ACTION, given_by_the_workflow())
    assert step == "Flash" and code != 0, output


def test_job_fails_if_no_board_is_named(tmp_path):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
    step, code, output = Job(tmp_path / "1").github(ACTION, given_by_the_workflow())
    assert (step, code) == ("Board", 1) and "PROBEGATE_BOARD" in output
    code, output = Job(tmp_path / "2").gitlab(TEMPLATE, job_of_the_example())
    assert code == 1 and "PROBEGATE_BOARD" in output


def board_test(*arguments, **environment):
    return subprocess.run(
        [sys.executable, CI / "board_test.py", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * BOUND,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )


def test_wrong_arguments():
    done = board_test("--elf", "x", "--symbol", "y", "--changes")
    assert done.returncode == 2 and "PROBEGATE_BOARD" in done.stdout


def test_unknown_symbol_and_unreachable_board(farm):
    environment = {"PROBEGATE_BOARD": board(farm), "TARGET": "nrf52840"}
    elf = ["--elf", FIRMWARE / "firmware.elf"]
    done = board_test(*elf, "--symbol", "no_such", "--changes", **environment)
    assert done.returncode == 2 and "has no symbol no_such" in done.stdout
    done = board_test(
        *elf, "--symbol", "counter", "--changes", "--board", f"{LOOPBACK}:{free_port()}", "--target", "nrf52840"
    )
    assert done.returncode == 3 and "Traceback" not in done.stdout, done.stdout


@pytest.mark.parametrize(
    "schema,path", SCHEMAS, ids=lambda value: value.name if isinstance(value, pathlib.Path) else ""
)
def test_files_match_the_services_schemas(schema, path):
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_all_files_are_tested_and_consistent():
    assert {path for _, path in SCHEMAS} == set(CI.rglob("*.yml"))
    assert given_by_the_workflow()["target"] == job_of_the_example()["variables"]["TARGET"]
    # Jobs, images and tests use the same version of pyOCD.
    (version,) = {
        line
        for file in ("tools/requirements.in", "deploy/pyocd/requirements.in")
        for line in (CI.parents[1] / file).read_text().splitlines()
        if line.startswith("pyocd==")
    }
    assert version.replace("==", " ").replace("pyocd", "pyOCD") in (CI.parents[1] / "docs/ci.md").read_text()
