"""Builds the images, and starts docker-compose.yml with the override for machines that cannot pull images. Then clients
use the published ports. The tests depend on their order: the last ones stop the services."""

import json
import os
import pathlib
import re
import uuid

import containers
import pytest
import yaml
from stack import LOOPBACK, wait_until

ROOT = containers.ROOT
BUILD = pathlib.Path(os.environ.get("PROBEGATE_BUILD", ROOT / "build/dev"))
# The services that are started. They do not run as root, and they have health checks.
SERVICES = ("sim", "server", "gateway", "debugd", "prometheus")
PORTS = range(5555, 5559)
PATIENCE = 120  # seconds for a loaded machine to start five containers
PART = "0x10000100"  # FICR.INFO.PART, which is the same on all boards
READ = re.compile(r"10000100: +00052840")


@pytest.fixture(scope="module")
def built():
    """Builds the images; the value is the list of their names."""
    if reason := containers.unavailable_reason() or containers.make_base():
        pytest.skip(reason)
    return containers.build_images(BUILD)


@pytest.fixture(scope="module")
def project(built):
    assert built
    project = containers.Project(f"probegate-test-{uuid.uuid4().hex[:8]}")
    with project.running(*SERVICES):
        yield project
    assert project.left() == []


@pytest.fixture
def uids(project):
    """The boards' unique IDs for pyOCD on this machine."""
    return [f"remote:{project.address('gateway', port)}" for port in PORTS]


def serials(listed):
    """The serial numbers in the output of `probegate list --json`."""
    return [probe["status"]["description"]["unique_id"] for probe in json.loads(listed)["probes"]]


def test_all_are_healthy(project):
    for service in SERVICES:
        wait_until(lambda: project.health(service) == "healthy", f"{service} is healthy", PATIENCE)


