"""The process of an honest client (honest_client.py). It makes one request after the other. Each line of standard input
is a number: as soon as that many requests are done since the last answer, it prints what they were as one line of JSON.
It ends at the end of its input."""

import json
import sys
import threading
import time
import urllib.request

OPTIONS = json.loads(sys.argv[1])
sys.path[:0] = OPTIONS["path"]

# pylint: disable=wrong-import-position
import grpc
import raw_client

BOUND = 30.0
HOST, _, PORT = OPTIONS["address"].rpartition(":")
DPIDR_VALUE = 0x2BA01477


class JsonSession:
    """A debugger that stays: one session through a gateway, which writes and reads its own word of RAM."""

    def __init__(self):
        self.client = raw_client.RawClient(int(PORT), HOST, BOUND, source=OPTIONS["source"]).attach()
        self.address = raw_client.RAM + OPTIONS["offset"]
        self.value = 0

    def request(self):
        self.value = (self.value + 0x01010101) & 0xFFFFFFFF
        self.client.write_word(self.address, self.value)
        got = self.client.read_word(self.address)
        assert got == self.value, f"{self.address:#x} is {got:#x} instead of {self.value:#x}"


class JsonVisits:
    """Debuggers that come and go: each request is a new connection to a gateway, with a session."""

    def request(self):
        with raw_client.RawClient(int(PORT), HOST, BOUND, source=OPTIONS["source"]) as client:
            client.attach()
            got = client.call("read_dp", raw_client.DPIDR)
            assert got == DPIDR_VALUE, f"DPIDR is {got:#x}"
            client.detach()


def _channel():
    return grpc.insecure_channel(OPTIONS["address"], options=[("grpc.use_local_subchannel_pool", 1)])


class GrpcSession:
    """A gRPC client that stays: a session of unary calls on a server."""

    def __init__(self):
        from probegate.v1 import debug_probe_pb2 as messages
        from probegate.v1 import debug_probe_pb2_grpc as services

        self.messages = messages
        self.stub = services.DebugProbeStub(_channel())
        opened = self.stub.OpenSession(messages.OpenSessionRequest(probe=OPTIONS["probe"]), timeout=BOUND)
        self.session = opened.session_id
        self.call("Open")
        self.call("Connect", protocol=messages.WIRE_PROTOCOL_SWD)
        for count, bits in ((51, b"\xff" * 6 + b"\7"), (16, b"\x9e\xe7"), (51, b"\xff" * 6 + b"\7"), (8, b"\0")):
            self.call("SwjSequence", bit_count=count, bits=bits)

    def call(self, method, **fields):
        request = getattr(self.messages, method + "Request")(session_id=self.session, **fields)
        return getattr(self.stub, method)(request, timeout=BOUND)

    def request(self):
        got = self.call("ReadDp", address=raw_client.DPIDR).value
        assert got == DPIDR_VALUE, f"DPIDR is {got:#x}"


class GrpcVisits:
    """Clients such as `probegate list`: each request is a new connection to a server, with a call."""

    def request(self):
        from probegate.v1 import probe_directory_pb2 as messages
        from probegate.v1 import probe_directory_pb2_grpc as services

        with _channel() as channel:
            services.ProbeDirectoryStub(channel).ListProbes(messages.ListProbesRequest(), timeout=BOUND)


class Http:
    """Whoever asks for metrics or health: each request is a new connection. The address ends with a path."""

    def request(self):
        with urllib.request.urlopen("http://" + OPTIONS["address"], timeout=BOUND) as response:
            response.read()


KINDS = {
    "json": JsonSession,
    "json-visits": JsonVisits,
    "grpc": GrpcSession,
    "grpc-visits": GrpcVisits,
    "http": Http,
}


class Record:
    """The requests since the last answer. The thread that reads standard input takes them, at the right time."""

    def __init__(self):
        self.changed = threading.Condition()
        self.latencies_ms = []
        self.failures = []

    def add(self, latency_ms, failure):
        with self.changed:
            self.latencies_ms.append(latency_ms)
            if failure:
                self.failures.append(failure)
            self.changed.notify_all()

    def take(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.latencies_ms) >= count)
            taken = {"latencies_ms": self.latencies_ms, "failures": self.failures}
            self.latencies_ms, self.failures = [], []
        return taken


def work(record):
    client = None
    while True:
        started = time.monotonic()
        failure = None
        try:
            client = client or KINDS[OPTIONS["kind"]]()
            client.request()
        except Exception as error:  # of any kind: the test must see it
            client = None  # the next request starts anew, as a user would
            failure = f"{type(error).__name__}: {error}"
        record.add((time.monotonic() - started) * 1000, failure)
        time.sleep(OPTIONS["pause"])


def main():
    record = Record()
    threading.Thread(target=work, args=(record,), daemon=True).start()
    for line in sys.stdin:
        print(json.dumps(record.take(int(line))), flush=True)


if __name__ == "__main__":
    main()
