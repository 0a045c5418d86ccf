"""Who may lease what, with an access file, tokens and TLS; and what the audit log says."""

import hashlib
import json
import signal

import grpc
import pki
import pytest
from broker_client import Broker, Server, acquire, resume
from metrics import scrape
from stack import wait_until
from test_access import bearer, line_for, replace
from test_readiness import ready

Code = grpc.StatusCode
NRF, STM = {"board": "nrf52840dk"}, {"board": "stm32f4"}
RULES = """
rules:
  - name: servers
    who: {token: server}
    may: [serve]
  - name: users
    who: {token: [user, other]}
    probes: {board: nrf52840dk}
    may: [view, use]
  - name: limited
    who: {token: limited}
    may: [use]
    limits: {leases: 1, lease-seconds: 60}
  - name: urgent
    who: {token: urgent}
    may: [use]
    limits: {priority: 5}
  - name: kickers
    who: {token: kicker}
    probes: {board: nrf52840dk}
    may: [view, kick]
  - name: admins
    who: {token: admin}
    may: [view, admin]
"""
TOKENS = ("server", "user", "other", "limited", "urgent", "kicker", "admin", "nobody")


class Lab:
    """A broker with TLS, an access file, tokens and an audit log, and a server with two boards."""

    def __init__(self, programs, api, folder):
        self.api = api
        self.access = folder / "access.yaml"
        self.access.write_text(RULES)
        (folder / "tokens").write_text("".join(f"{line_for(name)}\n" for name in TOKENS))
        self.audit = folder / "audit.log"
        authority = pki.Authority(folder / "lab")
        self.broker = Broker(
            programs, api, folder, *authority.server().flags, "--access", self.access, "--tokens", folder / "tokens",
            "--audit", self.audit, credentials=grpc.ssl_channel_credentials(authority.cert.read_bytes()),
        )  # fmt: skip
        self.server = Server(self.broker, "lab1", {"N1": NRF, "S1": STM}, metadata=bearer("server"))

    def acquire(self, name, *selectors, **fields):
        return acquire(self.broker, *selectors, metadata=bearer(name), **fields)

    def call(self, method, name, **fields):
        return self.broker.call(method, bearer(name), **fields)

    def refusal(self, method, name, **fields):
        return self.broker.refusal(method, bearer(name), **fields)

    def audited(self, **fields):
        def look():
            events = map(json.loads, self.audit.read_text().splitlines())
            return next((event for event in events if fields.items() <= event.items()), None)

        return wait_until(look, f"an audit event with {fields}")


@pytest.fixture
def lab(programs, api, tmp_path):
    return Lab(programs, api, tmp_path)


def refused(client):
    assert client.next() is None
    status = client.status()
    client.close()
    return status


def test_only_boards_that_one_may_use(lab):
    client = lab.acquire("user", {"board": "*"})
    granted = client.expect("granted")
    assert [probe.uid for probe in granted.probes] == ["N1"]
    assert (granted.holder.name, granted.holder.proof) == ("token:user", "token")
    assert lab.server.grants[client.lease].holder.name == "token:user"
    code, text = refused(lab.acquire("user", STM))
    assert code == Code.FAILED_PRECONDITION
    assert text == "no probe that you may use has board=stm32f4; the values of `board` are nrf52840dk"
    code, text = refused(lab.acquire("nobody", NRF))
    assert code == Code.PERMISSION_DENIED and "token:nobody does not have the right `use`" in text
    assert refused(acquire(lab.broker, NRF))[0] == Code.UNAUTHENTICATED
    client.close()


def test_a_lease_belongs_to_an_identity(lab):
    client = lab.acquire("user", NRF)
    client.expect("granted")
    stolen = {"lease": client.lease, "secret": client.secret}
    for method in ("Renew", "Release"):
        code, text = lab.refusal(method, "other", **stolen)
        assert code == Code.PERMISSION_DENIED and "belongs to token:user, and you are token:other" in text
    assert refused(resume(lab.broker, client.lease, client.secret, bearer("other")))[0] == Code.PERMISSION_DENIED
    lab.call("Release", "user", **stolen)
    client.close()


def test_only_servers_may_register(lab):
    with pytest.raises(AssertionError, match="PERMISSION_DENIED.*does not have the right `serve`"):
        Server(lab.broker, "evil", {"N1": NRF}, metadata=bearer("user"))


