"""If a program cannot start, it prints one line that says what failed, which value caused it and what to do, and exits
with the documented code."""

import resource
import socket
from concurrent import futures

import grpc
import pytest
from stack import LOOPBACK, NO_METRICS, free_port


def one_line(result):
    """The error message of a program; it must be the only line of output."""
    text = (result.stdout + result.stderr).strip()
    assert "\n" not in text, text
    return text


@pytest.fixture
def busy_port():
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("program", ["probegate-sim", "probegate-server", "probegate-gateway", "probegate"])
def test_version_and_help(programs, program):
    version = programs.run(program, "--version")
    assert version.returncode == 0
    assert "0.1.0" in version.stdout
    usage = programs.run(program, "--help")
    assert usage.returncode == 0
    assert "--" in usage.stdout


@pytest.mark.parametrize(
    "program, flags, value",
    [
        ("probegate-sim", ["--no-such"], "--no-such"),
        ("probegate-sim", ["--listen", "nowhere"], "nowhere"),
        ("probegate-sim", ["--boards", "many"], "many"),
        ("probegate-sim", ["--control", "0.0.0.0:1"], "0.0.0.0"),
        ("probegate-sim", ["--chip", "adiv6", "--locked"], "--locked"),
        ("probegate-sim", ["--jtag-chain", "5:0x06413041"], "--jtag-chain"),
        ("probegate-sim", ["--flash-speed", "nan"], "nan"),
        ("probegate-sim", ["--flash-speed", "inf"], "inf"),
        ("probegate-sim", ["--flash-speed", "0"], "--flash-speed"),
        ("probegate-sim", ["--trace", ""], "--trace"),
        ("probegate-sim", ["--wire-time", "--realtime"], "--realtime"),
        ("probegate-server", ["--no-such"], "--no-such"),
        ("probegate-server", ["--listen", "127.0.0.1:99999"], "99999"),
        ("probegate-server", ["--cmsis-dap-tcp", "nowhere"], "nowhere"),
        ("probegate-server", ["--cmsis-dap-tcp", "127.0.0.1:9-3"], "9-3"),
        ("probegate-server", ["--listen", "0.0.0.0:0"], "--allow-remote"),
        ("probegate-server", ["--config", "/no/such.yaml"], "/no/such.yaml"),
        ("probegate-server", ["--log-format", "xml"], "xml"),
        ("probegate-server", ["--lock-idle", "soon"], "soon"),
        ("probegate-server", ["--lock-idle", "nan"], "nan"),
        ("probegate-server", ["--lock-max", "nan"], "nan"),
        ("probegate-server", ["--metrics-listen", "off"], "off"),
        ("probegate-gateway", ["--metrics-listen", "127.0.0.1:99999"], "99999"),
        ("probegate-server", ["--config", "/tmp"], "/tmp"),
        ("probegate-gateway", ["--config", "/tmp"], "/tmp"),
        ("probegate-gateway", ["--state", ""], "--state"),
        ("probegate-gateway", ["--no-such"], "--no-such"),
        ("probegate-gateway", ["--port", "99999"], "99999"),
        ("probegate-gateway", ["--map", "abc"], "abc"),
        ("probegate-gateway", ["--map", "abc=99999"], "99999"),
        ("probegate-gateway", ["--config", "/no/such.yaml"], "/no/such.yaml"),
        ("probegate-gateway", ["--max-line-bytes", "-1"], "-1"),
        ("probegate", ["no-such"], "no-such"),
        ("probegate", ["kick"], "SESSION"),
        ("probegate", ["read", "x"], "x"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_wrong_flags(programs, program, flags, value):
    result = programs.run(program, *flags)
    assert result.returncode == 2, result
    assert value in one_line(result)


@pytest.mark.parametrize(
    "text, value",
    [
        ("lisen: 1\n", "lisen"),
        ("listen: [\n", "listen"),
        ("lock-idle: soon\n", "lock-idle"),
        (
            "uid: A\nno-usb: true\nuid: [B]\n",
            "server.yaml:3: uid: is already set in line 1; to give several values, use a list",
        ),
        ("verbose: true\nverbose: true\n", "server.yaml:2: verbose"),
    ],
)
def test_wrong_config(programs, text, value):
    config = programs.directory / "server.yaml"
    config.write_text(text)
    result = programs.run("probegate-server", "--config", config)
    assert result.returncode == 2, result
    assert str(config) in one_line(result)
    assert value in one_line(result)


def test_more_connections_than_open_files(programs):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))

    result = programs.run("probegate-gateway", "--max-connections", 700, preexec_fn=limit)
    assert result.returncode == 2, result
    assert "--max-connections" in one_line(result) and "700" in one_line(result)


def test_port_in_use_sim(programs, busy_port):
    result = programs.run("probegate-sim", "--listen", f"{LOOPBACK}:{busy_port}")
    assert result.returncode not in (0, 2) and result.returncode > 0
    assert str(busy_port) in one_line(result) and "in use" in one_line(result)


def test_port_in_use_server(programs, busy_port):
    result = programs.run("probegate-server", *NO_METRICS, "--listen", f"{LOOPBACK}:{busy_port}")
    assert result.returncode not in (0, 2) and result.returncode > 0
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert str(busy_port) in last and "in use" in last


def test_port_in_use_gateway(make_stack, programs, busy_port):
    stack = make_stack(start_gateway=False)
    result = programs.run(
        "probegate-gateway",
        *NO_METRICS,
        "--server",
        stack.server_address,
        "--port",
        busy_port,
        "--state",
        programs.directory / "other",
    )
    assert result.returncode not in (0, 2) and result.returncode > 0
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert str(busy_port) in last and "in use" in last


@pytest.mark.parametrize(
    "program, flags", [("probegate-server", ["--listen", f"{LOOPBACK}:0"]), ("probegate-gateway", ["--state", "state"])]
)
def test_port_in_use_metrics(programs, program, flags, busy_port):
    result = programs.run(program, *flags, "--metrics-listen", f"{LOOPBACK}:{busy_port}")
    assert result.returncode not in (0, 2) and result.returncode > 0
    line = one_line(result)
    assert str(busy_port) in line and "in use" in line and "--metrics-listen" in line


@pytest.fixture
def other_service():
    """The port of a gRPC server that answers every call with UNIMPLEMENTED."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    yield port
    server.stop(None).wait()


@pytest.mark.parametrize("flag", ["-W", "--no-wait"])
def test_server_unreachable(programs, flag):
    port = free_port()
    result = programs.run(
        "probegate-gateway",
        flag,
        *NO_METRICS,
        "--server",
        f"{LOOPBACK}:{port}",
        "--port",
        free_port(),
        "--state",
        programs.directory / "state",
    )
    assert result.returncode not in (0, 2) and result.returncode > 0
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert f"{LOOPBACK}:{port}" in last


def test_other_grpc_server(programs, other_service):
    """Waiting would not help, so the gateway ends even without --no-wait."""
    result = programs.run(
        "probegate-gateway",
        *NO_METRICS,
        "--server",
        f"{LOOPBACK}:{other_service}",
        "--port",
        free_port(),
        "--state",
        programs.directory / "state",
    )
    assert result.returncode not in (0, 2) and result.returncode > 0
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert f"{LOOPBACK}:{other_service}" in last and "probegate.v1" in last


def test_unknown_uid_of_the_gateway(make_stack, programs):
    stack = make_stack(start_gateway=False)
    result = programs.run(
        "probegate-gateway",
        "--no-wait",
        *NO_METRICS,
        "--server",
        stack.server_address,
        "--port",
        free_port(),
        "--state",
        programs.directory / "state",
        "--uid",
        "nobody",
    )
    assert result.returncode not in (0, 2) and result.returncode > 0
    last = (result.stdout + result.stderr).strip().splitlines()[-1]
    assert "nobody" in last and stack.serial in last
