"""What a hostile client's gdb can do outside its session, with a real gdb: nothing, and other sessions go on.

debugd runs as an ordinary user, once as the kernel is, so that sessions have namespaces of their own, and once where
no user namespaces can be created, as in most containers."""

import base64
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest
from debug_client import DebugSession, firmware, tools_of
from stack import LOOPBACK, METRICS_FLAGS, Program, wait_until

USER = 65532
AS_USER = [] if os.getuid() else ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
# In a user namespace that allows no others in it. (There, the user is called root.)
WITHOUT_NAMESPACES = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" "$@"',
]
MIB = 1 << 20


class UserDebugd:
    """A probegate-debugd of an ordinary user, for DebugSession."""

    def __init__(self, stack, folder, prefix):
        self.stack = stack
        self.folder = folder
        self.program = Program(
            "probegate-debugd",
            AS_USER
            + prefix
            + [stack.programs.path("probegate-debugd"), "--listen", f"{LOOPBACK}:0", *METRICS_FLAGS]
            + ["--server", stack.server_address, "--elf-folder", firmware().parent, "--work-dir", folder],
            stack.programs.directory,
        )
        stack.programs.started.append(self.program)
        self.address = self.program.wait_for_line(r"Listening on (127\.0\.0\.1:\d+)")[1]

    def files(self):
        return [path for path in self.folder.glob("probegate-debugd-*/session-*/**/*") if path.is_file()]


class Lab:
    def __init__(self, debugd, api, has_namespaces):
        self.debugd = debugd
        self.api = api
        self.has_namespaces = has_namespaces
        self.sessions = []

    def open(self):
        session = DebugSession(self.api, self.debugd)
        self.sessions.append(session)
        session.wait_for(r"\(gdb\) ")
        return session


