"""Each counter of probegate-debugd is incremented by its event, and each gauge shows the current state; see
test_metrics_move.py for the other programs."""

import datetime
import hashlib
import os
import signal

import grpc
import pytest
from debug_client import Debugd, DebugSession, firmware, tools_of
from events import connect_too_often, fill_disk
from grpc_client import channel
from metrics import golden, scrape, wait_for
from stack import BOUND, wait_until

ALLOWING = 'rules: [{who: {local: "*"}, may: [debug]}]'
VIEWING = 'rules: [{who: {local: "*"}, may: [view]}]'
STAGES = ("gateway", "gdbserver", "gdb")
DEBUG = "cc.arduino.cli.debug.Debug"


class Lab:
    """What an event may use: a board, its server, and a debugd with the flags for this event."""

    def __init__(self, stack, api, control, flags, directory):
        self.stack = stack
        self.api = api
        self.control = control
        recipes = directory / "recipes.yaml"
        recipes.write_text("recipes: [{name: broken, boards: [broken], server: [/bin/false]}]\n")
        self.access = directory / "access.yaml"
        self.access.write_text(ALLOWING)
        self.tokens = directory / "tokens"
        self.tokens.touch()
        named = {
            "broken recipe": ["--recipes", recipes],
            "rules": ["--access", self.access],
            "short tokens": ["--tokens", self.tokens, "--token-grace", "0"],
        }
        self.debugd = Debugd(stack, *(word for flag in flags for word in named.get(flag, [flag])))
        self.url = self.debugd.program.metrics_url()
        self._sessions = []

    def open(self, **config):
        self._sessions.append(DebugSession(self.api, self.debugd, **config))
        return self._sessions[-1]

    def opened(self):
        session = self.open()
        session.wait_for(r"\(gdb\) ")
        return session

    def running(self):
        session = self.opened()
        session.write("continue\n")
        session.wait_for("Continuing")
        return session

    def kill(self, stage):
        os.kill(tools_of(self.debugd.program.pid)[stage], signal.SIGKILL)

    def close(self):
        for session in self._sessions:
            session.close()


def the_log_cannot_be_written(lab):
    fill_disk(lab.debugd.program.pid)
    invalid_config(lab)


def many_connections_for_metrics(lab):
    connect_too_often(lab.url)


def gdb_quits(lab):
    session = lab.opened()
    session.write("quit\n")
    session.wait_end()


def gdb_is_killed(lab):
    session = lab.opened()
    lab.kill("gdb")
    session.wait_end()


def the_gateway_is_killed(lab):
    session = lab.opened()
    lab.kill("gateway")
    session.wait_end()


def the_gdb_server_cannot_start(lab):
    lab.open(fqbn="broken").wait_end()


def the_client_leaves(lab):
    lab.opened().stream.cancel()


def client_half_closes_while_gdb_runs(lab):
    session = lab.running()
    session.half_close()
    session.wait_end()


def invalid_config(lab):
    lab.open(fqbn="x").wait_end()


def second_config(lab):
    session = lab.opened()
    session.send(debugReq=lab.api.DebugConfigReq(port="x"))
    session.wait_end()


def too_much_input(lab):
    session = lab.running()
    for _ in range(8):
        session.send(data=b"x" * (1 << 20))
    session.wait_end()


def session_limit_reached(lab):
    lab.opened()
    lab.open().wait_end()


def a_probe_is_unplugged(lab):
    session = lab.running()
    lab.control(lab.stack).unplug(0)
    session.wait_end()


def session_takes_too_long(lab):
    lab.running().wait_end()


def session_is_idle(lab):
    lab.open().wait_end()


def an_upload(lab):
    with channel(lab.debugd.address) as connection:
        elf = firmware().read_bytes()
        lab.api.DebugFilesStub(connection).UploadElf(iter([lab.api.UploadElfRequest(data=elf)]), timeout=BOUND)


def rules_no_longer_allow_a_session(lab):
    session = lab.opened()
    lab.access.write_text(VIEWING)
    session.wait_end()
    assert session.code == grpc.StatusCode.PERMISSION_DENIED
    lab.open().wait_end()


def a_wrong_token(lab):
    session = lab.open(metadata=[("authorization", "Bearer nonsense")])
    session.wait_end()
    assert session.code == grpc.StatusCode.UNAUTHENTICATED


def a_token_expires(lab):
    expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=8)
    digest = hashlib.sha256(b"secret").hexdigest()
    lab.tokens.write_text(f"short {digest} {expiry.strftime('%Y-%m-%dT%H:%M:%SZ')}\n")
    metadata = [("authorization", "Bearer secret")]

    def expired():
        session = lab.open(metadata=metadata)
        return "the token of token:short expired at" in session.wait_end()

    wait_until(expired, "debugd knows the token, and ends the session", BOUND)


def time_passes(_lab):
    sum(range(100_000))


FLAGS = {
    too_much_input: ["--max-input", 1 << 20],
    session_limit_reached: ["--max-sessions", 1],
    session_takes_too_long: ["--max-time", 10],
    session_is_idle: ["--idle", 1],
    the_gdb_server_cannot_start: ["broken recipe"],
    rules_no_longer_allow_a_session: ["rules"],
    a_wrong_token: ["rules"],
    a_token_expires: ["short tokens"],
}


def ended(cause, event):
    return ("probegate_debug_sessions_ended_total", {"cause": cause}, event)


