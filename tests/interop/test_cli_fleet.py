"""The `probegate` command with several servers: one list shows all of them, even if one does not answer."""

import contextlib
import json
import re
import signal
import subprocess

import pytest
from grpc_client import StreamSession
from namespaces import UNSHARE, with_hosts
from raw_client import RAM
from stack import BOUND, LOOPBACK, METRICS_FLAGS, SERVER_LISTENS, Program, Stack, free_port, wait_until
from terminal import Terminal
from test_cli import NOT_FOUND, OK, UNREACHABLE, USAGE


@pytest.fixture(scope="module", autouse=True)
def _namespaces():
    tried = subprocess.run([*UNSHARE, "--uts", "--mount", "true"], stderr=subprocess.PIPE, text=True, check=False)
    if tried.returncode != 0:
        print(f"skipped: cannot create namespaces: {tried.stderr}")
        pytest.skip(f"cannot create namespaces: {tried.stderr}")


class Fleet(Stack):
    """A simulator, and servers with one of its boards each. Each server has its own host name."""

    def __init__(self, programs, boards):
        super().__init__(programs, boards=boards, start_gateway=False)
        self.servers = {}

    def start_server(self):
        """Does nothing: tests call start() for each server."""

    def start(self, board, host, listen=f"{LOOPBACK}:0", sim_port=None):
        """Starts a server for this board, with this host name."""
        wrapped = [*UNSHARE, "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]
        server = Program(
            f"server-{host}",
            [
                *wrapped,
                self.programs.path("probegate-server"),
                "--listen",
                listen,
                "--no-usb",
                *METRICS_FLAGS,
                "--cmsis-dap-tcp",
                f"{LOOPBACK}:{(sim_port or self.sim_port) + board}",
            ],
            self.programs.directory,
        )
        self.programs.started.append(server)
        address = server.wait_for_line(SERVER_LISTENS.replace(r"127\.0\.0\.1", r"([0-9.]+)"))
        server.address = f"{address[1]}:{address[2]}"
        wait_until(
            lambda: self.list(server.address)[0]["status"]["state"] != "PROBE_STATE_AWAY",
            "the server has found its board",
        )
        self.servers[host] = server
        return server

    def run(self, *arguments, servers=None, code=OK):
        """Runs `probegate` with the addresses of all servers, or with `servers`. Returns its
        standard output and error."""
        servers = servers or [server.address for server in self.servers.values()]
        flags = [flag for address in servers for flag in ("--server", address)]
        result = self.programs.run("probegate", *flags, *arguments)
        assert result.returncode == code, result
        return result.stdout, result.stderr

    def list(self, *servers):
        output = self.run("list", "--json", servers=servers)[0]
        return json.loads(output)["probes"] or [{"status": {"state": "PROBE_STATE_AWAY"}}]


@pytest.fixture
def fleet(programs):
    """Two hosts with one board each."""
    fleet = Fleet(programs, boards=2)
    fleet.start(0, "lab1")
    fleet.start(1, "lab2")
    return fleet


@pytest.fixture
def session(api):
    """Opens sessions that are streams, and closes them after the test."""
    with contextlib.ExitStack() as opened:

        def open_session(server, probe):
            session = StreamSession(api, server.address, probe)
            opened.callback(session.close)
            return session

        yield open_session


def column(name, table):
    """The cells of this column: {first cell of the row: cell}."""
    header, *rows = (re.split("  +", line) for line in table.splitlines())
    return {row[0]: row[header.index(name)] for row in rows}


def test_list_shows_the_host_of_each_probe(fleet):
    output, said = fleet.run("list")
    assert said == ""
    assert column("HOST", output) == dict(zip(fleet.serials, ["lab1", "lab2"]))
    assert column("STATE", output) == dict.fromkeys(fleet.serials, "idle")
    probes = {
        probe["status"]["description"]["unique_id"]: probe
        for probe in json.loads(fleet.run("list", "--json")[0])["probes"]
    }
    for serial, (host, server) in zip(fleet.serials, fleet.servers.items()):
        assert (probes[serial]["host"], probes[serial]["server"]) == (host, server.address)


def test_hosts_with_the_same_name_are_shown_by_address(programs):
    fleet = Fleet(programs, boards=2)
    addresses = [fleet.start(board, "lab").address for board in (0, 1)]
    output = fleet.run("list", servers=addresses)[0]
    assert column("HOST", output) == dict(zip(fleet.serials, addresses))


def test_sessions_of_all_servers(fleet, session):
    for server, serial in zip(fleet.servers.values(), fleet.serials):
        session(server, serial)
    found = json.loads(fleet.run("sessions", "--json")[0])["sessions"]
    assert [(s["probe"], s["host"]) for s in found] == list(zip(fleet.serials, ["lab1", "lab2"]))
    assert [s["server"] for s in found] == [server.address for server in fleet.servers.values()]
    assert list(column("HOST", fleet.run("sessions")[0]).values()) == ["lab1", "lab2"]
    (only,) = json.loads(fleet.run("sessions", "--json", "-u", fleet.serials[1])[0])["sessions"]
    assert only["host"] == "lab2"


def test_top_of_all_servers(fleet):
    output = fleet.run("top", "--once", "--interval", "0.1")[0]
    assert column("HOST", output) == dict(zip(fleet.serials, ["lab1", "lab2"]))
    (probe,) = json.loads(fleet.run("top", "--once", "--json", "--interval", "0.1", "-u", fleet.serials[1])[0])[
        "probes"
    ]
    assert (probe["probe"], probe["host"]) == (fleet.serials[1], "lab2")
    assert probe["server"] == fleet.servers["lab2"].address


@pytest.mark.parametrize("command", [["list"], ["sessions"], ["top", "--once", "--interval", "0.1"]])
@pytest.mark.parametrize("end", ["killed", "hanging", "no such name"])
def test_server_that_does_not_answer_is_one_line_and_an_exit_code(fleet, command, end):
    lost = fleet.servers["lab1"].address
    if end == "killed":
        fleet.servers["lab1"].kill()
    if end == "hanging":
        fleet.servers["lab1"].signal(signal.SIGSTOP)
    servers = [lost, fleet.servers["lab2"].address]
    if end == "no such name":
        servers[0] = lost = "no-such-host.invalid:50051"
    try:
        output, said = fleet.run("--json", *command, servers=servers, code=UNREACHABLE)
    finally:
        if end == "hanging":
            fleet.servers["lab1"].signal(signal.SIGCONT)
    (line,) = said.splitlines()
    assert line.startswith("probegate: ") and lost.split(":")[0] in line
    if end != "no such name":
        assert lost in line
    (found,) = json.loads(output).values() if command[0] != "top" else (json.loads(output)["probes"],)
    assert [probe["host"] for probe in found] == ([] if command == ["sessions"] else ["lab2"])


def test_one_line_for_each_server_if_none_answers(fleet):
    addresses = [f"{LOOPBACK}:{free_port()}" for _ in range(2)]
    for command in (["list"], ["sessions"], ["kick", "5d1c"], ["read", hex(RAM)]):
        output, said = fleet.run(*command, servers=addresses, code=UNREACHABLE)
        assert output == ""
        assert [address in line for address, line in zip(addresses, said.splitlines(), strict=True)] == [True, True]


def test_memory_of_a_board_on_any_server(fleet):
    for number, serial in enumerate(fleet.serials):
        fleet.run("write", "-u", serial, hex(RAM), hex(0x11110000 + number))
    for number, (serial, server) in enumerate(zip(fleet.serials, fleet.servers.values())):
        for servers in (None, [server.address]):
            (value,) = json.loads(fleet.run("read", "--json", "-u", serial, hex(RAM), servers=servers)[0])["values"]
            assert value == 0x11110000 + number


def test_a_probe_must_be_named_if_there_are_several(fleet):
    said = fleet.run("read", hex(RAM), code=NOT_FOUND)[1]
    assert all(serial in said for serial in fleet.serials)
    said = fleet.run("read", "-u", "nobody", hex(RAM), code=NOT_FOUND)[1]
    assert all(serial in said for serial in fleet.serials)


def test_boards_of_other_servers_work_if_one_server_is_down(fleet):
    lab1 = fleet.servers["lab1"]
    lab1.kill()
    output, said = fleet.run("read", "-u", fleet.serials[1], hex(RAM))
    assert output and lab1.address in said
    # The probe may be on the server that does not answer.
    said = fleet.run("read", "-u", fleet.serials[0], hex(RAM), code=UNREACHABLE)[1]
    assert lab1.address in said and fleet.serials[0] in said


def test_partial_ids_are_refused_while_a_server_does_not_answer(fleet, session):
    """A partial ID could also match a probe or session of the server that does not answer."""
    session(fleet.servers["lab2"], fleet.serials[1])
    (name,) = (s["session"] for s in json.loads(fleet.run("sessions", "--json")[0])["sessions"])
    fleet.run("write", "-u", fleet.serials[1], hex(RAM), "0x11110001")
    fleet.servers["lab1"].kill()
    for command in (
        ["write", hex(RAM), "2"],
        ["write", "-u", fleet.serials[1][1:], hex(RAM), "2"],
        ["read", hex(RAM)],
        ["kick", name[:15]],
    ):
        output, said = fleet.run(*command, code=UNREACHABLE)
        assert output == "" and "a server is missing" in said
    (value,) = json.loads(fleet.run("read", "--json", "-u", fleet.serials[1], hex(RAM))[0])["values"]
    assert value == 0x11110001
    assert name in fleet.run("kick", name)[0]


def test_kick_finds_the_server(fleet, session):
    for server, serial in zip(fleet.servers.values(), fleet.serials):
        session(server, serial)
    first, second = (s["session"] for s in json.loads(fleet.run("sessions", "--json")[0])["sessions"])
    assert second in fleet.run("kick", second)[0]
    (left,) = json.loads(fleet.run("sessions", "--json")[0])["sessions"]
    assert left["session"] == first
    assert second in fleet.run("kick", second, code=NOT_FOUND)[1]
    fleet.run("kick", first[:6])
    assert json.loads(fleet.run("sessions", "--json")[0])["sessions"] == []


def test_same_probe_id_on_two_servers(fleet):
    """The ID is ambiguous, so commands fail; lists show both boards."""
    twin = Fleet(fleet.programs, boards=1)
    assert twin.serials == fleet.serials[:1]
    third = fleet.start(0, "lab3", sim_port=twin.sim_port)
    listed = json.loads(fleet.run("list", "--json")[0])["probes"]
    assert [probe["host"] for probe in listed if probe["status"]["description"]["unique_id"] == twin.serial] == [
        "lab1",
        "lab3",
    ]
    said = fleet.run("write", "-u", twin.serial, hex(RAM), "1", code=NOT_FOUND)[1]
    assert third.address in said and fleet.servers["lab1"].address in said
    fleet.run("write", "-u", twin.serial, hex(RAM), "1", servers=[third.address])
    # If only one of the servers still has the board, it is used there.
    fleet.sim.kill()
    wait_until(
        lambda: fleet.list(fleet.servers["lab1"].address)[0]["status"]["state"] == "PROBE_STATE_AWAY",
        "the board is away",
    )
    fleet.run("write", "-u", twin.serial, hex(RAM), "1")


def test_invalid_server_addresses(fleet):
    for bad in ("lab1", "lab1:0", f"{LOOPBACK}:1,{LOOPBACK}:2"):
        assert bad in fleet.run("list", servers=[bad], code=USAGE)[1]


def test_one_server_named_twice_is_one(fleet):
    address = fleet.servers["lab1"].address
    probes = fleet.list(address, address, address.replace(LOOPBACK, "localhost"))
    assert [probe["host"] for probe in probes] == ["lab1"]


class Names:
    """An /etc/hosts that only programs started with argv() see."""

    def __init__(self, path):
        self._path = path
        self.set({})

    def set(self, addresses_of):
        """Writes the file in place, because running programs have it mounted."""
        lines = [f"{address} {name}" for name, addresses in addresses_of.items() for address in addresses]
        self._path.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))

    def argv(self, *argv):
        return with_hosts(self._path, *argv)


