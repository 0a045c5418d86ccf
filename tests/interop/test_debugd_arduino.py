"""The debugging services under the names that Arduino CLI gives them today: a real gdb for each generation of clients."""

import json

import grpc
import pytest
from arduino_client import GENERATIONS, ArduinoSession
from debug_client import Debugd, firmware, wait_for_no_tools
from grpc_client import channel
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from metrics import scrape
from stack import BOUND

BOARD = "arduino:mbed_nano:nano33ble"


@pytest.fixture
def debugd(debug_stack):
    return Debugd(debug_stack())


@pytest.fixture
def connection(debugd):
    with channel(debugd.address) as connected:
        yield connected


@pytest.fixture
def open_session(debugd):
    sessions = []

    def start(generation, **options):
        sessions.append(ArduinoSession(generation, debugd, **options))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


def code_of(call, *arguments, **fields):
    """The status of a call that fails, and its details."""
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **fields)
    return error.value.code(), error.value.details()


@pytest.mark.parametrize("version", GENERATIONS)
def test_a_session_of_each_generation(debugd, open_session, version):
    generation = GENERATIONS[version]
    session = open_session(generation, fqbn=f"{BOARD}:split=0")
    session.wait_for(r"\(gdb\) ")
    assert "Breakpoint 1 at" in session.command("break PollRtt")
    assert "Breakpoint 1, PollRtt" in session.command("continue")
    assert session.callers() == ["PollRtt", "main"]
    session.command("delete")
    session.write("continue\n")
    session.wait_for("Continuing")
    session.interrupt()
    assert "SIGINT" in session.wait_for(r"\(gdb\) ")
    session.write("quit 7\n")
    assert session.wait_end().endswith("gdb exited with code 7")
    assert (session.code, session.exit_code) == (grpc.StatusCode.OK, "7")
    wait_for_no_tools(debugd)
    handled = {"grpc_service": generation.service, "grpc_method": "Debug", "grpc_code": "OK"}
    assert scrape(debugd.program.metrics_url()).value("grpc_server_handled_total", **handled) == 1


def test_what_a_session_would_use(debugd, connection):
    for version, generation in GENERATIONS.items():
        where = generation.Port(
            address="/dev/ttyACM0", protocol="serial", hardware_id=debugd.stack.serial, properties={"vid": "0x2341"}
        )
        reply = generation.get_debug_config(
            connection, port=where, fqbn=BOARD, import_dir=str(firmware().parent), programmer="cmsis_dap"
        )
        assert (reply.executable, reply.toolchain, reply.server) == (str(firmware()), "gcc", "pyocd"), version
        if version == "0.34":
            details = dict(reply.toolchain_configuration) | dict(reply.server_configuration)
        else:
            assert reply.programmer == "cmsis_dap"
            assert reply.toolchain_configuration.Is(generation.DebugGCCToolchainConfiguration.DESCRIPTOR)
            assert not reply.HasField("server_configuration")
            details = json.loads(reply.custom_configs["probegate"])
        assert (details["recipe"], details["probe"]) == ("nrf52840", debugd.stack.serial), version
        assert details["gdb"].endswith("gdb-multiarch") and "gdbserver" in details["command"], version


def test_each_error_names_its_field(debugd, connection, open_session):
    """Also if it is longer than what the last message of a session has room for."""
    for version, generation in GENERATIONS.items():
        port = generation.Port(address=debugd.stack.serial)
        for fields, code, text in (
            ({"fqbn": "arduino:mbed"}, "INVALID_ARGUMENT", "fqbn "),
            ({"fqbn": "acme:avr:" + 200 * "x"}, "INVALID_ARGUMENT", "no recipe matches fqbn "),
            ({"fqbn": BOARD}, "INVALID_ARGUMENT", "port is empty"),
            ({"fqbn": BOARD, "port": port}, "INVALID_ARGUMENT", "no ELF file is named"),
            ({"fqbn": BOARD, "port": port, "import_dir": "/etc"}, "PERMISSION_DENIED", 'import_dir "/etc"'),
            ({"fqbn": BOARD, "port": port, "sketch_path": "Absent"}, "NOT_FOUND", 'sketch_path "Absent"'),
        ):
            session = open_session(generation, start=False)
            session.send_config(fields)
            error = session.wait_end()
            status = (session.code, session.details)
            assert status == code_of(generation.get_debug_config, connection, **fields), (version, fields)
            assert status[0].name == code and status[1].startswith(text), (version, fields)
            # To clients of version 0.35, the result looks like a text with two characters before the error.
            assert session.details.startswith(error[2:] if version == "0.35" else error), (version, error)
        session = open_session(generation, start=False)
        session.send(data=b"x")
        assert session.wait_end().endswith("the first message must contain debug_request"), version


def test_whether_a_board_is_supported(connection):
    generation = GENERATIONS["1.x"]

    def supported(**fields):
        reply = generation.unary(
            connection,
            "IsDebugSupported",
            generation.IsDebugSupportedRequest(**fields),
            generation.IsDebugSupportedResponse,
        )
        return reply.debugging_supported, reply.debug_fqbn

    assert supported(fqbn=BOARD) == (True, BOARD)
    assert supported(fqbn=f"{BOARD}:split=0", programmer="x", port=generation.Port(address="y")) == (True, BOARD)
    assert supported(fqbn="arduino:avr:uno:cpu=x") == (False, "")
    code, details = code_of(supported, fqbn="arduino:avr")
    assert code == grpc.StatusCode.INVALID_ARGUMENT and details.startswith('fqbn "arduino:avr" has 2 parts')


def test_an_upload_is_debugged_under_the_name_of_a_folder(debugd, api, connection, open_session):
    parts = iter([api.UploadElfRequest(data=firmware().read_bytes())])
    name = api.DebugFilesStub(connection).UploadElf(parts, timeout=BOUND).import_file
    generation = GENERATIONS["1.x"]
    port = generation.Port(address=debugd.stack.serial)
    reply = generation.get_debug_config(connection, port=port, fqbn=BOARD, import_dir=name)
    assert reply.executable == name
    session = open_session(generation, import_dir=name)
    session.wait_for(r"\(gdb\) ")
    assert session.callers()[-1] == "main"
    session.write("quit\n")
    assert session.wait_end() == "" and session.code == grpc.StatusCode.OK


def test_other_methods_of_the_core_service_are_unimplemented(connection):
    generation = GENERATIONS["1.x"]
    for method in ("Create", "Init", "Version", "BoardList", "Compile"):
        code, _ = code_of(generation.unary, connection, method, generation.Instance(), generation.Instance)
        assert code == grpc.StatusCode.UNIMPLEMENTED, method


def test_reflection_lists_the_services(connection):
    listed = set(ProtoReflectionDescriptorDatabase(connection).get_services())
    assert {"cc.arduino.cli.debug.Debug"} | {generation.service for generation in GENERATIONS.values()} <= listed
