"""Who may debug: identities, rights, changes of the access file, uploads, quotas and the audit log of probegate-debugd,
over TLS with real certificates and tokens, and with a real gdb."""

import concurrent.futures
import datetime
import hashlib
import json
import re
import signal
import types

import grpc
import pytest
from debug_client import FQBN, Debugd, DebugSession, firmware, wait_for_no_tools
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from metrics import scrape
from process_usage import cpu_seconds
from stack import BOUND, wait_until
from test_access import RULES, Lab, bearer, line_for, replace
from test_readiness import ready

Code = grpc.StatusCode

# On the server, debugd is a client that needs `view` and `use` like everyone else: the rule `machines` gives it these.
SERVER_RULES = RULES + "  - {{name: debugd, who: {{certificate: debugd.example}}, may: [gateway]}}\n"
DEBUG_RULES = """
rules:
  - name: debuggers
    who: {{token: [user, other]}}
    probes: {{uid: "{first}"}}
    may: [debug]
  - name: viewers
    who: {{token: viewer}}
    may: [view]
  - name: one at a time
    who: {{token: kicker}}
    may: [debug]
    limits: {{sessions: 1, uploads: 1, connections: 1, bytes: 1}}
  - name: machines
    who: {{certificate: ci.example}}
    may: [debug]
"""


class DebugLab(Lab):
    """A lab, and a debugd with an access file of its own, to which clients prove who they are in the same ways."""

    def __init__(self, make_stack, api, folder):
        super().__init__(make_stack, api, folder)
        self.set_rules(SERVER_RULES.format(first=self.first))
        self.debug_access = folder / "debug-access.yaml"
        self.debug_access.write_text(DEBUG_RULES.format(first=self.first))
        self.debug_audit = folder / "debug-audit.log"
        self.sessions = []
        own = self.authority.issue("debugd", "DNS:debugd.example,DNS:localhost,IP:127.0.0.1")
        for serial in self.stack.serials:
            self.stack.server.wait_for_line(rf"probe\.connected probe={serial} ")
        self.flags = [
            *own.flags, "--tls-client-ca", self.authority.cert, "--tls-ca", self.authority.cert,
            "--access", self.debug_access, "--tokens", self.tokens, "--audit", self.debug_audit,
        ]  # fmt: skip
        self.debugd = Debugd(self.stack, *self.flags)

    def connect_debugd(self, name=None, certificate=None):
        return self.connect(name, certificate, self.debugd.address)

    def debug(self, name=None, certificate=None, **config):
        """A debugging session, on the first probe."""
        target = types.SimpleNamespace(address=self.connect_debugd(name, certificate), stack=self.stack)
        session = DebugSession(self.api, target, **config)
        self.sessions.append(session)
        return session

    def refusal(self, *who, **config):
        """The code and the message with which a session ends."""
        session = self.debug(*who, **config)
        session.wait_end()
        return session.code, session.details

    def set_debug_rules(self, text):
        """Changes the access file of debugd, and waits until debugd applies it."""
        replace(self.debug_access, text)
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.debug_audited(event="access.changed", policy=version)

    def debug_audited(self, **fields):
        """The first event in debugd's audit log with these fields, once it is there."""

        def look():
            events = map(json.loads, self.debug_audit.read_text().splitlines())
            return next((event for event in events if fields.items() <= event.items()), None)

        return wait_until(look, f"an audit event of debugd with {fields}")

    def upload(self, name):
        with self.connect_debugd(name) as connection:
            parts = iter([self.api.UploadElfRequest(data=firmware().read_bytes())])
            return self.api.DebugFilesStub(connection).UploadElf(parts, timeout=BOUND).import_file

    def config(self, name, probe):
        with self.connect_debugd(name) as connection:
            request = self.api.DebugConfigReq(port=probe, fqbn=FQBN, import_file=str(firmware()))
            return self.api.DebugStub(connection).GetDebugConfig(request, timeout=BOUND)


@pytest.fixture
def lab(make_stack, api, tmp_path):
    made = DebugLab(make_stack, api, tmp_path)
    yield made
    for session in made.sessions:
        session.close()


def test_debug_allowed(lab):
    session = lab.debug("user")
    session.wait_for(r"\(gdb\) ")
    assert "= 42" in session.command("print 40 + 2")
    opened = lab.debug_audited(event="session.opened", identity="token:user")
    assert opened["rule"].startswith("debuggers") and opened["decision"] == "allowed"
    assert (opened["probe"], opened["proof"]) == (lab.first, "token")
    assert opened["method"] == "/cc.arduino.cli.debug.Debug/Debug"
    # On the server, it is debugd's session, for this client.
    on_server = lab.audited(event="session.opened", identity="certificate:debugd.example")
    assert on_server["gateway"] == "certificate:debugd.example"
    assert f"(token:user) at {opened['peer']}" in on_server["client"]
    session.write("quit\n")
    session.wait_end()
    assert session.code == Code.OK
    ended = lab.debug_audited(event="session.ended", identity="token:user", session=opened["session"])
    assert ended["reason"] == "gdb_exited: gdb exited with code 0"


