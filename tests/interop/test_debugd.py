"""Debugging sessions over gRPC: a real gdb, through pyOCD's GDB server and a gateway, on the simulated board."""

import re
import shutil
import signal
import subprocess
import sys

import grpc
import pytest
from debug_client import Debugd, DebugSession, descendants_of, firmware, processes, tools_of, wait_for_no_tools
from grpc_client import channel
from process_usage import MIB, peak
from stack import BOUND, wait_until


@pytest.fixture
def lab(debug_stack, api):
    """A stack with one board, a debugd, and methods to open sessions, which are closed after the test."""
    sessions = []

    class Lab:
        stack = debug_stack()
        debugd = Debugd(stack, "--log-format", "json", "-v")

        def open(self, **config):
            sessions.append(DebugSession(api, self.debugd, **config))
            return sessions[-1]

        def opened(self, **config):
            session = self.open(**config)
            session.wait_for(r"\(gdb\) ")
            return session

        def sessions_on_server(self):
            """The number of sessions on the server; a debugging session that has ended must leave none."""
            result = self.stack.programs.run("probegate", "--server", self.stack.server_address, "--json", "sessions")
            return result.stdout.count('"session"')

    yield Lab()
    for session in sessions:
        session.close()


def test_a_session_in_the_console(lab):
    session = lab.opened()
    assert "load size" in session.command("load")
    assert "Breakpoint 1 at" in session.command("break main")
    assert re.search(r"Breakpoint 1, main \(\) at .*main\.c:\d+", session.command("continue"))
    assert re.search(r"\$1 = \d+", session.command("print counter"))
    assert session.callers() == ["main"]
    assert re.search(r"^\d+\s", session.command("step"))
    assert re.search(r"pc +0x[0-9a-f]+ +.*<main\+\d+>", session.command("info registers pc"))
    session.command("delete")
    session.write("continue\n")
    session.wait_for("Continuing")
    session.interrupt()
    assert "SIGINT" in session.wait_for(r"\(gdb\) ")
    # The interrupt may come at any time, also while the target is in an exception handler.
    assert session.callers()[-1] == "main"
    session.write("quit 7\n")
    assert session.wait_end() == "gdb exited with code 7"
    assert (session.code, session.exit_code) == (grpc.StatusCode.OK, "7")
    # When the client receives the exit code, everything has been cleaned up.
    assert tools_of(lab.debugd.program.pid) == {} and not lab.debugd.sessions_left()
    assert lab.sessions_on_server() == 0


def test_a_backtrace_leads_out_of_an_exception_handler(lab):
    session = lab.opened()
    for handler in ("SysTickHandler", "SvcHandler", "PendSvHandler"):
        session.command(f"tbreak {handler}")
        assert handler in session.command("continue")
        callers = session.callers()
        assert callers[:2] == [handler, None] and callers[-1] == "main", callers


def parse_mi(line):
    """The class of a result or stop record, and those of its fields whose values are strings."""
    kind = re.match(r"\d*[\^*]([a-z-]+)", line)
    return kind[1], dict(re.findall(r'([a-z-]+)="((?:[^"\\]|\\.)*)"', line))


