"""A PostgreSQL server for a test: Debian's, with a new and empty cluster, on a unix socket."""

import glob
import os
import shutil
import subprocess
import tempfile


class Postgres:
    def __init__(self):
        # The path of a socket may have 107 bytes, which those of pytest's folders can exceed.
        self.folder = tempfile.mkdtemp(prefix="probegate-pg-")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "--no-sync", "--auth=trust", "--username=probegate", "--encoding=UTF8", "data")
        self.start()

    @property
    def url(self):
        return f"postgresql://probegate@/postgres?host={self.folder}"

    def start(self):
        options = f"-k {self.folder} -c listen_addresses=''"
        self._run("pg_ctl", "start", "--wait", "--pgdata=data", "--log=log", f"--options={options}")

    def stop(self):
        """At once, as a crash does."""
        self._run("pg_ctl", "stop", "--wait", "--pgdata=data", "--mode=immediate")

    def end(self):
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program, *arguments):
        """Runs one of PostgreSQL's programs, which refuse to be root's."""
        found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"))
        assert found, f"there is no {program}; Debian's package postgresql has it"
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # What pg_ctl starts keeps its output open, so it must not be a pipe.
        with open(os.path.join(self.folder, "output"), "ab") as output:
            subprocess.run([*user, found[-1], *arguments], cwd=self.folder, stdout=output, stderr=output, check=True)
