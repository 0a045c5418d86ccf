"""A gRPC client in Python, generated from the .proto files when the tests start."""

import collections
import importlib
import pathlib
import queue
import sys
import types

import grpc
import grpc_tools
from grpc_status import rpc_status
from grpc_tools import protoc
from stack import BOUND


def generate(proto_directory, output_directory):
    """Runs protoc over our .proto files and the first of Arduino CLI's debugging services, and imports the generated
    modules. Returns one namespace with all messages and services. Arduino CLI's later services have messages of the
    same names; arduino_client.py has clients for them."""
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(
        str(p.relative_to(proto_directory))
        for part in ("probegate/v1", "probegate/broker/v1", "cc/arduino/cli/commands", "cc/arduino/cli/debug")
        for p in (proto_directory / part).glob("*.proto")
    )
    code = protoc.main(
        [
            "protoc",
            f"-I{proto_directory}",
            f"-I{well_known}",
            f"--python_out={output_directory}",
            f"--grpc_python_out={output_directory}",
            *files,
        ]
    )
    assert code == 0, f"protoc ended with {code}"
    sys.path.insert(0, str(output_directory))
    names = {}
    for file in files:
        module = file.removesuffix(".proto").replace("/", ".")
        for generated in (f"{module}_pb2", f"{module}_pb2_grpc"):
            names.update(vars(importlib.import_module(generated)))
    api = types.SimpleNamespace(**{k: v for k, v in names.items() if not k.startswith("_")})
    files = {
        module: importlib.import_module(f"probegate.v1.{module}_pb2").DESCRIPTOR
        for module in ("debug_probe", "probe_directory")
    }
    api.services = {
        "DebugProbe": files["debug_probe"].services_by_name["DebugProbe"],
        "ProbeDirectory": files["probe_directory"].services_by_name["ProbeDirectory"],
    }
    return api


def channel(address, credentials=None):
    """A channel with its own connection, so that two channels are two peers. `address` may be a channel already;
    `credentials` are those of TLS."""
    if isinstance(address, grpc.Channel):
        return address
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 64 << 20),
        ("grpc.max_send_message_length", 64 << 20),
    ]
    if credentials is not None:
        return grpc.secure_channel(address, credentials, options=options)
    return grpc.insecure_channel(address, options=options)


_FIELDS = ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")


class _CallDetails(collections.namedtuple("_CallDetails", _FIELDS), grpc.ClientCallDetails):
    """What gRPC asks an interceptor to pass on."""


class _Authorization(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sends a token with each call."""

    def __init__(self, token):
        self.metadata = ("authorization", f"Bearer {token}")

    def _intercept(self, continuation, details, request):
        passed_on = {name: getattr(details, name) for name in _FIELDS}
        passed_on["metadata"] = [*(details.metadata or ()), self.metadata]
        return continuation(_CallDetails(**passed_on), request)

    intercept_unary_unary = _intercept
    intercept_unary_stream = _intercept
    intercept_stream_unary = _intercept
    intercept_stream_stream = _intercept


def with_token(connection, token):
    """A channel that sends this token with each call. Not grpc.access_token_call_credentials, because closing a channel
    that has them can hang: it waits, with Python's lock, for a thread that needs this lock."""
    return grpc.intercept_channel(connection, _Authorization(token))


class CommandError(Exception):
    """A command failed. `detail` is its ErrorDetail; `code` is the gRPC status code of a unary
    call, or None on a stream."""

    def __init__(self, detail, code=None):
        super().__init__(f"{detail} {code or ''}")
        self.detail = detail
        self.code = code


def detail_of(api, error):
    """The one ErrorDetail in the status details of a failed unary call."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no status details: {error}"
    assert len(status.details) == 1, status
    detail = api.ErrorDetail()
    assert status.details[0].Unpack(detail), status
    return detail


class UnarySession:
    """A session that OpenSession opened and whose commands are unary calls."""

    def __init__(self, api, address, probe, **options):
        self.api = api
        self.channel = channel(address)
        self.stub = api.DebugProbeStub(self.channel)
        self.opened = self._call(self.stub.OpenSession, api.OpenSessionRequest(probe=probe, **options))
        self.id = self.opened.session_id

    def _call(self, method, request):
        try:
            return method(request, timeout=BOUND)
        except grpc.RpcError as error:
            raise CommandError(detail_of(self.api, error), error.code()) from None

    def command(self, method, **fields):
        request = getattr(self.api, method + "Request")
        return self._call(getattr(self.stub, method), request(session_id=self.id, **fields))

    def end(self):
        self._call(self.stub.CloseSession, self.api.CloseSessionRequest(session_id=self.id))

    def close(self):
        self.channel.close()


class StreamSession:
    """A session that is a stream."""

    def __init__(self, api, address, probe, **options):
        self.api = api
        self.channel = channel(address)
        self._requests = queue.SimpleQueue()
        self._next_id = 1
        self._fields = {
            field.message_type.name: field.name
            for field in api.StreamRequest.DESCRIPTOR.oneofs_by_name["request"].fields
        }
        self.stream = api.DebugProbeStub(self.channel).Stream(iter(self._requests.get, None), timeout=2 * BOUND)
        self.opened = self.receive(self.send("OpenSession", probe=probe, **options))

    def send(self, method, **fields):
        name = self._fields[method + "Request"]
        request = self.api.StreamRequest(
            request_id=self._next_id, **{name: getattr(self.api, method + "Request")(**fields)}
        )
        self._next_id += 1
        self._requests.put(request)
        return request.request_id, name

    def receive(self, sent):
        request_id, name = sent
        response = next(self.stream)
        assert response.request_id == request_id, response
        kind = response.WhichOneof("response")
        if kind == "error":
            raise CommandError(response.error)
        assert kind == name, response
        return getattr(response, kind)

    def command(self, method, **fields):
        return self.receive(self.send(method, **fields))

    def end(self):
        """Half-closes the stream, and waits for its status."""
        self._requests.put(None)
        assert list(self.stream) == []

    def close(self):
        self._requests.put(None)
        self.stream.cancel()
        self.channel.close()
