"""Each counter moves by its event: a table of the counters, the labels of the series that move, and what makes them.

The golden lists are walked: a counter or histogram without a row fails. Each event happens to a stack of its own, and
its rows must be higher than before. What no outsider can make happen at will is named, with the reason.
"""

import json

import events
import pytest
from events import RUNS
from metrics import golden, scrape, wait_for

PROBE, DIRECTORY = "probegate.v1.DebugProbe", "probegate.v1.ProbeDirectory"


def call(method, service=PROBE, **labels):
    return {"grpc_service": service, "grpc_method": method, **labels}


TABLE = {
    "server": [
        ("probegate_sessions_opened_total", {}, events.a_client_comes_and_goes),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.a_client_comes_and_goes),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.a_session_of_unary_calls),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.a_stream_is_half_closed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.a_json_client_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.a_grpc_client_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.the_gateway_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.a_client_is_gone_while_it_waits),
        ("probegate_sessions_ended_total", {"cause": "idle"}, events.a_unary_session_falls_silent),
        ("probegate_sessions_ended_total", {"cause": "kicked"}, events.a_session_is_kicked),
        ("probegate_sessions_ended_total", {"cause": "probe_gone"}, events.a_probe_is_unplugged),
        ("probegate_sessions_ended_total", {"cause": "server_stopped"}, events.the_server_is_asked_to_end),
        ("probegate_locks_taken_total", {}, events.a_client_comes_and_goes),
        ("probegate_lock_held_seconds_total", {}, events.a_client_comes_and_goes),
        ("probegate_locks_broken_total", {}, events.a_silent_holder),
        ("probegate_lock_held_seconds_total", {}, events.a_silent_holder),
        ("probegate_commands_total", {"command": "read_dp", "outcome": "ok"}, events.a_client_comes_and_goes),
        ("probegate_commands_total", {"command": "get_state", "outcome": "ok"}, events.a_session_of_unary_calls),
        ("probegate_commands_total", {"command": "read_dp", "outcome": "not_open"}, events.wrong_orders),
        ("probegate_commands_total", {"command": "write_dp", "outcome": "unsupported"}, events.wrong_orders),
        ("probegate_commands_total", {"command": "unlock", "outcome": "invalid_argument"}, events.wrong_orders),
        ("probegate_commands_total", {"command": "read_mem", "outcome": "not_found"}, events.wrong_orders),
        ("probegate_commands_total", {"command": "connect", "outcome": "probe_error"}, events.wrong_orders),
        ("probegate_commands_total", {"command": "read_ap", "outcome": "transfer_fault"}, events.a_bus_fault),
        ("probegate_commands_total", {"command": "read_ap", "outcome": "transfer_timeout"}, events.a_target_that_waits),
        (
            "probegate_commands_total",
            {"command": "read_ap", "outcome": "transfer_error"},
            events.a_target_that_is_silent,
        ),
        (
            "probegate_commands_total",
            {"command": "read_dp", "outcome": "probe_disconnected"},
            events.a_probe_falls_silent,
        ),
        (
            "probegate_commands_total",
            {"command": "read_dp", "outcome": "cancelled"},
            events.a_client_is_gone_while_it_waits,
        ),
        ("probegate_command_failures_total", {}, events.a_bus_fault),
        ("probegate_command_wait_seconds_count", {}, events.a_client_comes_and_goes),
        ("probegate_command_wire_seconds_count", {}, events.a_client_comes_and_goes),
        ("probegate_packets_total", {}, events.a_client_comes_and_goes),
        ("probegate_transfers_total", {}, events.a_client_comes_and_goes),
        ("probegate_batch_commands_count", {}, events.a_client_comes_and_goes),
        ("probegate_probe_bytes_total", {"direction": "in"}, events.a_client_comes_and_goes),
        ("probegate_probe_bytes_total", {"direction": "out"}, events.a_client_comes_and_goes),
        ("probegate_waits_total", {}, events.a_target_that_waits),
        ("probegate_faults_total", {}, events.a_bus_fault),
        ("probegate_no_acks_total", {}, events.a_target_that_is_silent),
        ("probegate_retries_total", {}, events.a_reply_is_lost),
        ("probegate_commands_total", {"command": "swo_start", "outcome": "busy"}, events.swo_at_two_rates),
        ("probegate_swo_bytes_total", {}, events.swo_at_two_rates),
        ("probegate_swo_dropped_bytes_total", {}, events.swo_that_nobody_reads),
        ("probegate_swo_faults_total", {"cause": "overrun"}, events.swo_while_the_server_stands_still),
        ("probegate_swo_faults_total", {"cause": "garbled"}, events.swo_at_the_wrong_rate),
        ("probegate_swo_faults_total", {"cause": "no_answer"}, events.an_answer_with_swo_is_lost),
        ("probegate_probe_disconnects_total", {"cause": "link_closed"}, events.a_probe_is_unplugged),
        ("probegate_probe_disconnects_total", {"cause": "not_answering"}, events.a_probe_falls_silent),
        ("probegate_probe_disconnects_total", {"cause": "garbled"}, events.a_probe_talks_nonsense),
        ("grpc_server_started_total", call("Stream", grpc_type="bidi_stream"), events.a_client_comes_and_goes),
        ("grpc_server_handled_total", call("Stream", grpc_code="OK"), events.a_stream_is_half_closed),
        ("grpc_server_handling_seconds_count", call("Stream"), events.a_client_comes_and_goes),
        ("grpc_server_handled_total", call("Stream", grpc_code="Canceled"), events.a_grpc_client_is_killed),
        ("grpc_server_handled_total", call("Stream", grpc_code="Canceled"), events.a_session_is_kicked),
        ("grpc_server_handled_total", call("Stream", grpc_code="Unavailable"), events.a_probe_is_unplugged),
        ("grpc_server_started_total", call("GetState", grpc_type="unary"), events.a_session_of_unary_calls),
        ("grpc_server_handled_total", call("CloseSession", grpc_code="OK"), events.a_session_of_unary_calls),
        ("grpc_server_handled_total", call("OpenSession", grpc_code="NotFound"), events.an_unknown_probe),
        ("grpc_server_handled_total", call("EndSession", DIRECTORY, grpc_code="OK"), events.a_session_is_kicked),
        (
            "grpc_server_handled_total",
            call("WatchProbes", DIRECTORY, grpc_code="Canceled"),
            events.the_gateway_is_killed,
        ),
        ("process_cpu_seconds_total", {}, events.time_passes),
    ],
    "gateway": [
        ("probegate_gateway_server_reconnects_total", {}, events.the_server_is_killed_and_back),
        ("probegate_gateway_sessions_lost_total", {}, events.the_server_is_killed_and_back),
        ("probegate_gateway_sessions_lost_total", {}, events.a_session_is_kicked),
        ("probegate_gateway_sessions_lost_total", {}, events.a_probe_is_unplugged),
        ("probegate_gateway_connections_accepted_total", {}, events.a_client_comes_and_goes),
        ("probegate_gateway_connections_refused_total", {}, events.one_client_too_many),
        ("probegate_gateway_requests_total", {"request": "read_dp", "status": "ok"}, events.a_client_comes_and_goes),
        ("probegate_gateway_requests_total", {"request": "unknown", "status": "general_error"}, events.nonsense),
        ("probegate_gateway_requests_total", {"request": "unlock", "status": "general_error"}, events.wrong_orders),
        ("probegate_gateway_requests_total", {"request": "write_dp", "status": "probe_error"}, events.wrong_orders),
        (
            "probegate_gateway_requests_total",
            {"request": "read_dp", "status": "probe_disconnected"},
            events.a_session_is_kicked,
        ),
        ("probegate_gateway_requests_total", {"request": "read_ap", "status": "transfer_fault"}, events.a_bus_fault),
        (
            "probegate_gateway_requests_total",
            {"request": "read_ap", "status": "transfer_timeout"},
            events.a_target_that_waits,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "read_ap", "status": "transfer_error"},
            events.a_target_that_is_silent,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "read_dp", "status": "unanswered"},
            events.a_client_is_gone_while_it_waits,
        ),
        ("probegate_gateway_request_seconds_count", {}, events.a_client_comes_and_goes),
        ("probegate_gateway_line_bytes_total", {"direction": "in"}, events.a_client_comes_and_goes),
        ("probegate_gateway_line_bytes_total", {"direction": "out"}, events.a_client_comes_and_goes),
        ("probegate_gateway_bad_lines_total", {}, events.nonsense),
        ("probegate_gateway_bad_lines_total", {}, events.a_line_too_long),
        ("grpc_client_started_total", call("Stream", grpc_type="bidi_stream"), events.a_client_comes_and_goes),
        ("grpc_client_handling_seconds_count", call("Stream"), events.a_client_comes_and_goes),
        ("grpc_client_handled_total", call("Stream", grpc_code="Canceled"), events.a_session_is_kicked),
        ("grpc_client_handled_total", call("Stream", grpc_code="Unavailable"), events.the_server_is_killed_and_back),
        ("grpc_client_started_total", call("WatchProbes", DIRECTORY), events.the_server_is_killed_and_back),
        (
            "grpc_client_handled_total",
            call("WatchProbes", DIRECTORY, grpc_code="Unavailable"),
            events.the_server_is_killed_and_back,
        ),
        ("process_cpu_seconds_total", {}, events.time_passes),
    ],
}

