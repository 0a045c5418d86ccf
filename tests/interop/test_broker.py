"""Leases: the queue, the order, and what becomes of them, with servers and clients in Python and the real broker."""

import grpc
import pytest
from broker_client import Broker, Client, Server, acquire, resume, seconds
from stack import BOUND, LOOPBACK, NO_METRICS, wait_until

Code = grpc.StatusCode
NRF, STM = {"board": "nrf52840dk"}, {"board": "stm32f4"}
FAR = 600  # seconds; longer than a test may take


@pytest.fixture
def make_broker(programs, api, tmp_path):
    return lambda *flags: Broker(programs, api, tmp_path, *flags)


@pytest.fixture
def broker(make_broker):
    return make_broker()


@pytest.fixture
def lab(broker):
    """The broker, with a server that has two boards."""
    with_server(broker)
    return broker


def with_server(broker, **options):
    broker.server = Server(broker, "lab1", {"N1": NRF, "S1": STM}, address="lab1:50051", **options)


def uids(lease):
    return [probe.uid for probe in lease.probes]


def test_a_board_that_fits(lab):
    client = acquire(lab, NRF, note="smoke test", duration=FAR)
    granted = client.expect("granted")
    assert (uids(granted), granted.note, granted.holder.proof) == (["N1"], "smoke test", "local")
    assert (granted.probes[0].host, granted.probes[0].address) == ("lab1", "lab1:50051")
    assert FAR - BOUND < granted.remaining.seconds <= FAR
    assert lab.server.grants[client.lease].probes == ["N1"]
    assert lab.server.grants[client.lease].holder.name == granted.holder.name
    (listed,) = lab.call("List").leases
    assert (listed.lease, uids(listed)) == (client.lease, ["N1"])
    assert lab.probes()["N1"].lease == client.lease and not lab.probes()["S1"].lease
    assert client.release().reason == lab.api.END_REASON_RELEASED
    wait_until(lambda: not lab.server.grants, "the server hears of the end")
    assert not lab.call("List").leases


def test_the_second_waits_until_the_first_is_done(lab):
    first = acquire(lab, NRF)
    first.expect("granted")
    second = acquire(lab, {"board": "nrf*"}, note="me too")
    queued = second.expect("queued")
    assert queued.position == 1 and "1 is leased" in queued.why
    (waiting,) = lab.call("List").queue
    assert (waiting.note, waiting.queued.position) == ("me too", 1)
    first.release()
    assert uids(second.expect("granted")) == ["N1"]
    second.close()


def test_granted_only_when_the_server_has_confirmed(broker):
    with_server(broker, confirms=False)
    client = acquire(broker, NRF)
    wait_until(lambda: broker.server.grants, "the server is asked")
    assert broker.call("List").leases[0].state == broker.api.LEASE_STATE_CONFIRMING
    assert client.responses.empty()
    broker.server.confirm(next(iter(broker.server.grants)))
    client.expect("granted")
    client.close()


def test_several_boards_all_or_none(lab):
    first = acquire(lab, STM)
    first.expect("granted")
    both = acquire(lab, NRF, STM)
    both.expect("queued")
    assert not lab.probes()["N1"].lease
    first.release()
    assert uids(both.expect("granted")) == ["N1", "S1"]
    both.close()


def test_boards_of_two_servers(lab):
    other = Server(lab, "lab2", {"N2": NRF}, confirms=False)
    client = acquire(lab, (NRF, 2))
    wait_until(lambda: other.grants and lab.server.grants, "both are asked")
    assert lab.call("Get", lease=client.lease or next(iter(other.grants))).lease.state == lab.api.LEASE_STATE_CONFIRMING
    other.confirm(next(iter(other.grants)))
    assert uids(client.expect("granted")) == ["N1", "N2"]
    assert [grant.probes for server in (lab.server, other) for grant in server.grants.values()] == [["N1"], ["N2"]]
    client.close()
    other.close()


def test_a_server_that_goes_before_it_confirms(broker):
    """The request goes back to its place in the queue."""
    with_server(broker, confirms=False)
    client = acquire(broker, NRF)
    wait_until(lambda: broker.server.grants, "the server is asked")
    broker.server.cut()
    assert "1 is away" in client.expect("queued").why
    with_server(broker)
    assert uids(client.expect("granted")) == ["N1"]
    client.close()


def test_away_and_maintenance(lab):
    lab.call("SetMaintenance", probe="N1", reason="antenna broken")
    assert lab.probes()["N1"].maintenance == "antenna broken"
    client = acquire(lab, NRF)
    assert "1 is in maintenance (antenna broken)" in client.expect("queued").why
    lab.server.change("N1", NRF, False)
    lab.call("SetMaintenance", probe="N1")
    wait_until(lambda: not lab.probes()["N1"].present, "the probe is away")
    assert not lab.call("List").leases
    lab.server.change("N1", NRF, True)
    client.expect("granted")
    client.close()


def test_what_no_board_fits(lab):
    client = acquire(lab, {"board": "nrf91"})
    assert client.next() is None
    assert client.status() == (
        Code.FAILED_PRECONDITION,
        "no probe that you may use has board=nrf91; the values of `board` are nrf52840dk, stm32f4",
    )
    client.close()


