"""Who may do what: identities, rights, changes of the access file, and the audit log, over TLS with real certificates and
tokens."""

import contextlib
import hashlib
import json
import signal

import grpc
import pki
import pytest
from debug_client import firmware
from grpc_client import CommandError, StreamSession, channel, detail_of, with_token
from pyocd_client import words_printed
from stack import BOUND, LOOPBACK, NO_METRICS, wait_until
from test_readiness import ready

OK, FAILED, USAGE, UNREACHABLE, NOT_FOUND, BUSY, AWAY, DENIED = range(8)
Code = grpc.StatusCode

RULES = """
rules:
  - name: viewers
    who: {{token: viewer}}
    probes: {{uid: "{first}"}}
    may: [view]
  - name: users
    who: {{token: [user, other]}}
    probes: {{uid: "{first}"}}
    may: [view, use]
  - name: kickers
    who: {{token: kicker}}
    may: [view, kick]
  - name: machines
    who: {{certificate: "*.example"}}
    may: [view, use]
  - name: gateways
    who: {{certificate: "gateway.example"}}
    may: [gateway]
"""
TOKENS = ("viewer", "user", "other", "kicker", "nobody")


def secret(name):
    return f"secret-of-{name}"


def line_for(name, *expiry):
    return " ".join([name, hashlib.sha256(secret(name).encode()).hexdigest(), *expiry])


def bearer(name):
    return [("authorization", f"Bearer {secret(name)}")]