@pytest.fixture
def names(tmp_path):
    return Names(tmp_path / "hosts")


@pytest.fixture
def pods(programs):
    """Two hosts whose servers listen on the same port, like the pods of a headless Service."""
    fleet = Fleet(programs, boards=2)
    port = free_port()
    fleet.start(0, "pod1", listen=f"127.0.0.11:{port}")
    fleet.start(1, "pod2", listen=f"127.0.0.12:{port}")
    fleet.name = f"probegate-servers.lab:{port}"
    return fleet


def test_a_name_with_several_addresses_is_several_servers(pods, names, bin_directory):
    names.set({"probegate-servers.lab": ["127.0.0.12", "127.0.0.11"]})
    listed = Program(
        "list",
        names.argv(bin_directory / "probegate", "--server", pods.name, "--json", "list"),
        pods.programs.directory,
    )
    assert listed.wait() == OK, listed.log()
    assert [probe["host"] for probe in json.loads(listed.log())["probes"]] == ["pod1", "pod2"]
    pods.servers["pod2"].kill()
    listed = Program(
        "again", names.argv(bin_directory / "probegate", "--server", pods.name, "list"), pods.programs.directory
    )
    assert listed.wait() == UNREACHABLE, listed.log()
    assert f"{pods.name} ({pods.servers['pod2'].address})" in listed.log()
    assert pods.serials[0] in listed.log()