# Values of these labels have a row each, but for those that nobody can bring about from outside.
EACH_VALUE = ["cause", "outcome", "direction", "status"]
NOT_FROM_OUTSIDE = {
    "outcome=internal": "a defect of the server's",
    "cause=link_error": "a failure of the network, or of the system",
}


class Lab:
    """What an event may use."""

    def __init__(self, stack, api, raw, control):
        self.stack = stack
        self.api = api
        self._raw = raw
        self._control = control
        self._sessions = []

    @property
    def sim(self):
        return self._control(self.stack)

    def client(self):
        return self._raw(self.stack.port)

    def session(self, sort, **options):
        self._sessions.append(sort(self.api, self.stack.server_address, self.stack.serial, **options))
        return self._sessions[-1]

    def cli(self, *arguments):
        result = self.stack.programs.run("probegate", "--server", self.stack.server_address, *arguments)
        assert result.returncode == 0, result
        return result.stdout

    def sessions(self):
        return json.loads(self.cli("sessions", "--json"))["sessions"]

    def url(self, program):
        return getattr(self.stack, program).metrics_url()

    def wait_for(self, program, gauge, value):
        wait_for(self.url(program), lambda shown: shown.value(gauge) == value, f"{gauge} is {value}")

    def close(self):
        for session in self._sessions:
            session.close()