@pytest.mark.parametrize("service", SERVICES)
def test_containers_have_few_privileges(project, service):
    state = project.inspect(service)
    status = pathlib.Path(f"/proc/{state['State']['Pid']}/status").read_text()
    assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.MULTILINE)
    for capabilities in ("CapPrm", "CapEff", "CapBnd"):
        assert re.search(rf"^{capabilities}:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    code, said = project.execute(service, "touch", "/usr/local/bin/of-mine")
    assert code != 0 and "Read-only file system" in said


@pytest.mark.parametrize("service", SERVICES)
def test_containers_are_limited(project, service):
    """The engine applies the limits in docker-compose.yml."""
    host = project.inspect(service)["HostConfig"]
    assert 0 < host["Memory"] == host["MemorySwap"] and 0 < host["PidsLimit"] <= 1024 and 0 < host["NanoCpus"] <= 10**9


def test_only_these_ports_are_published(project):
    published = {
        service: sorted(
            int(port.partition("/")[0])
            for port, bindings in project.inspect(service)["NetworkSettings"]["Ports"].items()
            if bindings
        )
        for service in SERVICES
    }
    assert published == {"sim": [], "server": [], "gateway": list(PORTS), "debugd": [50061], "prometheus": [9090]}
    bindings = [
        binding
        for service in SERVICES
        for port_bindings in project.inspect(service)["NetworkSettings"]["Ports"].values()
        for binding in port_bindings or []
    ]
    assert {binding["HostIp"] for binding in bindings} == {LOOPBACK}


def test_boards_are_listed(project):
    listed = ["run", "--rm", "cli", "list", "--json", "--gateway", f"gateway:{PORTS[0]}-{PORTS[-1]}"]
    wait_until(lambda: len(set(serials(project.compose(*listed)))) == len(PORTS), "all boards are listed", PATIENCE)


def test_pyocd_reads_each_board(uids, pyocd):
    for uid in uids:
        assert READ.search(pyocd.commander(uid, f"read32 {PART} 4"))


def test_gdb_debugs_a_board(project, programs):
    board = serials(project.compose("run", "--rm", "cli", "list", "--json"))[0]
    script = programs.directory / "script"
    script.write_text("load\nbreak main\ncontinue\nbacktrace\n")
    with open(script, encoding="utf-8") as commands:
        said = containers.run(
            programs.path("probegate"),
            "debug",
            "--debugd",
            project.address("debugd", 50061),
            "--probe",
            board,
            "--board",
            "nrf52840",
            "--elf",
            BUILD / "firmware/firmware.elf",
            "--upload",
            stdin=commands,
        )
    assert "load size" in said and re.search(r"#0 +main \(\) at", said)
    # debugd's log must not say that gdb ran unconfined.
    assert "unconfined" not in project.compose("logs", "debugd")


def test_prometheus_scrapes_all_programs(project):
    jobs = {"probegate-server", "probegate-gateway", "probegate-debugd"}
    wait_until(
        lambda: (
            {
                target["labels"]["job"]
                for target in project.ask_prometheus("targets")["activeTargets"]
                if target["health"] == "up"
            }
            == jobs
        ),
        "all targets are up",
        PATIENCE,
    )
    groups = {group["name"] for group in project.ask_prometheus("rules")["groups"]}
    assert groups == {
        group["name"]
        for file in (ROOT / "deploy/prometheus/rules").glob("*.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
    }

    def present():
        rows = project.ask_prometheus("query", query="sum by (host) (probegate_probe_present)")["result"]
        return [(row["metric"], row["value"][1]) for row in rows]

    wait_until(
        lambda: present() == [({"host": "docker"}, str(len(PORTS)))],
        "Prometheus has the metrics of all boards",
        PATIENCE,
    )


def test_the_gateway_reconnects_to_a_restarted_server(project, uids, pyocd):
    def gateway():
        return project.execute("gateway", "probegate-health", "--http", "127.0.0.1:9465")

    containers.run("docker", "kill", project.container("server"))
    wait_until(lambda: gateway()[0] == 1, "the gateway has noticed that its server is gone", PATIENCE)
    assert "server" in gateway()[1]
    pyocd.fail("commander", uids[0], "-c", f"read32 {PART} 4")
    containers.run("docker", "start", project.container("server"))
    wait_until(lambda: gateway()[0] == 0, "the gateway is connected to its server again", PATIENCE)
    assert READ.search(pyocd.commander(uids[0], f"read32 {PART} 4"))


def test_labels_of_the_images(built, programs):
    version = programs.run("probegate", "--version").stdout.split()[1]
    for name in built:
        (image,) = json.loads(containers.run("docker", "image", "inspect", name))
        labels = {
            key.removeprefix("org.opencontainers.image."): value for key, value in image["Config"]["Labels"].items()
        }
        assert image["Config"]["User"] == "65532:65532"
        assert labels["title"] == name.partition(":")[0].removeprefix("probegate-" if "prometheus" in name else "")
        assert labels["version"] == version and labels["description"] and labels["vendor"]
        assert labels["licenses"] == {"probegate-sim": "GPL-2.0-only", "prometheus": "Apache-2.0"}.get(
            labels["title"], "MIT"
        )
        assert ("Healthcheck" in image["Config"]) == (labels["title"] != "probegate")


def test_the_simulators_licence_is_in_its_image(project):
    code, said = project.execute(
        "sim", "cat", "/usr/share/doc/probegate-sim/copyright", "/usr/share/common-licenses/GPL-2"
    )
    assert code == 0 and "Unicorn" in said and re.search(r"GNU GENERAL PUBLIC LICENSE\s+Version 2", said)


@pytest.mark.parametrize("service", ["prometheus", "debugd", "gateway", "server", "sim"])
def test_services_end_on_sigterm(project, service):
    """A service must end on SIGTERM. One that does not is killed when its time is over, and its exit code is 137."""
    project.compose("stop", service)
    assert project.inspect(service)["State"]["ExitCode"] == 0


@pytest.fixture(scope="module")
def lab_ca(tmp_path_factory):
    """The folder of the certificates."""
    if os.geteuid() != 0:
        pytest.skip("only root can give keys to the containers' user")
    folder = tmp_path_factory.mktemp("lab") / "lab-ca"
    containers.make_certificates(folder, "--owner", containers.USER)
    return folder


@pytest.fixture(scope="module")
def secure(built, lab_ca):
    """A project with TLS; only what the test needs is started."""
    assert built
    project = containers.Project(
        f"probegate-test-{uuid.uuid4().hex[:8]}", ["deploy/docker/tls.yml"], {"PROBEGATE_LAB_CA": str(lab_ca)}
    )
    with project.running("sim", "server", "gateway"):
        yield project
    assert project.left() == []


def test_tls_identities_and_the_audit_log(secure, lab_ca, programs, pyocd):
    # A gateway is healthy once it is connected to its server.
    for service in ("server", "gateway"):
        wait_until(lambda: secure.health(service) == "healthy", f"{service} is healthy", PATIENCE)
    assert READ.search(pyocd.commander(f"remote:{secure.address('gateway', PORTS[0])}", f"read32 {PART} 4"))
    assert "certificate:admin" in secure.compose("run", "--rm", "cli", "whoami")

    server = ["--server", secure.address("server", 50051).replace(LOOPBACK, "localhost"), "--tls-ca", lab_ca / "ca.crt"]
    nobody = programs.run("probegate", *server, "list")
    assert nobody.returncode != 0 and "has not proved who it is" in nobody.stderr, nobody
    admin = ["--tls-cert", lab_ca / "admin.crt", "--tls-key", lab_ca / "admin.key"]
    assert len(serials(programs.run("probegate", *server, *admin, "list", "--json").stdout)) == len(PORTS)
    code, audit = secure.execute("server", "cat", "/var/log/probegate/audit.log")
    events = [json.loads(line) for line in audit.splitlines()]
    assert code == 0 and {"denied", "allowed"} == {event["decision"] for event in events if "decision" in event}
    assert "certificate:gateway" in {event.get("identity") for event in events}
