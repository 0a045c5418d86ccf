"""The directory of probes and sessions, health and reflection, from a Python gRPC client."""

import queue
import socket
import threading

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_client import CommandError, StreamSession, UnarySession, channel, detail_of
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from raw_client import DISCONNECTED, DPIDR, RAM
from stack import BOUND, wait_until


@pytest.fixture
def connection(stack):
    with channel(stack.server_address) as connection:
        yield connection


@pytest.fixture
def directory(api, connection):
    return api.ProbeDirectoryStub(connection)


class Watch:
    """Collects the events of one WatchProbes call."""

    def __init__(self, api, address):
        self._channel = channel(address)
        self._events = queue.Queue()
        self._call = api.ProbeDirectoryStub(self._channel).WatchProbes(api.WatchProbesRequest(), timeout=10 * BOUND)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for event in self._call:
                self._events.put(event)
        except grpc.RpcError:
            pass

    def next(self):
        return self._events.get(timeout=BOUND)

    def until(self, condition):
        """Waits for a status for which the condition holds, and returns it."""
        while True:
            event = self.next()
            assert event.WhichOneof("event") == "changed", event
            if condition(event.changed):
                return event.changed

    def snapshot(self):
        probes = []
        while (event := self.next()).WhichOneof("event") == "changed":
            probes.append(event.changed)
        assert event.snapshot_complete
        return probes

    def close(self):
        self._call.cancel()
        self._channel.close()


def test_every_method_of_the_directory_is_tested_here(api):
    methods = {m.name for m in api.services["ProbeDirectory"].methods}
    assert methods == {"ListProbes", "WatchProbes", "ListSessions", "EndSession", "Stats", "WhoAmI"}


def test_who_am_i(api, directory, stack):
    """Without an access file, everyone may do everything; test_access.py has one."""
    answer = directory.WhoAmI(api.WhoAmIRequest(), timeout=BOUND)
    assert (answer.identity.name, answer.identity.proof, answer.policy) == ("local", "local", "none")
    (probe,) = answer.probes
    assert probe.probe == stack.serial
    assert [granted.right for granted in probe.rights] == ["view", "use", "debug", "kick"]
    assert [granted.right for granted in answer.rights] == ["gateway", "admin", "serve"]


def test_list_probes(api, directory, stack):
    (probe,) = directory.ListProbes(api.ListProbesRequest(), timeout=BOUND).probes
    assert probe.description.unique_id == stack.serial
    assert probe.location == f"tcp:127.0.0.1:{stack.sim_port}"
    assert probe.problem == ""
    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")

    def state():
        (probe,) = directory.ListProbes(api.ListProbesRequest(), timeout=BOUND).probes
        return probe.state, probe.session_count

    # The gateway may also have a session on the probe, so only the minimum is known.
    assert state()[0] == api.PROBE_STATE_IN_USE and state()[1] >= 1
    session.close()
    wait_until(lambda: state()[0] == api.PROBE_STATE_IDLE, "the probe is idle again")


def test_each_list_names_the_host(api, directory):
    for method, request in (
        (directory.ListProbes, api.ListProbesRequest()),
        (directory.ListSessions, api.ListSessionsRequest()),
        (directory.Stats, api.StatsRequest()),
    ):
        assert method(request, timeout=BOUND).host == socket.gethostname()


def test_stats(api, directory, stack):
    def stats(probe=""):
        answer = directory.Stats(api.StatsRequest(probe=probe), timeout=BOUND)
        (only,) = answer.probes
        return answer, only

    before, probe_before = stats()
    assert probe_before.status.description.unique_id == stack.serial
    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")
    session.command("Connect")
    memory = session.command("GetMemoryInterfaceForAp", ap_version=1, address=0)
    for _ in range(10):
        session.command("ReadMem", handle=memory.handle, address=RAM, transfer_size=32)
    # A command is counted a moment after it has been answered.
    wait_until(lambda: stats()[1].commands >= probe_before.commands + 13, "the commands are counted")
    after, probe_after = stats(stack.serial[-6:])
    assert after.uptime_seconds > before.uptime_seconds
    for total in ("packets", "transfers", "bytes_out", "bytes_in"):
        assert getattr(probe_after, total) > getattr(probe_before, total), total
    for histogram in (probe_after.command_wait, probe_after.command_wire):
        assert len(histogram.counts) == len(histogram.bounds_seconds) + 1
        assert list(histogram.bounds_seconds) == sorted(histogram.bounds_seconds)
        assert histogram.sum_seconds > 0
    assert sum(probe_after.command_wire.counts) > sum(probe_before.command_wire.counts)
    with pytest.raises(grpc.RpcError) as error:
        stats("nobody")
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    session.close()


def test_list_probes_in_order(api, make_stack):
    stack = make_stack(boards=3, start_gateway=False)
    with channel(stack.server_address) as connection:

        def listed():
            return [
                p.description.unique_id
                for p in api.ProbeDirectoryStub(connection).ListProbes(api.ListProbesRequest(), timeout=BOUND).probes
            ]

        wait_until(lambda: len(listed()) == 3, "the boards are found")
        assert listed() == sorted(stack.serials)


