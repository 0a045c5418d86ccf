"""A client of cc.arduino.cli.debug.Debug, generated from the .proto files, and a probegate-debugd to use it on."""

import os
import pathlib
import queue
import re
import threading

import grpc
from gdb_client import functions_of
from grpc_client import channel
from stack import BOUND, LOOPBACK, METRICS_FLAGS, wait_until

PROMPT = b"(gdb) "
FQBN = "nrf52840"


def firmware():
    """The ELF file of the firmware that simulated boards run."""
    root = pathlib.Path(__file__).parents[2]
    return (
        pathlib.Path(os.environ.get("PROBEGATE_BIN", root / "build/dev/bin")).resolve().parent / "firmware/firmware.elf"
    )


class Debugd:
    """A probegate-debugd that uses a stack's server. Its clients may debug the firmware's ELF file."""

    def __init__(self, stack, *flags):
        self.stack = stack
        self.program = stack.programs.start(
            "probegate-debugd",
            "--listen",
            f"{LOOPBACK}:0",
            *METRICS_FLAGS,
            "--server",
            stack.server_address,
            "--elf-folder",
            firmware().parent,
            "--work-dir",
            stack.programs.directory,
            *flags,
        )
        self.port = int(self.program.wait_for_line(r"Listening on 127\.0\.0\.1:(\d+)")[1])

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    def sessions_left(self):
        return list(self.stack.programs.directory.glob("probegate-debugd-*/session-*"))


def processes():
    """The parent and the command line of every process: pid -> (parent, words)."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                parent = int(re.search(r"^PPid:\s(\d+)", (folder / "status").read_text(), re.MULTILINE)[1])
            except OSError:
                continue
            found[int(folder.name)] = (parent, words)
    return found


def tools_of(pid):
    """The processes that a probegate-debugd started and that still exist, zombies included: stage -> pid."""
    names = {"--forward": "sandbox", "probegate-gateway": "gateway", "gdbserver": "gdbserver", "gdb-multiarch": "gdb"}
    stages = {}
    for child, (parent, words) in processes().items():
        if parent == pid:
            stage = next((stage for name, stage in names.items() if any(name in word for word in words)), "other")
            stages[stage] = child
    return stages


def descendants_of(pid):
    """All processes that a process and its descendants started, as far as their parents still exist."""
    parents = {child: parent for child, (parent, _) in processes().items()}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


class DebugSession:
    """One Debug stream. A thread reads its responses."""

    def __init__(self, api, debugd, start=True, metadata=None, **config):
        self.api = api
        self.metadata = metadata
        self.channel = channel(debugd.address)
        self._requests = queue.SimpleQueue()
        self.stream = self.open_stream(iter(self._requests.get, None), 4 * BOUND)
        self.data = b""
        self.errors = []
        self.code = None
        self.details = None
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self._seen = 0
        if start:
            self.send_config(self.usual_config(debugd.stack.serial) | config)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # What differs between the services that debugd has; here, cc.arduino.cli.debug.Debug.

    def open_stream(self, requests, timeout):
        return self.api.DebugStub(self.channel).Debug(requests, timeout=timeout, metadata=self.metadata)

    def usual_config(self, probe):
        return {"port": probe, "fqbn": FQBN, "import_file": str(firmware())}

    def send_config(self, config):
        self.send(debugReq=self.api.DebugConfigReq(**config))

    def send(self, **fields):
        self._requests.put(self.api.DebugReq(**fields))

    def error_of(self, response):
        return response.error

    def _read(self):
        try:
            for response in self.stream:
                with self._changed:
                    self.data += response.data
                    if error := self.error_of(response):
                        self.errors.append(error)
                    self._changed.notify_all()
        except grpc.RpcError:
            pass
        self.code, self.details = self.stream.code(), self.stream.details()
        with self._changed:
            self.ended.set()
            self._changed.notify_all()

    def write(self, text):
        self.send(data=text.encode())

    def interrupt(self):
        self.send(send_interrupt=True)

    def wait_for(self, pattern, bound=2 * BOUND):
        """Waits until the output since the last wait matches; returns that output up to the end of the match."""
        expression = re.compile(pattern if isinstance(pattern, bytes) else pattern.encode(), re.DOTALL)
        with self._changed:
            found = self._changed.wait_for(
                lambda: expression.search(self.data, self._seen) or self.ended.is_set(), bound
            )
            match = expression.search(self.data, self._seen)
            assert found and match, (pattern, self.data[self._seen :], self.errors, self.code, self.details)
            text = self.data[self._seen : match.end()]
            self._seen = match.end()
            return text.decode()

    def command(self, text):
        """Runs a console command; returns its output without the prompt."""
        self.write(text + "\n")
        return self.wait_for(r"\(gdb\) ").removesuffix("(gdb) ")

    def callers(self):
        """The functions in a backtrace, innermost first; an exception frame is None."""
        return functions_of(self.command("backtrace"))

    def half_close(self):
        self._requests.put(None)

    def wait_end(self, bound=2 * BOUND):
        """Waits until the stream has ended; returns the error of its last message, or nothing."""
        assert self.ended.wait(bound), (self.data[-400:], self.errors)
        return self.errors[-1] if self.errors else ""

    @property
    def exit_code(self):
        return dict(self.stream.trailing_metadata() or ()).get("probegate-gdb-exit-code")

    def close(self):
        self._requests.put(None)
        self.stream.cancel()
        self.channel.close()


def wait_for_no_tools(debugd):
    wait_until(
        lambda: not tools_of(debugd.program.pid) and not debugd.sessions_left(),
        "all processes and files of the session are gone",
    )
