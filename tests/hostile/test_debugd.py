"""Attacks on probegate-debugd by a client at 127.0.0.1, with an honest client at 127.0.0.2."""

import contextlib
import os
import queue
import socket
import subprocess
import threading

import grpc
import pytest
from debug_client import Debugd, DebugSession, firmware, wait_for_no_tools
from grpc_client import channel
from grpc_health.v1 import health_pb2, health_pb2_grpc
from metrics import scrape
from namespaces import UNSHARE
from process_usage import MIB, peak, usage, wait_until_as_before
from stack import BOUND, LOOPBACK, METRICS_FLAGS, Program, wait_until

# Longer than probegate-debugd lets anything wait that has a bound of 10 s.
WAIT = 3 * BOUND


class Honest:
    """What an honest client does."""

    def __init__(self, api, address):
        self.api = api
        self.channel = channel(address)

    def close(self):
        self.channel.close()

    def health(self):
        request = health_pb2.HealthCheckRequest()
        return health_pb2_grpc.HealthStub(self.channel).Check(request, timeout=BOUND).status

    def upload(self, *parts):
        requests = iter([self.api.UploadElfRequest(data=part) for part in parts or (b"\x7fELF",)])
        return self.api.DebugFilesStub(self.channel).UploadElf(requests, timeout=BOUND).import_file

    def config(self, **fields):
        fields = {"fqbn": "nrf52840", "import_file": str(firmware())} | fields
        request = self.api.DebugConfigReq(**fields)
        return self.api.DebugStub(self.channel).GetDebugConfig(request, timeout=BOUND)


@pytest.fixture
def honest(api, from_address):
    """Opens honest clients of a debugd, at 127.0.0.2."""
    with contextlib.ExitStack() as stack:

        def make(debugd):
            client = Honest(api, from_address("127.0.0.2", debugd.port).address)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def attacker(api):
    """Opens connections of the attacker, at 127.0.0.1."""
    with contextlib.ExitStack() as stack:

        def make(debugd):
            connection = channel(debugd.address)
            stack.callback(connection.close)
            return connection

        yield make


def code_of(call):
    """The status of a call that is in progress, once it has ended."""
    try:
        call.result(timeout=WAIT)
    except grpc.RpcError as error:
        return error.code()
    except grpc.FutureTimeoutError:
        raise AssertionError("a call was not answered") from None
    return grpc.StatusCode.OK


def command_line(programs, server, *flags):
    """The command line of a probegate-debugd without a stack."""
    return [
        programs.path("probegate-debugd"),
        "--listen",
        f"{LOOPBACK}:0",
        *METRICS_FLAGS,
        "--server",
        server,
        "--elf-folder",
        firmware().parent,
        *flags,
    ]


class LoneDebugd:
    """A probegate-debugd without a stack. `launcher` is put before its command line."""

    def __init__(self, programs, server, *flags, launcher=()):
        flags = flags or ("--work-dir", programs.directory)
        argv = [*launcher, *command_line(programs, server, *flags)]
        self.program = Program("probegate-debugd", argv, programs.directory)
        programs.started.append(self.program)
        self.port = int(self.program.wait_for_line(r"Listening on 127\.0\.0\.1:(\d+)")[1])
        self.address = f"{LOOPBACK}:{self.port}"


@pytest.fixture
def silent_server():
    """A server that accepts connections and says nothing."""
    with socket.create_server((LOOPBACK, 0), backlog=200) as listener:
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"


# --- A server that says nothing


def test_calls_that_wait_for_a_silent_server_keep_nobody_out(programs, silent_server, api, honest, attacker):
    debugd = LoneDebugd(programs, silent_server)
    client = honest(debugd)
    assert client.health()
    before = usage(debugd.program)
    stub = api.DebugStub(attacker(debugd))
    request = api.DebugConfigReq(port="x", fqbn="nrf52840", import_file="firmware.elf")
    calls = [stub.GetDebugConfig.future(request, timeout=WAIT) for _ in range(150)]
    began = usage(debugd.program).threads
    # They are answered by turns: what the honest client does is done while all of them wait.
    assert client.health() == health_pb2.HealthCheckResponse.SERVING
    assert client.upload()
    assert began <= before.threads + 16
    assert {code_of(call) for call in calls} <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
    with pytest.raises(grpc.RpcError) as error:
        client.config(port="x")
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE and "does not answer" in error.value.details()
    wait_until_as_before(debugd.program, before, descriptors=4)


def test_debugd_ends_while_calls_and_sessions_wait_for_a_silent_server(programs, silent_server, api, attacker):
    debugd = LoneDebugd(programs, silent_server)
    connection = attacker(debugd)
    request = api.DebugConfigReq(port="x", fqbn="nrf52840", import_file="firmware.elf")
    calls = [api.DebugStub(connection).GetDebugConfig.future(request, timeout=WAIT) for _ in range(20)]
    streams = [api.DebugStub(connection).Debug(iter([api.DebugReq(debugReq=request)])) for _ in range(4)]
    url = debugd.program.metrics_url()
    wait_until(lambda: scrape(url).value("probegate_debug_sessions") > 0, "sessions wait for the server")
    assert debugd.program.stop() == 0
    assert grpc.StatusCode.OK not in {code_of(call) for call in calls}
    for stream in streams:
        stream.cancel()


