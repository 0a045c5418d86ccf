"""A broker with a standby, on a real PostgreSQL."""

import pytest
from broker_client import Broker, Server, acquire, resume
from postgres import Postgres
from stack import wait_until
from test_readiness import ready

NRF = {"board": "nrf52840dk"}
WAITING = 100


@pytest.fixture
def database():
    postgres = Postgres()
    yield postgres
    postgres.end()


@pytest.fixture
def make_broker(programs, api, database):
    return lambda **options: Broker(programs, api, store=database.url, **options)


def lab(broker):
    return Server(broker, "lab1", {f"N{number}": NRF for number in range(4)})


def test_a_standby_takes_over_with_all_who_wait(make_broker):
    active = make_broker()
    standby = make_broker(label="standby", wait=False)
    standby.program.wait_for_line("standby")
    assert ready(standby.program)[0] == 503
    server = lab(active)
    holders = [acquire(active, NRF) for _ in range(4)]
    for client in holders:
        client.expect("granted")
    waiting = []
    for _ in range(WAITING):
        waiting.append(acquire(active, NRF))
        waiting[-1].expect("queued")

    active.program.kill()
    standby.wait()
    again = lab(standby)
    assert {grant.lease for grant in again.welcome.grants} == {client.lease for client in holders}
    resumed = [resume(standby, client.lease, client.secret) for client in (*holders, *waiting)]
    # In their order, which is that of their requests.
    for client in resumed:
        client.expect("granted")
        client.release()
    assert not standby.call("List").leases
    for stream in (*holders, *waiting, *resumed, server, again):
        stream.close()


def test_the_database_goes_away_and_comes_back(make_broker, database):
    broker = make_broker()
    server = lab(broker)
    first = acquire(broker, NRF)
    first.expect("granted")
    database.stop()
    wait_until(lambda: ready(broker.program)[0] == 503, "the broker says that it is not ready")
    assert "cannot use the store in PostgreSQL" in ready(broker.program)[2]
    # Nobody hears of what is not stored.
    second = acquire(broker, NRF)
    database.start()
    second.expect("granted")
    assert set(server.grants) == {first.lease, second.lease}
    wait_until(lambda: ready(broker.program)[0] == 200, "the broker is ready again")
    broker.program.wait_for_line("store.recovered")
    for stream in (first, second, server):
        stream.close()


def test_a_standby_ends_when_it_is_asked_to(make_broker):
    make_broker()
    standby = make_broker(label="standby", wait=False)
    standby.program.wait_for_line("standby")
    assert standby.program.stop() == 0


def test_a_database_that_cannot_be_used(programs):
    ended = programs.run("probegate-broker", "--store", "postgresql://u:secret@/none?host=/nonexistent")
    assert ended.returncode == 1 and "cannot use the store in PostgreSQL" in ended.stderr
    assert "secret" not in ended.stderr
