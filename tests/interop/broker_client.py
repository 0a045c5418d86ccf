"""Clients of probegate-broker: one that acquires leases, and one that registers probes as a server does."""

import contextlib
import queue
import threading

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_client import channel
from stack import BOUND, LOOPBACK, METRICS_FLAGS, free_port, wait_until

LISTENS = r"Listening on 127\.0\.0\.1:(\d+)"
_END = object()


class Broker:
    """A probegate-broker. `store` is as --store takes it; by default, a file."""

    def __init__(self, programs, api, folder=None, *flags, store=None, label=None, wait=True, credentials=None):
        self.programs = programs
        self.api = api
        self.port = free_port()
        self.store = store or folder / "leases.db"
        self.flags = flags
        self.label = label
        self.credentials = credentials
        self.start(wait)

    def start(self, wait=True):
        flags = ["--listen", f"{LOOPBACK}:{self.port}", "--store", self.store, *METRICS_FLAGS, *self.flags]
        self.program = self.programs.start("probegate-broker", *flags, label=self.label)
        if wait:
            self.wait()

    def wait(self):
        """Until it serves."""
        self.program.wait_for_line(LISTENS)

    def connect(self):
        return channel(self.address, self.credentials)

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    @contextlib.contextmanager
    def stub(self):
        with self.connect() as connection:
            yield self.api.LeasesStub(connection)

    def call(self, method, metadata=None, **fields):
        """Calls a method of Leases."""
        with self.stub() as stub:
            request = getattr(self.api, method + "Request")(**fields)
            return getattr(stub, method)(request, metadata=metadata, timeout=BOUND)

    def refusal(self, method, metadata=None, **fields):
        """The code and the text of the error that a call gets."""
        try:
            self.call(method, metadata, **fields)
        except grpc.RpcError as error:
            return error.code(), error.details()
        raise AssertionError(f"{method} succeeded")

    def probes(self, metadata=None):
        return {probe.uid: probe for probe in self.call("List", metadata).probes}


class Stream:
    """A bidirectional stream. Responses are read by a thread, so that the client always takes what it is sent."""

    def __init__(self, connection, method, metadata=None):
        self.channel = connection
        self._requests = queue.SimpleQueue()
        self.responses = queue.SimpleQueue()
        self.call = method(iter(self._requests.get, _END), metadata=metadata)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for response in self.call:
                self.take(response)
        except grpc.RpcError:
            pass
        self.responses.put(None)

    def take(self, response):
        self.responses.put(response)

    def send(self, request):
        self._requests.put(request)

    def next(self):
        """The next response; None if there are no more."""
        return self.responses.get(timeout=BOUND)

    def status(self):
        """The code and the text that the call ended with."""
        self.thread.join(BOUND)
        assert not self.thread.is_alive(), "the call goes on"
        return self.call.code(), self.call.details()

    def cut(self):
        """Breaks the connection, as a client that dies does."""
        self.channel.close()
        self.thread.join(BOUND)
        self._requests.put(_END)

    close = cut


class Client(Stream):
    """A call of Acquire."""

    def __init__(self, broker, request, metadata=None):
        self.broker = broker
        self.api = broker.api
        connection = broker.connect()
        super().__init__(connection, broker.api.LeasesStub(connection).Acquire, metadata)
        self.lease = self.secret = None
        self.send(request)

    def take(self, response):
        self.lease = response.lease
        self.secret = response.secret or self.secret
        super().take(response)

    def expect(self, event):
        """The next event of this kind. Those before it may only say that the client waits."""
        while True:
            response = self.next()
            assert response is not None, self.status()
            kind = response.WhichOneof("event")
            if kind == event:
                return getattr(response, kind)
            assert kind == "queued", response

    def release(self):
        self.send(self.api.AcquireRequest(release=True))
        ended = self.expect("ended")
        assert self.status()[0] == grpc.StatusCode.OK
        self.close()
        return ended


def seconds(value):
    duration = Duration()
    duration.FromNanoseconds(int(value * 1e9))
    return duration


def acquire(broker, *selectors, metadata=None, **fields):
    """Asks for probes: each selector is a dictionary of labels, or a pair of it and a count."""
    api = broker.api
    pairs = [selector if isinstance(selector, tuple) else (selector, 1) for selector in selectors]
    for name in ("duration", "queue_timeout"):
        if name in fields:
            fields[name] = seconds(fields[name])
    lease = api.LeaseRequest(selectors=[api.Selector(labels=labels, count=count) for labels, count in pairs], **fields)
    return Client(broker, api.AcquireRequest(lease=lease), metadata)


def resume(broker, lease, secret, metadata=None):
    request = broker.api.AcquireRequest(resume=broker.api.ResumeRequest(lease=lease, secret=secret))
    return Client(broker, request, metadata)


class Server(Stream):
    """A call of Register. It enforces nothing, but keeps what it would have to enforce in `grants`, as a server does."""

    def __init__(self, broker, host, probes, confirms=True, address="", metadata=None):
        self.api = broker.api
        self.confirms = confirms
        self.grants = {}
        self.offers = []
        self._lock = threading.Lock()
        connection = broker.connect()
        super().__init__(connection, broker.api.RegistrationStub(connection).Register, metadata)
        reports = [self.report(uid, labels) for uid, labels in probes.items()]
        self.send(self.api.RegisterRequest(hello=self.api.Hello(host=host, address=address, probes=reports)))
        first = self.next()
        assert first is not None, self.status()
        self.welcome = first.welcome

    def report(self, uid, labels, present=True):
        return self.api.ProbeReport(uid=uid, labels=labels, present=present)

    def take(self, response):
        kind = response.WhichOneof("response")
        if kind == "welcome":
            for grant in response.welcome.grants:
                self._grant(grant)
        elif kind == "grant":
            self._grant(response.grant)
        elif kind == "end":
            with self._lock:
                self.grants.pop(response.end.lease, None)
        super().take(response)

    def _grant(self, grant):
        with self._lock:
            held = {uid for lease, other in self.grants.items() if lease != grant.lease for uid in other.probes}
            assert not held.intersection(grant.probes), f"{grant} although {held} are leased"
            self.grants[grant.lease] = grant
            self.offers.append(grant.lease)
        if self.confirms:
            self.confirm(grant.lease)

    def confirm(self, lease):
        self.send(self.api.RegisterRequest(confirmed=self.api.Confirmation(lease=lease)))

    def change(self, uid, labels, present):
        self.send(self.api.RegisterRequest(probe=self.report(uid, labels, present)))

    def use(self, lease, idle=0):
        """The holder has used its probes, this many seconds ago."""
        activity = self.api.Activity(leases=[self.api.Activity.Lease(lease=lease, idle=seconds(idle))])
        self.send(self.api.RegisterRequest(activity=activity))

    def offered(self, lease):
        """Waits until the server has been asked to confirm the lease."""
        wait_until(lambda: lease in self.offers, f"the server is told of the lease {lease}")
