"""A client that makes the server hold as much memory as it can. It gets its share, another client goes on, and the
server is as small as before once it has left."""

import contextlib
import queue
import threading

import grpc
import grpc_client
import pytest
from metrics import wait_for
from process_usage import MIB, usage
from raw_protobuf import field
from stack import BOUND, wait_until

STREAM = "/probegate.v1.DebugProbe/Stream"
# The budget is 256 MiB, of which one client gets a quarter. gRPC's own buffers, the heap's spare room and the messages
# that are being parsed come on top.
MOST = 256 * MIB
LEFT = 64 * MIB


class Victim:
    """A stack whose server is attacked, and the highest memory seen."""

    def __init__(self, stack, api):
        self.api = api
        self.server = stack.server
        self.address = stack.server_address
        self.before = usage(self.server).resident
        self.most = 0

    def look(self):
        self.most = max(self.most, usage(self.server).resident - self.before)

    @contextlib.contextmanager
    def attack(self):
        """While the block runs, an honest client works in a thread of its own, and memory is watched."""
        over = threading.Event()
        errors = []

        def work():
            try:
                with grpc_client.channel(self.address) as channel:
                    directory = self.api.ProbeDirectoryStub(channel)
                    stream = RawStream(self.api, channel)
                    while not over.is_set():
                        directory.ListProbes(self.api.ListProbesRequest(), timeout=20)
                        stream.ask(get_state=self.api.GetStateRequest())
                        self.look()
                    stream.call.cancel()
            except (grpc.RpcError, AssertionError) as error:
                errors.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()
        assert not errors, errors
        self.look()
        assert self.most < MOST, f"the server grew by {self.most // MIB} MiB"

    def expect_small_again(self):
        wait_until(lambda: usage(self.server).resident - self.before < LEFT, "the server is small again")


class RawStream:
    """A session whose requests may be any bytes."""

    def __init__(self, api, channel):
        self.api = api
        self.requests = queue.SimpleQueue()
        self.call = channel.stream_stream(STREAM)(iter(self.requests.get, None), timeout=10 * BOUND)
        self.ask(open_session=api.OpenSessionRequest())

    def send(self, **command):
        self.requests.put(self.api.StreamRequest(request_id=1, **command).SerializeToString())

    def ask(self, **command):
        self.send(**command)
        answer = self.api.StreamResponse.FromString(next(self.call))
        assert answer.WhichOneof("response") != "error", answer
        return answer

    def end(self):
        """Waits for the end of the stream; returns its status."""
        with pytest.raises(grpc.RpcError):
            for _ in self.call:
                pass
        return self.call.code()


