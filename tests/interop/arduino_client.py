"""Clients of Arduino CLI's debugging services, one for each generation of their messages.

The messages are defined here once more, with the names and numbers that Arduino CLI's clients have, so that a mistake in
proto/ does not go unnoticed."""

import pathlib
import tempfile

import grpc_tools
from debug_client import FQBN, DebugSession, firmware
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc
from stack import BOUND

PORT = """
message Instance { int32 id = 1; }
message Port {
  string address = 1; string label = 2; string protocol = 3; string protocol_label = 4;
  map<string, string> properties = 5; string hardware_id = 6;
}
"""
CONFIG_RESPONSE = """
message GetDebugConfigResponse {
  string executable = 1; string toolchain = 2; string toolchain_path = 3; string toolchain_prefix = 4;
  string server = 5; string server_path = 6; %s
}
"""
TEXT_RESPONSE = "message DebugResponse { bytes data = 1; string error = 2; }"

DEBUG_V1 = (
    'syntax = "proto3"; package cc.arduino.cli.debug.v1;'
    + PORT
    + TEXT_RESPONSE
    + CONFIG_RESPONSE % "map<string, string> toolchain_configuration = 7; map<string, string> server_configuration = 8;"
    + """
message DebugRequest { DebugConfigRequest debug_request = 1; bytes data = 2; bool send_interrupt = 3; }
message DebugConfigRequest {
  Instance instance = 1; string fqbn = 2; string sketch_path = 3; Port port = 4; string interpreter = 5;
  string import_dir = 8; string programmer = 9;
}
"""
)
COMMANDS_V1 = (
    'syntax = "proto3"; package cc.arduino.cli.commands.v1; import "google/protobuf/any.proto";'
    + PORT
    + CONFIG_RESPONSE
    % """google.protobuf.Any toolchain_configuration = 7; google.protobuf.Any server_configuration = 8;
  map<string, string> custom_configs = 9; string svd_file = 10; string programmer = 11;"""
    + """
message DebugRequest { GetDebugConfigRequest debug_request = 1; bytes data = 2; bool send_interrupt = 3; }
message DebugGCCToolchainConfiguration {}
message GetDebugConfigRequest {
  Instance instance = 1; string fqbn = 2; string sketch_path = 3; Port port = 4; string interpreter = 5;
  string import_dir = 8; string programmer = 9; repeated string debug_properties = 10;
}
message IsDebugSupportedRequest {
  Instance instance = 1; string fqbn = 2; Port port = 3; string interpreter = 4; string programmer = 5;
  repeated string debug_properties = 6;
}
message IsDebugSupportedResponse { bool debugging_supported = 1; string debug_fqbn = 2; }
"""
)
RESULT_RESPONSE = """
message DebugResponse {
  message Result { string error = 1; }
  oneof message { bytes data = 1; Result result = 2; }
}
"""


def compiled(text):
    """The descriptors of `text`, and a pool of its own with them: another pool may have others of the same names."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "client.proto").write_text(text)
        well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        output = pathlib.Path(folder) / "set"
        words = [f"-I{folder}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={output}"]
        assert protoc.main(["protoc", *words, "client.proto"]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return files[-1], pool


class Generation:
    """The messages of one generation, as attributes, and its service."""

    def __init__(self, package, service, text, config="GetDebugConfigRequest"):
        self.service = f"{package}.{service}"
        file, pool = compiled(text)
        self.messages = {
            message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{message.name}"))
            for message in file.message_type
        }
        self.config = self.messages[config]

    def __getattr__(self, name):
        return self.messages[name]

    def unary(self, channel, method, request, response):
        """Calls a method with a request; the class of the response is given."""
        call = channel.unary_unary(
            f"/{self.service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return call(request, timeout=BOUND)

    def get_debug_config(self, channel, **fields):
        return self.unary(channel, "GetDebugConfig", self.config(**fields), self.GetDebugConfigResponse)

    def debug(self, channel, requests, timeout):
        call = channel.stream_stream(
            f"/{self.service}/Debug",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=self.DebugResponse.FromString,
        )
        return call(requests, timeout=timeout)

    def error_of(self, response):
        """What the last message says; other messages have none."""
        return response.result.error if "result" in response.DESCRIPTOR.fields_by_name else response.error


CORE = ("cc.arduino.cli.commands.v1", "ArduinoCoreService")
GENERATIONS = {
    "0.34": Generation("cc.arduino.cli.debug.v1", "DebugService", DEBUG_V1, config="DebugConfigRequest"),
    "0.35": Generation(*CORE, COMMANDS_V1 + TEXT_RESPONSE),
    "1.x": Generation(*CORE, COMMANDS_V1 + RESULT_RESPONSE),
}


class ArduinoSession(DebugSession):
    """A Debug stream of one generation."""

    def open_stream(self, requests, timeout):
        return self.api.debug(self.channel, requests, timeout)

    def usual_config(self, probe):
        return {"port": self.api.Port(address=probe), "fqbn": FQBN, "import_dir": str(firmware().parent)}

    def send_config(self, config):
        self.send(debug_request=self.api.config(**config))

    def send(self, **fields):
        self._requests.put(self.api.DebugRequest(**fields))

    def error_of(self, response):
        return self.api.error_of(response)
