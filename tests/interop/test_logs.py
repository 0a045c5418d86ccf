"""The programs' logs: what a line contains, how lines of two programs are correlated, and what is never logged."""

import json
import re
import secrets

import grpc
import pytest
from grpc_client import StreamSession, UnarySession, channel
from raw_client import DPIDR, RAM
from stack import BOUND, wait_until

import docs

ROOT = docs.DOCS.parent
JSON, DEBUG = ["--log-format", "json"], ["-v"]
BAD_LINES = 5000


def lines(program, event=None):
    """Each line of a JSON log, or those of one event."""
    # The last line may be incomplete.
    whole = program.log().rpartition("\n")[0].splitlines()
    return [line for line in map(json.loads, whole) if event in (None, line["event"])]


def wait_for_line(program, event, **fields):
    """Waits for a line of this event with these fields; returns the first one."""

    def look():
        return next((line for line in lines(program, event) if fields.items() <= line.items()), None)

    return wait_until(look, f"{program.name} logs {event} {fields}")


def make_traceparent():
    trace = secrets.token_hex(16)
    return trace, f"00-{trace}-{secrets.token_hex(8)}-01"


@pytest.fixture
def debug_logging(make_stack):
    """A stack whose programs log everything, as JSON."""
    return make_stack(server_flags=JSON + DEBUG, gateway_flags=JSON + DEBUG)


@pytest.fixture
def default_logging(make_stack):
    """A stack whose programs log as much as they do by default, as JSON."""
    return make_stack(server_flags=JSON, gateway_flags=JSON)


def test_lines_of_a_session_are_correlated(debug_logging, raw):
    client = raw(debug_logging.port).attach()
    peer = "127.0.0.1:%d" % client.socket.getsockname()[1]
    client.write_word(RAM, 7)
    client.detach()
    client.close()
    session = wait_for_line(debug_logging.server, "session.opened", peer=peer)["session"]
    assert re.fullmatch("[0-9a-f]{16}", session)
    assert wait_for_line(debug_logging.gateway, "session.opened", client=peer)["session"] == session
    wait_for_line(debug_logging.server, "session.ended", session=session)
    assert wait_for_line(debug_logging.gateway, "client.disconnected", client=peer)["session"] == session

    # Each command in the server's log is a request in the gateway's log with the same number.
    requests = {line["request"]: line for line in lines(debug_logging.gateway, "request.done") if line["request"] > 0}
    commands = {line["request"]: line for line in lines(debug_logging.server, "command.done")}
    assert len(commands) > 10
    assert {number: line["command"] for number, line in commands.items()} == {
        number: line["command"] for number, line in requests.items()
    }
    assert {line["session"] for line in (*commands.values(), *requests.values())} == {session}
    assert {line["probe"] for line in (*commands.values(), *requests.values())} == {debug_logging.serial}


def test_trace_of_a_json_request(debug_logging, raw):
    client = raw(debug_logging.port).attach()
    trace, traceparent = make_traceparent()
    for traceparent_given in (traceparent, "00-" + "0" * 32 + "-0000000000000001-01", "nonsense", 7):
        client.send_bytes(
            json.dumps({"id": 1, "request": "read_dp", "arguments": [DPIDR], "traceparent": traceparent_given}).encode()
            + b"\n"
        )
        assert client.receive()["status"] == 0
    client.call("is_reset_asserted")
    wait_for_line(debug_logging.server, "command.done", command="is_reset_asserted")
    wait_for_line(debug_logging.gateway, "request.done", command="is_reset_asserted")
    for program, event in ((debug_logging.server, "command.done"), (debug_logging.gateway, "request.done")):
        (traced,) = [line for line in lines(program, event) if line.get("trace")]
        assert traced["trace"] == trace
        assert "read_dp" in traced.values()


def test_trace_of_a_request_that_opens_the_session(debug_logging, raw):
    trace, traceparent = make_traceparent()
    client = raw(debug_logging.port)
    client.send_bytes(json.dumps({"id": 1, "request": "open", "traceparent": traceparent}).encode() + b"\n")
    assert client.receive()["status"] == 0
    session = wait_for_line(debug_logging.server, "session.opened", trace=trace)["session"]
    wait_for_line(debug_logging.server, "command.done", command="open", session=session, trace=trace)


def test_trace_of_a_unary_call(debug_logging, api):
    (open_trace, opening), (trace, traceparent) = make_traceparent(), make_traceparent()
    with channel(debug_logging.server_address) as connection:
        stub = api.DebugProbeStub(connection)

        def call(method, request, given):
            return method(request, timeout=BOUND, metadata=[("traceparent", given)])

        secret = call(stub.OpenSession, api.OpenSessionRequest(probe=debug_logging.serial), opening).session_id
        call(stub.GetState, api.GetStateRequest(session_id=secret), traceparent)
        call(stub.HasSwo, api.HasSwoRequest(session_id=secret), "nonsense")
    session = secret[:16]
    assert wait_for_line(debug_logging.server, "session.opened", session=session)["trace"] == open_trace
    assert wait_for_line(debug_logging.server, "command.done", command="get_state", session=session)["trace"] == trace
    assert not wait_for_line(debug_logging.server, "command.done", command="has_swo", session=session).get("trace")


