"""Runs a program on a pseudo-terminal and captures what it draws."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

from stack import BOUND


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, argv, columns, lines=24):
        self.output = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.settings = termios.tcgetattr(slave)
        self._slave = slave

        def make_controlling():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            list(map(str, argv)),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=make_controlling,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while chunk := os.read(self._master, 65536):
                self.output += chunk

    def type(self, keys):
        os.write(self._master, keys)

    def pages(self):
        """The pages drawn so far, without control sequences; the last one may be incomplete."""
        pages = self.output.decode(errors="replace").split("\x1b[H")[1:]
        return [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", page).replace("\r\n", "\n") for page in pages]

    def settings_now(self):
        return termios.tcgetattr(self._slave)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        self._reader.join(BOUND)
        os.close(self._master)