def test_a_session_in_mi2(lab):
    session = lab.opened(interpreter="mi2")
    number = 100

    def ask(command, stops=False):
        nonlocal number
        number += 1
        session.write(f"{number}{command}\n")
        record = parse_mi(session.wait_for(rf"\n?{number}\^[^\n]*\n").splitlines()[-1])
        return parse_mi(session.wait_for(r"\*stopped[^\n]*\n").splitlines()[-1]) if stops else record

    assert ask("-target-download")[0] == "done"
    kind, breakpoint_ = ask("-break-insert main")
    assert kind == "done" and breakpoint_["func"] == "main"
    kind, stop = ask("-exec-continue", stops=True)
    assert (kind, stop["reason"], stop["func"]) == ("stopped", "breakpoint-hit", "main")
    kind, value = ask("-data-evaluate-expression counter")
    assert kind == "done" and value["value"].isdigit()
    assert ask("-stack-list-frames")[1]["func"] == "main"
    assert ask("-exec-step", stops=True)[1]["reason"] == "end-stepping-range"
    assert ask("-data-list-register-values x 15")[1]["number"] == "15"
    assert ask("-no-such-command")[0] == "error"
    assert ask("-break-delete")[0] == "done"
    assert ask("-exec-continue")[0] == "running"
    session.interrupt()
    assert parse_mi(session.wait_for(r"\*stopped[^\n]*\n").splitlines()[-1])[1]["signal-name"] == "SIGINT"
    session.write("-gdb-exit\n")
    session.wait_end()
    assert (session.code, session.exit_code) == (grpc.StatusCode.OK, "0")


def test_commander_on_the_same_board(lab, tmp_path):
    session = lab.opened()
    stage = tools_of(lab.debugd.program.pid)["gdbserver"]
    uid = next(word for word in processes()[stage][1] if word.startswith("remote:"))
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pyocd",
            "commander",
            "--no-config",
            "--uid",
            uid,
            "--target",
            "nrf52840",
            "-c",
            "read32 0x10000100",
        ],
        capture_output=True,
        text=True,
        timeout=2 * BOUND,
        cwd=tmp_path,
        check=False,
    )
    assert "00052840" in result.stdout, result
    assert session.callers()[-1] == "main"


# --- How sessions end


def test_gdb_is_killed_a_second_after_half_close(lab):
    session = lab.opened()
    session.write("continue\n")
    session.wait_for("Continuing")
    session.half_close()
    assert "half-close" in session.wait_end()
    assert session.code == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for_no_tools(lab.debugd)


def test_gdb_may_end_within_a_second_of_half_close(lab):
    """gdb quits at the end of its input. Whether it does so within a second depends on the machine,
    so both ends are valid."""
    session = lab.opened()
    assert "= 42" in session.command("print 40 + 2")
    session.half_close()
    ends = {
        "gdb exited with code 0": grpc.StatusCode.OK,
        "gdb did not end within a second of the client's half-close, and was killed": grpc.StatusCode.DEADLINE_EXCEEDED,
    }
    end = session.wait_end()
    assert session.code == ends[end]
    wait_for_no_tools(lab.debugd)


def test_a_cancelled_stream_leaves_nothing(lab):
    session = lab.opened()
    session.stream.cancel()
    wait_for_no_tools(lab.debugd)
    assert lab.sessions_on_server() == 0


@pytest.mark.parametrize(
    "stage,error",
    [
        ("gdb", "gdb was ended by signal 9"),
        ("gdbserver", "stage gdbserver: was ended by signal 9"),
        ("gateway", "stage gateway: was ended by signal 9"),
    ],
)
def test_a_killed_program_ends_the_session(lab, stage, error):
    session = lab.opened()
    pid = tools_of(lab.debugd.program.pid)[stage]
    subprocess.run(["kill", "-9", str(pid)], check=True)
    assert session.wait_end().startswith(error)
    assert session.code in (grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE)
    # The error quotes the output of the program that failed, if it printed any.
    assert ("GDB server listening" in session.errors[-1]) == (stage == "gdbserver")
    wait_for_no_tools(lab.debugd)
    wait_until(lambda: lab.sessions_on_server() == 0, "the probe is released")


def test_a_killed_debugd_leaves_nothing(lab):
    session = lab.opened()
    tools = tools_of(lab.debugd.program.pid)
    # Without the kernel's permission for namespaces, there is no sandbox.
    assert set(tools) - {"sandbox"} == {"gateway", "gdbserver", "gdb"}
    started = descendants_of(lab.debugd.program.pid)
    assert started >= set(tools.values())
    lab.debugd.program.kill()
    session.wait_end()
    assert session.code == grpc.StatusCode.UNAVAILABLE
    wait_until(lambda: not started & set(processes()), "the programs of the session have ended")
    wait_until(lambda: lab.sessions_on_server() == 0, "the probe is released")


