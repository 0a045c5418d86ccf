"""Linux namespaces for a test: a program started in one sees changes to the machine that no other program sees."""

import os

# Without root, a user namespace is needed as well.
UNSHARE = ["unshare"] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def with_hosts(hosts, *argv):
    """The command line that starts `argv` with the file `hosts` as its /etc/hosts. The file itself is mounted there, so
    the program sees later changes if they are written in place; it does not see a file that replaces it."""
    return [*UNSHARE, "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *argv]