def test_debug_with_a_certificate(lab):
    session = lab.debug(certificate=lab.authority.client("ci"), port=lab.second)
    session.wait_for(r"\(gdb\) ")
    assert lab.debug_audited(event="session.opened")["identity"] == "certificate:ci.example"


def test_debug_denied(lab):
    # Whoever may debug on no probe at all is turned away before anything is read.
    code, message = lab.refusal("viewer")
    assert code == Code.PERMISSION_DENIED
    assert "token:viewer does not have the right `debug` for any probe" in message
    with pytest.raises(grpc.RpcError) as denied:
        lab.upload("viewer")
    assert denied.value.code() == Code.PERMISSION_DENIED
    event = lab.debug_audited(event="call", identity="token:viewer", method="/probegate.v1.DebugFiles/UploadElf")
    assert event["decision"] == "denied"
    assert lab.refusal()[0] == Code.UNAUTHENTICATED


def test_a_probe_that_one_may_not_see_is_not_there(lab):
    for refused in (lab.refusal("user", port=lab.second), lab.refusal("user", port="nothing")):
        assert refused[0] == Code.NOT_FOUND and refused[1].endswith(f"the known probes are: {lab.first}")
    with pytest.raises(grpc.RpcError) as hidden:
        lab.config("user", lab.second)
    assert hidden.value.code() == Code.NOT_FOUND
    assert lab.config("user", lab.first).server_configuration["probe"] == lab.first
    rules = DEBUG_RULES.format(first=lab.first) + "  - {who: {token: user}, may: [view]}\n"
    lab.set_debug_rules(rules)
    code, message = lab.refusal("user", port=lab.second)
    assert code == Code.PERMISSION_DENIED
    assert f"token:user does not have the right `debug` for the probe {lab.second}" in message
    assert lab.debug_audited(event="call", decision="denied", probe=lab.second)["identity"] == "token:user"


def test_probes_can_be_selected_by_their_labels(lab):
    rules = 'rules: [{who: {token: user}, probes: {vendor: "no such vendor"}, may: [view, debug]}]\n'
    lab.set_debug_rules(rules)
    assert lab.refusal("user")[0] == Code.NOT_FOUND
    lab.set_debug_rules(rules.replace("no such vendor", "*"))
    lab.debug("user").wait_for(r"\(gdb\) ")


def test_sessions_end_when_the_rules_change(lab):
    session, other = lab.debug("user"), lab.debug("other")
    session.wait_for(r"\(gdb\) ")
    other.wait_for(r"\(gdb\) ")
    lab.set_debug_rules(DEBUG_RULES.format(first=lab.first).replace("[user, other]", "[other]"))
    session.wait_end()
    assert session.code == Code.PERMISSION_DENIED
    assert "the access file has changed: token:user does not have the right `debug`" in session.details
    assert lab.debug_audited(event="session.ended", identity="token:user")["reason"].startswith("denied: ")
    assert "= 42" in other.command("print 40 + 2")


def test_every_method_asks_who_calls(lab):
    """Also a method that a later version adds."""
    with lab.connect_debugd() as connection:
        database = ProtoReflectionDescriptorDatabase(connection)
        methods = [
            f"/{service}/{method.name}"
            for service in database.get_services()
            if not service.startswith("grpc.")
            for file in [database.FindFileContainingSymbol(service)]
            for declared in file.service
            if f"{file.package}.{declared.name}" == service
            for method in declared.method
        ]
        assert "/probegate.v1.DebugFiles/UploadElf" in methods and len(methods) >= 8
        for method in methods:
            for metadata in (None, bearer("wrong")):
                call = connection.stream_stream(method)(iter([b""]), metadata=metadata, timeout=BOUND)
                with pytest.raises(grpc.RpcError) as refused:
                    list(call)
                assert refused.value.code() == Code.UNAUTHENTICATED, method


def test_uploads_belong_to_the_identity_that_made_them(lab):
    name = lab.upload("user")
    code, message = lab.refusal("other", import_file=name)
    assert code == Code.NOT_FOUND and "no such upload" in message
    session = lab.debug("user", import_file=name)
    session.wait_for(r"\(gdb\) ")


def test_limits_of_the_rules(lab):
    """They count for the identity; it has one connection for each call here."""
    name = lab.upload("kicker")
    with pytest.raises(grpc.RpcError) as refused:
        lab.upload("kicker")
    assert refused.value.code() == Code.RESOURCE_EXHAUSTED
    assert "the limit for the uploads of one client is 1, and token:kicker has 1" in refused.value.details()
    session = lab.debug("kicker", import_file=name)
    session.wait_for(r"\(gdb\) ")
    code, message = lab.refusal("kicker")
    assert code == Code.RESOURCE_EXHAUSTED and "sessions of one client is 1, and token:kicker has 1" in message
    # Of several calls that wait for their first message, one may stay, unless the one before is just ending.
    waiting = [lab.debug("kicker", start=False) for _ in range(3)]
    wait_until(lambda: sum(call.ended.is_set() for call in waiting) >= 2, "calls are refused")
    quota = "the limit for the calls of one client is 1, and token:kicker has 1"
    assert all(quota in call.details for call in waiting if call.ended.is_set())
    for call in waiting:
        call.close()
    lab.debug("user").wait_for(r"\(gdb\) ")


