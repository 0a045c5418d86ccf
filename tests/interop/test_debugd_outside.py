"""probegate-debugd as users and operators see it: `probegate debug`, uploads, metrics, health and options."""

import os
import pty
import queue
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

import grpc
import pytest
from debug_client import Debugd, DebugSession, firmware, wait_for_no_tools
from grpc_client import channel
from grpc_health.v1 import health_pb2, health_pb2_grpc
from metrics import GOLDEN, scrape, wait_for
from stack import BOUND, LOOPBACK, NO_METRICS, wait_until


@pytest.fixture
def debugd(debug_stack):
    return Debugd(debug_stack(), "--max-upload", 1 << 20, "--max-uploads-per-client", 64)


def command_line(debugd, elf, *flags, board="nrf52840"):
    return [
        str(debugd.stack.programs.path("probegate")),
        "debug",
        "--debugd",
        debugd.address,
        "--probe",
        debugd.stack.serial,
        "--board",
        board,
        "--elf",
        str(elf),
        *flags,
    ]


def test_a_script_through_the_command_line(debugd):
    result = subprocess.run(
        command_line(debugd, firmware()),
        input="load\nbreak main\ncontinue\nbacktrace\n",
        capture_output=True,
        text=True,
        timeout=2 * BOUND,
        check=False,
    )
    assert result.returncode == 0, result
    assert "Breakpoint 1, main ()" in result.stdout and "#0  main ()" in result.stdout
    result = subprocess.run(
        command_line(debugd, "/etc/passwd"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert result.returncode == 7 and "--elf-folder" in result.stderr and result.stdout == ""
    result = subprocess.run(
        command_line(debugd, firmware(), board="pdp11"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert result.returncode == 2 and "no recipe matches" in result.stderr


def test_ctrl_c_and_the_exit_code(debugd, tmp_path):
    """On a terminal, with an ELF file that is uploaded."""
    elf = tmp_path / "mine.elf"
    shutil.copy(firmware(), elf)
    terminal, inside = pty.openpty()
    with subprocess.Popen(
        command_line(debugd, elf, "--upload"), stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    ) as process:
        os.close(inside)
        seen = b""

        def wait_for_text(pattern):
            nonlocal seen
            while (found := re.search(pattern, seen)) is None:
                seen += os.read(terminal, 4096)
            seen = seen[found.end() :]

        wait_for_text(rb"\(gdb\) ")
        uploads = scrape(debugd.program.metrics_url())
        assert uploads.value("probegate_debug_upload_bytes_total") == elf.stat().st_size
        assert len(list(debugd.stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf"))) == 1
        os.write(terminal, b"continue\n")
        wait_for_text(rb"Continuing\.")
        process.send_signal(signal.SIGINT)
        wait_for_text(rb"SIGINT.*\(gdb\) ".replace(b".*", rb"[\s\S]*"))
        os.write(terminal, b"quit 5\n")
        try:
            while os.read(terminal, 4096):
                pass
        except OSError:
            pass  # the other end is closed
        assert process.wait(BOUND) == 5
    os.close(terminal)
    wait_for_no_tools(debugd)
    assert not list(debugd.stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_line_before_its_session(debugd, tmp_path, number):
    with socket.create_server((LOOPBACK, 0)) as silent:
        words = command_line(debugd, firmware())
        words[words.index("--debugd") + 1] = f"{LOOPBACK}:{silent.getsockname()[1]}"
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
            with silent.accept()[0]:
                process.send_signal(number)
                assert process.wait(BOUND) == -number
    elf = tmp_path / "slow.elf"
    os.mkfifo(elf)
    url = debugd.program.metrics_url()
    with subprocess.Popen(command_line(debugd, elf, "--upload"), stdin=subprocess.DEVNULL) as process:
        with open(elf, "wb") as slow:
            slow.write(b"\x7fELF" + bytes(100_000))
            slow.flush()
            wait_for(url, lambda s: s.value("probegate_debug_upload_bytes_total") > 0, "the first part has arrived")
            process.send_signal(number)
            assert process.wait(BOUND) == -number
    wait_for(url, lambda s: s.value("probegate_debug_uploads") == 0, "the upload is not kept")


def test_a_cancelled_upload_is_not_kept(debugd, api):
    parts = queue.SimpleQueue()
    url = debugd.program.metrics_url()
    with channel(debugd.address) as connection:
        call = api.DebugFilesStub(connection).UploadElf.future(iter(parts.get, None), timeout=BOUND)
        parts.put(api.UploadElfRequest(data=b"\x7fELF"))
        wait_for(url, lambda s: s.value("probegate_debug_upload_bytes_total") == 4, "the first part has arrived")
        call.cancel()
        wait_for(url, lambda s: s.value("probegate_debug_uploads") == 0, "the upload is not kept")
        parts.put(None)
    wait_until(
        lambda: not list(debugd.stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf")), "its file is gone"
    )


def test_uploads_are_bounded(debugd, api):
    def upload(*parts):
        return files.UploadElf(iter([api.UploadElfRequest(data=part) for part in parts]), timeout=BOUND)

    with channel(debugd.address) as connection:
        files = api.DebugFilesStub(connection)
        for parts, code in (
            ([b"\x7fELF", b"x" * (1 << 20)], "RESOURCE_EXHAUSTED"),
            ([b"hello"], "INVALID_ARGUMENT"),
            ([], "INVALID_ARGUMENT"),
        ):
            with pytest.raises(grpc.RpcError) as error:
                upload(*parts)
            assert error.value.code().name == code
        assert not list(debugd.stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf"))
        names = {upload(b"\x7fE", b"LF").import_file for _ in range(64)}
        assert len(names) == 64
        with pytest.raises(grpc.RpcError) as error:
            upload(b"\x7fELF")
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert debugd.program.stop() == 0
    assert not list(debugd.stack.programs.directory.glob("probegate-debugd-*"))


def test_metrics_health_and_limits(debugd, api, tmp_path):
    url = debugd.program.metrics_url()
    for page in ("healthz", "readyz"):
        with urllib.request.urlopen(url.replace("metrics", page), timeout=BOUND) as response:
            assert response.status == 200
    with channel(debugd.address) as connection:
        health = health_pb2_grpc.HealthStub(connection).Check(health_pb2.HealthCheckRequest(), timeout=BOUND)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
    shown = [str(row) for row in scrape(url).rows()]
    now = tmp_path / "metrics_debugd.txt"
    now.write_text("".join(f"{row}\n" for row in shown))
    golden = GOLDEN / now.name
    assert golden.exists() and shown == golden.read_text().splitlines(), (
        f"if the change is intended: cp {now} {GOLDEN}, and update docs/metrics.md"
    )
    before = set(scrape(url).series())

    session = DebugSession(api, debugd)
    session.wait_for(r"\(gdb\) ")
    assert scrape(url).value("probegate_debug_sessions") == 1
    session.write("quit\n")
    session.wait_end()
    DebugSession(api, debugd, fqbn="x").wait_end()
    shown = wait_for(url, lambda s: s.value("probegate_debug_sessions") == 0, "the session is over")
    causes = shown.by_label("probegate_debug_sessions_ended_total", "cause")
    assert {cause: count for cause, count in causes.items() if count} == {"gdb_exited": 1, "bad_config": 1}
    assert shown.value("probegate_debug_sessions_started_total") == 2
    assert set(shown.by_label("probegate_debug_stage_starts_total", "stage").values()) == {1}
    assert shown.value("probegate_debug_stage_seconds_count") == 3
    assert shown.value("probegate_debug_stage_failures_total") == 0
    assert shown.value("probegate_debug_bytes_total", direction="in") == len("quit\n")
    assert shown.value("probegate_debug_bytes_total", direction="out") == len(session.data)
    assert set(shown.series()) == before


def test_time_limits_of_a_session(debug_stack, api, tmp_path):
    """Time limits, and GDB servers that fail or never get ready, started by recipes of the test."""
    recipes = tmp_path / "recipes.yaml"
    recipes.write_text(
        "recipes:\n"
        "  - {name: silent, boards: [silent], server: [/bin/cat, /proc/1/environ]}\n"
        '  - {name: asleep, boards: [asleep], server: [/bin/sleep, "3600"]}\n'
        '  - {name: real, boards: ["*"], server: [pyocd, gdbserver, --no-config, --dir, "{work}", --uid,\n'
        '     "remote:127.0.0.1:{gateway}", --target, nrf52840, --port, "0", --telnet-port, "0"]}\n'
    )
    stack = debug_stack()
    hasty = Debugd(stack, "--recipes", recipes, "--idle", 1)
    debugd = Debugd(stack, "--recipes", recipes, "--start-time", 5, "--log-format", "json")
    expected = (
        (debugd, "silent", "UNAVAILABLE", "stage gdbserver: exited with code 1; its last lines:\n/bin/cat: "),
        (debugd, "asleep", "UNAVAILABLE", "stage gdbserver: was not ready in time (--start-time)"),
        (hasty, "other", "DEADLINE_EXCEEDED", "--idle"),
    )
    sessions = [DebugSession(api, which, fqbn=board) for which, board, _, _ in expected]
    for session, (_, board, code, error) in zip(sessions, expected):
        assert error in session.wait_end() and session.code.name == code, (board, session.errors)
        session.close()
    for which in (debugd, hasty):
        wait_for_no_tools(which)
    # The client gets the error last, so the metric and the log are up to date now.
    assert scrape(debugd.program.metrics_url()).value("probegate_debug_stage_failures_total", stage="gdbserver") == 2
    debugd.program.wait_for_line('"event":"stage.failed"')


BAD = [
    (["--listen", "0.0.0.0:0"], 2, "--allow-remote"),
    (["--listen", "0.0.0.0:0", "--allow-remote"], 2, "--insecure"),
    (["--listen", "0.0.0.0:0", "--allow-remote", "--insecure"], 2, "--allow-debug"),
    (["--recipes", "/no/such/file"], 1, "cannot read"),
    (["--elf-folder", "/no/such/folder"], 1, "is not a folder"),
    (["--work-dir", "/proc"], 1, "--work-dir"),
    (["--idle", "nan"], 2, "--idle"),
]


@pytest.mark.parametrize("flags,code,error", BAD)
def test_wrong_options(programs, flags, code, error):
    where = [] if "--listen" in flags else ["--listen", f"{LOOPBACK}:0"]
    result = programs.run("probegate-debugd", *where, *NO_METRICS, *flags)
    assert result.returncode == code and error in result.stderr and result.stderr.count("\n") == 1, result


def test_error_of_a_bad_recipe_has_its_line(programs, tmp_path):
    for text, error in (
        ("recipes:\n  - {name: a, boards: [b]}\n", ":2: a recipe must have the key server"),
        ("recipes:\n  - {name: a, boards: [b], server: [no-such-program]}\n", "the program no-such-program"),
        ("recipes: [\n", "recipes.yaml:"),
        ("", "with only the key recipes"),
    ):
        (tmp_path / "recipes.yaml").write_text(text)
        result = programs.run(
            "probegate-debugd", "--listen", f"{LOOPBACK}:0", *NO_METRICS, "--recipes", tmp_path / "recipes.yaml"
        )
        assert result.returncode == 1 and error in result.stderr and result.stderr.count("\n") == 1, result
