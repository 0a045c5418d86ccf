"""A job uses a board through a gateway in its own pod, with the token of its service account: the commands of the pods run
on this machine, with certificates, tokens and keys like those of a cluster."""

import re
import subprocess

import pki
import pytest
import yaml
from cluster import ApiServer, ServiceAccounts
from debug_client import firmware
from manifests import KUBERNETES, Manifests, render, with_component
from namespaces import with_hosts
from stack import BOUND, LOOPBACK, METRICS_FLAGS, Program, free_port, wait_until

TOKEN_OF_SERVER = "the token of the server's own service account"


class Cluster:
    """A server with one board, its access file, and the API server of the cluster."""

    def __init__(self, programs, kustomize, folder):
        self.programs = programs
        self.folder = folder
        self.lab = with_component(kustomize, folder, "tls", "cert-manager", "service-accounts")
        self.job = Manifests(render(kustomize, KUBERNETES / "job"))
        self.here = {}  # what stands on this machine for a path or an address in a container
        self.authority = pki.Authority(folder / "authority")
        (issuer,) = yaml.safe_load(self.lab.config("probegate-access", "access.yaml"))["issuers"]
        self.accounts = ServiceAccounts(folder, issuer["issuer"])
        self.audience = issuer["audience"]
        self.api_server = ApiServer(self.authority.server(), self.accounts, TOKEN_OF_SERVER)
        self.here[issuer["jwks"]] = self.api_server.keys_url
        names = self.lab.named("Certificate", "probegate-server")["spec"]["dnsNames"]
        self.hosts = folder / "hosts"
        self.hosts.write_text("".join(f"{LOOPBACK} {name}\n" for name in ["localhost", *names]))
        self.serial = self.start_board()
        self.server = self.start_server(self.authority.server(",".join(f"DNS:{name}" for name in names)))

    def command(self, manifests, name):
        """The command of a container."""
        (container,) = [container for _, _, container in manifests.containers() if container["name"] == name]
        return container["command"]

    def translated(self, text):
        for there, here in self.here.items():
            text = text.replace(there, str(here))
        return text

    def mount(self, path, files):
        """Makes a folder that stands for `path` in the containers."""
        folder = self.folder / path.strip("/").replace("/", "-")
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        self.here[path] = folder

    def start_board(self):
        self.board = f"{LOOPBACK}:{free_port()}"
        control = f"{LOOPBACK}:{free_port()}"
        sim = self.programs.start("probegate-sim", "--listen", self.board, "--control", control)
        return sim.wait_for_line(r"board 0 \((\S+)\) listening on ")[1]

    def start_server(self, certificate):
        ca = {"ca.crt": self.authority.cert.read_text()}
        pair = {"tls.crt": certificate.cert.read_text(), "tls.key": certificate.key.read_text()}
        self.mount("/etc/probegate-tls", {**pair, **ca})
        self.mount("/var/run/secrets/probegate-cluster", {"token": TOKEN_OF_SERVER, **ca})
        access = self.translated(self.lab.config("probegate-access", "access.yaml"))
        self.mount("/etc/probegate-access", {"access.yaml": access})
        self.mount("/etc/probegate/", {"server.yaml": self.lab.config("probegate-server", "server.yaml")})
        self.here["/etc/probegate/"] = f"{self.here['/etc/probegate/']}/"
        program, *words = map(self.translated, self.command(self.lab, "server"))
        server = self.programs.start(
            program, *words, "--listen", f"{LOOPBACK}:0", *METRICS_FLAGS, "--no-usb", "--cmsis-dap-tcp", self.board
        )
        port = server.wait_for_line(r"Listening on 127\.0\.0\.1:(\d+)")[1]
        self.here["probegate-server.probegate:50051"] = f"probegate-server.probegate:{port}"
        return server

    def start_gateway(self, account, *flags):
        """The sidecar of a job of this service account."""
        token = self.accounts.token("ci", account, self.audience)
        self.mount("/etc/probegate-ca", {"ca.crt": self.authority.cert.read_text()})
        self.mount("/var/run/secrets/probegate/", {"token": token})
        self.here["/var/run/secrets/probegate/"] = f"{self.here['/var/run/secrets/probegate/']}/"
        self.here["/var/lib/probegate"] = self.folder / f"state-{account}"
        self.here["$(PROBE)"] = self.serial
        self.here["5555"] = free_port()
        program, *words = map(self.translated, self.command(self.job, "gateway"))
        argv = with_hosts(self.hosts, self.programs.path(program), *words, *METRICS_FLAGS, *flags)
        gateway = Program(f"gateway-{account}", argv, self.folder)
        self.programs.started.append(gateway)
        return gateway


@pytest.fixture
def cluster(programs, kustomize, tmp_path):
    cluster = Cluster(programs, kustomize, tmp_path)
    yield cluster
    cluster.api_server.close()


def test_a_job_flashes_a_board(cluster, programs):
    gateway = cluster.start_gateway("firmware")
    address = re.search(r"http://([^/]+)/", gateway.metrics_url())[1]
    (container,) = cluster.job.of("Job")[0]["spec"]["template"]["spec"]["initContainers"]
    health, *words = [word.replace("127.0.0.1:9465", address) for word in container["startupProbe"]["exec"]["command"]]
    wait_until(lambda: programs.run(health, *words).returncode == 0, "the gateway is ready")
    cluster.here["/firmware/firmware.elf"] = firmware()
    command = [cluster.translated(word) for word in cluster.command(cluster.job, "firmware")]
    flashed = subprocess.run(
        command, cwd=cluster.folder, capture_output=True, text=True, timeout=2 * BOUND, check=False
    )
    assert flashed.returncode == 0, flashed.stderr
    # The audit log is among the server's other lines.
    opened = cluster.server.wait_for_line(r'.*"event":"session.opened".*')[0]
    assert f'"identity":"issuer:{cluster.accounts.issuer}:system:serviceaccount:ci:firmware"' in opened


def test_another_service_account_gets_no_board(cluster):
    gateway = cluster.start_gateway("other")
    gateway.wait_for_line(r"system:serviceaccount:ci:other does not have the right `view` for any probe")