def test_sessions_get_an_error_if_debugd_stops(lab):
    session = lab.opened()
    started = descendants_of(lab.debugd.program.pid)
    assert len(started) >= 3
    assert lab.debugd.program.stop() == 0
    assert session.wait_end() == "probegate-debugd is shutting down"
    assert session.code == grpc.StatusCode.UNAVAILABLE
    assert not started & set(processes()) and not lab.debugd.sessions_left()


def test_an_unplugged_probe_ends_the_session(lab, control):
    session = lab.opened()
    session.write("continue\n")
    session.wait_for("Continuing")
    control(lab.stack).unplug(0)
    assert session.wait_end().startswith(f"probe {lab.stack.serial} is lost")
    assert session.code == grpc.StatusCode.UNAVAILABLE
    wait_for_no_tools(lab.debugd)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_end_of_the_server_ends_the_session(lab, number):
    session = lab.opened()
    lab.stack.server.signal(number)
    assert session.wait_end().startswith(f"probe {lab.stack.serial} is lost")
    assert session.code == grpc.StatusCode.UNAVAILABLE
    lab.stack.server.wait()
    wait_for_no_tools(lab.debugd)


# --- What is refused

BAD = [
    ({"fqbn": ""}, "INVALID_ARGUMENT", "fqbn is empty"),
    ({"fqbn": "acme:avr:uno; rm -rf /"}, "INVALID_ARGUMENT", "no recipe matches fqbn"),
    ({"fqbn": "arduino:mbed_nano:nano33ble:split"}, "INVALID_ARGUMENT", 'fqbn "arduino:mbed_nano:nano33ble:split"'),
    ({"interpreter": "mi9"}, "INVALID_ARGUMENT", "interpreter"),
    ({"interpreter": "console -x /etc/passwd"}, "INVALID_ARGUMENT", "interpreter"),
    ({"port": ""}, "INVALID_ARGUMENT", "port is empty"),
    ({"port": "$(id)"}, "NOT_FOUND", 'no probe matches port "$(id)"; the known probes are: PGSIM'),
    ({"port": "colour=red"}, "INVALID_ARGUMENT", "no such property"),
    ({"import_file": ""}, "INVALID_ARGUMENT", "import_file"),
    ({"import_file": "../../../../../../etc/passwd"}, "PERMISSION_DENIED", "none of the folders"),
    ({"import_file": "/etc/passwd"}, "PERMISSION_DENIED", "none of the folders"),
    ({"import_file": "/no/such/file"}, "PERMISSION_DENIED", "none of the folders"),
    ({"import_file": "absent.elf"}, "NOT_FOUND", "no such ELF file"),
    ({"import_file": "firmware.bin"}, "INVALID_ARGUMENT", "not a valid ELF file"),
    ({"import_file": "upload:0123"}, "NOT_FOUND", "no such upload"),
    ({"import_file": "a\nshell id"}, "NOT_FOUND", "no such ELF file"),
]


def test_errors_of_bad_configs(lab):
    for config, code, error in BAD:
        session = lab.open(**config)
        assert error in session.wait_end(), config
        assert session.code.name == code and session.details == session.errors[-1], config
    assert tools_of(lab.debugd.program.pid) == {}


def test_the_first_message_and_only_the_first_has_the_config(lab, api):
    empty = lab.open(start=False)
    empty.half_close()
    assert "debugReq" in empty.wait_end() and empty.code == grpc.StatusCode.INVALID_ARGUMENT
    for first in ({"data": b"x"}, {}, {"send_interrupt": True}):
        session = lab.open(start=False)
        session.send(**first)
        assert "first message" in session.wait_end() and session.code == grpc.StatusCode.INVALID_ARGUMENT
    session = lab.opened()
    session.send(debugReq=api.DebugConfigReq(port="x"))
    assert "only the first message" in session.wait_end() and session.code == grpc.StatusCode.INVALID_ARGUMENT
    wait_for_no_tools(lab.debugd)