def rows_of(event):
    return [
        (program, name, labels)
        for program, rows in TABLE.items()
        for name, labels, its_event in rows
        if its_event is event
    ]


EVENTS = list(dict.fromkeys(event for rows in TABLE.values() for _, _, event in rows))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_event_moves_its_counters(make_stack, api, raw, control, event):
    stack = make_stack(**RUNS.get(event, {}))
    lab = Lab(stack, api, raw, control)
    rows = rows_of(event)
    before = {program: scrape(lab.url(program)) for program in TABLE}
    urls = {program: lab.url(program) for program in TABLE}
    assert all(before[program].value(name, **labels) is not None for program, name, labels in rows)
    afterwards = event(lab)
    for program, name, labels in rows:
        first = before[program].value(name, **labels)
        wait_for(
            urls[program],
            lambda shown: shown.value(name, **labels) > first,
            f"{name} {labels} moves by {event.__name__}",
        )
    if afterwards:
        afterwards()
    lab.close()


@pytest.mark.parametrize("program", TABLE)
def test_each_counter_has_an_event(program):
    named = {name for name, _, _ in TABLE[program]}
    assert [row.counts for row in golden(program) if row.counts and row.counts not in named] == []
    assert named <= {row.counts for row in golden(program)}


@pytest.mark.parametrize("program", TABLE)
def test_each_value_has_an_event(program):
    missing = []
    for row in golden(program):
        for listed in row.values if row.counts else ():
            label, values = listed.split("=")
            moved = {labels.get(label) for name, labels, _ in TABLE[program] if name == row.counts}
            if label in EACH_VALUE:
                missing += [
                    f"{row.name} {label}={value}"
                    for value in values.split("|")
                    if value not in moved and f"{label}={value}" not in NOT_FROM_OUTSIDE
                ]
    assert missing == []