def test_a_client_that_leaves_a_starting_session_gives_its_place_back(programs, silent_server, api, attacker):
    debugd = LoneDebugd(programs, silent_server)
    connection = attacker(debugd)
    request = api.DebugReq(debugReq=api.DebugConfigReq(port="x", fqbn="nrf52840", import_file="firmware.elf"))
    url = debugd.program.metrics_url()
    for _ in range(5):
        streams = [api.DebugStub(connection).Debug(iter([request])) for _ in range(8)]
        for stream in streams:
            stream.cancel()
    wait_until(lambda: scrape(url).value("probegate_debug_sessions") == 0, "no session waits any more")


# --- What is not finished


def test_uploads_that_never_end(debug_stack, api, honest, attacker):
    debugd = Debugd(debug_stack(), "--upload-pause", 1)
    client = honest(debugd)
    files = api.DebugFilesStub(attacker(debugd))
    before = usage(debugd.program)
    parts = [queue.SimpleQueue() for _ in range(64)]
    calls = [files.UploadElf.future(iter(part.get, None), timeout=WAIT) for part in parts]
    for part in parts:
        part.put(api.UploadElfRequest(data=b"\x7fELF"))
    url = debugd.program.metrics_url()
    wait_until(lambda: scrape(url).value("probegate_debug_uploads") >= 16, "the attacker has its share of uploads")
    assert client.upload(b"\x7fELF", b"x" * MIB)
    assert scrape(url).value("probegate_debug_uploads") <= 17
    codes = [code_of(call) for call in calls]
    assert codes.count(grpc.StatusCode.DEADLINE_EXCEEDED) == 16
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 48
    for part in parts:
        part.put(None)
    wait_until(lambda: scrape(url).value("probegate_debug_uploads") == 1, "only the honest upload is kept")
    wait_until_as_before(debugd.program, before, descriptors=4)


def test_an_upload_that_trickles_ends_all_the_same(debug_stack, api, attacker):
    debugd = Debugd(debug_stack(), "--upload-time", 1)
    ended = threading.Event()

    def trickle():
        while not ended.wait(0.05):
            yield api.UploadElfRequest(data=b"\x7fELF")

    call = api.DebugFilesStub(attacker(debugd)).UploadElf.future(trickle(), timeout=WAIT)
    assert code_of(call) == grpc.StatusCode.DEADLINE_EXCEEDED
    ended.set()


def test_streams_that_say_nothing(debug_stack, api, honest, attacker):
    debugd = Debugd(debug_stack())
    client = honest(debugd)
    stub = api.DebugStub(attacker(debugd))
    silence = queue.SimpleQueue()
    streams = [stub.Debug(iter(silence.get, None)) for _ in range(200)]
    assert client.config(port=debugd.stack.serial).executable == str(firmware())
    codes = set()
    for stream in streams:
        for _ in stream_of(stream):
            pass
        codes.add(stream.code())
    assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    for _ in streams:
        silence.put(None)


def stream_of(stream):
    """The responses of a stream, until its error."""
    with contextlib.suppress(grpc.RpcError):
        yield from stream


# --- Large and many messages


def test_requests_that_expand_when_they_are_parsed(debug_stack, api, honest, attacker):
    debugd = Debugd(debug_stack())
    client = honest(debugd)
    stub = api.DebugStub(attacker(debugd))
    before = usage(debugd.program)
    # A field that nobody knows takes two bytes here and many times that in memory.
    large = b"\x7a\x00" * (512 << 10)
    small = b"\x7a\x00" * (16 << 10)
    for request, count in ((large, 20), (small, 200)):
        method = attacker(debugd).unary_unary("/cc.arduino.cli.debug.Debug/GetDebugConfig")
        calls = [method.future(request, timeout=WAIT) for _ in range(count)]
        codes = {code_of(call) for call in calls}
        assert codes <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}, codes
    with pytest.raises(grpc.RpcError) as error:
        stub.GetDebugConfig(api.DebugConfigReq(fqbn="a:b:c:" + ",".join(["x=1"] * 10_000)), timeout=BOUND)
    assert "fqbn has" in error.value.details()
    assert client.health() == health_pb2.HealthCheckResponse.SERVING
    assert peak(debugd.program) <= before.resident + 256 * MIB
    wait_until_as_before(debugd.program, before, descriptors=4)


def test_a_message_that_is_too_large_is_refused_before_it_is_parsed(debug_stack, api, attacker):
    debugd = Debugd(debug_stack())
    call = api.DebugFilesStub(attacker(debugd)).UploadElf.future(iter([api.UploadElfRequest(data=b"x" * (2 * MIB))]))
    assert code_of(call) == grpc.StatusCode.RESOURCE_EXHAUSTED


