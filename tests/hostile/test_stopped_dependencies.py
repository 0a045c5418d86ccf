"""Whatever a program depends on may stop without ending: a server that hangs, a reader of its log that does not read, a
full disk, a resolver or a probe that does not answer. In each case the program says truly whether it serves, goes on with
everything else, and ends on SIGTERM within the bound that docs/architecture.md gives."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
from ending import LONGEST_END, SLACK, ends_on_sigterm
from metrics import wait_for
from namespaces import UNSHARE
from raw_client import RawClient
from stack import BOUND, LOOPBACK, free_port, wait_until

HELLO = b'{"id": 1, "request": "hello", "arguments": [1]}\n'


def page(port, path):
    """The status and the body of a page."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=BOUND) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def is_alive(port):
    return page(port, "/healthz") == (200, "ok\n")


def port_of(program):
    return int(program.metrics_url().removesuffix("/metrics").rsplit(":", 1)[1])


@contextlib.contextmanager
def stopped(program):
    program.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.signal(signal.SIGCONT)


class UnreadLog:
    """A pipe for a program's standard error that is full, and that nobody reads."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        fcntl.fcntl(self.write_end, fcntl.F_SETFL, os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.write_end, b"." * 4096)
        fcntl.fcntl(self.write_end, fcntl.F_SETFL, 0)

    def read_until(self, text):
        """Reads the log, until it has the text."""
        os.set_blocking(self.read_end, False)
        seen = bytearray()

        def look():
            with contextlib.suppress(BlockingIOError):
                seen.extend(os.read(self.read_end, 1 << 20))
            return text in seen

        wait_until(look, f"the log has {text}")
        return bytes(seen)

    def close(self):
        os.close(self.read_end)
        os.close(self.write_end)


@pytest.fixture
def started():
    """Starts programs with a standard error of their own, and ends them after the test."""
    processes = []

    def start(argv, stderr=subprocess.DEVNULL):
        processes.append(
            subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        )
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def unread_log():
    log = UnreadLog()
    yield log
    log.close()


def flags_of(name, stack, directory, metrics_port):
    common = ["--metrics-listen", f"{LOOPBACK}:{metrics_port}", "--verbose", "--log-format", "json"]
    if name == "probegate-server":
        return [*common, "--listen", f"{LOOPBACK}:{free_port()}", "--no-usb"]
    if name == "probegate-gateway":
        return [*common, "--server", stack.server_address, "--port", free_port(), "--state", directory / "unread"]
    return [*common, "--listen", f"{LOOPBACK}:{free_port()}", "--server", stack.server_address,
            *debugd_flags(directory)]  # fmt: skip


def debugd_flags(directory):
    """No session is started here, so debugd needs neither pyOCD nor Landlock."""
    work = directory / "work"
    work.mkdir(exist_ok=True)
    recipes = directory / "recipes.yaml"
    recipes.write_text("recipes: [{name: none, boards: [none], server: [/bin/false]}]\n")
    return ["--work-dir", work, "--recipes", recipes, "--allow-unconfined"]


@pytest.mark.parametrize("name", LONGEST_END)
def test_standard_error_that_is_not_read(make_stack, programs, started, unread_log, name):
    stack = make_stack(start_gateway=False)
    metrics_port = free_port()
    program = started(
        [programs.path(name), *flags_of(name, stack, programs.directory, metrics_port)], stderr=unread_log.write_end
    )
    wait_until(lambda: answers(metrics_port), "the program serves its metrics")
    wait_until(lambda: page(metrics_port, "/readyz") == (200, "ready\n"), "the program is ready")
    assert is_alive(metrics_port)
    ends_on_sigterm(program, name)


def answers(port):
    with contextlib.suppress(OSError):
        return is_alive(port)
    return False


def test_a_gateway_with_an_unread_log_serves_and_tells_what_is_missing(make_stack, programs, started, unread_log):
    stack = make_stack(start_gateway=False)
    metrics_port, port = free_port(), free_port()
    gateway = started(
        [
            programs.path("probegate-gateway"),
            "--server",
            stack.server_address,
            "--port",
            port,
            "--state",
            programs.directory / "unread",
            "--metrics-listen",
            f"{LOOPBACK}:{metrics_port}",
            "--verbose",
        ],
        stderr=unread_log.write_end,
    )
    wait_until(lambda: answers(metrics_port), "the gateway serves its metrics")
    wait_until(lambda: page(metrics_port, "/readyz") == (200, "ready\n"), "the gateway is ready")
    url = f"http://{LOOPBACK}:{metrics_port}/metrics"
    with RawClient(port) as client:
        # Each request is a line of the log, of at least 100 bytes.
        for _ in range(15):
            client.send_bytes(HELLO * 1000)
            for _ in range(1000):
                client.receive_line()
        exposed = wait_for(url, lambda e: e.value("probegate_log_dropped_total") > 0, "lines are dropped")
        assert client.call("hello", 1) is None
    assert is_alive(metrics_port)
    dropped = exposed.value("probegate_log_dropped_total")
    log = unread_log.read_until(b"log.dropped lines=")
    assert b"request.done" in log and dropped > 0
    gateway.send_signal(signal.SIGTERM)
    unread_log.read_until(b" stopped\n")
    assert gateway.wait(LONGEST_END["probegate-gateway"] + SLACK) == 0


def test_a_server_that_hangs_does_not_hold_up_its_gateway(make_stack):
    stack = make_stack()
    port = port_of(stack.gateway)
    with RawClient(stack.port) as waiting:
        waiting.attach()
        with stopped(stack.server):
            waiting.send("read_dp", 0)
            # Another client is answered, as far as the gateway can without the server.
            with RawClient(stack.port) as other:
                assert other.call("hello", 1) is None
            assert is_alive(port)
            ends_on_sigterm(stack.gateway.process, "probegate-gateway")


def test_a_server_that_hangs_does_not_hold_up_debugd(make_stack, programs):
    stack = make_stack(start_gateway=False)
    debugd = programs.start(
        "probegate-debugd",
        "--listen",
        f"{LOOPBACK}:0",
        "--server",
        stack.server_address,
        "--metrics-listen",
        f"{LOOPBACK}:0",
        *debugd_flags(programs.directory),
    )
    port = port_of(debugd)
    wait_until(lambda: page(port, "/readyz") == (200, "ready\n"), "debugd is ready")
    with stopped(stack.server):
        assert is_alive(port)
        assert page(port, "/readyz") == (200, "ready\n")
        ends_on_sigterm(debugd.process, "probegate-debugd")


def test_a_probe_that_swallows_packets(make_stack, control):
    stack = make_stack(boards=2)
    port = port_of(stack.server)
    with RawClient(stack.port_of(stack.serials[0])) as victim, RawClient(stack.port_of(stack.serials[1])) as other:
        victim.attach()
        other.attach()
        control(stack).call("inject", board=0, fault="drop_reply", at=1, times=0)
        victim.send("read_dp", 0)
        assert other.call("read_dp", 0)
        assert is_alive(port)
        assert page(port, "/readyz") == (200, "ready\n")
        assert is_alive(port_of(stack.gateway))
        assert ends_on_sigterm(stack.server.process, "probegate-server") == 0
    control(stack).call("clear_faults")


def test_a_disk_that_is_full(make_stack, programs, started):
    """The gateway's state, and the log of all programs, are on a disk that takes nothing more."""
    stack = make_stack(start_gateway=False)
    with open("/dev/full", "wb") as full:
        for name in LONGEST_END:
            metrics_port = free_port()
            flags = flags_of(name, stack, programs.directory, metrics_port)
            program = started([programs.path(name), *flags], stderr=full)
            wait_until(lambda port=metrics_port: answers(port), f"{name} serves its metrics")
            url = f"http://{LOOPBACK}:{metrics_port}/metrics"
            wait_for(url, lambda e: e.value("probegate_log_dropped_total") > 0, "lines are counted as dropped")
            ends_on_sigterm(program, name)


