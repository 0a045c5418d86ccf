"""The documentation names only flags that exist, and it names every method of the API."""

import pathlib

import pytest

import docs

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


COMMANDS = (
    "list", "sessions", "top", "whoami", "kick", "read", "write", "debug", "connect", "exec", "token new", "completion"
)  # fmt: skip


@pytest.fixture
def helps(programs):
    texts = {program: programs.run(program, "--help").stdout for program in docs.PROGRAMS}
    for command in COMMANDS:
        texts["probegate"] += programs.run("probegate", *command.split(), "--help").stdout
    return texts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_flags_exist(page, helps):
    assert not list(docs.unknown_flags(page.read_text(), helps))


@pytest.mark.parametrize(
    "proto,page",
    [
        ("probegate/v1/debug_probe", "grpc_api"),
        ("probegate/v1/probe_directory", "grpc_api"),
        ("probegate/v1/debug_files", "debugging"),
        ("probegate/broker/v1/leases", "leases"),
        ("probegate/broker/v1/registration", "leases"),
        ("cc/arduino/cli/debug/debug", "debugging"),
        ("cc/arduino/cli/debug/v1/debug", "debugging"),
        ("cc/arduino/cli/commands/v1/debug", "debugging"),
    ],
)
def test_the_api_page_names_every_method(proto, page):
    text = (ROOT / "proto" / f"{proto}.proto").read_text()
    assert docs.methods_of(text)
    assert not docs.unnamed_methods((ROOT / "docs" / f"{page}.md").read_text(), text)


HELPS = {
    "probegate-broker": "--store X",
    "probegate-debugd": "--listen X",
    "probegate-launch": "--work",
    "probegate-sim": "--boards N",
    "probegate-server": "--listen X",
    "probegate-gateway": "--port",
    "probegate": "--json",
}

CASES = [
    ("lab$  probegate-server --listen 1:2", None),
    ("probegate-server --boards 4", "probegate-server has no --boards"),
    ("| `--boards N` | how many |", None),
    ("wait for `--lock-idel` seconds", "no program has --lock-idel"),
    ("pyocd gdbserver --uid remote:lab", None),
    ("probegate --json exec -- pyocd list --targets", None),
    ("`./dev test --full`", None),
]


@pytest.mark.parametrize("text,complaint", CASES)
def test_unknown_flags(text, complaint):
    found = list(docs.unknown_flags(text, HELPS))
    assert (complaint in found) if complaint else not found


def test_an_unnamed_method_is_found():
    assert docs.unnamed_methods("`Open`", "  rpc Open(A) returns (B);\n  rpc Close(A) returns (B);\n") == ["Close"]