@pytest.fixture(params=["namespaces", "no namespaces"])
def lab(request, debug_stack, api):
    if not pathlib.Path("/proc/sys/user/max_user_namespaces").exists():
        pytest.skip("this kernel has no user namespaces")
    if AS_USER and subprocess.run([*AS_USER, "pyocd", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"user {USER} cannot run pyOCD")
    # Not below pytest's own folder, which only root can enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="confinement-"))
    if AS_USER:
        os.chown(folder, USER, USER)
    namespaces = request.param == "namespaces"
    lab = Lab(UserDebugd(debug_stack(), folder, [] if namespaces else WITHOUT_NAMESPACES), api, namespaces)
    yield lab
    for session in lab.sessions:
        session.close()
    lab.debugd.program.stop()
    shutil.rmtree(folder)


def python(session, code):
    """Runs Python code in gdb; returns what it printed."""
    encoded = base64.b64encode(code.encode()).decode()
    return session.command(f"python exec(__import__('base64').b64decode('{encoded}').decode())")


# What is tried, as expressions. VICTIM is a file of debugd's user, PARENT the folder of all sessions, DEBUGD the process
# ID of debugd and SERVER the port of the server.
ATTEMPTS = """
open(VICTIM)
open(VICTIM, 'w')
os.truncate(VICTIM, 0)
os.open(VICTIM, os.O_RDONLY | os.O_TRUNC)
os.chmod(VICTIM, 0o666)
os.chown(VICTIM, os.getuid(), os.getgid())
os.chmod(PARENT, 0)
os.utime(VICTIM, (1, 1))
os.setxattr(VICTIM, 'user.x', b'1')
os.link(VICTIM, 'mine')
os.symlink(VICTIM, 'mine')
os.mkfifo('fifo')
os.mkdir('locked', 0)
os.umask(0o700) + 1 or fail()
os.memfd_create('x')
call('shmget', 0, 1 << 20, 0o600)
call('msgget', 0, 0o600)
call('semget', 0, 1, 0o600)
call('mq_open', b'/queue', 0o102, 0o600, None)
os.kill(DEBUGD, 0)
os.setpriority(os.PRIO_PROCESS, DEBUGD, 19)
os.sched_setaffinity(DEBUGD, {0})
os.sched_setscheduler(DEBUGD, os.SCHED_IDLE, os.sched_param(0))
os.fork()
os.posix_spawn('/bin/true', ['true'], {})
call('unshare', 0x10000000)
socket.create_connection(('127.0.0.1', SERVER))
socket.create_connection(('127.0.0.2', SERVER))
socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', SERVER))
socket.socket().sendmsg([b'x'], [], 0x20000000, ('127.0.0.1', SERVER))
socket.socket().setsockopt(6, 30, 1)
socket.socket().bind(('127.0.0.1', 0))
socket.socket().listen(1)
socket.socket(socket.AF_UNIX)
socket.socketpair()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
"""


def test_gdb_cannot_reach_beyond_its_session(lab):
    victim = lab.debugd.folder / "victim"
    victim.write_text("12345678")
    if AS_USER:
        os.chown(victim, USER, USER)
    victim.chmod(0o600)
    before = victim.stat()
    session = lab.open()
    answer = python(
        session,
        f"""
import ctypes, os, socket
VICTIM, PARENT = {str(victim)!r}, os.path.dirname(os.getcwd())
DEBUGD, SERVER = {lab.debugd.program.pid}, {lab.debugd.stack.server_port}
def fail(): raise OSError(ctypes.get_errno(), 'refused')
def call(name, *arguments):
    function = getattr(ctypes.CDLL('librt.so.1' if name == 'mq_open' else None, use_errno=True), name)
    return function(*arguments) + 1 or fail()
for attempt in {ATTEMPTS.strip().splitlines()!r}:
    try:
        eval(attempt)
        print('DONE', attempt)
    except OSError as error:
        print('refused', error.errno)
""",
    )
    assert "DONE" not in answer and answer.count("refused") == ATTEMPTS.strip().count("\n") + 1, answer
    after = victim.stat()
    assert (after.st_mode, after.st_size, after.st_mtime) == (before.st_mode, before.st_size, before.st_mtime)
    assert os.getpriority(os.PRIO_PROCESS, lab.debugd.program.pid) == 0
    assert "main" in lab.open().callers()


def test_a_session_has_a_loopback_of_its_own(lab):
    session = lab.open()
    port = int(re.search(r"127\.0\.0\.1:(\d+)", session.command("info connections"))[1])
    with socket.socket() as outsider:
        connected = outsider.connect_ex((LOOPBACK, port)) == 0
    assert connected != lab.has_namespaces
    # Where it can connect is among the attempts above; which ports exist, the kernel does not tell it.
    assert "Permission" in python(session, "open('/proc/self/net/tcp')")


def test_thousands_of_threads_harm_no_other_session(lab):
    session = lab.open()
    answer = python(
        session,
        """
import threading, time
threading.stack_size(65536)
stop = threading.Event()
count = 0
try:
    for _ in range(6000):
        threading.Thread(target=stop.wait, daemon=True).start()
        count += 1
except RuntimeError:
    pass
print('STARTED', count)
""",
    )
    started = int(re.search(r"STARTED (\d+)", answer)[1])
    assert started < (1000 if lab.has_namespaces else 6000)
    if lab.has_namespaces:
        assert "main" in lab.open().callers()
    session.write("python stop.set()\nquit\n")
    session.wait_end()
    assert "main" in lab.open().callers()


def test_a_folder_has_a_size(lab):
    session = lab.open()
    # Free space, rather than the sizes of files, which may have holes.
    answer = python(
        session,
        f"""
written = 0
try:
    for number in range(3):
        with open(f'file{{number}}', 'wb', 0) as file:
            for _ in range(60): written += file.write(bytes({MIB}))
except OSError as error:
    print('errno', error.errno)
print('WRITTEN', written >> 20)
""",
    )
    written = int(re.search(r"WRITTEN (\d+)", answer)[1])
    assert written <= 64 if lab.has_namespaces else written == 180
    assert "errno 28" in answer or not lab.has_namespaces
    # On the disk there are only the files of the session's gateway.
    assert sum(file.stat().st_size for file in lab.debugd.files()) < MIB or not lab.has_namespaces
    python(session, "import os\nfor i in range(900): os.mkdir('deeper'); os.chdir('deeper')")
    session.write("quit\n")
    session.wait_end()
    wait_until(lambda: not lab.debugd.files(), "the session's files are gone")
    assert "main" in lab.open().callers()


def test_the_log_says_what_holds(lab):
    line = lab.debugd.program.wait_for_line(r".* confinement .*")[0]
    assert ("namespaces=yes" in line) == lab.has_namespaces
    assert ("user namespace" in line and "the disk" in line and "TCP connections" in line) != lab.has_namespaces
    session = lab.open()
    assert set(tools_of(lab.debugd.program.pid)) == {"gateway", "gdbserver", "gdb"} | (
        {"sandbox"} if lab.has_namespaces else set()
    )
    session.write("quit\n")
    session.wait_end()
