"""A Python gRPC client, generated from the .proto files, uses every debug command with unary calls and on a stream."""

import socket
import threading

import grpc
import pytest
from grpc_client import CommandError, StreamSession, UnarySession, channel, detail_of
from grpc_scenario import Fails, matches, steps
from stack import BOUND, LOOPBACK, wait_until

# Methods that open, close or carry a session; all others are commands of a session.
SESSION_METHODS = {"OpenSession", "CloseSession", "Stream"}

# The gRPC status code of a unary call for each kind of error.
CODES = {
    "ERROR_KIND_INVALID_ARGUMENT": grpc.StatusCode.INVALID_ARGUMENT,
    "ERROR_KIND_NOT_OPEN": grpc.StatusCode.FAILED_PRECONDITION,
    "ERROR_KIND_UNSUPPORTED": grpc.StatusCode.UNIMPLEMENTED,
    "ERROR_KIND_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
}


@pytest.fixture
def open_session(api, stack):
    """Opens a session of the given class, and closes it after the test."""
    sessions = []

    def open_(sort, **options):
        sessions.append(sort(api, stack.server_address, stack.serial, **options))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


def test_scenario_has_every_command(api):
    methods = {m.name for m in api.services["DebugProbe"].methods}
    assert {method for method, _, _ in steps(api)} == methods - SESSION_METHODS


def test_stream_has_every_command(api):
    requests = {
        f.message_type.name.removesuffix("Request")
        for f in api.StreamRequest.DESCRIPTOR.oneofs_by_name["request"].fields
    }
    methods = {m.name for m in api.services["DebugProbe"].methods}
    assert requests == methods - SESSION_METHODS | {"OpenSession"}


@pytest.mark.parametrize("sort", [UnarySession, StreamSession])
def test_every_command(api, open_session, stack, sort):
    session = open_session(sort)
    for number, (method, fields, expected) in enumerate(steps(api)):
        step = f"step {number}: {method} {fields}"
        if not isinstance(expected, Fails):
            response = session.command(method, **fields)
            assert matches(response, expected), f"{step}: {response}"
            continue
        with pytest.raises(CommandError) as error:
            session.command(method, **fields)
            print(step)
        detail = error.value.detail
        assert api.ErrorKind.Name(detail.kind) == expected.kind, f"{step}: {detail}"
        assert detail.probe == stack.serial, f"{step}: {detail}"
        assert detail.message and "\n" not in detail.message, f"{step}: {detail}"
        for name, value in expected.detail.items():
            assert getattr(detail, name) == value, f"{step}: {detail}"
        if sort is UnarySession and expected.kind in CODES:
            assert error.value.code == CODES[expected.kind], step
    session.end()


@pytest.mark.parametrize("sort", [UnarySession, StreamSession])
def test_opening_returns_the_probes_description(api, open_session, stack, sort):
    probe = open_session(sort).opened.probe
    assert probe.unique_id == stack.serial
    assert probe.description and probe.vendor_name and probe.product_name
    assert list(probe.wire_protocols)[0] == api.WIRE_PROTOCOL_DEFAULT
    assert list(probe.capabilities)[:4] == [
        api.CAPABILITY_SWJ_SEQUENCE,
        api.CAPABILITY_BANKED_DP_REGISTERS,
        api.CAPABILITY_APV2_ADDRESSES,
        api.CAPABILITY_MANAGED_AP_SELECTION,
    ]


def test_pipelined_stream_answers_in_order(open_session):
    session = open_session(StreamSession)
    sent = [session.send("GetState") for _ in range(500)]
    for request in sent:
        session.receive(request)  # checks the request's ID


def test_stream_must_begin_with_open_session(api, stack):
    with channel(stack.server_address) as connection:
        stream = api.DebugProbeStub(connection).Stream(iter([api.StreamRequest(get_state={})]), timeout=BOUND)
        with pytest.raises(grpc.RpcError) as error:
            while next(stream).WhichOneof("response") == "error":
                pass
        assert error.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


def test_second_open_session_ends_the_stream(open_session, stack):
    session = open_session(StreamSession)
    with pytest.raises(grpc.RpcError) as error:
        session.command("OpenSession", probe=stack.serial)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_unknown_probe(api, stack):
    with pytest.raises(CommandError) as error:
        UnarySession(api, stack.server_address, "no-such-probe")
    assert error.value.code == grpc.StatusCode.NOT_FOUND
    assert error.value.detail.kind == api.ERROR_KIND_NOT_FOUND
    assert "no-such-probe" in error.value.detail.message


def test_part_of_an_id_that_is_unique(api, open_session, stack):
    session = UnarySession(api, stack.server_address, stack.serial[-4:])
    assert session.opened.probe.unique_id == stack.serial
    session.end()
    session.close()


def test_ended_session_is_not_found(api, open_session):
    session = open_session(UnarySession)
    session.end()
    for attempt in (session.end, lambda: session.command("GetState")):
        with pytest.raises(CommandError) as error:
            attempt()
        assert error.value.code == grpc.StatusCode.NOT_FOUND


