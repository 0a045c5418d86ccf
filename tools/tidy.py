"""tidy.py build-directory folders source…: runs clang-tidy on each source, several at a time.

Findings in headers count if they are in one of the folders, which are separated by spaces.

The compile commands are those of the build directory. A source without findings is skipped until something changes that
its findings depend on: its text, its compile command, a header of the project or a .proto that it includes directly or
indirectly, the settings, or clang-tidy itself. A hash of all these is stored for each source without findings, in
$XDG_CACHE_HOME (or ~/.cache)/probegate/tidy, so other clones of the project use it, too.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TIDY = "clang-tidy-19"
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
GENERATED = re.compile(r"(\.grpc)?\.pb\.h$")
UNUSED_FOR = 60 * 86400  # seconds; a hash that was not used for this long is deleted


class Inputs:
    """The files of the project on which a source's findings depend."""

    def __init__(self):
        self._digests = {}
        self._direct = {}

    def of(self, source):
        """The source and everything that it includes, as paths relative to the root."""
        found, queue = set(), [source]
        while queue:
            path = queue.pop()
            if path not in found:
                found.add(path)
                queue += self._includes(path)
        return sorted(found)

    def digest(self, path):
        if path not in self._digests:
            self._digests[path] = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        return self._digests[path]

    def _includes(self, path):
        if path not in self._direct:
            self._direct[path] = list(self._resolve(path))
        return self._direct[path]

    def _resolve(self, path):
        folder = pathlib.PurePosixPath(path).parent
        for header in INCLUDE.findall((ROOT / path).read_text()):
            if GENERATED.search(header):
                header = "proto/" + GENERATED.sub(".proto", header)
            for candidate in (header, str(folder / header)):
                if (ROOT / candidate).is_file():
                    yield candidate
                    break


def key_of(source, command, inputs, common):
    parts = [common, command.replace(str(ROOT), ".")]
    parts += [f"{path} {inputs.digest(path)}" for path in inputs.of(source)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def forget_what_is_old(cache):
    for stamp in cache.iterdir():
        if stamp.stat().st_mtime < time.time() - UNUSED_FOR:
            stamp.unlink(missing_ok=True)


def run_tidy(build, header_filter, source):
    done = subprocess.run(
        [TIDY, "--quiet", "-p", build, f"--header-filter={header_filter}", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    noise = re.compile(r"^\d+ warnings?( and \d+ errors?)? generated\.$|^Suppressed |^Use -header-filter")
    errors = "".join(line for line in done.stderr.splitlines(keepends=True) if not noise.match(line))
    return done.returncode, done.stdout + errors


def main():
    build, folders, *sources = sys.argv[1:]
    header_filter = f"/({folders.replace(' ', '|')})/.*\\.h$"
    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    common = version + (ROOT / ".clang-tidy").read_text() + header_filter
    commands = {
        os.path.relpath(entry["file"], ROOT): entry["command"]
        for entry in json.loads((ROOT / build / "compile_commands.json").read_text())
    }
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "probegate" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    forget_what_is_old(cache)

    inputs = Inputs()
    # Sources that no target compiles are skipped here; tests/checks reports them.
    todo = {}
    for source in sources:
        if source in commands:
            stamp = cache / key_of(source, commands[source], inputs, common)
            if stamp.exists():
                stamp.touch()
            else:
                todo[source] = stamp
    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(run_tidy, build, header_filter, source): source for source in todo}
        for done in concurrent.futures.as_completed(running):
            source = running[done]
            status, output = done.result()
            if status == 0:
                todo[source].touch()
            else:
                failed.append(source)
                print(output, flush=True)
    print(f"clang-tidy: {len(sources)} sources, {len(todo)} analysed, {len(failed)} with findings", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
