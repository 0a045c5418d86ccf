"""What a session's programs may use together, if debugd's control group is delegated to it, with a real gdb: a session
that wants more costs only itself, and nothing of it is left, even if debugd is killed.

debugd runs as an ordinary user, in a group that is delegated as systemd does it (Delegate=yes)."""

import base64
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import grpc
import pytest
from debug_client import DebugSession, firmware
from metrics import scrape
from stack import BOUND, LOOPBACK, METRICS_FLAGS, Program, wait_until

USER = 65532
MIB = 1 << 20
CONTROLLERS = {"memory": "memory", "threads": "pids", "processors": "cpu"}
# Moves itself to the control group $0, and becomes debugd's user.
IN_GROUP = f'echo 0 >"$0/cgroup.procs" && exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs "$@"'


def hierarchy():
    """Where control groups of version 2 are mounted; nothing if they are not."""
    found = re.search(r"^\S+ \S+ \S+ / (\S+) .* - cgroup2 ", pathlib.Path("/proc/self/mountinfo").read_text(), re.M)
    return pathlib.Path(found[1]) if found else None


def processes_in(group):
    return {int(pid) for pid in (group / "cgroup.procs").read_text().split()}


class GroupDebugd:
    """A probegate-debugd to which the control group `group` is delegated, for DebugSession."""

    def __init__(self, stack, group, folder, flags=(), start_in="."):
        self.stack = stack
        self.group = group
        words = ["sh", "-c", IN_GROUP, group / start_in, stack.programs.path("probegate-debugd")]
        words += ["--listen", f"{LOOPBACK}:0", *METRICS_FLAGS, "--server", stack.server_address]
        words += ["--elf-folder", firmware().parent, "--work-dir", folder, "--start-time", 2 * BOUND, *flags]
        self.program = Program("probegate-debugd", words, stack.programs.directory)
        stack.programs.started.append(self.program)
        self.address = self.program.wait_for_line(r"Listening on (127\.0\.0\.1:\d+)")[1]

    def sessions(self):
        return sorted(self.group.glob("session-*"))

    def reached(self, limit):
        return scrape(self.program.metrics_url()).value("probegate_debug_limits_reached_total", limit=limit)


@pytest.fixture
def group():
    """A control group that is delegated to USER, without processes."""
    root = hierarchy()
    if root is None or os.getuid() != 0 or not os.access(root, os.W_OK):
        pytest.skip("no control groups of version 2 that this user may delegate")
    group = pathlib.Path(tempfile.mkdtemp(prefix="probegate-test-", dir=root))
    for file in [group, group / "cgroup.procs", group / "cgroup.subtree_control", group / "cgroup.threads"]:
        os.chown(file, USER, USER)
    yield group
    (group / "cgroup.kill").write_text("1")
    wait_until(lambda: "populated 0" in (group / "cgroup.events").read_text(), "all processes of the test have ended")
    for below in group.glob("*/"):
        below.rmdir()
    group.rmdir()


@pytest.fixture
def start(debug_stack, group):
    """Starts a debugd in the group."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="groups-"))
    os.chown(folder, USER, USER)
    stack = debug_stack()
    yield lambda *flags, **options: GroupDebugd(stack, group, folder, flags, **options)
    stack.programs.end_all()
    shutil.rmtree(folder)


@pytest.fixture
def open_session(api):
    sessions = []

    def open_one(debugd):
        sessions.append(DebugSession(api, debugd))
        sessions[-1].wait_for(r"\(gdb\) ", 4 * BOUND)
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()


def need(group, limit):
    if CONTROLLERS[limit] not in (group / "cgroup.controllers").read_text().split():
        pytest.skip(f"the controller {CONTROLLERS[limit]} is not available in control groups of version 2")


def run(session, code):
    """Lets gdb run Python code, without waiting for its output."""
    encoded = base64.b64encode(code.encode()).decode()
    session.write(f"python exec(__import__('base64').b64decode('{encoded}').decode())\n")


def stray_process(group):
    """A process in the group that is not debugd's."""
    stray = subprocess.Popen(["sleep", "infinity"])
    (group / "cgroup.procs").write_text(str(stray.pid))
    return stray


