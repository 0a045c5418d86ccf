"""If a port is in use, `./dev run` names the port, the program that uses it, and the option that
selects another port."""

import pathlib
import socket
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def require_free_port(port):
    script = f"set -euo pipefail; source tools/lib.sh; source tools/ports.sh; require_free_port {port} probegate-sim --sim-port"
    return subprocess.run(["bash", "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize(
    "family,address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]
)
def test_a_port_in_use_is_reported(family, address):
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]
        run = require_free_port(port)
    assert run.returncode == 1
    assert f"port {port}, which probegate-sim would listen on, is in use by python" in run.stderr
    assert "./dev run --sim-port N" in run.stderr


def test_a_free_port_is_accepted():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening, so that no other program can use the port
        run = require_free_port(bound.getsockname()[1])
    assert run.returncode == 0 and run.stderr == ""