# --- What sessions leave


def test_what_a_session_leaves_hurts_no_later_one(debug_stack, api, honest):
    debugd = Debugd(debug_stack())
    session = DebugSession(api, debugd)
    session.wait_for(r"\(gdb\) ")
    session.command("python import os")
    # Deeper than a path can be long; folders without access rights; many files.
    session.command("python for i in range(3000): os.mkdir('d' * 50), os.chdir('d' * 50)")
    session.command(f"python os.chdir('{session_folder(debugd)}')")
    session.command("python for i in range(3000): open(f'file{i}', 'w').close()")
    session.command("python os.mkdir('closed', 0), os.mkdir('closed2', 0)")
    session.write("quit\n")
    assert session.wait_end() == "gdb exited with code 0"
    wait_for_no_tools(debugd)
    session.close()
    client = honest(debugd)
    assert client.upload()
    again = DebugSession(api, debugd)
    again.wait_for(r"\(gdb\) ")
    again.close()
    url = debugd.program.metrics_url()
    wait_until(lambda: scrape(url).value("probegate_debug_leftovers") == 0, "all is removed")
    wait_for_no_tools(debugd)
    assert debugd.program.stop() == 0
    assert not list(debugd.stack.programs.directory.glob("probegate-debugd-*"))


def session_folder(debugd):
    """The folder of the only session."""
    (folder,) = debugd.sessions_left()
    return folder


def test_a_killed_debugd_does_not_fill_the_disk(debug_stack, api, honest):
    stack = debug_stack()
    first = Debugd(stack)
    assert honest(first).upload(b"\x7fELF", b"x" * MIB)
    first.program.kill()
    assert list(stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf"))
    second = Debugd(stack)
    assert honest(second).upload()
    wait_until(
        lambda: (
            len(list(stack.programs.directory.glob("probegate-debugd-*/uploads/*.elf"))) == 1
            and len(list(stack.programs.directory.glob("probegate-debugd-*"))) == 1
        ),
        "the files of the killed program are removed",
    )


def test_a_full_disk_fails_uploads_and_nothing_else(programs, silent_server, tmp_path, honest):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', disk]
    if subprocess.run([*UNSHARE, "--mount", *mount, "true"], check=False).returncode != 0:
        pytest.skip("cannot mount a file system here")
    debugd = LoneDebugd(programs, silent_server, "--work-dir", disk, launcher=[*UNSHARE, "--mount", *mount])
    client = honest(debugd)
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as error:
            client.upload(b"\x7fELF", *[b"x" * MIB] * 3)
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "No space left on device" in error.value.details()
        # What was written of it is gone again.
        assert client.upload(b"\x7fELF", b"x" * 100)
    assert client.health() == health_pb2.HealthCheckResponse.SERVING


# A disk that stops: a program that is started with this writes nothing to an upload while the file STOP exists.
STOPPING_DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int fd, const void* data, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  if (real == NULL) real = (ssize_t (*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/uploads/") != NULL) {
    while (access(getenv("STOP"), F_OK) == 0) usleep(10000);
  }
  return real(fd, data, size);
}
"""


def test_a_disk_that_stops_holds_up_uploads_and_nothing_else(programs, silent_server, tmp_path, api, honest):
    library, stop = tmp_path / "stopping_disk.so", tmp_path / "stop"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=STOPPING_DISK.encode(), check=True)
    stop.touch()
    debugd = LoneDebugd(
        programs,
        silent_server,
        "--work-dir",
        tmp_path,
        "--upload-pause",
        1,
        launcher=["env", f"LD_PRELOAD={library}", f"STOP={stop}"],
    )
    client = honest(debugd)
    files = api.DebugFilesStub(client.channel)
    # More than there are threads that write.
    uploads = [files.UploadElf.future(iter([api.UploadElfRequest(data=b"\x7fELF")]), timeout=WAIT) for _ in range(8)]
    assert client.health() == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as error:
        client.config(port="x")
    assert "does not answer" in error.value.details()  # it has found the ELF file, and asked the server
    assert {code_of(call) for call in uploads} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    stop.unlink()
    assert client.upload()


# --- Installations


def test_a_debugger_in_the_home_is_refused_at_start(programs, silent_server, tmp_path):
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    (home / "secret").write_text("4711")
    gdb = home / "bin" / "gdb"
    gdb.write_text("#!/usr/bin/python3\n")
    gdb.chmod(0o755)
    recipes = tmp_path / "recipes.yaml"
    recipes.write_text(f'recipes: [{{name: a, boards: ["*"], server: [{gdb}], gdb: {gdb}}}]\n')
    result = subprocess.run(
        [str(word) for word in command_line(programs, silent_server, "--work-dir", tmp_path, "--recipes", recipes)],
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert result.returncode == 1
    assert f"what belongs to it cannot be told from what else is in {home}" in result.stderr + result.stdout