def test_full_session_ids_are_never_logged(debug_logging, api, raw):
    """Anyone who knows a full ID can use the session. Every field of every line is checked, except for trace IDs."""
    sessions = [sort(api, debug_logging.server_address, debug_logging.serial) for sort in (UnarySession, StreamSession)]
    secret = [sessions[0].id, sessions[1].opened.session_id]
    assert all(re.fullmatch("[0-9a-f]{32,}", one) for one in secret)
    for session in sessions:
        session.command("GetState")
    with channel(debug_logging.server_address) as connection:
        directory = api.ProbeDirectoryStub(connection)
        listed = directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions
        assert {s.session for s in listed} == {one[:16] for one in secret}
        # EndSession accepts the full ID, but must not log it.
        directory.EndSession(api.EndSessionRequest(session=secret[0], reason="looked at"), timeout=BOUND)
        with pytest.raises(grpc.RpcError) as error:
            api.DebugProbeStub(connection).GetState(api.GetStateRequest(session_id=secret[0]), timeout=BOUND)
        assert secret[0][:17] not in error.value.details()
    raw(debug_logging.port).attach().close()
    for session in sessions:
        session.close()
    wait_until(lambda: len(lines(debug_logging.server, "session.ended")) == 3, "all sessions have ended")
    for program in (debug_logging.server, debug_logging.gateway):
        assert not [one for one in secret if one[:17] in program.log()]
        for line in lines(program):
            for field, value in line.items():
                if field != "trace" and isinstance(value, str):
                    assert not re.search("[0-9a-f]{17}", value), line


def test_a_flood_of_bad_lines_is_a_few_warnings(default_logging, raw):
    client = raw(default_logging.port)
    client.call("hello", 1)
    for _ in range(BAD_LINES // 500):
        client.send_bytes(b"nonsense\n" * 500)
        for _ in range(500):
            assert client.receive()["id"] == -1
    peer = "127.0.0.1:%d" % client.socket.getsockname()[1]
    client.close()
    wait_for_line(default_logging.gateway, "client.disconnected", client=peer)
    warnings = lines(default_logging.gateway, "client.bad_lines")
    assert sum(warning["count"] for warning in warnings) == BAD_LINES
    assert len(warnings) < BAD_LINES / 100
    assert {(warning["level"], warning["client"]) for warning in warnings} == {("warning", peer)}
    assert not any("nonsense" in line for line in default_logging.gateway.log().splitlines())


def test_commands_are_logged_only_at_debug_level(default_logging, raw):
    client = raw(default_logging.port).attach()
    programs = (default_logging.server, default_logging.gateway)
    before = [len(lines(program)) for program in programs]
    for value in range(200):
        client.write_word(RAM, value)
        assert client.read_word(RAM) == value
    client.status("read_ap", "nonsense")
    client.status("read_dp", 99)
    assert [len(lines(program)) for program in programs] == before
    assert {line["level"] for program in programs for line in lines(program)} <= {"info", "warning"}


def test_client_text_cannot_break_text_lines(make_stack, raw):
    """Text from a client cannot break out of its line or its field."""
    stack = make_stack()
    client = raw(stack.port)
    client.send_bytes(b'{"id": 1, "request": "\\u001b[31m\\nERROR"}\n')
    assert client.receive()["status"] == 1
    client.close()
    stack.gateway.wait_for_line("client.disconnected")
    for line in stack.gateway.log().splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) +\S", line), line
        assert "\x1b" not in line


def documented_events(heading):
    """The events in the table of docs/logs.md below this heading."""
    page = (docs.DOCS / "logs.md").read_text()
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return docs.events_of_table(section)


def logged_events(folder):
    """The events that the C++ code in this folder logs."""
    return docs.events_of("".join(path.read_text() for path in (ROOT / folder).rglob("*.cc")))


@pytest.mark.parametrize(
    "program,home", [("server", "server"), ("gateway", "gateway"), ("debugd", "debug"), ("broker", "broker")]
)
def test_documentation_has_each_event(program, home):
    """The documentation lists each event with its level and its fields, in the order in which they are logged."""
    documented = documented_events(f"Events of probegate-{program}")
    assert len(documented) > 8
    assert documented == logged_events(home)


def test_documentation_has_each_event_of_programs_with_an_access_file():
    assert documented_events("Events of probegate-server and probegate-debugd") == logged_events("access")


def test_documentation_has_each_event_of_all_programs():
    # The log itself writes this one, not a call to it.
    dropped = ("log.dropped", "warning", ("lines",))
    assert documented_events("Events of all programs") == sorted([*logged_events("telemetry"), dropped])