def replace(path, text):
    """Writes a file as administrators should: readers see the old text or the new one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


class Lab:
    """A server with two boards, TLS, an access file, tokens and an audit log."""

    def __init__(self, make_stack, api, folder):
        self.api = api
        self.folder = folder
        self.authority = pki.Authority(folder / "lab")
        self.access = folder / "access.yaml"
        self.access.write_text("rules: []\n")
        self.tokens = folder / "tokens"
        expired = line_for("expired", "2020-01-01")
        self.tokens.write_text("\n".join([*map(line_for, TOKENS), expired]) + "\n")
        self.audit = folder / "audit.log"
        self.stack = make_stack(
            boards=2,
            sim_flags=["--flash", firmware()],
            server_flags=[
                *self.authority.server().flags, "--tls-client-ca", self.authority.cert, "--access", self.access,
                "--tokens", self.tokens, "--audit", self.audit,
            ],
            start_gateway=False,
        )  # fmt: skip
        self.first, self.second = self.stack.serials
        self.set_rules(RULES.format(first=self.first))

    @property
    def address(self):
        return self.stack.server_address

    def set_rules(self, text):
        """Changes the access file, and waits until the server applies it."""
        replace(self.access, text)
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        wait_until(lambda: self.who_am_i("nobody").policy == version, "the server applies the new rules")

    def connect(self, name=None, certificate=None, address=None):
        """A channel to the server, or to this address, that sends this token with each call, or has this certificate."""
        key, chain = (certificate.key.read_bytes(), certificate.cert.read_bytes()) if certificate else (None, None)
        credentials = grpc.ssl_channel_credentials(self.authority.cert.read_bytes(), key, chain)
        connection = channel(address or self.address, credentials)
        return connection if name is None else with_token(connection, secret(name))

    @contextlib.contextmanager
    def directory(self, name=None, certificate=None):
        with self.connect(name, certificate) as connection:
            yield self.api.ProbeDirectoryStub(connection)

    def who_am_i(self, name):
        with self.directory(name) as directory:
            return directory.WhoAmI(self.api.WhoAmIRequest(), timeout=BOUND)

    def call(self, method, request, name=None, certificate=None, metadata=None):
        """Calls a method of ProbeDirectory; returns the answer, or the code and the message of the error."""
        with self.directory(name, certificate) as directory:
            try:
                return getattr(directory, method)(request, metadata=metadata, timeout=BOUND)
            except grpc.RpcError as error:
                return error.code(), detail_of(self.api, error).message

    def session(self, name=None, probe=None, certificate=None):
        return StreamSession(self.api, self.connect(name, certificate), probe or self.first)

    def audited(self, **fields):
        """The first event in the audit log with these fields, once it is there."""

        def look():
            for line in self.audit.read_text().splitlines():
                event = json.loads(line)
                if fields.items() <= event.items():
                    return event
            return None

        return wait_until(look, f"an audit event with {fields}")


@pytest.fixture
def lab(make_stack, api, tmp_path):
    return Lab(make_stack, api, tmp_path)


def uids(answer):
    return [probe.description.unique_id for probe in answer.probes]


def test_view(lab):
    request = lab.api.ListProbesRequest()
    assert uids(lab.call("ListProbes", request, "viewer")) == [lab.first]
    assert sorted(uids(lab.call("ListProbes", request, "kicker"))) == sorted(lab.stack.serials)
    code, message = lab.call("ListProbes", request, "nobody")
    assert code == Code.PERMISSION_DENIED
    assert "token:nobody does not have the right `view` for any probe" in message and lab.first not in message
    statistics = lab.call("Stats", lab.api.StatsRequest(), "viewer")
    assert [probe.status.description.unique_id for probe in statistics.probes] == [lab.first]
    hidden = lab.call("Stats", lab.api.StatsRequest(probe=lab.second), "viewer")
    assert hidden[0] == Code.NOT_FOUND and hidden[1].endswith(f"there are: {lab.first}")


def test_use(lab):
    session = lab.session("user")
    session.command("Open")
    session.close()
    # Whoever may use no probe at all is turned away before anything is read.
    with pytest.raises(grpc.RpcError) as denied:
        lab.session("kicker")
    assert denied.value.code() == Code.PERMISSION_DENIED
    assert "token:kicker does not have the right `use` for any probe" in denied.value.details()
    assert lab.audited(event="call", identity="token:kicker")["decision"] == "denied"
    # A probe that one may not see is not there.
    with pytest.raises(CommandError) as hidden:
        lab.session("user", probe=lab.second)
    assert hidden.value.detail.kind == lab.api.ERROR_KIND_NOT_FOUND
    rules = RULES.format(first=lab.first)
    lab.set_rules(rules + "  - {who: {token: user}, may: [view]}\n")
    with pytest.raises(CommandError) as denied:
        lab.session("user", probe=lab.second)
    assert denied.value.detail.kind == lab.api.ERROR_KIND_DENIED
    assert f"does not have the right `use` for the probe {lab.second}" in denied.value.detail.message


def test_kick(lab):
    session = lab.session("user")
    name = session.opened.session_id[:16]
    request = lab.api.EndSessionRequest(session=name, reason="lunch")
    code, message = lab.call("EndSession", request, "viewer")
    assert code == Code.PERMISSION_DENIED and "`kick`" in message
    assert lab.call("EndSession", request, "nobody")[0] == Code.NOT_FOUND
    lab.call("EndSession", request, "kicker")
    with pytest.raises(grpc.RpcError) as end:
        next(session.stream)
    assert end.value.code() == Code.CANCELLED and "lunch" in end.value.details()
    assert lab.audited(event="session.kicked", session=name)["identity"] == "token:kicker"
    assert "kicked" in lab.audited(event="session.ended", session=name)["reason"]
    session.close()

    own = lab.session("user")
    request = lab.api.EndSessionRequest(session=own.opened.session_id[:16])
    lab.call("EndSession", request, "user")
    own.close()


def test_limits_count_for_the_identity(lab):
    rules = RULES.format(first=lab.first)
    lab.set_rules(rules + "  - {who: {token: user}, may: [view], limits: {connections: 1, sessions: 1, bytes: 1}}\n")
    request = lab.api.WatchProbesRequest()
    with lab.directory("user") as directory, lab.directory("user") as another:
        watch = directory.WatchProbes(request, timeout=2 * BOUND)
        next(watch)
        with pytest.raises(grpc.RpcError) as refused:
            next(another.WatchProbes(request, timeout=BOUND))
        assert refused.value.code() == Code.RESOURCE_EXHAUSTED
        assert "the watches of one client is 1, and token:user has 1" in refused.value.details()
        watch.cancel()
    session = lab.session("user")
    with pytest.raises(CommandError) as refused:
        lab.session("user")
    assert "the sessions of one client is 1, and token:user has 1" in refused.value.detail.message
    # Whoever has nothing may always have one request.
    session.command("Open")
    session.command("Connect", protocol=lab.api.WIRE_PROTOCOL_SWD)
    handle = session.command("GetMemoryInterfaceForAp", ap_version=1, address=0).handle
    session.command("WriteBlock32", handle=handle, address=0x20000100, values=[7] * 20_000)
    # The firmware runs, and has variables there.
    assert len(session.command("ReadBlock32", handle=handle, address=0x20000100, word_count=20_000).values) == 20_000
    session.close()


def test_the_lock_is_audited(lab):
    """The first time that a session takes it, how often it did, and that it lost it when it was ended."""
    session = lab.session("user")
    name = session.opened.session_id[:16]
    for command in ("Lock", "Unlock", "Lock", "Unlock", "Lock"):
        session.command(command)
    taken = lab.audited(event="lock.taken", session=name)
    assert (taken["identity"], taken["probe"]) == ("token:user", lab.first)
    lab.call("EndSession", lab.api.EndSessionRequest(session=name, reason="lunch"), "kicker")
    assert lab.audited(event="lock.broken", session=name)["reason"].startswith("kicked: ")
    assert lab.audited(event="session.ended", session=name)["locks"] == 3
    assert lab.audit.read_text().count('"lock.taken"') == 1
    session.close()


def test_a_lock_that_is_taken_away_is_audited(lab):
    rules = RULES.format(first=lab.first)
    lab.set_rules(rules + "  - {who: {token: user}, may: [use], limits: {lock-seconds: 1}}\n")
    holder, waiter = lab.session("user"), lab.session("other")
    holder.command("Lock")
    waiter.command("Lock")
    broken = lab.audited(event="lock.broken", session=holder.opened.session_id[:16])
    assert "as token:other" in broken["reason"] and broken["identity"] == "token:user"
    holder.close()
    waiter.close()


def test_lists_say_who(lab):
    session = lab.session("user")
    listed = lab.call("ListSessions", lab.api.ListSessionsRequest(), "viewer")
    assert [(s.identity.name, s.identity.proof) for s in listed.sessions] == [("token:user", "token")]
    opened = lab.audited(event="session.opened", identity="token:user")
    assert opened["decision"] == "allowed" and opened["rule"].startswith("users")
    assert opened["session"] == session.opened.session_id[:16]
    session.close()


def test_wrong_tokens(lab):
    request = lab.api.WhoAmIRequest()
    refused = {
        "wrong": [("authorization", "Bearer nonsense")],
        "expired": bearer("expired"),
        "not a bearer token": [("authorization", "Basic eA==")],
        "two": [("authorization", "Bearer a"), ("authorization", "Bearer b")],
        "missing": [],
    }
    for what, metadata in refused.items():
        answer = lab.call("WhoAmI", request, metadata=metadata)
        assert answer[0] == Code.UNAUTHENTICATED, (what, answer)
    assert "expired" in lab.call("WhoAmI", request, metadata=refused["expired"])[1]
    assert "nonsense" not in lab.stack.server.log() and "nonsense" not in lab.audit.read_text()
    assert lab.audited(event="call", decision="denied", method="/probegate.v1.ProbeDirectory/WhoAmI")


def test_certificates(lab):
    machine = lab.authority.client("ci")
    answer = lab.call("WhoAmI", lab.api.WhoAmIRequest(), certificate=machine)
    assert (answer.identity.name, answer.identity.proof) == ("certificate:ci.example", "certificate")
    assert answer.HasField("expires_at")
    rights = {probe.probe: [granted.right for granted in probe.rights] for probe in answer.probes}
    assert rights == dict.fromkeys(lab.stack.serials, ["view", "use"])
    assert all(granted.rule.startswith("machines") for probe in answer.probes for granted in probe.rights)


def test_sessions_end_when_the_rules_change(lab):
    session = lab.session("user")
    other = lab.session(probe=lab.second, certificate=lab.authority.client("ci"))
    rules = RULES.format(first=lab.first)
    lab.set_rules(rules.replace("[user, other]", "[other]"))
    with pytest.raises(grpc.RpcError) as end:
        next(session.stream)
    assert end.value.code() == Code.PERMISSION_DENIED
    assert "the access file has changed: token:user does not have the right `use`" in end.value.details()
    assert lab.audited(event="session.ended", identity="token:user")["reason"].startswith("denied")
    assert lab.audited(event="access.changed")
    other.command("Open")
    session.close()
    other.close()


def test_an_invalid_access_file_changes_nothing(lab):
    before = lab.who_am_i("user").policy
    replace(lab.access, "rules: nonsense\n")
    lab.stack.server.wait_for_line(r"access\.invalid")
    lab.audited(event="access.invalid")
    assert lab.who_am_i("user").policy == before
    lab.set_rules(RULES.format(first=lab.first) + "# mended\n")


def test_a_watch_follows_the_rules(lab):
    with lab.directory("viewer") as directory:
        watch = directory.WatchProbes(lab.api.WatchProbesRequest(), timeout=2 * BOUND)
        assert next(watch).changed.description.unique_id == lab.first
        assert next(watch).snapshot_complete
        rules = RULES.format(first=lab.first)
        lab.set_rules(rules.replace(f'probes: {{uid: "{lab.first}"}}\n    may: [view]', "may: [view]"))
        seen = {next(watch).changed.description.unique_id for _ in range(2)}
        assert seen == set(lab.stack.serials)
        lab.set_rules(rules)
        while (changed := next(watch).changed).description.unique_id != lab.second:
            pass
        assert changed.state == lab.api.PROBE_STATE_AWAY and "no longer allows" in changed.problem
        watch.cancel()


def test_the_audit_log_must_be_written(lab):
    """After a rotation, a folder is in the file's place."""
    session = lab.session("user")
    session.command("Open")
    lab.audit.rename(lab.folder / "audit.log.1")
    lab.audit.mkdir()
    lab.stack.server.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.stack.server)[0] == 503, "the server is not ready")
    assert str(lab.audit) in ready(lab.stack.server)[2]
    with pytest.raises(CommandError) as refused:
        lab.session("other")
    assert refused.value.detail.kind == lab.api.ERROR_KIND_UNAVAILABLE
    session.command("GetState")
    lab.audit.rmdir()
    lab.stack.server.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.stack.server)[0] == 200, "the server is ready again")
    lab.session("other").close()
    lab.audited(event="session.opened", identity="token:other")
    session.close()


