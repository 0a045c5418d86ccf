"""Events that metrics count. Each function causes one event from outside, as a user or a failure would.

`lab` has the stack and makes the clients (test_metrics_move.py). A function returns when it has caused the event; the
counters may follow a moment later. It may return a function to be called after the counters have been checked.
"""

import contextlib
import datetime
import hashlib
import os
import pathlib
import queue
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

import grpc
import swo
from grpc_client import CommandError, StreamSession, UnarySession
from raw_client import CTRL_STAT, DISCONNECTED, DPIDR, FAULTING, RAM, SELECT
from stack import BOUND, wait_until

# A gRPC client in a separate process, so that it can be killed. It runs until its standard input is closed.
CLIENT = """
import sys
import grpc
path, address, *requests = sys.argv[1:]
def forever():
    yield from map(bytes.fromhex, requests)
    sys.stdin.read()
stream = grpc.insecure_channel(address).stream_stream(path)(forever())
for _ in requests:
    next(stream)
print("opened", flush=True)
sys.stdin.read()
"""

RUNS = {}

# An access file for the server, with the rules that an event begins with.
_folder = tempfile.TemporaryDirectory(prefix="probegate-")
ACCESS = pathlib.Path(_folder.name) / "access.yaml"
ALLOWING = 'rules: [{who: {local: "*"}, may: [view, use, gateway]}]'
VIEWING = 'rules: [{who: {local: "*"}, may: [view]}]'
ACCESS.write_text(ALLOWING)
TOKENS = ACCESS.with_name("tokens")
TOKENS.touch()


def runs_with(server_flags=(), gateway_flags=()):
    """Declares the flags with which the stack's programs must run for this event."""

    def note(event):
        RUNS[event] = {"server_flags": server_flags, "gateway_flags": gateway_flags}
        return event

    return note


# --- What clients do


def client_attaches_and_leaves(lab):
    client = lab.client().attach()
    client.write_word(RAM, 1)
    client.read_words(RAM, 16)
    client.call("lock")
    client.call("unlock")
    client.detach()
    client.close()


def invalid_lines(lab):
    client = lab.client()
    client.call("hello", 1)
    for line in (b"hello", b"{}", b'{"id": 1, "request": "no_such"}'):
        client.send_bytes(line + b"\n")
        client.receive()


def a_web_page_tries_a_port(lab):
    client = lab.client()
    client.send_bytes(b"POST / HTTP/1.1\r\n")
    with contextlib.suppress(ConnectionError):
        client.receive_line()


@runs_with(gateway_flags=["--max-line-bytes", 65536])
def line_too_long(lab):
    client = lab.client()
    client.call("hello", 1)
    client.send_bytes(b"x" * 70000)
    assert client.receive()["id"] == -1


@runs_with(gateway_flags=["--max-connections", 1])
def connection_limit_reached(lab):
    lab.client().call("hello", 1)
    assert lab.client().status("hello", 1) == DISCONNECTED