def test_view(lab):
    client = lab.acquire("limited", STM)
    client.expect("granted")
    waiting = lab.acquire("urgent", STM)
    waiting.expect("queued")
    seen = lab.call("List", "user")
    assert (len(seen.leases), len(seen.queue), [probe.uid for probe in seen.probes]) == (0, 0, ["N1"])
    assert lab.refusal("Get", "user", lease=client.lease) == (Code.NOT_FOUND, f"there is no lease {client.lease}")
    seen = lab.call("List", "admin")
    assert (len(seen.leases), len(seen.queue), len(seen.probes)) == (1, 1, 2)
    # One's own lease, also without the right `view`.
    assert lab.call("Get", "limited", lease=client.lease).lease.lease == client.lease
    client.close()
    waiting.close()


def test_kick_and_admin(lab):
    client = lab.acquire("user", NRF)
    client.expect("granted")
    code, text = lab.refusal("Revoke", "other", lease=client.lease)
    assert code == Code.PERMISSION_DENIED and "`kick`" in text
    lab.call("Revoke", "kicker", lease=client.lease, reason="lunch")
    assert client.expect("ended").why == "token:kicker has revoked it: lunch"
    lab.call("SetMaintenance", "kicker", probe="N1", reason="dust")
    assert lab.refusal("SetMaintenance", "kicker", probe="S1", reason="dust")[0] == Code.NOT_FOUND
    assert lab.refusal("SetMaintenance", "user", probe="N1")[0] == Code.PERMISSION_DENIED
    lab.call("SetMaintenance", "admin", probe="N1")
    assert lab.audited(event="probe.maintenance", probe="N1")["reason"] == "dust"
    assert lab.audited(event="lease.ended", lease=client.lease)["reason"] == "token:kicker has revoked it: lunch"
    client.close()


def test_limits(lab):
    client = lab.acquire("limited", NRF)
    assert client.expect("granted").remaining.seconds <= 60
    code, text = refused(lab.acquire("limited", STM))
    assert code == Code.RESOURCE_EXHAUSTED and "leases" in text
    client.release()
    code, text = refused(lab.acquire("limited", NRF, duration=61))
    assert code == Code.INVALID_ARGUMENT and "from 1 s to 60 s" in text


def test_priority(lab):
    holder = lab.acquire("user", NRF)
    holder.expect("granted")
    first = lab.acquire("other", NRF)
    first.expect("queued")
    urgent = lab.acquire("urgent", NRF)
    urgent.expect("queued")
    assert [waiting.holder.name for waiting in lab.call("List", "admin").queue] == ["token:urgent", "token:other"]
    holder.release()
    urgent.expect("granted")
    first.close()
    urgent.close()


def test_changed_rules_end_leases(lab):
    client = lab.acquire("user", NRF)
    client.expect("granted")
    rules = RULES.replace("[user, other]", "[other]")
    replace(lab.access, rules)
    ended = client.expect("ended")
    assert ended.reason == lab.api.END_REASON_REVOKED and "no longer allows" in ended.why
    assert lab.audited(event="access.changed")["policy"] == hashlib.sha256(rules.encode()).hexdigest()[:12]
    client.close()


def test_what_cannot_be_recorded_does_not_happen(lab):
    lab.audit.unlink()
    lab.audit.mkdir()
    lab.broker.program.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.broker.program)[0] == 503, "the broker says that it is not ready")
    assert refused(lab.acquire("user", NRF))[0] == Code.UNAVAILABLE
    lab.audit.rmdir()
    lab.broker.program.signal(signal.SIGHUP)
    wait_until(lambda: ready(lab.broker.program)[0] == 200, "the broker is ready again")
    client = lab.acquire("user", NRF)
    client.expect("granted")
    client.close()


def test_audit(lab):
    client = lab.acquire("user", NRF)
    client.expect("granted")
    client.release()
    granted = lab.audited(event="lease.granted", lease=client.lease)
    assert (granted["identity"], granted["probe"]) == ("token:user", "N1")
    assert lab.audited(event="lease.ended", lease=client.lease)["reason"] == "its holder has ended it"
    assert client.secret not in lab.audit.read_text()
    refused(lab.acquire("nobody", NRF))
    assert lab.audited(event="call", identity="token:nobody")["decision"] == "denied"
    assert scrape(lab.broker.program.metrics_url()).value("probegate_access_denials_total", cause="denied") == 1