class Relay:
    """Forwards connections to the server from another loopback address, so that the server sees another peer."""

    def __init__(self, port, source):
        self.listener = socket.create_server((LOOPBACK, 0))
        self.address = f"{LOOPBACK}:{self.listener.getsockname()[1]}"
        self.target, self.source = (LOOPBACK, port), (source, 0)
        self.sockets = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            there = socket.create_connection(self.target, source_address=self.source)
            self.sockets += [here, there]
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for s in (self.listener, *self.sockets):
            s.close()


def test_session_of_another_peer_is_refused(api, open_session, stack):
    session = open_session(UnarySession)
    session.command("Open")
    relay = Relay(stack.server_port, "127.0.0.77")
    try:
        with channel(relay.address) as connection:
            stub = api.DebugProbeStub(connection)
            for call, request in (
                (stub.GetState, api.GetStateRequest),
                (stub.Close, api.CloseRequest),
                (stub.CloseSession, api.CloseSessionRequest),
            ):
                with pytest.raises(grpc.RpcError) as error:
                    call(request(session_id=session.id), timeout=BOUND)
                assert error.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)
                assert detail_of(api, error.value).message
    finally:
        relay.close()
    assert session.command("GetState").is_open


def test_short_name_of_a_session_does_not_open_it(api, open_session):
    session = open_session(UnarySession)
    whole, session.id = session.id, session.id[:16]
    with pytest.raises(CommandError) as error:
        session.command("GetState")
    assert error.value.code == grpc.StatusCode.NOT_FOUND
    session.id = whole
    session.command("GetState")


def test_idle_session_ends(api, open_session, stack):
    idle = open_session(UnarySession, idle_timeout_seconds=1)
    idle.command("Open")
    stream = open_session(StreamSession)
    directory = api.ProbeDirectoryStub(stream.channel)
    name = idle.id[:16]

    def listed():
        return [s.session for s in directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions]

    assert name in listed()
    wait_until(lambda: name not in listed(), "the idle session ends")
    with pytest.raises(CommandError) as error:
        idle.command("GetState")
    assert error.value.code == grpc.StatusCode.NOT_FOUND
    stream.command("GetState")


def test_dropped_stream_leaves_nothing_behind(api, make_stack, control):
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    holder, other = (StreamSession(api, stack.server_address, stack.serial) for _ in range(2))
    for session in (holder, other):
        session.command("Open")
        session.command("Connect")
    holder.command("Lock")
    due = other.send("Lock")
    holder.close()
    other.receive(due)
    other.close()
    sim = control(stack)
    wait_until(lambda: not sim.is_connected(0), "the probe is released")


def test_concurrent_unary_calls_of_a_session(api, open_session, stack):
    """Calls are made concurrently. Each one is answered, and memory has the value that one of them wrote."""
    session = open_session(UnarySession)
    for method, fields in (("Open", {}), ("Connect", {}), ("Lock", {})):
        session.command(method, **fields)
    for count, bits in ((51, b"\xff" * 7), (16, b"\x9e\xe7"), (51, b"\xff" * 7), (8, b"\0")):
        session.command("SwjSequence", bit_count=count, bits=bits)
    session.command("Unlock")
    session.command("ReadDp", address=0)
    session.command("WriteDp", address=4, value=0x50000000)
    handle = session.command("GetMemoryInterfaceForAp", ap_version=1, address=0).handle
    calls = [
        session.stub.WriteMem.future(
            api.WriteMemRequest(session_id=session.id, handle=handle, address=0x20000000, transfer_size=32, value=i),
            timeout=BOUND,
        )
        for i in range(200)
    ]
    for call in calls:
        call.result()
    assert session.command("ReadMem", handle=handle, address=0x20000000, transfer_size=32).value < 200


def test_a_cancelled_call_is_not_carried_out(api, open_session):
    """The client's call has failed, so it must not be carried out later, when the lock is free."""
    holder, other = open_session(UnarySession), open_session(UnarySession)
    for session in (holder, other):
        session.command("Open")
        session.command("Connect")
        session.command("GetMemoryInterfaceForAp", ap_version=1, address=0)
    word = {"handle": 0, "address": 0x20000100, "transfer_size": 32}
    holder.command("WriteMem", value=1, **word)
    holder.command("Lock")
    late = api.WriteMemRequest(session_id=other.id, value=0xDEAD, **word)
    with pytest.raises(grpc.RpcError) as error:
        other.stub.WriteMem(late, timeout=0.2)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    cancelled = other.stub.Lock.future(api.LockRequest(session_id=other.id), timeout=BOUND)
    directory = api.ProbeDirectoryStub(other.channel)

    def waits():
        sessions = directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions
        return any(s.session == other.id[:16] and s.waits_for_lock for s in sessions)

    wait_until(waits, "the other session waits for the lock")
    cancelled.cancel()
    wait_until(lambda: not waits(), "the server has noticed that the call was cancelled")
    holder.command("Unlock")
    # This call is after the other two in the session's queue.
    assert other.command("ReadMem", **word).value == 1
    assert not any(s.holds_lock for s in directory.ListSessions(api.ListSessionsRequest(), timeout=BOUND).sessions)