def test_ways_to_name_the_probe_and_the_file(lab, api, tmp_path):
    for port in (lab.stack.serial.lower(), f"unique_id={lab.stack.serial}", "vendor=probegate"):
        reply = api.DebugStub(lab.open(start=False).channel).GetDebugConfig(
            api.DebugConfigReq(port=port, fqbn="arduino:mbed_nano:nano33ble", import_file="firmware.elf"), timeout=BOUND
        )
        assert reply.server_configuration["probe"] == lab.stack.serial, port
    assert reply.executable == str(firmware()) and reply.server == "pyocd" and reply.toolchain == "gcc"
    assert reply.toolchain_configuration["recipe"] == "nrf52840"
    with pytest.raises(grpc.RpcError) as error:
        api.DebugStub(lab.open(start=False).channel).GetDebugConfig(api.DebugConfigReq(port="x"), timeout=BOUND)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_board_with_options_finds_its_recipe_and_its_sketch(debug_stack, api, tmp_path):
    sketch = tmp_path / "Blink"
    build = sketch / "build" / "arduino.mbed_nano.nano33ble"
    build.mkdir(parents=True)
    shutil.copy(firmware(), build / "Blink.ino.elf")
    (sketch / "Blink.ino").touch()
    stack = debug_stack()
    with channel(Debugd(stack, "--elf-folder", tmp_path).address) as connection:
        for fqbn in ("arduino:mbed_nano:nano33ble", "arduino:mbed_nano:nano33ble:split=0,x=1"):
            for path in (sketch, sketch / "Blink.ino"):
                reply = api.DebugStub(connection).GetDebugConfig(
                    api.DebugConfigReq(port=stack.serial, fqbn=fqbn, sketch_path=str(path)), timeout=BOUND
                )
                assert reply.executable == str(build / "Blink.ino.elf"), (fqbn, path)
                assert reply.toolchain_configuration["recipe"] == "nrf52840"


def test_a_hundred_megabytes_of_input(lab):
    """While the target runs, gdb reads no input."""
    session = lab.opened()
    session.write("continue\n")
    session.wait_for("Continuing")
    chunk = b"x" * MIB
    for _ in range(100):
        session.send(data=chunk)
    assert "input are waiting for gdb" in session.wait_end()
    assert session.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    wait_for_no_tools(lab.debugd)
    assert peak(lab.debugd.program) < 200 * MIB or "asan" in str(lab.stack.programs.bin)


def test_clients_cannot_escape_the_confinement(lab, tmp_path):
    session = lab.opened()
    touched = tmp_path / "touched"
    for command in (
        f"shell touch {touched}",
        f"!touch {touched}",
        f"pipe info line | touch {touched}",
        f"python import os; os.system('touch {touched}')",
        f"python open('{touched}', 'w')",
        f"monitor !touch {touched}",
        f"monitor $ open('{touched}', 'w')",
        f"dump value {touched} counter",
        f"monitor $ __import__('os').system('touch {touched}')",
        f"save breakpoints {touched}",
        f"python import os; os.fork() or open('{touched}', 'w')",
    ):
        session.command(command)
        assert not touched.exists(), command
    secret = tmp_path / "secret"
    secret.write_text("print 4711 * 3\n")
    for command in (f"source {secret}", f"python print(open('{secret}').read())", f"monitor $ open('{secret}').read()"):
        assert "14133" not in session.command(command) and "4711" not in session.command("show version"), command
    pid = lab.debugd.program.pid
    for command in (
        f"python import os; os.kill({pid}, 9)",
        f"monitor $ __import__('os').kill({pid}, 9)",
        f"python import socket; socket.create_connection(('127.0.0.1', {lab.stack.server_port}))",
        f"python import fcntl; fcntl.fcntl(0, 8, {pid})",
        f"python import fcntl; fcntl.ioctl(0, 0x8901, b'{pid:08}')",
        "python import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)",
    ):
        answer = session.command(command)
        assert any(word in answer for word in ("Permission", "not permitted", "Protocol not supported")), (
            command,
            answer,
        )
    session.write("quit\n")
    session.wait_end()


