"""Namespaces of a test's own: what a program that is started in one sees of the machine, and nobody else."""

import os

# Who is not root needs a namespace for users, too.
UNSHARE = ["unshare"] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def with_hosts(hosts, *argv):
    """What starts `argv` with the file `hosts` as its /etc/hosts. It is that file itself: written in place, not replaced,
    it changes while the program runs."""
    return [*UNSHARE, "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *argv]
