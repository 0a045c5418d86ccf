"""The server and probegate-debugd on unix sockets: who may connect, and as whom they count."""

import grp
import json
import os
import pathlib
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest
from debug_client import firmware
from pyocd_client import words_printed
from stack import BOUND, METRICS_FLAGS, NO_METRICS, Stack

OK, FAILED, USAGE, UNREACHABLE = range(4)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


@pytest.fixture
def folder():
    """A folder that every user may enter, with a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="probegate-", dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


class UnixStack(Stack):
    """A stack whose server listens on a unix socket."""

    def __init__(self, programs, socket, **options):
        self.socket = socket
        super().__init__(programs, **options)

    def start_server(self):
        self.server = self.programs.start(
            "probegate-server",
            "--listen",
            self.server_address,
            "--no-usb",
            *METRICS_FLAGS,
            *self.probe_flags(),
            *self.server_flags,
        )
        self.server.wait_for_line(f"Listening on {self.server_address}")

    @property
    def server_address(self):
        return f"unix:{self.socket}"


def start_server(programs, socket, *flags, label="probegate-server"):
    """A server without probes."""
    server = programs.start(
        "probegate-server", "--listen", f"unix:{socket}", "--no-usb", *NO_METRICS, *flags, label=label
    )
    server.wait_for_line(f"Listening on unix:{socket}")
    return server


def ask(programs, socket):
    return programs.run("probegate", "--server", f"unix:{socket}", "list")


def test_everything_over_unix_sockets(programs, folder, pyocd):
    stack = UnixStack(programs, folder / "server", sim_flags=["--flash", firmware()])
    pyocd.commander(stack.uid, "write32 0x20000100 0x11223344 0x55667788")
    assert words_printed(pyocd.commander(stack.uid, "read32 0x20000100 8")) == [0x11223344, 0x55667788]
    listed = programs.run("probegate", "--server", stack.server_address, "--json", "list")
    (probe,) = json.loads(listed.stdout)["probes"]
    assert probe["status"]["description"]["unique_id"] == stack.serial

    debugd = programs.start(
        "probegate-debugd", "--listen", f"unix:{folder}/debugd", *METRICS_FLAGS, "--server", stack.server_address,
        "--elf-folder", firmware().parent, "--work-dir", programs.directory,
    )  # fmt: skip
    debugd.wait_for_line(f"Listening on unix:{folder}/debugd")
    session = programs.run(
        "probegate", "debug", "--debugd", f"unix:{folder}/debugd", "--uid", stack.serial, "--elf", firmware(),
        bound=2 * BOUND,
    )  # fmt: skip
    assert session.returncode == OK and "(gdb)" in session.stdout, session


def test_a_session_shows_its_user(programs, folder, api):
    import grpc_client  # pylint: disable=import-outside-toplevel

    stack = UnixStack(programs, folder / "server", start_gateway=False)
    stack.server.wait_for_line(rf"probe\.connected probe={stack.serial} ")
    session = grpc_client.StreamSession(api, stack.server_address, stack.serial)
    shown = json.loads(programs.run("probegate", "--server", stack.server_address, "--json", "sessions").stdout)
    assert [one["peer"] for one in shown["sessions"]] == [f"uid {os.geteuid()}"]
    session.end()
    session.close()


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(programs, folder):
    socket = folder / "server"
    first = start_server(programs, socket)
    second = programs.run("probegate-server", "--listen", f"unix:{socket}", "--no-usb", *NO_METRICS)
    assert second.returncode == FAILED, second
    assert f"cannot listen on unix:{socket}: Address already in use" in second.stderr, second
    assert ask(programs, socket).returncode == OK
    first.signal(signal.SIGKILL)
    first.wait()
    assert stat.S_ISSOCK(socket.lstat().st_mode), "what the killed server left"
    assert ask(programs, socket).returncode == UNREACHABLE
    third = start_server(programs, socket, label="third")
    assert ask(programs, socket).returncode == OK
    assert third.stop() == 0
    assert not socket.exists()


def test_another_file_is_not_replaced(programs, folder):
    (folder / "server").write_text("precious")
    result = programs.run("probegate-server", "--listen", f"unix:{folder}/server", "--no-usb", *NO_METRICS)
    assert result.returncode == FAILED and "a file that is not a socket has this name" in result.stderr, result
    assert (folder / "server").read_text() == "precious"


def test_wrong_options(programs, folder):
    for program, flags, error in (
        ("probegate-server", ["--listen", "unix:relative"], "unix:relative is neither HOST:PORT nor unix:/PATH"),
        ("probegate-server", ["--listen", "unix:/" + 107 * "x"], "is neither HOST:PORT nor unix:/PATH"),
        ("probegate-server", ["--listen-group", "root"], "--listen-group needs --listen unix:/PATH"),
        ("probegate-gateway", ["--server", "unix:x"], "unix:x is neither HOST:PORT nor unix:/PATH"),
        ("probegate", ["--server", "unix:x", "list"], "unix:x is neither HOST:PORT nor unix:/PATH"),
    ):
        result = programs.run(program, *flags)
        assert result.returncode == USAGE and error in result.stderr, result
    flags = ["--listen", f"unix:{folder}/server", "--listen-group", "no-such-group", "--no-usb", *NO_METRICS]
    result = programs.run("probegate-server", *flags)
    assert result.returncode == FAILED and "there is no group no-such-group (--listen-group)" in result.stderr, result


def two_users():
    """Two users that are not root and have groups of their own."""
    users = [user for user in pwd.getpwall() if user.pw_uid != 0 and user.pw_gid != 0]
    assert len(users) >= 2
    return users[0], next(user for user in users[1:] if user.pw_gid != users[0].pw_gid)


@needs_root
def test_only_the_group_may_connect(programs, folder):
    member, other = two_users()
    socket = folder / "server"
    start_server(programs, socket, "--listen-group", grp.getgrgid(member.pw_gid).gr_name)
    status = socket.lstat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid, status.st_uid) == (0o660, member.pw_gid, 0)
    client = shutil.copy(programs.path("probegate"), folder)  # where every user may read it
    for user, code in ((member, OK), (other, UNREACHABLE)):
        result = subprocess.run(
            [client, "--server", f"unix:{socket}", "list"], user=user.pw_uid, group=user.pw_gid, extra_groups=[],
            cwd="/", capture_output=True, text=True, timeout=BOUND, check=False,
        )  # fmt: skip
        assert result.returncode == code, (user, result)


# Prints "served" if the server greets it as HTTP/2 servers do, or "refused"; then stays connected until its input ends.
CONNECTION = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(float(sys.argv[2]))
s.connect(sys.argv[1])
try:
    greeting = s.recv(9)
except ConnectionResetError:
    greeting = b""
print("served" if greeting else "refused", flush=True)
sys.stdin.read()
"""


class Connection:
    """A connection to the socket, of a process of another user."""

    def __init__(self, socket, user):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", CONNECTION, str(socket), str(BOUND)], user=user.pw_uid, group=user.pw_gid,
            extra_groups=[], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.outcome = self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(BOUND)
        self.process.stdout.close()


@needs_root
def test_quotas_are_per_user(programs, folder):
    """Both users are in the group of the socket. One has used up its share; the other one has not."""
    one, other = two_users()
    socket = folder / "server"
    start_server(programs, socket, "--max-connections-per-client", 2)
    os.chmod(socket, 0o666)  # so that the groups of these users do not matter
    connections = [Connection(socket, one) for _ in range(3)]
    assert [connection.outcome for connection in connections] == ["served", "served", "refused"]
    connections.append(Connection(socket, other))
    assert connections[-1].outcome == "served"
    for connection in connections:
        connection.close()