WRONG = {
    "no selector": ([], {}, "has no selectors"),
    "no labels": ([{}], {}, "a selector has no labels"),
    "many selectors": ([NRF] * 10_000, {}, "10000 selectors; it may have 16"),
    "many probes": ([(NRF, 17)], {}, "17 probes; it may be for 16"),
    "no time": ([NRF], {"duration": 0}, "the duration is 0s; it must be from 1 s to 14400 s"),
    "ten years": ([NRF], {"duration": 10 * 365 * 86400}, "it must be from 1 s to 14400 s"),
    "negative queue": ([NRF], {"queue_timeout": -1}, "the queue time-out is -1s"),
    "long note": ([NRF], {"note": "x" * 257}, "the note has 257 bytes"),
    "address": ([NRF], {"for_address": "somewhere"}, "not an IP address"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_requests(lab, what):
    selectors, fields, why = WRONG[what]
    client = acquire(lab, *selectors, **fields)
    assert client.next() is None
    code, text = client.status()
    assert code == Code.INVALID_ARGUMENT and why in text
    assert not lab.call("List").queue
    client.close()


def test_a_stream_that_begins_wrongly(lab):
    client = Client(lab, lab.api.AcquireRequest(release=True))
    assert client.next() is None and client.status()[0] == Code.INVALID_ARGUMENT
    client.close()
    client = acquire(lab, NRF)
    client.expect("granted")
    client.send(lab.api.AcquireRequest(lease=lab.api.LeaseRequest()))
    assert client.status()[0] == Code.INVALID_ARGUMENT
    client.close()


def test_no_time_to_wait(lab):
    first = acquire(lab, NRF)
    first.expect("granted")
    second = acquire(lab, NRF, queue_timeout=0)
    ended = second.expect("ended")
    assert ended.reason == lab.api.END_REASON_QUEUE_TIMEOUT and "1 is leased" in ended.why
    assert second.status()[0] == Code.OK
    first.close()
    second.close()


def test_a_lease_expires_with_a_warning(lab):
    client = acquire(lab, NRF, duration=1)
    client.expect("granted")
    assert client.expect("expiring").idle is False
    ended = client.expect("ended")
    assert (ended.reason, ended.why) == (lab.api.END_REASON_EXPIRED, "it has lasted for 1s")
    wait_until(lambda: not lab.server.grants, "the server hears of the end")
    client.close()


def test_idle_boards_are_for_others(make_broker):
    broker = make_broker("--lease-idle", "2", "--lease-warning", "1")
    with_server(broker)
    idle = acquire(broker, NRF, duration=FAR)
    idle.expect("granted")
    busy = acquire(broker, STM, duration=FAR)
    busy.expect("granted")
    waiting = acquire(broker, NRF)
    waiting.expect("queued")
    assert idle.expect("expiring").idle
    # A command in time keeps the board.
    broker.server.use(idle.lease)
    idle.expect("granted")
    assert idle.expect("expiring").idle
    assert idle.expect("ended").reason == broker.api.END_REASON_IDLE
    waiting.expect("granted")
    # Nobody waits for this one.
    assert busy.responses.empty()
    for client in (idle, busy, waiting):
        client.close()


def test_a_broken_connection_has_some_grace(lab):
    client = acquire(lab, NRF)
    client.expect("granted")
    client.cut()
    again = resume(lab, client.lease, client.secret)
    assert uids(again.expect("granted")) == ["N1"]
    assert again.release().reason == lab.api.END_REASON_RELEASED


def test_who_does_not_come_back_loses_the_lease(make_broker):
    broker = make_broker("--lease-grace", "0.2")
    with_server(broker)
    client = acquire(broker, NRF)
    client.expect("granted")
    waiting = acquire(broker, NRF)
    waiting.expect("queued")
    client.cut()
    waiting.expect("granted")
    again = resume(broker, client.lease, client.secret)
    assert again.next() is None
    code, text = again.status()
    assert code == Code.NOT_FOUND and text.endswith("has ended: its client did not come back within 200ms")
    again.close()
    waiting.close()


def test_a_detached_lease_is_renewed_and_released_by_calls(make_broker):
    broker = make_broker("--lease-grace", "0.001", "--lease-max", "100")
    with_server(broker)
    client = acquire(broker, NRF, detached=True, duration=50)
    assert client.expect("granted").detached
    assert client.next() is None and client.status()[0] == Code.OK
    client.close()
    own = {"lease": client.lease, "secret": client.secret}
    renewed = broker.call("Renew", **own, duration=seconds(80)).lease
    assert 50 < renewed.remaining.seconds <= 80
    # No longer than it may last, counted from the grant.
    assert broker.call("Renew", **own, duration=seconds(100)).lease.remaining.seconds < 100
    wait_until(lambda: broker.server.grants[client.lease].remaining.seconds > 100, "the server hears of it")
    broker.call("Release", **own)
    assert broker.refusal("Renew", **own) == (
        Code.NOT_FOUND,
        f"the lease {client.lease} has ended: its holder has ended it",
    )


def test_secrets(lab):
    first, second = acquire(lab, NRF), acquire(lab, STM)
    first.expect("granted")
    second.expect("granted")
    assert len(first.secret) == 32 and first.secret not in str(lab.call("List"))
    for method in ("Renew", "Release"):
        for secret in (second.secret, first.lease, ""):
            code, text = lab.refusal(method, lease=first.lease, secret=secret)
            assert code == Code.PERMISSION_DENIED and "not the secret" in text
        assert lab.refusal(method, lease="0" * 16, secret=first.secret)[0] == Code.NOT_FOUND
    assert first.secret not in lab.program.log()
    assert len(lab.call("List").leases) == 2
    first.close()
    second.close()


def test_renew_in_the_queue(lab):
    first = acquire(lab, NRF)
    first.expect("granted")
    second = acquire(lab, NRF)
    second.expect("queued")
    refused = lab.refusal("Renew", lease=second.lease, secret=second.secret)
    assert refused == (Code.FAILED_PRECONDITION, f"the lease {second.lease} has not been granted yet")
    first.close()
    second.close()


def test_revoke(lab):
    client = acquire(lab, NRF)
    client.expect("granted")
    lab.call("Revoke", lease=client.lease, reason="the lab closes")
    ended = client.expect("ended")
    assert ended.reason == lab.api.END_REASON_REVOKED and ended.why.endswith("has revoked it: the lab closes")
    assert lab.refusal("Revoke", lease=client.lease)[0] == Code.NOT_FOUND
    assert lab.refusal("SetMaintenance", probe="other", reason="x")[0] == Code.NOT_FOUND
    client.close()


def test_leases_and_the_queue_survive_a_kill(lab):
    first = acquire(lab, NRF, duration=FAR)
    first.expect("granted")
    second = acquire(lab, NRF, note="second")
    second.expect("queued")
    third = acquire(lab, NRF, note="third")
    third.expect("queued")
    lab.call("SetMaintenance", probe="S1", reason="fuse")
    lab.program.kill()
    lab.start()
    assert [waiting.note for waiting in lab.call("List").queue] == ["second", "third"]
    assert lab.probes()["S1"].maintenance == "fuse" and not lab.probes()["S1"].present
    with_server(lab)
    assert [grant.lease for grant in lab.server.welcome.grants] == [first.lease]
    again = [resume(lab, client.lease, client.secret) for client in (first, second, third)]
    assert uids(again[0].expect("granted")) == ["N1"]
    assert again[1].expect("queued").position == 1
    assert again[2].expect("queued").position == 2
    again[0].release()
    again[1].expect("granted")
    for client in (first, second, third, *again[1:]):
        client.close()


def test_a_kill_before_the_server_has_confirmed(broker):
    with_server(broker, confirms=False)
    client = acquire(broker, NRF)
    wait_until(lambda: broker.server.grants, "the server is asked")
    (lease,) = broker.server.grants
    broker.program.kill()
    broker.start()
    with_server(broker)
    assert [grant.lease for grant in broker.server.welcome.grants] == [lease]
    wait_until(
        lambda: broker.call("Get", lease=lease).lease.state == broker.api.LEASE_STATE_GRANTED, "the server confirms"
    )
    client.close()


def test_the_same_server_dials_again(lab):
    client = acquire(lab, NRF)
    client.expect("granted")
    old = lab.server
    with_server(lab)
    assert old.status()[0] == Code.ABORTED
    assert [grant.lease for grant in lab.server.welcome.grants] == [client.lease]
    client.release()
    client.close()
    acquire(lab, NRF).expect("granted")


def test_wrong_messages_of_servers(lab):
    for request in (
        lab.api.RegisterRequest(hello=lab.api.Hello(host="again")),
        lab.api.RegisterRequest(probe=lab.api.ProbeReport()),
    ):
        server = Server(lab, "lab2", {})
        server.send(request)
        assert server.status()[0] == Code.INVALID_ARGUMENT
        server.close()


def test_a_broker_that_stops_tells_everyone(lab):
    client = acquire(lab, NRF)
    client.expect("granted")
    assert lab.program.stop() == 0
    for stream in (client, lab.server):
        code, text = stream.status()
        assert code == Code.UNAVAILABLE and "goes on when it is back" in text


@pytest.mark.parametrize(
    "flags, why",
    [
        ([], "--store is required"),
        (["--store", "missing/leases.db"], "missing/leases.db"),
        (["--store", "leases.db", "--pool", "x"], "is not NAME=LABEL=PATTERN"),
        (["--store", "leases.db", "--lease-max", "-1"], "is not a number of seconds"),
    ],
)
def test_options_that_cannot_be_used(programs, flags, why):
    ended = programs.run("probegate-broker", "--listen", f"{LOOPBACK}:0", *NO_METRICS, *flags)
    assert ended.returncode in (1, 2) and why in ended.stderr, ended


def test_a_store_is_for_one_broker(programs, lab):
    second = programs.run("probegate-broker", "--listen", f"{LOOPBACK}:0", "--store", lab.store, *NO_METRICS)
    assert second.returncode == 1 and "another program has the store" in second.stderr