def test_list_sessions(api, directory, stack):
    client = {"name": "pytest", "version": "1.2", "user": "me", "peer_address": "10.1.2.3:4"}
    session = UnarySession(api, stack.server_address, stack.serial, client=client)
    session.command("Open")
    session.command("Connect")
    session.command("Lock")

    def listed(probe=""):
        sessions = directory.ListSessions(api.ListSessionsRequest(probe=probe), timeout=BOUND).sessions
        return {s.session: s for s in sessions}

    info = listed()[session.id[:16]]
    assert (info.client.name, info.client.version, info.client.user) == ("pytest", "1.2", "me")
    assert info.client.peer_address == "10.1.2.3:4"
    assert info.probe == stack.serial
    assert (info.has_open, info.is_connected, info.holds_lock, info.waits_for_lock) == (True, True, True, False)
    assert info.command_count == 3
    assert 0 < info.opened_at.seconds <= info.last_command_at.seconds
    assert session.id not in str(info), "the full session ID is a secret"
    assert session.id[:16] in listed(stack.serial)
    session.end()
    assert session.id[:16] not in listed()
    session.close()


def test_overlong_client_info_is_cut(api, directory, stack):
    session = UnarySession(api, stack.server_address, stack.serial, client={"name": "n" * 5000})
    sessions = directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions
    (info,) = [s for s in sessions if s.session == session.id[:16]]
    assert 0 < len(info.client.name) <= 128
    session.end()
    session.close()


def test_end_session_of_a_stream(api, directory, stack):
    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")
    directory.EndSession(api.EndSessionRequest(session=session.opened.session_id[:16], reason="lunch"), timeout=BOUND)
    with pytest.raises(grpc.RpcError) as error:
        next(session.stream)
    assert error.value.code() == grpc.StatusCode.CANCELLED
    assert "lunch" in error.value.details()
    session.close()


def test_end_session_of_unary_calls(api, directory, stack):
    session = UnarySession(api, stack.server_address, stack.serial)
    directory.EndSession(api.EndSessionRequest(session=session.id, reason="lunch"), timeout=BOUND)
    with pytest.raises(CommandError) as error:
        session.command("GetState")
    assert error.value.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.CANCELLED)
    session.close()


def test_end_session_of_a_gateway_client(api, directory, stack, raw):
    before = {s.session for s in directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions}
    client = raw(stack.port).attach()
    (new,) = [
        s for s in directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions if s.session not in before
    ]
    assert new.client.peer_address == "127.0.0.1:%d" % client.socket.getsockname()[1]
    directory.EndSession(api.EndSessionRequest(session=new.session, reason="lunch"), timeout=BOUND)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")


def test_end_session_unknown(api, directory):
    with pytest.raises(grpc.RpcError) as error:
        directory.EndSession(api.EndSessionRequest(session="0123456789abcdef"), timeout=BOUND)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert detail_of(api, error.value).kind == api.ERROR_KIND_NOT_FOUND


def test_watch_probes(api, make_stack, control):
    stack = make_stack(start_gateway=False)
    with channel(stack.server_address) as connection:
        stub = api.ProbeDirectoryStub(connection)
        wait_until(lambda: stub.ListProbes(api.ListProbesRequest(), timeout=BOUND).probes, "the board is found")
    watch = Watch(api, stack.server_address)
    (probe,) = watch.snapshot()
    assert (probe.description.unique_id, probe.state, probe.session_count) == (stack.serial, api.PROBE_STATE_IDLE, 0)

    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")
    watch.until(lambda p: (p.state, p.session_count) == (api.PROBE_STATE_IN_USE, 1))
    session.close()
    watch.until(lambda p: (p.state, p.session_count) == (api.PROBE_STATE_IDLE, 0))

    sim = control(stack)
    sim.unplug(0)
    away = watch.until(lambda p: p.state == api.PROBE_STATE_AWAY)
    assert away.problem and "\n" not in away.problem
    with pytest.raises(CommandError) as error:
        UnarySession(api, stack.server_address, stack.serial)
    assert error.value.code == grpc.StatusCode.UNAVAILABLE
    sim.plug(0)
    back = watch.until(lambda p: p.state == api.PROBE_STATE_IDLE)
    assert back.problem == ""
    watch.close()


def test_health(connection):
    stub = health_pb2_grpc.HealthStub(connection)
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=BOUND).status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_shows_the_contract(api, connection):
    database = ProtoReflectionDescriptorDatabase(connection)
    services = set(database.get_services())
    assert {"grpc.health.v1.Health", "probegate.v1.DebugProbe", "probegate.v1.ProbeDirectory"} <= services
    pool = DescriptorPool(database)
    for service in api.services.values():
        reflected = pool.FindServiceByName(service.full_name)
        assert [(m.name, m.input_type.full_name, m.output_type.full_name) for m in reflected.methods] == [
            (m.name, m.input_type.full_name, m.output_type.full_name) for m in service.methods
        ]