def test_what_is_done_to_a_target_is_audited(lab):
    session = lab.session("user")
    session.command("Open")
    session.command("Connect", protocol=lab.api.WIRE_PROTOCOL_SWD)
    handle = session.command("GetMemoryInterfaceForAp", ap_version=1, address=0).handle
    session.command("WriteBlock32", handle=handle, address=0x20000100, values=[1, 2, 3, 4])
    session.command("WriteMem", handle=handle, address=0x20000400, transfer_size=32, value=5)
    session.command("Reset")
    name = session.opened.session_id[:16]
    session.close()
    written = lab.audited(event="memory.written", session=name)
    assert (written["bytes"], written["first_address"], written["last_address"]) == (20, "0x20000100", "0x20000403")
    assert lab.audited(event="probe.reset", session=name)["identity"] == "token:user"


def test_whoami(lab):
    machine = lab.authority.client("gateway")
    flags = ["--server", lab.address, *pki.trusting(lab.authority), *machine.flags]
    shown = lab.stack.programs.run("probegate", *flags, "whoami")
    assert shown.returncode == OK, shown
    assert "you are certificate:gateway.example" in shown.stdout and "machines (line " in shown.stdout
    (server,) = json.loads(lab.stack.programs.run("probegate", *flags, "whoami", "--json").stdout)["servers"]
    assert server["identity"] == {"name": "certificate:gateway.example", "proof": "certificate"}
    assert [granted["right"] for granted in server["rights"]] == ["gateway"]
    assert server["server"] == lab.address
    nobody = lab.stack.programs.run("probegate", "--server", lab.address, *pki.trusting(lab.authority), "whoami")
    assert nobody.returncode == DENIED and "has not proved who it is" in nobody.stderr


