"""Each counter is incremented by its event. A table lists the counters, the labels of the series, and the events.

The table is compared with the golden lists: a counter or histogram without a row fails the test. Each event happens to
a new stack, and the series of its rows must increase. NOT_FROM_OUTSIDE lists the label values that no event from
outside can cause, with the reason.
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
        ("probegate_sessions_opened_total", {}, events.client_attaches_and_leaves),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.client_attaches_and_leaves),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.session_of_unary_calls),
        ("probegate_sessions_ended_total", {"cause": "closed"}, events.stream_is_half_closed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.json_client_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.grpc_client_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.the_gateway_is_killed),
        ("probegate_sessions_ended_total", {"cause": "client_gone"}, events.client_leaves_while_waiting_for_the_lock),
        ("probegate_sessions_ended_total", {"cause": "idle"}, events.unary_session_becomes_idle),
        ("probegate_sessions_ended_total", {"cause": "kicked"}, events.session_is_kicked),
        ("probegate_sessions_ended_total", {"cause": "probe_gone"}, events.a_probe_is_unplugged),
        ("probegate_sessions_ended_total", {"cause": "server_stopped"}, events.server_is_told_to_stop),
        ("probegate_sessions_ended_total", {"cause": "denied"}, events.rules_no_longer_allow_a_session),
        ("probegate_sessions_ended_total", {"cause": "expired"}, events.a_token_expires),
        ("probegate_access_denials_total", {"cause": "denied"}, events.rules_no_longer_allow_a_session),
        ("probegate_access_denials_total", {"cause": "unauthenticated"}, events.a_wrong_token),
        ("probegate_locks_taken_total", {}, events.client_attaches_and_leaves),
        ("probegate_lock_held_seconds_total", {}, events.client_attaches_and_leaves),
        ("probegate_locks_broken_total", {}, events.lock_holder_is_idle),
        ("probegate_lock_held_seconds_total", {}, events.lock_holder_is_idle),
        ("probegate_commands_total", {"command": "read_dp", "outcome": "ok"}, events.client_attaches_and_leaves),
        ("probegate_commands_total", {"command": "get_state", "outcome": "ok"}, events.session_of_unary_calls),
        ("probegate_commands_total", {"command": "read_dp", "outcome": "not_open"}, events.commands_that_fail),
        ("probegate_commands_total", {"command": "write_dp", "outcome": "unsupported"}, events.commands_that_fail),
        ("probegate_commands_total", {"command": "unlock", "outcome": "invalid_argument"}, events.commands_that_fail),
        ("probegate_commands_total", {"command": "read_mem", "outcome": "not_found"}, events.commands_that_fail),
        ("probegate_commands_total", {"command": "connect", "outcome": "probe_error"}, events.commands_that_fail),
        ("probegate_commands_total", {"command": "read_ap", "outcome": "transfer_fault"}, events.bus_fault),
        ("probegate_commands_total", {"command": "read_ap", "outcome": "transfer_timeout"}, events.target_answers_wait),
        (
            "probegate_commands_total",
            {"command": "read_ap", "outcome": "transfer_error"},
            events.target_does_not_acknowledge,
        ),
        (
            "probegate_commands_total",
            {"command": "read_dp", "outcome": "probe_disconnected"},
            events.probe_stops_answering,
        ),
        (
            "probegate_commands_total",
            {"command": "read_dp", "outcome": "cancelled"},
            events.client_leaves_while_waiting_for_the_lock,
        ),
        (
            "probegate_commands_total",
            {"command": "read_dp", "outcome": "denied"},
            events.rules_no_longer_allow_a_session,
        ),
        ("probegate_command_failures_total", {}, events.bus_fault),
        ("probegate_command_wait_seconds_count", {}, events.client_attaches_and_leaves),
        ("probegate_command_wire_seconds_count", {}, events.client_attaches_and_leaves),
        ("probegate_packets_total", {}, events.client_attaches_and_leaves),
        ("probegate_transfers_total", {}, events.client_attaches_and_leaves),
        ("probegate_batch_commands_count", {}, events.client_attaches_and_leaves),
        ("probegate_probe_bytes_total", {"direction": "in"}, events.client_attaches_and_leaves),
        ("probegate_probe_bytes_total", {"direction": "out"}, events.client_attaches_and_leaves),
        ("probegate_waits_total", {}, events.target_answers_wait),
        ("probegate_faults_total", {}, events.bus_fault),
        ("probegate_no_acks_total", {}, events.target_does_not_acknowledge),
        ("probegate_retries_total", {}, events.reply_is_lost),
        (
            "probegate_commands_total",
            {"command": "swo_start", "outcome": "busy"},
            events.swo_with_conflicting_baud_rates,
        ),
        ("probegate_swo_bytes_total", {}, events.swo_with_conflicting_baud_rates),
        ("probegate_swo_dropped_bytes_total", {}, events.swo_data_is_not_read),
        ("probegate_swo_faults_total", {"cause": "overrun"}, events.swo_while_the_server_is_stopped),
        ("probegate_swo_faults_total", {"cause": "garbled"}, events.swo_at_the_wrong_baud_rate),
        ("probegate_swo_faults_total", {"cause": "no_answer"}, events.reply_with_swo_data_is_lost),
        ("probegate_probe_disconnects_total", {"cause": "link_closed"}, events.a_probe_is_unplugged),
        ("probegate_probe_disconnects_total", {"cause": "not_answering"}, events.probe_stops_answering),
        ("probegate_probe_disconnects_total", {"cause": "garbled"}, events.probe_sends_invalid_data),
        ("grpc_server_started_total", call("Stream", grpc_type="bidi_stream"), events.client_attaches_and_leaves),
        ("grpc_server_handled_total", call("Stream", grpc_code="OK"), events.stream_is_half_closed),
        ("grpc_server_handling_seconds_count", call("Stream"), events.client_attaches_and_leaves),
        ("grpc_server_handled_total", call("Stream", grpc_code="Canceled"), events.grpc_client_is_killed),
        ("grpc_server_handled_total", call("Stream", grpc_code="Canceled"), events.session_is_kicked),
        (
            "grpc_server_handled_total",
            call("Stream", grpc_code="Unavailable"),
            events.a_probe_of_a_grpc_client_is_unplugged,
        ),
        ("grpc_server_started_total", call("GetState", grpc_type="unary"), events.session_of_unary_calls),
        ("grpc_server_handled_total", call("CloseSession", grpc_code="OK"), events.session_of_unary_calls),
        ("grpc_server_handled_total", call("OpenSession", grpc_code="NotFound"), events.unknown_probe),
        ("grpc_server_handled_total", call("EndSession", DIRECTORY, grpc_code="OK"), events.session_is_kicked),
        (
            "grpc_server_handled_total",
            call("WatchProbes", DIRECTORY, grpc_code="Canceled"),
            events.the_gateway_is_killed,
        ),
        ("probegate_log_dropped_total", {}, events.the_log_cannot_be_written),
        (
            "probegate_quota_refusals_total",
            {"quota": "metrics_connections", "of": "client"},
            events.many_connections_for_metrics,
        ),
        ("process_cpu_seconds_total", {}, events.time_passes),
    ],
    "gateway": [
        ("probegate_gateway_server_reconnects_total", {}, events.server_is_killed_and_restarted),
        ("probegate_gateway_sessions_lost_total", {}, events.server_is_killed_and_restarted),
        ("probegate_gateway_sessions_lost_total", {}, events.session_is_kicked),
        ("probegate_gateway_sessions_lost_total", {}, events.a_probe_is_unplugged),
        ("probegate_gateway_connections_accepted_total", {}, events.client_attaches_and_leaves),
        ("probegate_gateway_connections_refused_total", {}, events.connection_limit_reached),
        ("probegate_quota_refusals_total", {"quota": "connections"}, events.connection_limit_reached),
        ("probegate_gateway_clients_ended_total", {"reason": "http"}, events.a_web_page_tries_a_port),
        ("probegate_gateway_requests_total", {"request": "read_dp", "status": "ok"}, events.client_attaches_and_leaves),
        ("probegate_gateway_requests_total", {"request": "unknown", "status": "general_error"}, events.invalid_lines),
        (
            "probegate_gateway_requests_total",
            {"request": "unlock", "status": "general_error"},
            events.commands_that_fail,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "write_dp", "status": "probe_error"},
            events.commands_that_fail,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "read_dp", "status": "probe_disconnected"},
            events.session_is_kicked,
        ),
        ("probegate_gateway_requests_total", {"request": "read_ap", "status": "transfer_fault"}, events.bus_fault),
        (
            "probegate_gateway_requests_total",
            {"request": "read_ap", "status": "transfer_timeout"},
            events.target_answers_wait,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "read_ap", "status": "transfer_error"},
            events.target_does_not_acknowledge,
        ),
        (
            "probegate_gateway_requests_total",
            {"request": "read_dp", "status": "unanswered"},
            events.client_leaves_while_waiting_for_the_lock,
        ),
        ("probegate_gateway_request_seconds_count", {}, events.client_attaches_and_leaves),
        ("probegate_gateway_line_bytes_total", {"direction": "in"}, events.client_attaches_and_leaves),
        ("probegate_gateway_line_bytes_total", {"direction": "out"}, events.client_attaches_and_leaves),
        ("probegate_gateway_bad_lines_total", {}, events.invalid_lines),
        ("probegate_gateway_bad_lines_total", {}, events.line_too_long),
        ("grpc_client_started_total", call("Stream", grpc_type="bidi_stream"), events.client_attaches_and_leaves),
        ("grpc_client_handling_seconds_count", call("Stream"), events.client_attaches_and_leaves),
        ("grpc_client_handled_total", call("Stream", grpc_code="Canceled"), events.session_is_kicked),
        ("grpc_client_handled_total", call("Stream", grpc_code="Unavailable"), events.server_is_killed_and_restarted),
        ("grpc_client_started_total", call("WatchProbes", DIRECTORY), events.server_is_killed_and_restarted),
        (
            "grpc_client_handled_total",
            call("WatchProbes", DIRECTORY, grpc_code="Unavailable"),
            events.server_is_killed_and_restarted,
        ),
        ("probegate_log_dropped_total", {}, events.the_log_cannot_be_written),
        (
            "probegate_quota_refusals_total",
            {"quota": "metrics_connections", "of": "client"},
            events.many_connections_for_metrics,
        ),
        ("process_cpu_seconds_total", {}, events.time_passes),
    ],
}

# Each value of these labels needs a row, except for those in NOT_FROM_OUTSIDE.
EACH_VALUE = ["cause", "outcome", "direction", "status"]
NOT_FROM_OUTSIDE = {
    "outcome=internal": "only a defect of the server causes it",
    "outcome=unauthenticated": "a session is refused before it has commands",
    "outcome=unavailable": "a session is refused before it has commands",
    "cause=link_error": "only a failure of the network or of the system causes it",
}


class Lab:
    """The stack, the clients and the tools that an event may use."""

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
def test_event_increments_its_counters(make_stack, api, raw, control, event):
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
            f"{name} {labels} is incremented by {event.__name__}",
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