def test_a_session_ends_with_its_group(start, open_session):
    debugd = start()
    limits = debugd.program.wait_for_line(r' groups=(?:"([^"]*)"|(\S+))')
    available = (debugd.group / "cgroup.controllers").read_text().split()
    wanted = ", ".join(name for name, controller in CONTROLLERS.items() if controller in available)
    assert (limits[1] or limits[2]) == (wanted or "without limits")
    session = open_session(debugd)
    (group,) = debugd.sessions()
    names = {pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in processes_in(group)}
    assert {"probegate-launc", "probegate-gatew", "session", "gdb-multiarch"} <= names, names
    assert debugd.program.pid not in processes_in(group)
    stray = stray_process(group)
    session.command("monitor help")
    session.write("quit\n")
    session.wait_end()
    assert session.code == grpc.StatusCode.OK
    assert stray.wait(BOUND) == -signal.SIGKILL
    assert debugd.sessions() == []


def test_what_a_killed_debugd_leaves_is_removed(start, open_session):
    debugd = start()
    open_session(debugd)
    (group,) = debugd.sessions()
    stray = stray_process(group)
    debugd.program.kill()
    debugd.program.wait()
    assert debugd.sessions() == [group]
    # Once there are groups with limits below it, no process can be moved to the group itself.
    again = start(start_in="debugd")
    again.program.wait_for_line(rf"group\.forgotten group={group}")
    assert stray.wait(BOUND) == -signal.SIGKILL
    assert again.sessions() == []
    assert open_session(again).command("p 6*7").startswith("$1 = 42")


def test_of_two_debugds_one_has_the_group(start):
    start()
    start(start_in="debugd").program.wait_for_line(r'groups=no groups_reason="another probegate-debugd uses /')


def test_memory_of_a_session(group, start, open_session):
    need(group, "memory")
    debugd = start("--session-memory", 400 * MIB)
    hog, other = open_session(debugd), open_session(debugd)
    run(hog, "x = b'x' * (1 << 30)")
    hog.wait_end(4 * BOUND)
    assert hog.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "the session reached its limit of memory (--session-memory)" in hog.details
    assert other.command("p 6*7").startswith("$1 = 42")
    assert debugd.reached("memory") == 1
    assert len(debugd.sessions()) == 1


FORK_BOMB = """
import threading
wait = threading.Event()
try:
    while True:
        threading.Thread(target=wait.wait, daemon=True).start()
except RuntimeError:
    print("no", "more")
"""


def test_threads_of_a_session(group, start, open_session):
    need(group, "threads")
    debugd = start("--session-threads", 100)
    bomb, other = open_session(debugd), open_session(debugd)
    run(bomb, FORK_BOMB)
    bomb.wait_for("no more")
    assert other.command("p 6*7").startswith("$1 = 42")
    for session in debugd.sessions():
        assert int((session / "pids.current").read_text()) <= 100
    run(bomb, "import os\nos._exit(3)")
    bomb.wait_end(4 * BOUND)
    assert "the session reached its limit of threads (--session-threads)" in bomb.wait_end()
    assert debugd.reached("threads") == 1


def test_processor_time_of_a_session(group, start, open_session):
    need(group, "processors")
    debugd = start("--session-processors", 0.5)
    open_session(debugd)
    (session,) = debugd.sessions()
    assert (session / "cpu.max").read_text().split() == ["50000", "100000"]
    assert (group / "debugd/cpu.weight").read_text().strip() == "1000"


def test_without_a_delegated_group_the_log_says_what_is_open(debug_stack):
    stack = debug_stack()
    debugd = stack.programs.start(
        "probegate-debugd", "--listen", f"{LOOPBACK}:0", "--server", stack.server_address, *METRICS_FLAGS
    )
    line = debugd.wait_for_line(r"confinement .*groups=no groups_reason=.*")[0]
    assert "processor time; memory up to 4 GiB for each program" in line
