"""The tutorial in docs/access.md works: every command is run as it is written, on a machine with its own network."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from debug_client import firmware
from namespaces import Machine
from stack import BOUND, wait_until

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "access.md").read_text()
SECTION = PAGE.partition("## A lab in fifteen minutes\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


class Reader:
    """Someone who does what the page says, in a folder with a copy of the repository."""

    def __init__(self, machine, folder, bin_directory):
        self.machine = machine
        self.folder = folder
        (folder / "deploy").symlink_to(ROOT / "deploy")
        shutil.copy(firmware(), folder / "firmware.elf")
        (folder / "home").mkdir()
        programs = [str(bin_directory), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {"HOME": str(folder / "home"), "PATH": ":".join(programs)}

    def run(self, commands):
        """Runs commands with the variables that earlier ones have exported, as a shell does in which all are typed.
        Returns their exit code and what they print."""
        log = self.folder / "log"
        shell = 'cd "$0"\ntouch variables\nsource ./variables\ntrap "export -p > variables" EXIT\n'
        with open(log, "wb") as output:
            code = subprocess.run(
                self.machine.argv("bash", "-e", "-c", shell + commands, self.folder),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=3 * BOUND,
                check=False,
            ).returncode
        return code, log.read_text()


@pytest.fixture
def reader(tmp_path, bin_directory):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost lab1\n")
    machine = Machine(hosts)
    yield Reader(machine, tmp_path, pathlib.Path(bin_directory).resolve())
    machine.stop()


def test_the_tutorial(reader):
    printed = {}
    for language, text in BLOCKS:
        if language == "yaml":
            (reader.folder / "access.yaml").write_text(text)
        elif "# denied" in text:
            (line,) = text.splitlines()
            wait_until(lambda: reader.run(line)[0] != 0, f"denied: {line}")
        else:
            code, printed[text] = reader.run(text)
            assert code == 0, f"{text}\n{printed[text]}"
            if text.endswith("&\n"):
                wait_until(lambda: reader.run("probegate-health --http 127.0.0.1:9464")[0] == 0, "the server is ready")
    # The commands had the effects that the page promises.
    everything = "".join(printed.values())
    for effect in ("certificate:alice", "20000000:", '"identity":"token:ci"', "alice: revoked"):
        assert effect in everything, everything


def test_the_tutorial_has_commands_and_rules():
    assert {language for language, _ in BLOCKS} == {"sh", "yaml"}
    assert sum("# denied" in text for _, text in BLOCKS) == 3
