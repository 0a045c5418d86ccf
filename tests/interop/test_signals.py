"""The programs that tests start end on the signals that end them for a user, however the tests themselves were started."""

import signal
import subprocess
import sys

from stack import BOUND, Program


def test_sigint_ends_a_program(tmp_path):
    program = Program("sleep", ["sleep", "3600"], tmp_path)
    program.signal(signal.SIGINT)
    assert program.wait() == -signal.SIGINT


def test_sigint_ends_a_program_of_tests_that_ignore_it():
    """As under nohup, or as a background job of a script."""
    this = f"{__file__}::{test_sigint_ends_a_program.__name__}"
    done = subprocess.run(
        ["env", "--ignore-signal=INT,HUP,QUIT", sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", this],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * BOUND,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