def test_whoami_does_not_name_a_probe_that_one_may_not_see(lab):
    """The right to kick alone does not make a probe visible."""
    rules = "rules:\n  - {who: {token: kicker}, may: [kick]}\n"
    lab.set_rules(rules)
    assert not lab.who_am_i("kicker").probes
    lab.set_rules(rules + f"  - {{who: {{token: kicker}}, probes: {{uid: {lab.second}}}, may: [use]}}\n")
    (probe,) = lab.who_am_i("kicker").probes
    assert probe.probe == lab.second and [granted.right for granted in probe.rights] == ["use", "kick"]


def test_pyocd_through_a_gateway_with_an_identity(lab, pyocd):
    """The gateway may say for which client a session is; the session is the gateway's all the same."""
    gateway = lab.authority.client("gateway")
    stack = lab.stack
    stack.gateway_flags = [*pki.trusting(lab.authority), *gateway.flags]
    stack.start_gateway()
    pyocd.commander(stack.uid, "write32 0x20000100 0x11223344")
    assert words_printed(pyocd.commander(stack.uid, "read32 0x20000100 4")) == [0x11223344]
    opened = lab.audited(event="session.opened", identity="certificate:gateway.example")
    assert opened["gateway"] == "certificate:gateway.example" and f"at {LOOPBACK}:" in opened["client"]


def test_without_an_access_file_nothing_is_asked(programs, api, tmp_path):
    """A wrong token is ignored, as before there were any."""
    server = programs.start("probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *NO_METRICS)
    address = f"{LOOPBACK}:" + server.wait_for_line(r"Listening on 127\.0\.0\.1:(\d+)")[1]
    with channel(address) as connection:
        directory = api.ProbeDirectoryStub(connection)
        metadata = [("authorization", "Bearer nonsense")]
        answer = directory.WhoAmI(api.WhoAmIRequest(), metadata=metadata, timeout=BOUND)
        assert (answer.identity.name, answer.policy) == ("local", "none")
        assert {granted.rule for granted in answer.rights} == {"no access file"}


@pytest.mark.parametrize(
    "flags, why",
    [
        (["--access", "missing.yaml"], "missing.yaml"),
        (["--tokens", "missing"], "missing"),
        (["--audit", "missing/audit.log"], "missing/audit.log"),
        (["--key-cache", "keys"], "--key-cache needs --access"),
    ],
)
def test_files_that_cannot_be_used(programs, flags, why):
    ended = programs.run("probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *NO_METRICS, *flags)
    assert ended.returncode in (FAILED, USAGE) and why in ended.stderr, ended
