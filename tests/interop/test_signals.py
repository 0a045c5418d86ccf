"""Programs that tests start react to signals as they do for a user, even if the tests were started
with signals ignored."""

import signal
import subprocess
import sys

from stack import BOUND, Program


def test_sigint_ends_a_program(tmp_path):
    program = Program("sleep", ["sleep", "3600"], tmp_path)
    program.signal(signal.SIGINT)
    assert program.wait() == -signal.SIGINT


def test_sigint_ends_a_program_even_if_the_tests_ignore_it():
    """Runs the test above with signals ignored, as under nohup or as a script's background job."""
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