def test_a_state_directory_that_is_full(make_stack, programs, started):
    stack = make_stack(start_gateway=False)
    state = programs.directory / "small"
    state.mkdir()
    log = programs.directory / "small.log"
    metrics_port = free_port()
    # As large as one page, which a file takes.
    script = 'mount -t tmpfs -o size=4k none "$0" && head -c 4096 /dev/zero > "$0/filler" && exec "$@"'
    gateway = started(
        [
            *UNSHARE,
            "--mount",
            "sh",
            "-c",
            script,
            state,
            programs.path("probegate-gateway"),
            "--server",
            stack.server_address,
            "--state",
            state,
            "--metrics-listen",
            f"{LOOPBACK}:{metrics_port}",
        ],
        stderr=log.open("wb"),
    )
    failure = re.compile(r"cannot write .*No space left on device")
    assert gateway.wait(BOUND) == 1, "a gateway that cannot keep its ports does not go on"
    assert failure.search(log.read_text()), log.read_text()


@contextlib.contextmanager
def silent_resolver():
    """An address of this machine at which a resolver takes questions and answers none."""
    address = "127.0.0.77"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        try:
            resolver.bind((address, 53))
        except PermissionError:
            pytest.skip("only root may use port 53")
        yield address


def with_resolver(address, directory, argv):
    """Starts `argv` with this resolver alone."""
    conf = pathlib.Path(directory) / "resolv.conf"
    conf.write_text(f"nameserver {address}\noptions timeout:30 attempts:5\n")
    hosts = pathlib.Path(directory) / "nsswitch.conf"
    hosts.write_text("hosts: files dns\n")
    script = 'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"'
    return [*UNSHARE, "--mount", "sh", "-c", script, conf, hosts, *argv]


def test_a_resolver_that_does_not_answer(make_stack, programs, started):
    stack = make_stack(start_gateway=False)
    name = "board-farm.example:50051"
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    with silent_resolver() as resolver:
        for program, flags in (
            ("probegate-gateway", ["--server", name]),
            ("probegate-server", ["--cmsis-dap-tcp", name]),
            ("probegate-debugd", ["--server", name]),
        ):
            metrics_port = free_port()
            usual = flags_of(program, stack, programs.directory, metrics_port)
            argv = with_resolver(resolver, programs.directory, [programs.path(program), *usual, *flags])
            process = started(argv)
            wait_until(lambda port=metrics_port: answers(port), f"{program} serves its metrics")
            ready = "/readyz" if program != "probegate-gateway" else "/healthz"
            wait_until(lambda port=metrics_port, path=ready: page(port, path)[0] == 200, f"{program} is ready")
            ends_on_sigterm(process, program)