def test_gdb_in_bin_has_no_more_access(debug_stack, api, tmp_path):
    """The folder above /bin is /, which gdb must not be allowed to read."""
    (tmp_path / "recipes.yaml").write_text(
        'recipes: [{name: a, boards: ["*"], server: [pyocd, gdbserver, --no-config, --dir, "{work}", --uid,\n'
        '  "remote:127.0.0.1:{gateway}", --target, nrf52840, --port, "0", --telnet-port, "0"], gdb: /bin/gdb-multiarch}]\n'
    )
    (tmp_path / "secret").write_text("4711")
    session = DebugSession(api, Debugd(debug_stack(), "--recipes", tmp_path / "recipes.yaml"))
    session.wait_for(r"\(gdb\) ")
    answer = session.command(f"python print(open('{tmp_path / 'secret'}').read())")
    assert "Permission" in answer and "4711" not in answer
    session.close()


def test_a_client_that_does_not_read_blocks_gdb(lab, api):
    """Output that the client does not read blocks gdb instead of filling memory. The session ends
    when the client does."""
    session = lab.open(start=False)
    calls = iter(
        [
            api.DebugReq(
                debugReq=api.DebugConfigReq(port=lab.stack.serial, fqbn="nrf52840", import_file=str(firmware()))
            ),
            api.DebugReq(data=b"python while True: print('x' * 1000)\n"),
        ]
    )
    stream = api.DebugStub(session.channel).Debug(iter(lambda: next(calls, None) or session._requests.get(), None))
    url = lab.debugd.program.metrics_url()
    from metrics import scrape  # pylint: disable=import-outside-toplevel

    def stands_still():
        """Whether the byte count stays the same over 20 scrapes. A gdb that runs prints kilobytes
        during each scrape."""
        values = {scrape(url).value("probegate_debug_bytes_total", direction="out") for _ in range(20)}
        return len(values) == 1 and values.pop() > 10000

    wait_until(stands_still, "gdb is blocked by its client")
    assert scrape(url).value("process_resident_memory_bytes") < 300 * MIB
    stream.cancel()
    wait_for_no_tools(lab.debugd)


def test_many_opens_and_cancels(lab, api):
    for _ in range(40):
        sessions = [lab.open() for _ in range(5)]
        for session in sessions:
            session.stream.cancel()
    wait_for_no_tools(lab.debugd)
    session = lab.opened()
    assert session.callers()[-1] == "main"


# --- Several at once


def test_ten_boards_at_once(debug_stack, api):
    stack = debug_stack(boards=10)
    debugd = Debugd(stack, "--max-sessions-per-client", 10)
    sessions = [DebugSession(api, debugd, port=serial) for serial in stack.serials]
    for number, session in enumerate(sessions):
        session.wait_for(r"\(gdb\) ", 4 * BOUND)
        session.command("set var command = 0")
        session.command(f"set var counter = {number * 1000000}")
    for number, session in enumerate(sessions):
        assert f"= {number * 1000000}\n" in session.command("print counter")
    more = DebugSession(api, debugd, port=stack.serials[0])
    assert "--max-sessions-per-client" in more.wait_end() and more.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    for session in sessions:
        session.write("quit\n")
    for session in sessions:
        assert session.wait_end() == "gdb exited with code 0"
        session.close()
    more.close()
    wait_for_no_tools(debugd)