@runs_with(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
def client_leaves_while_waiting_for_the_lock(lab):
    holder, waiting = lab.client().attach(), lab.client().attach()
    holder.take_lock()
    waiting.send("read_dp", DPIDR)
    lab.wait_for("server", "probegate_lock_waiters", 1)
    waiting.abort()
    lab.wait_for("server", "probegate_sessions", 1)


@runs_with(server_flags=["--lock-idle", 1, "--lock-max", 3600])
def lock_holder_is_idle(lab):
    holder, waiting = lab.client().attach(), lab.client().attach()
    holder.take_lock()
    waiting.call("read_dp", DPIDR)


def commands_that_fail(lab):
    """Each of these commands fails in a different way."""
    client = lab.client()
    client.call("hello", 1)
    client.call("open")
    assert client.status("read_dp", DPIDR) != 0  # not connected
    client.attach()
    client.call("write_dp", SELECT, 1)
    assert client.status("write_dp", CTRL_STAT, 0x100) != 0  # DLCR.TURNROUND
    assert client.status("unlock") != 0
    assert client.status("read_mem", 99, RAM, 32) != 0
    assert client.status("connect", "JTAG") != 0


# --- Clients of the gRPC API


def session_of_unary_calls(lab):
    session = lab.session(UnarySession)
    session.command("GetState")
    session.end()


def stream_is_half_closed(lab):
    session = lab.session(StreamSession)
    session.command("GetState")
    session.end()


def unary_session_becomes_idle(lab):
    lab.session(UnarySession, idle_timeout_seconds=1)
    lab.wait_for("server", "probegate_sessions", 0)


def unknown_probe(lab):
    try:
        UnarySession(lab.api, lab.stack.server_address, "nobody")
    except CommandError as error:
        assert error.code == grpc.StatusCode.NOT_FOUND
        return
    raise AssertionError("a session was opened on an unknown probe")


@runs_with(server_flags=["--access", ACCESS])
def a_wrong_token(lab):
    with grpc.insecure_channel(lab.stack.server_address) as channel:
        directory = lab.api.ProbeDirectoryStub(channel)
        try:
            directory.WhoAmI(lab.api.WhoAmIRequest(), metadata=[("authorization", "Bearer nonsense")], timeout=10)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
            return
    raise AssertionError("a wrong token was accepted")


@runs_with(server_flags=["--access", ACCESS])
def rules_no_longer_allow_a_session(lab):
    """One session waits for the lock of another when the rules change."""
    holder = StreamSession(lab.api, lab.stack.server_address, lab.stack.serial)
    holder.command("Lock")
    waiter = StreamSession(lab.api, lab.stack.server_address, lab.stack.serial)
    waiter.send("ReadDp", address=DPIDR)
    wait_until(lambda: any(s["waits_for_lock"] for s in lab.sessions()), "a session waits for the lock")
    ACCESS.write_text(VIEWING)
    wait_until(lambda: not lab.sessions(), "the sessions have ended")
    try:
        StreamSession(lab.api, lab.stack.server_address, lab.stack.serial)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    else:
        raise AssertionError("a session was opened against the rules")
    finally:
        ACCESS.write_text(ALLOWING)


@runs_with(server_flags=["--tokens", TOKENS, "--token-grace", "0"])
def a_token_expires(lab):
    """The session goes on until then."""
    expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=8)
    secret = f"secret until {expiry}"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    TOKENS.write_text(f"short {digest} {expiry.strftime('%Y-%m-%dT%H:%M:%SZ')}\n")
    with grpc.insecure_channel(lab.stack.server_address) as channel:
        metadata = [("authorization", f"Bearer {secret}")]
        directory = lab.api.ProbeDirectoryStub(channel)

        def known():
            try:
                return directory.WhoAmI(lab.api.WhoAmIRequest(), metadata=metadata, timeout=BOUND)
            except grpc.RpcError:
                return None

        wait_until(known, "the server knows the token")
        request = lab.api.StreamRequest(open_session=lab.api.OpenSessionRequest(probe=lab.stack.serial))
        requests = queue.SimpleQueue()
        requests.put(request)
        stream = lab.api.DebugProbeStub(channel).Stream(iter(requests.get, None), metadata=metadata, timeout=BOUND)
        assert next(stream).HasField("open_session")
        try:
            next(stream)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        else:
            raise AssertionError("the session has outlived its token")
        finally:
            requests.put(None)


def session_is_kicked(lab):
    client = lab.client().attach()
    sessions = lab.sessions()
    assert len(sessions) == 1
    lab.cli("kick", sessions[0]["session"])
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")