TABLE = [
    ("probegate_debug_sessions_started_total", {}, gdb_quits),
    ended("gdb_exited", gdb_quits),
    ended("gdb_killed", gdb_is_killed),
    ended("stage_failed", the_gateway_is_killed),
    ended("client_gone", the_client_leaves),
    ended("half_closed", client_half_closes_while_gdb_runs),
    ended("bad_config", invalid_config),
    ended("bad_message", second_config),
    ended("input_limit", too_much_input),
    ended("refused", session_limit_reached),
    ("probegate_quota_refusals_total", {"quota": "sessions", "of": "all"}, session_limit_reached),
    ended("probe_lost", a_probe_is_unplugged),
    ended("too_long", session_takes_too_long),
    ended("idle", session_is_idle),
    ended("denied", rules_no_longer_allow_a_session),
    ended("expired", a_token_expires),
    ("probegate_access_denials_total", {"cause": "denied"}, rules_no_longer_allow_a_session),
    ("probegate_access_denials_total", {"cause": "unauthenticated"}, a_wrong_token),
    *(("probegate_debug_stage_starts_total", {"stage": stage}, gdb_quits) for stage in STAGES),
    *(("probegate_debug_stage_seconds_count", {"stage": stage}, gdb_quits) for stage in STAGES),
    ("probegate_debug_stage_failures_total", {"stage": "gateway"}, the_gateway_is_killed),
    ("probegate_debug_stage_failures_total", {"stage": "gdbserver"}, the_gdb_server_cannot_start),
    ("probegate_debug_bytes_total", {"direction": "in"}, gdb_quits),
    ("probegate_debug_bytes_total", {"direction": "out"}, gdb_quits),
    ("probegate_debug_upload_bytes_total", {}, an_upload),
    (
        "grpc_server_started_total",
        {"grpc_service": DEBUG, "grpc_method": "Debug", "grpc_type": "bidi_stream"},
        gdb_quits,
    ),
    ("grpc_server_handled_total", {"grpc_service": DEBUG, "grpc_method": "Debug", "grpc_code": "OK"}, gdb_quits),
    (
        "grpc_server_handled_total",
        {"grpc_service": DEBUG, "grpc_method": "Debug", "grpc_code": "InvalidArgument"},
        invalid_config,
    ),
    ("grpc_server_handling_seconds_count", {"grpc_service": DEBUG, "grpc_method": "Debug"}, gdb_quits),
    ("probegate_log_dropped_total", {}, the_log_cannot_be_written),
    ("probegate_quota_refusals_total", {"quota": "metrics_connections", "of": "client"}, many_connections_for_metrics),
    ("process_cpu_seconds_total", {}, time_passes),
]
# Counters of sessions that have control groups with limits: tests/hostile/test_session_groups.py has their events.
ELSEWHERE = {"probegate_debug_limits_reached_total"}
# Sessions end with this cause when debugd stops, and then its metrics can no longer be scraped.
NOT_FROM_OUTSIDE = {"cause=stopping"}
EVENTS = list(dict.fromkeys(event for _, _, event in TABLE))


@pytest.fixture
def make_lab(make_stack, api, control, tmp_path):
    labs = []

    def make(flags=()):
        stack = make_stack(start_gateway=False, sim_flags=["--flash", firmware()])
        stack.server.wait_for_line(rf"probe\.connected probe={stack.serial} ")
        labs.append(Lab(stack, api, control, flags, tmp_path))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_event_increments_its_counters(make_lab, event):
    lab = make_lab(FLAGS.get(event, ()))
    before = scrape(lab.url)
    event(lab)
    for name, labels, its_event in TABLE:
        if its_event is event:
            first = before.value(name, **labels)
            wait_for(
                lab.url,
                lambda shown, name=name, labels=labels, first=first: shown.value(name, **labels) > first,
                f"{name} {labels} is incremented by {event.__name__}",
            )


def test_each_counter_and_each_cause_has_an_event():
    named = {name for name, _, _ in TABLE}
    rows = golden("debugd")
    assert named | ELSEWHERE == {row.counts for row in rows if row.counts}
    (listed,) = [value for row in rows for value in row.values if row.name == "probegate_debug_sessions_ended_total"]
    ends = [labels for name, labels, _ in TABLE if name == "probegate_debug_sessions_ended_total"]
    moved = {f"cause={labels['cause']}" for labels in ends}
    assert {f"cause={cause}" for cause in listed.partition("=")[2].split("|")} == moved | NOT_FROM_OUTSIDE


def test_gauges(make_lab):
    lab = make_lab()
    process = [
        f"process_{name}"
        for name in (
            "max_fds",
            "open_fds",
            "resident_memory_bytes",
            "start_time_seconds",
            "threads",
            "virtual_memory_bytes",
        )
    ]
    sure = {"probegate_build_info", "probegate_quota_limit", "probegate_quota_used", *process}
    looked_at = {"probegate_debug_sessions", "probegate_debug_uploads"}
    others = {
        "probegate_access_invalid",  # in tests/interop/test_access_debugd.py
        "probegate_debug_leftovers",  # what moves it is in tests/hostile/test_debugd.py
        "probegate_tls_certificate_expiry_timestamp_seconds",  # in tests/interop/test_tls.py
    }
    assert {row.name for row in golden("debugd") if row.type == "gauge"} == sure | looked_at | others
    shown = scrape(lab.url)
    assert all(shown.value(name) > 0 for name in sure) and all(shown.value(name) == 0 for name in looked_at)
    assert shown.value("probegate_quota_limit", quota="sessions", of="client") == 8
    assert shown.value("probegate_debug_leftovers") == 0
    session = lab.opened()
    an_upload(lab)
    wait_for(lab.url, lambda shown: all(shown.value(name) == 1 for name in looked_at), "one session, one upload")
    assert all(
        scrape(lab.url).value("probegate_quota_used", quota=quota, of=of) == 1
        for quota in ("sessions", "uploads")
        for of in ("all", "client")
    )
    session.write("quit\n")
    session.wait_end()
    wait_for(lab.url, lambda shown: shown.value("probegate_debug_sessions") == 0, "the session is over")
