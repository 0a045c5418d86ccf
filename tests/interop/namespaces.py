"""Linux namespaces for a test: a program started in one sees changes to the machine that no other program sees."""

import os
import pathlib
import subprocess

# Without root, a user namespace is needed as well.
UNSHARE = ["unshare"] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


class Machine:
    """A machine of its own: with its own network, of which only loopback exists, its own /etc/hosts, and its own
    processes, which end with it."""

    def __init__(self, hosts):
        setup = 'mount --bind "$0" /etc/hosts && ip link set lo up && echo ready && exec cat'
        self._init = subprocess.Popen(
            [*UNSHARE, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", setup, hosts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._init.stdout.readline() == b"ready\n"

    def argv(self, *argv):
        """The command line that starts `argv` on this machine, in the root folder."""
        pid = self._init.pid
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        (child,) = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return ["nsenter", "--target", child, *user, "--mount", "--net", "--pid", *argv]

    def stop(self):
        """Ends all of its processes."""
        self._init.kill()
        self._init.communicate()


def with_hosts(hosts, *argv):
    """The command line that starts `argv` with the file `hosts` as its /etc/hosts. The file itself is mounted there, so
    the program sees later changes if they are written in place; it does not see a file that replaces it."""
    return [*UNSHARE, "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *argv]