@pytest.fixture
def victim(make_stack, api):
    stack = make_stack(start_gateway=False, server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    stack.server.wait_for_line(r"probe\.connected ")
    return Victim(stack, api)


@pytest.fixture
def channel(victim):
    with grpc_client.channel(victim.address) as opened:
        yield opened


def unary(channel, method, message):
    with pytest.raises(grpc.RpcError) as refusal:
        channel.unary_unary(method)(message, timeout=2 * BOUND)
    return refusal.value.code()


EMPTY_SEGMENTS = b"\x12\x00" * (10 * MIB - 1000)


def test_a_call_without_a_session_is_not_read(victim, channel):
    with victim.attack():
        for _ in range(3):
            assert unary(channel, "/probegate.v1.DebugProbe/SwdSequence", EMPTY_SEGMENTS) == grpc.StatusCode.NOT_FOUND
    assert victim.most < LEFT


@pytest.mark.parametrize(
    "message",
    [
        EMPTY_SEGMENTS,
        b"\xf8\x07\x01" * (6 * MIB),  # unknown numbers
        b"\xfa\x07\x00" * (6 * MIB),  # unknown empty strings
        b"\x0b" * 19 * MIB,  # groups within groups
    ],
    ids=["segments", "unknown-numbers", "unknown-strings", "groups"],
)
def test_messages_that_expand_are_refused(victim, channel, message):
    victim.api.DebugProbeStub(channel).OpenSession(victim.api.OpenSessionRequest())
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    with victim.attack():
        assert unary(channel, "/probegate.v1.DebugProbe/SwdSequence", message) == invalid
        assert unary(channel, "/probegate.v1.ProbeDirectory/ListProbes", message) == invalid
        assert unary(channel, "/probegate.v1.DebugProbe/OpenSession", message) == invalid
        stream = RawStream(victim.api, channel)
        stream.requests.put(field(19, message[: 18 * MIB]))
        assert stream.end() == invalid
    victim.expect_small_again()


def test_a_flood_of_posted_requests_is_refused(victim, channel):
    stream = RawStream(victim.api, channel)
    with victim.attack():
        stream.requests.put(b"\x1a\x00" * (10 * MIB - 1000))
        assert stream.end() == grpc.StatusCode.INVALID_ARGUMENT
    victim.expect_small_again()


def test_the_first_message_of_a_stream_is_small(victim, channel):
    with victim.attack():
        for _ in range(3):
            call = channel.stream_stream(STREAM)(iter([b"\x1a\x00" * (10 * MIB - 1000)]), timeout=2 * BOUND)
            with pytest.raises(grpc.RpcError) as refusal:
                next(call)
            assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    victim.expect_small_again()


def test_compressed_messages_are_refused(victim, channel):
    victim.api.DebugProbeStub(channel).OpenSession(victim.api.OpenSessionRequest())
    with victim.attack(), pytest.raises(grpc.RpcError) as refusal:
        channel.unary_unary("/probegate.v1.DebugProbe/WriteBlock8")(
            bytes(60 * MIB), timeout=2 * BOUND, compression=grpc.Compression.Gzip
        )
    assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert victim.most < LEFT


def test_streams_that_are_not_read(victim):
    """Sessions ask for many blocks, and read none of the answers. The blocks are as large as the firmware's flash."""
    api = victim.api
    with contextlib.ExitStack() as left, victim.attack():
        streams = []
        for _ in range(4):
            stream = RawStream(api, left.enter_context(grpc_client.channel(victim.address)))
            stream.ask(open=api.OpenRequest())
            stream.ask(connect=api.ConnectRequest())
            interface = stream.ask(
                get_memory_interface_for_ap=api.GetMemoryInterfaceForApRequest(ap_version=1)
            ).get_memory_interface_for_ap
            for _ in range(60):
                stream.send(read_block32=api.ReadBlock32Request(handle=interface.handle, word_count=MIB // 4))
            streams.append(stream)
        wait_for(
            victim.server.metrics_url(),
            lambda shown: shown.value("probegate_quota_used", quota="memory", of="client") > 48 * MIB,
            "the client has used up its share",
        )
        for stream in streams:
            stream.call.cancel()
    victim.expect_small_again()


def test_many_large_requests_behind_a_lock(victim):
    api = victim.api
    with contextlib.ExitStack() as left, victim.attack():
        holder = RawStream(api, left.enter_context(grpc_client.channel(victim.address)))
        holder.ask(open=api.OpenRequest())
        holder.ask(lock=api.LockRequest())
        waiting = []
        for _ in range(12):
            stream = RawStream(api, left.enter_context(grpc_client.channel(victim.address)))
            stream.send(write_block8=api.WriteBlock8Request(data=bytes(12 * MIB)))
            waiting.append(stream)
        for _ in range(300):
            holder.ask(get_state=api.GetStateRequest())
        for stream in waiting:
            stream.call.cancel()
    victim.expect_small_again()


def test_many_sessions(make_stack, api):
    stack = make_stack(start_gateway=False, server_flags=["--max-sessions-per-client", 20])
    stack.server.wait_for_line(r"probe\.connected ")
    with grpc_client.channel(stack.server_address) as channel:
        sessions = [RawStream(api, channel) for _ in range(20)]
        with pytest.raises(AssertionError, match="one client is 20"):
            RawStream(api, channel)
        # A gateway's client counts as itself, not as the gateway.
        other = api.OpenSessionRequest(client=api.ClientInfo(peer_address="10.0.0.7:1"))
        api.DebugProbeStub(channel).OpenSession(other)
        sessions.pop().call.cancel()
        wait_until(
            lambda: len(api.ProbeDirectoryStub(channel).ListSessions(api.ListSessionsRequest()).sessions) == 20,
            "a session has ended",
        )
        RawStream(api, channel)


def test_watches_of_a_client_are_limited(make_stack, api):
    stack = make_stack(start_gateway=False)
    with grpc_client.channel(stack.server_address) as channel:
        directory = api.ProbeDirectoryStub(channel)
        watches = [directory.WatchProbes(api.WatchProbesRequest(), timeout=2 * BOUND) for _ in range(64)]
        for watch in watches:
            next(watch)
        with pytest.raises(grpc.RpcError) as refusal:
            next(directory.WatchProbes(api.WatchProbesRequest(), timeout=2 * BOUND))
        assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