def test_top_looks_names_up_again(pods, names, bin_directory):
    names.set({"probegate-servers.lab": ["127.0.0.11"]})
    program = Terminal(
        names.argv(bin_directory / "probegate", "--server", pods.name, "top", "--interval", "0.1"), columns=200
    )

    def shows(*serials):
        def look():
            page = (program.pages() or [""])[-2:][0]
            return page.endswith("\n") and [serial in page for serial in pods.serials] == [
                serial in serials for serial in pods.serials
            ]

        return look

    with contextlib.closing(program):
        wait_until(shows(pods.serials[0]), "only the first probe is shown")
        names.set({"probegate-servers.lab": ["127.0.0.11", "127.0.0.12"]})
        wait_until(shows(*pods.serials), "both probes are shown")
        names.set({"probegate-servers.lab": ["127.0.0.12"]})
        wait_until(shows(pods.serials[1]), "only the second probe is shown")
        program.type(b"\x03")
        assert program.process.wait(BOUND) == OK


def test_top_has_a_line_for_a_server_that_does_not_answer(fleet, bin_directory):
    lab1, lab2 = fleet.servers.values()
    program = Terminal(
        [bin_directory / "probegate", "--server", lab1.address, "--server", lab2.address, "top", "--interval", "0.1"],
        columns=200,
    )

    def pages(condition):
        return lambda: any(condition(page) for page in program.pages()[seen:-1])

    with contextlib.closing(program):
        seen = 0
        wait_until(
            pages(lambda page: all(s in page for s in fleet.serials) and "2 servers" in page), "both servers are shown"
        )
        seen = len(program.pages())
        lab1.signal(signal.SIGSTOP)
        late = f"the server at {lab1.address} does not answer; trying again"
        wait_until(
            pages(lambda page: late in page and fleet.serials[1] in page and fleet.serials[0] not in page),
            "the server that hangs is shown as such",
        )
        lab1.signal(signal.SIGCONT)
        seen = len(program.pages())
        wait_until(
            pages(lambda page: all(s in page for s in fleet.serials) and "again" not in page),
            "both servers are shown again",
        )
        lab1.kill()
        seen = len(program.pages())
        wait_until(
            pages(lambda page: lab1.address in page and "again" in page and fleet.serials[1] in page),
            "the server that was killed is shown as such",
        )
        program.type(b"\x03")
        assert program.process.wait(BOUND) == OK