def test_the_audit_log_must_be_written(lab):
    session = lab.debug("user")
    session.wait_for(r"\(gdb\) ")
    lab.debug_audit.rename(lab.folder / "debug-audit.log.1")
    lab.debug_audit.mkdir()
    lab.debugd.program.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.debugd.program)[0] == 503, "debugd is not ready")
    assert str(lab.debug_audit) in ready(lab.debugd.program)[2]
    code, message = lab.refusal("other")
    assert code == Code.UNAVAILABLE and "the audit log cannot be written" in message
    assert "= 42" in session.command("print 40 + 2")
    lab.debug_audit.rmdir()
    lab.debugd.program.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.debugd.program)[0] == 200, "debugd is ready again")
    lab.debug("other").wait_for(r"\(gdb\) ")
    lab.debug_audited(event="session.opened", identity="token:other")


def test_an_invalid_access_file_changes_nothing(lab):
    replace(lab.debug_access, "rules: nonsense\n")
    lab.debugd.program.wait_for_line(r"access\.invalid")
    lab.debug_audited(event="access.invalid")
    assert scrape(lab.debugd.program.metrics_url()).value("probegate_access_invalid") == 1
    assert lab.config("user", lab.first).server == "pyocd"


def test_sessions_end_soon_after_their_token(lab):
    """It expires while they are open, on the server and on debugd."""
    lab.debugd.program.stop()
    lab.stack.server.stop()
    expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=20)
    lines = lab.tokens.read_text().replace(line_for("user"), line_for("user", expiry.strftime("%Y-%m-%dT%H:%M:%SZ")))
    replace(lab.tokens, lines)
    grace = ["--token-grace", "0.5"]
    lab.stack.server_flags += grace
    lab.stack.start_server()
    lab.stack.server.wait_for_line(rf"probe\.connected probe={lab.first} ")
    lab.debugd = Debugd(lab.stack, *lab.flags, *grace)
    session, debugging = lab.session("user"), lab.debug("user")
    watching = lab.connect("user")
    watch = lab.api.ProbeDirectoryStub(watching).WatchProbes(lab.api.WatchProbesRequest(), timeout=4 * BOUND)
    assert next(watch).changed.description.unique_id == lab.first
    with pytest.raises(grpc.RpcError) as end:
        next(session.stream)
    assert end.value.code() == Code.UNAUTHENTICATED
    debugging.wait_end()
    assert debugging.code == Code.UNAUTHENTICATED
    for message in (end.value.details(), debugging.details):
        assert "the token of token:user expired at" in message and "--token-grace" in message
    for audited in (lab.audited, lab.debug_audited):
        assert audited(event="session.ended", identity="token:user")["reason"].startswith("expired: the token of")
    assert "the token user expired at" in lab.refusal("user")[1]
    # Who watches probes learns nothing more, either.
    lab.set_rules(SERVER_RULES.format(first=lab.first) + "# changed\n")
    with pytest.raises(grpc.RpcError) as end:
        for _ in watch:
            pass
    assert end.value.code() == Code.UNAUTHENTICATED
    watching.close()
    session.close()
    wait_for_no_tools(lab.debugd)


CALLS = 10_000


@pytest.mark.parametrize("of", ["server", "debugd"])
def test_wrong_tokens_cost_little(lab, of):
    """Each takes less than a millisecond of processor time, and they do not fill the log."""
    program = lab.stack.server if of == "server" else lab.debugd.program
    connection = lab.connect() if of == "server" else lab.connect_debugd()
    method = "probegate.v1.ProbeDirectory/WhoAmI" if of == "server" else "cc.arduino.cli.debug.Debug/GetDebugConfig"

    def call(_):
        return connection.unary_unary(f"/{method}").future(b"", metadata=bearer("wrong"), timeout=4 * BOUND).code()

    with connection, concurrent.futures.ThreadPoolExecutor(16) as callers:
        assert call(0) == Code.UNAUTHENTICATED
        before = cpu_seconds(program)
        assert set(callers.map(call, range(CALLS))) == {Code.UNAUTHENTICATED}
        each = (cpu_seconds(program) - before) / CALLS
    assert each < 0.001 or "san" in str(lab.stack.programs.bin), each
    # Each line stands for all calls since the one before.
    lines = re.findall(r"client\.unauthenticated .* calls=(\d+)", program.log())
    assert sum(map(int, lines)) >= CALLS / 2 and len(lines) < CALLS / 20
