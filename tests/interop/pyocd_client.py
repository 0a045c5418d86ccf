"""Drives the real pyOCD: its command line, and its library in a separate process (pyocd_worker.py)."""

import json
import os
import pathlib
import pty
import queue
import re
import subprocess
import sys
import threading

from stack import BOUND, wait_until

HERE = pathlib.Path(__file__).parent


class PyocdError(Exception):
    """pyOCD raised an exception in a worker; `kind` is the name of the exception's class."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class PyocdWorker:
    def __init__(self, directory, number):
        self.log_path = directory / f"pyocd-worker-{number}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "pyocd_worker.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=directory,
                text=True,
            )
        self._answers = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.busy = True  # an answer is outstanding; the first one means that pyOCD has been loaded
        self.attached = False

    def _read(self):
        for line in self.process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put({"error": "EOFError", "message": "pyOCD's process has ended"})

    def start(self, command, *positional, **arguments):
        """Sends a command. finish() returns its answer."""
        if self.busy:
            self.finish()
        self.attached |= command == "attach"
        self.busy = True
        self._send({"command": command, "positional": positional, "arguments": arguments})

    def finish(self, bound=BOUND):
        """Waits for the answer to the current command, and returns it."""
        try:
            answer = self._answers.get(timeout=bound)
        except queue.Empty:
            raise AssertionError(f"pyOCD did not answer within {bound:g} s") from None
        self.busy = False
        if "error" in answer:
            raise PyocdError(answer["error"], answer["message"])
        return answer["result"]

    def call(self, command, *positional, bound=BOUND, **arguments):
        self.start(command, *positional, **arguments)
        return self.finish(bound)

    def stop(self, bound=BOUND):
        """Ends a command that runs until told to stop, and returns its answer."""
        self._send({"command": "stop"})
        return self.finish(bound)

    def attach(self, uid, **options):
        self.call("attach", uid=uid, **options)

    def detach(self):
        self.call("detach")
        self.attached = False

    def target(self, method, *arguments, bound=BOUND):
        return self.call("call_target", method, *arguments, bound=bound)

    def probe(self, method, *arguments):
        return self.call("call_probe", method, *arguments)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def _send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()


class WorkerPool:
    """Reuses pyOCD processes that a test left in a clean state, because loading pyOCD takes a
    second of processor time."""

    def __init__(self, directory):
        self._directory = directory
        self._count = 0
        self._idle = []

    def take(self, count=1):
        while len(self._idle) < count:
            self._idle.append(PyocdWorker(self._directory, self._count))
            self._count += 1
        taken, self._idle = self._idle[:count], self._idle[count:]
        return taken

    def give_back(self, worker):
        """Keeps the worker unless it still has an open session: the server of that session may be gone."""
        if worker.alive() and not worker.attached and not worker.busy:
            self._idle.append(worker)
        else:
            worker.kill()

    def end(self):
        for worker in self._idle:
            worker.kill()


def words_printed(output):
    """The words in pyOCD's memory dump, whose lines look like '20000000:  00000000 00000001 …|…|'."""
    words = []
    for line in output.splitlines():
        match = re.match(r"(?:pyocd> )?[0-9a-f]{8}:\s+((?:[0-9a-f]{8}\s*)+)", line)
        if match:
            words += [int(w, 16) for w in match[1].split()]
    return words


class InteractiveCommander:
    """`pyocd commander` at its prompt."""

    def __init__(self, argv, directory):
        self._log_path = directory / "commander.log"
        with open(self._log_path, "wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYOCD_HISTORY": str(directory / "history")},
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def type(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def wait_for(self, find):
        """Calls `find` with all output so far until it returns something true; returns that."""
        return wait_until(lambda: find(self._log_path.read_text()), "pyocd commander answers")

    def wait(self):
        return self._process.wait(BOUND)


class RttViewer:
    """`pyocd rtt` on a pseudo-terminal: it reads single keys, and shows them and the target's output."""

    def __init__(self, argv, directory):
        self._log_path = directory / "rtt.log"
        self._terminal, slave = pty.openpty()
        with open(self._log_path, "wb") as log:
            self._process = subprocess.Popen(argv, stdin=slave, stdout=log, stderr=subprocess.STDOUT, cwd=directory)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def wait_for(self, text, count=1):
        wait_until(lambda: self._shown().count(text) >= count, f"pyocd rtt shows {text!r}")

    def _shown(self):
        return self._log_path.read_text(errors="replace")

    def type(self, line):
        """Types one key at a time, because pyOCD polls the terminal and can miss keys that it has already buffered."""
        for key in line:
            before = len(self._shown())
            os.write(self._terminal, key.encode())
            wait_until(lambda: len(self._shown()) > before, f"pyocd rtt shows the key {key!r}")

    def leave(self):
        os.write(self._terminal, b"\x1b")
        return self._process.wait(BOUND)


class PyocdCommands:
    """pyOCD's command line, from the Python that runs the tests or from another one."""

    def __init__(self, directory, python=sys.executable):
        self.directory = directory
        self.python = python

    def _argv(self, subcommand, uid, *flags):
        return [self.python, "-m", "pyocd", subcommand, "--no-config", "--uid", uid, "--target", "cortex_m", *flags]

    def _run(self, *arguments):
        return subprocess.run(
            self._argv(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            text=True,
            timeout=2 * BOUND,
        )

    def run(self, *arguments):
        """Runs pyOCD, which must succeed; returns its output."""
        result = self._run(*arguments)
        assert result.returncode == 0, f"pyocd {arguments} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    def fail(self, *arguments):
        """Runs pyOCD, which must fail; returns its output."""
        result = self._run(*arguments)
        assert result.returncode > 0, f"pyocd {arguments} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    def commander(self, uid, *commands):
        return self.run("commander", uid, *(part for command in commands for part in ("-c", command)))

    def interactive(self, uid, *flags):
        return InteractiveCommander(self._argv("commander", uid, "--interactive", *flags), self.directory)

    def rtt(self, uid, *flags):
        return RttViewer(self._argv("rtt", uid, *flags), self.directory)
