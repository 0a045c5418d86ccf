"""usbemu as a launcher of programs: exit codes, signals, clean-up, wrong arguments."""

import pathlib
import signal
import subprocess
import sys

import pytest
from stack import BOUND, Program, wait_until
from usb_bus import usbemu, usbemu_path

pytestmark = pytest.mark.long

DEVICE = ["--device", "cmsis-dap-v2"]


def launch(*words):
    return subprocess.run(
        [usbemu_path(), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND, check=False
    )


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def exists(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_exit_code_of_the_program(script, code):
    assert launch(*DEVICE, "--", "sh", "-c", script).returncode == code


def test_output_of_the_program():
    ended = launch(*DEVICE, "--", "sh", "-c", "echo out; echo err >&2")
    assert (ended.stdout, ended.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(number, tmp_path):
    script = f"trap 'exit 42' {int(number)}; echo ready; while :; do sleep 0.05; done"
    program = Program("usbemu", [usbemu_path(), *DEVICE, "--", "sh", "-c", script], tmp_path)
    program.wait_for_line("ready")
    program.signal(number)
    assert program.wait() == 42


def test_nothing_outlives_it(tmp_path):
    """Neither its simulator nor the program's background processes survive usbemu."""
    script = "sleep 1000 & setsid sleep 1000 & echo $! ready; read line"
    program = Program(
        "usbemu",
        [
            usbemu_path(),
            *DEVICE,
            "--control",
            tmp_path / "control",
            "--",
            "sh",
            "-c",
            script.replace("read line", "trap 'exit 0' TERM; while :; do sleep 0.05; done"),
        ],
        tmp_path,
    )
    program.wait_for_line("ready")
    below = children_of(program.pid)
    assert len(below) == 2  # the simulator and the shell
    for pid in tuple(below):
        below += children_of(pid)
    assert program.stop() == 0
    wait_until(lambda: not any(exists(pid) for pid in below), "all its descendants have ended")
    assert not (tmp_path / "control").exists()


def test_children_end_if_usbemu_is_killed(tmp_path):
    program = Program("usbemu", [usbemu_path(), *DEVICE, "--", "sh", "-c", "echo ready; exec sleep 1000"], tmp_path)
    program.wait_for_line("ready")
    below = children_of(program.pid)
    environment = pathlib.Path(f"/proc/{below[1]}/environ").read_text().split("\0")
    directory = pathlib.Path(next(word for word in environment if word.startswith("UMOCKDEV_DIR=")).partition("=")[2])
    assert directory.exists()
    program.kill()
    wait_until(lambda: not any(exists(pid) for pid in below), "its children have ended")
    wait_until(lambda: not directory.exists(), "its directory has gone")


WRONG = [
    (["--", "true"], "no --device"),
    ([*DEVICE], "--control"),
    ([*DEVICE, "--"], "no program"),
    (["--device", "st-link", "--", "true"], "'st-link' is not a kind of device"),
    (["--device", "cmsis-dap-v2,colour=red", "--", "true"], "'colour' is not a key"),
    (["--device", "cmsis-dap-v2,packet-size=2000", "--", "true"], "'2000' is not a number up to 1024"),
    (["--device", "cmsis-dap-v2,packet-count", "--", "true"], "'packet-count' needs a value"),
    (["--device", "cmsis-dap-v2,swo=maybe", "--", "true"], "neither on nor off"),
    (["--device", "composite,functions=v2+v3", "--", "true"], "'v3' is not a function"),
    (["--device", "cmsis-dap-v2,id=12345:1", "--", "true"], "12345"),
    (["--device", "cmsis-dap-v2,malformed=somehow", "--", "true"], "'somehow' is not a malformation"),
    ([*DEVICE, "--speed", "super", "--", "true"], "super"),
    ([*DEVICE, "--board", "here", "--", "true"], "'here' is not HOST:PORT"),
    ([*DEVICE, *DEVICE, "--board", "127.0.0.1:1", "--", "true"], "each --device"),
    ([*DEVICE, "--nothing", "--", "true"], "--nothing"),
    ([*DEVICE, "true"], "true"),
]


@pytest.mark.parametrize("words,said", WRONG, ids=[row[1] for row in WRONG])
def test_wrong_arguments(words, said):
    ended = launch(*words)
    assert ended.returncode == 2 and said in ended.stderr, ended.stderr


def test_missing_programs_boards_and_files():
    assert launch(*DEVICE, "--", "/no/such/program").returncode == 127
    for words, said in (
        (["--board", "127.0.0.1:1"], "no board at 127.0.0.1:1"),
        (["--sim", "/no/such"], "/no/such"),
        (["--sim-flag=--no-such-flag"], "does not start"),
        (["--control", "/no/such/socket"], "/no/such/socket"),
    ):
        ended = launch(*DEVICE, *words, "--", "true")
        assert ended.returncode == 125 and said in ended.stderr, ended.stderr


def test_boards_of_another_simulator(programs):
    sim = programs.start("probegate-sim", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
    port = sim.wait_for_line(r"listening on 127\.0\.0\.1:(\d+)")[1]
    with usbemu("cmsis-dap-v2,serial=P", flags=["--board", f"127.0.0.1:{port}"]) as bus:
        assert bus.devices()[0]["board"] == f"127.0.0.1:{port}"
        # A board has one owner, so a second usbemu cannot use it.
        ended = launch(*DEVICE, "--board", f"127.0.0.1:{port}", "--", sys.executable, "-c", "input()")
        assert ended.returncode != 0
        sim.stop()
        wait_until(lambda: not bus.devices()[0]["plugged"], "a device without a board is unplugged")
        answer = bus.ask("plug", device="P")
        assert not answer["ok"] and "no board" in answer["error"]
