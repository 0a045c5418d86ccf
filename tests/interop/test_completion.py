"""Completion of `probegate`: what the program offers, and that the real shells show it."""

import re
import shlex
import shutil
import subprocess

import pytest
from stack import BOUND, wait_until
from terminal import Terminal

OK, FAILED, USAGE = range(3)


@pytest.fixture
def complete(programs):
    """What is offered after these words: the kind, and the words."""

    def ask(*words):
        result = programs.run("probegate", "complete", "--", *words)
        assert result.returncode == OK, result
        kind, *lines = result.stdout.splitlines()
        return kind, [line.split("\t")[0] for line in lines]

    return ask


def test_commands(complete):
    kind, words = complete("")
    assert kind == "words" and {"list", "connect", "exec", "token", "completion"} <= set(words)
    assert "complete" not in words
    assert complete("re") == ("words", ["read"])
    assert complete("token", "") == ("words", ["new"])
    assert complete("--server", "list", "wh") == ("words", ["whoami"])
    assert complete("completion", "") == ("words", ["bash", "zsh", "fish"])


def test_options(complete):
    assert complete("list", "--la") == ("words", ["--label", "--labels"])
    assert "--tls-ca" in complete("list", "--tls")[1]
    assert complete("token", "new", "x", "--ex") == ("words", ["--expires"])


def test_values(complete):
    assert complete("read", "--width", "") == ("words", ["8", "16", "32"])
    assert complete("read", "--width=") == ("words", ["--width=8", "--width=16", "--width=32"])
    assert complete("read", "--width", "=", "3") == ("words", ["32"])
    assert complete("--tls-ca", "") == ("files", [])
    assert complete("exec", "--", "") == ("command", [])
    assert complete("kick", "--", "") == ("words", [])


def test_every_command_and_option_in_help_is_offered(programs, complete):
    for command in complete("")[1]:
        text = programs.run("probegate", command, "--help").stdout
        offered = complete(command, "--")[1]
        named = {word.rstrip(",") for word in text.split() if word.startswith("--") and len(word.rstrip(",")) > 2}
        options = {
            word for line in text.splitlines() if line.startswith("  -") for word in named & set(line.split()[:4])
        }
        assert options <= set(offered), (command, options - set(offered))


def test_unknown_shells(programs):
    result = programs.run("probegate", "completion", "tcsh")
    assert result.returncode == USAGE and "tcsh" in result.stderr, result


SETUPS = {
    "bash": (["--norc", "--noprofile", "-i"], "source <(probegate completion bash)"),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -u -D; source <(probegate completion zsh)"),
}
TYPED = [
    ("probegate whoa", "probegate whoami"),
    ("probegate token new x --exp", "--expires"),
    ("probegate --tls-ca some-", "some-file.pem"),
    ("probegate exec -- unlikely-c", "unlikely-command"),
    ("probegate exec -- cat some-", "some-file.pem"),
]


@pytest.fixture
def folder(tmp_path, bin_directory):
    (tmp_path / "some-file.pem").write_text("")
    command = tmp_path / "bin" / "unlikely-command"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    (tmp_path / "bin" / "probegate").symlink_to(bin_directory / "probegate")
    return tmp_path


@pytest.mark.parametrize("shell", SETUPS)
@pytest.mark.parametrize("typed,completed", TYPED)
def test_shells(shell, typed, completed, folder):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (tools/packages.txt)")
    flags, setup = SETUPS[shell]
    terminal = Terminal([shell, *flags], columns=200)

    def enter(line, mark):
        # The shell repeats what is typed, so the mark is written in two parts.
        terminal.type(f"{line}; echo {mark[:2]}''{mark[2:]}\n".encode())
        wait_until(lambda: mark.encode() in terminal.output, f"{shell} runs {line}")

    try:
        enter(f"cd {shlex.quote(str(folder))}; PATH={shlex.quote(str(folder / 'bin'))}:$PATH; PS1='> '", "READY1")
        enter(setup, "READY2")
        before = len(terminal.output)
        terminal.type(typed.encode() + b"\t")
        wait_until(lambda: completed in text(terminal.output[before:]), f"{shell} completes {typed}")
    finally:
        terminal.close()


def text(output):
    """What a line editor has written, without control sequences, bells, and what it took back."""
    shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\x1b[=>]|\a", "", output.decode(errors="replace"))
    while "\x08" in shown:
        shown = re.sub(r"[^\x08]?\x08", "", shown, count=1)
    return shown


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed (tools/packages.txt)")
@pytest.mark.parametrize("typed,completed", [(typed, completed.split()[-1]) for typed, completed in TYPED])
def test_fish(typed, completed, folder):
    script = (
        f"cd {folder}; set -p PATH {folder}/bin; probegate completion fish | source; complete -C {shlex.quote(typed)}"
    )
    result = subprocess.run(
        ["fish", "--no-config", "-c", script], capture_output=True, text=True, timeout=BOUND, check=True
    )
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [completed], result