def grpc_client_is_killed(lab):
    requests = [
        lab.api.StreamRequest(open_session=lab.api.OpenSessionRequest(probe=lab.stack.serial)),
        lab.api.StreamRequest(open=lab.api.OpenRequest()),
    ]
    argv = [
        sys.executable,
        "-c",
        CLIENT,
        "/probegate.v1.DebugProbe/Stream",
        lab.stack.server_address,
        *(request.SerializeToString().hex() for request in requests),
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"opened\n"
        process.kill()
    lab.wait_for("server", "probegate_sessions", 0)


def json_client_is_killed(lab):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from raw_client import RawClient\n"
        "client = RawClient(int(sys.argv[2])).attach(); print('attached', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, os.path.dirname(__file__), str(lab.stack.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"attached\n"
        process.kill()
    lab.wait_for("server", "probegate_sessions", 0)


# --- What targets and probes do


def bus_fault(lab):
    client = lab.client().attach()
    client.call("write_ap", 0x04, FAULTING)
    assert client.status("read_ap", 0x0C) != 0


def target_answers_wait(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="wait", at=1, times=0)
    assert client.status("read_ap", 0xFC) != 0
    lab.sim.call("clear_faults")


def target_does_not_acknowledge(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="no_ack", at=1, times=1)
    assert client.status("read_ap", 0xFC) != 0


def reply_is_lost(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=1)
    client.status("read_ap", 0xFC)


def swo_with_conflicting_baud_rates(lab):
    client, other = lab.client().attach(), lab.client().attach()
    client.call("swo_start", swo.BAUD)
    assert other.status("swo_start", 2 * swo.BAUD) != 0
    swo.Target.of_board(lab.sim).send([1])
    return client.close


def swo_at_the_wrong_baud_rate(lab):
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD // 4)
    swo.Target.of_board(lab.sim).send([0] * 3)
    return client.close


def reply_with_swo_data_is_lost(lab):
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD)
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=1)
    return client.close


def swo_data_is_not_read(lab):
    client = lab.client().attach()
    client.call("swo_start", 8_000_000)
    swo.Target.of_board(lab.sim, baud=8_000_000).send_for_ever()
    return client.close


def swo_while_the_server_is_stopped(lab):
    """The target sends more than the probe's buffer holds."""
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD)
    target = swo.Target.of_board(lab.sim)
    lab.stack.server.signal(signal.SIGSTOP)
    try:
        target.send(range(4000))
    finally:
        lab.stack.server.signal(signal.SIGCONT)
    return client.close


def a_probe_is_unplugged(lab):
    client = lab.client().attach()
    lab.sim.unplug(0)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")


def a_probe_of_a_grpc_client_is_unplugged(lab):
    session = StreamSession(lab.api, lab.stack.server_address, lab.stack.serial)
    lab.sim.unplug(0)
    with contextlib.suppress(grpc.RpcError):
        for _ in session.stream:
            pass
    session.close()


def probe_stops_answering(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=0)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")


def probe_sends_invalid_data(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="corrupt_reply", corruption="signature", at=1, times=2)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")


# --- What programs do


def server_is_killed_and_restarted(lab):
    client = lab.client().attach()
    lab.stack.server.kill()
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    lab.stack.start_server()
    lab.wait_for("gateway", "probegate_gateway_server_up", 1)


def server_is_told_to_stop(lab):
    """The server waits for a probe that does not answer, so that its metrics can be read while it shuts down."""
    lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=0)
    lab.stack.server.signal(signal.SIGTERM)

    def let_it_end():
        lab.sim.call("clear_faults")
        assert lab.stack.server.wait() == 0

    return let_it_end


def the_gateway_is_killed(lab):
    lab.client().attach()
    lab.stack.gateway.kill()
    lab.wait_for("server", "probegate_sessions", 0)


def fill_disk(pid):
    """Makes the files of the process as large as they may be, so that nothing more can be written to its log."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))


def the_log_cannot_be_written(lab):
    for program in (lab.stack.server, lab.stack.gateway):
        fill_disk(program.pid)
    client_attaches_and_leaves(lab)


def connect_too_often(url):
    """More connections than one client may have; each of those that say nothing makes room for a new one."""
    address = urllib.parse.urlsplit(url)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((address.hostname, address.port), BOUND)) for _ in range(80)
        ]
        with contextlib.suppress(ConnectionResetError):
            assert silent[0].recv(1) == b"", "the oldest is closed"


def many_connections_for_metrics(lab):
    for program in ("server", "gateway"):
        connect_too_often(lab.url(program))


def time_passes(lab):
    """Serving the metrics is enough to use processor time."""
    del lab
