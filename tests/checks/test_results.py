"""The closing line of `./dev test` counts every suite and every failure."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]

CTEST = '<testsuite name="(empty)"\n\ttests="{tests}"\n\tfailures="{failures}"\n\tdisabled="1"\n\tskipped="2"\n>\n'
PYTEST = (
    '<testsuites name="x"><testsuite name="pytest" errors="{errors}" failures="{failures}" skipped="1" tests="{tests}">'
)

# The suites, each with its JUnit file (or None if it writes none) and its exit status; then the closing line.
CASES = [
    ([(CTEST.format(tests=10, failures=0), 0)], "7 passed, 0 failed"),
    ([(CTEST.format(tests=10, failures=3), 8)], "4 passed, 3 failed"),
    ([(PYTEST.format(tests=6, failures=1, errors=2), 1)], "2 passed, 3 failed"),
    (
        [(CTEST.format(tests=10, failures=0), 0), (PYTEST.format(tests=6, failures=0, errors=0), 0)],
        "12 passed, 0 failed",
    ),
    ([(PYTEST.format(tests=6, failures=0, errors=0), 3)], "5 passed, 1 failed"),
    ([(None, 0)], "0 passed, 1 failed"),
    ([(None, 1)], "0 passed, 1 failed"),
    ([("<testsuite", 0)], "0 passed, 1 failed"),
]


@pytest.mark.parametrize("suites,closing", CASES)
def test_suites_are_counted(tmp_path, suites, closing):
    script = ["set -euo pipefail", "source tools/lib.sh", "source tools/results.sh"]
    for number, (junit, status) in enumerate(suites):
        written = tmp_path / f"written{number}.xml"
        result = tmp_path / f"result{number}.xml"
        command = f"exit {status}"
        if junit is not None:
            written.write_text(junit)
            command = f"cp {written} {result}; {command}"
        script.append(f"run_suite suite {result} bash -c '{command}'")
    script.append("finish")
    run = subprocess.run(["bash", "-c", "\n".join(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert run.stdout.splitlines()[-1] == closing
    assert (run.returncode == 0) == closing.endswith(" 0 failed")


def test_a_build_that_fails_is_a_failure():
    script = "source tools/lib.sh; source tools/results.sh; build() { false; }; build_for unit dev || true; finish"
    run = subprocess.run(["bash", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert run.stdout == "0 passed, 1 failed\n" and run.returncode == 1


def test_failed_tests_are_named(tmp_path):
    junit = tmp_path / "result.xml"
    written = tmp_path / "written.xml"
    written.write_text(
        '<testsuites><testsuite errors="1" failures="1" skipped="0" tests="3">'
        '<testcase classname="tests.a" name="good"/>'
        '<testcase classname="tests.a" name="bad"><failure message="E1&#10;assert 1 == 2">a</failure></testcase>'
        '<testcase classname="tests.b" name="worse"><error>x&#10;Error: no file&#10;</error></testcase>'
        "</testsuite></testsuites>"
    )
    script = f"source tools/lib.sh; source tools/results.sh; run_suite s {junit} bash -c 'cp {written} {junit}; exit 1'; finish"
    run = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout == "1 passed, 2 failed\n"
    assert run.stderr.splitlines()[-2:] == ["tests.a bad: assert 1 == 2", "tests.b worse: Error: no file"]
