"""The manifests in deploy/kubernetes/ can be rendered, are valid, and refer only to things that exist."""

import copy
import re
import subprocess
import urllib.parse
import urllib.request

import bounds
import manifests
import pytest
import yaml
from expressions import DASHBOARDS, RULES
from manifests import KUBERNETES, Manifests, relative, render, validate, with_component
from raw_client import DPIDR
from stack import BOUND, LOOPBACK, SERVER_LISTENS, free_port

OVERLAYS = ["base", "overlays/sim", "overlays/lab"]
PROGRAMS = ("probegate-sim", "probegate-server", "probegate-gateway", "probegate")
PORTS = range(5555, 5563)
# A lab in which everything is encrypted, and everyone must prove who they are.
SECURE = ("debugd", "tls", "cert-manager", "service-accounts")


@pytest.fixture(scope="session")
def rendered(kustomize):
    """Renders each overlay once. Tests must not modify the result."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = render(kustomize, KUBERNETES / name)
        return made[name]

    return get


@pytest.fixture
def helps(programs):
    return {program: programs.run(program, "--help").stdout for program in PROGRAMS}


@pytest.mark.parametrize("overlay", [*OVERLAYS, "overlays/monitoring"])
def test_manifests_are_valid(rendered, overlay):
    for document in rendered(overlay):
        assert document["metadata"]["namespace" if document["kind"] != "Namespace" else "name"] == "probegate"
    assert validate(rendered(overlay)) > 0


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_references_are_valid(rendered, helps, overlay):
    assert list(manifests.problems(Manifests(rendered(overlay)), helps, PORTS)) == []


def test_monitors_scrape_existing_ports(rendered, helps, programs, kustomize, tmp_path):
    helps["probegate-debugd"] = programs.run("probegate-debugd", "--help").stdout
    # A lab with all programs that are monitored.
    together = Manifests(with_component(kustomize, tmp_path, "debugd").documents + rendered("overlays/monitoring"))
    assert list(manifests.problems(together, helps, PORTS)) == []
    # The rules select jobs by the names of the services.
    assert {s["metadata"]["name"] for s in together.of("ServiceMonitor")} == {
        "probegate-server",
        "probegate-gateway",
        "probegate-debugd",
    }
    assert {
        rule["targetLabel"]
        for monitor in together.of("ServiceMonitor")
        for endpoint in monitor["spec"]["endpoints"]
        for rule in endpoint["relabelings"]
    } == {"host"}


def test_rules_and_dashboards_are_the_same_files(rendered):
    monitoring = Manifests(rendered("overlays/monitoring"))
    rules = [rule["spec"] for rule in monitoring.of("PrometheusRule")]
    assert len(rules) == len(RULES) and all(yaml.safe_load(path.read_text()) in rules for path in RULES)
    boards = {name: text for config in monitoring.of("ConfigMap") for name, text in config["data"].items()}
    assert boards == {path.name: path.read_text() for path in DASHBOARDS}
    assert all(config["metadata"]["labels"]["grafana_dashboard"] == "1" for config in monitoring.of("ConfigMap"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_minimal_privileges(rendered, overlay):
    check_privileges(Manifests(rendered(overlay)))


def check_privileges(made):
    for workload, spec, container in made.containers():
        pod, own = spec["securityContext"], container["securityContext"]
        assert pod["runAsNonRoot"] and pod["runAsUser"] > 0 and pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert all(set(container["resources"][kind]) == {"cpu", "memory"} for kind in ("requests", "limits"))
        assert "livenessProbe" in container or container["name"] == "sim" or workload["kind"] == "Job"


UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_memory_fits_the_programs_own_bounds(rendered, kustomize, tmp_path, overlay):
    """The kernel must not end a program that keeps to its bounds: the pod may have what the program lets requests hold, and
    twice as much again."""
    made = Manifests(rendered(overlay) + with_component(kustomize, tmp_path, "debugd").documents)
    for _, _, container in made.containers():
        if container["name"] != "sim":
            number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", container["resources"]["limits"]["memory"]).groups()
            assert int(number) * UNITS[unit] >= 3 * bounds.memory_in_flight(), container["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_connect_only_to_what_they_need(rendered, kustomize, tmp_path, overlay):
    made = Manifests(rendered(overlay) + with_component(kustomize, tmp_path, "debugd").documents)
    for workload, _, labels in made.pods():
        rules = manifests.egress_rules(made, labels)
        assert rules, workload["metadata"]["name"]
        assert all(rule.get("to") and rule["ports"] for rule in rules)
        # Nothing may reach arbitrary addresses, or pods of any namespace.
        assert not manifests.allows(rules, "198.51.100.7", 443)
        assert {} not in [peer.get("namespaceSelector") for rule in rules for peer in rule["to"]]
        ports = {port["port"] for rule in rules for port in rule["ports"]}
        assert 53 in ports and ports <= {53, 50051, 4441}


def test_the_server_may_reach_the_network_probes_of_a_lab(rendered):
    made = Manifests(rendered("overlays/lab"))
    probes = yaml.safe_load(made.config("probegate-server", "server.yaml"))["cmsis-dap-tcp"]
    rules = manifests.egress_rules(made, made.named("DaemonSet", "probegate-server")["spec"]["selector"]["matchLabels"])
    for probe in probes:
        host, _, ports = probe.partition(":")
        for port in map(int, ports.split("-")):
            assert manifests.allows(rules, host, port), probe
    assert not manifests.allows(rules, "192.0.2.12", 4441)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_match_the_programs_configurations(rendered, overlay):
    made = Manifests(rendered(overlay))
    server = yaml.safe_load(made.config("probegate-server", "server.yaml"))
    gateway = yaml.safe_load(made.config("probegate-gateway", "gateway.yaml"))
    (in_server,) = [c for _, _, c in made.containers() if c["name"] == "server"]
    (in_gateway,) = [c for _, _, c in made.containers() if c["name"] == "gateway"]
    assert {p["name"]: p["containerPort"] for p in in_server["ports"]} == {
        "grpc": port_of(server["listen"]),
        "metrics": port_of(server["metrics-listen"]),
    }
    assert {p["name"]: p["containerPort"] for p in in_gateway["ports"]} == {
        "metrics": port_of(gateway["metrics-listen"])
    }
    name, port = gateway["server"].split(":")
    assert int(port) in {p["port"] for p in made.named("Service", name)["spec"]["ports"]}
    served = [
        p["port"] for p in made.named("Service", "probegate-gateway")["spec"]["ports"] if p["name"].startswith("probe-")
    ]
    assert served == list(PORTS) and gateway["port"] == PORTS[0]
    assert {mount["mountPath"] for mount in in_gateway["volumeMounts"]} == {"/etc/probegate", gateway["state"]}


def port_of(endpoint):
    return int(endpoint.rpartition(":")[2])


def test_the_overlay_without_hardware_runs(rendered, programs, raw):
    """Runs its containers' commands and configurations on this machine, with other addresses."""
    made = Manifests(rendered("overlays/sim"))
    sim_port, gateway_port = free_port(4), free_port(4)
    addresses = {
        "127.0.0.1:4441-4444": f"{LOOPBACK}:{sim_port}-{sim_port + 3}",
        "127.0.0.1:4441": f"{LOOPBACK}:{sim_port}",
        "127.0.0.1:4440": f"{LOOPBACK}:{free_port()}",
        "0.0.0.0:50051": f"{LOOPBACK}:0",
        "0.0.0.0:9464": f"{LOOPBACK}:0",
        "0.0.0.0:9465": f"{LOOPBACK}:0",
        "port: 5555": f"port: {gateway_port}",
        "/var/lib/probegate": str(programs.directory / "state"),
    }

    def here(text):
        for there, address in addresses.items():
            text = text.replace(there, address)
        return text

    def start(container):
        (command,) = [c["command"] for _, _, c in made.containers() if c["name"] == container]
        arguments = []
        for argument in command[1:]:
            if argument.startswith("/etc/probegate/"):
                key = argument.rpartition("/")[2]
                path = programs.directory / key
                path.write_text(here(made.config(command[0], key)))
                argument = path
            arguments.append(here(str(argument)))
        return programs.start(command[0], *arguments)

    start("sim").wait_for_line("control listening on ")
    server = start("server")
    addresses["probegate-server:50051"] = f"{LOOPBACK}:{server.wait_for_line(SERVER_LISTENS)[1]}"
    gateway = start("gateway")
    for port in range(gateway_port, gateway_port + 4):
        gateway.wait_for_line(rf'"probe.served".*"port":{port}\b')
        with raw(port).attach() as client:
            assert client.call("read_dp", DPIDR) == 0x2BA01477
            client.detach()
    # The programs answer the probes of the kubelet.
    asked = [
        probe_is_answered(container[kind], program)
        for _, _, container in made.containers()
        for program in (server, gateway)
        if program.name == container["command"][0]
        for kind in ("readinessProbe", "livenessProbe")
    ]
    assert asked == [True] * 4


def probe_is_answered(probe, program):
    page = urllib.parse.urljoin(program.metrics_url(), probe["httpGet"]["path"])
    with urllib.request.urlopen(page, timeout=BOUND) as response:
        return response.status == 200


def test_programs_accept_the_configuration_of_a_lab(rendered, programs):
    made = Manifests(rendered("overlays/lab"))
    options = yaml.safe_load(made.config("probegate-server", "server.yaml"))
    assert options["cmsis-dap-tcp"]
    for program, key in (("probegate-server", "server.yaml"), ("probegate-gateway", "gateway.yaml")):
        path = programs.directory / key
        path.write_text(made.config(program, key))
        flags = (
            ["--listen", f"{LOOPBACK}:0"]
            if program == "probegate-server"
            else ["--server", f"{LOOPBACK}:{free_port()}"]
        )
        if program == "probegate-gateway":
            flags += ["--state", programs.directory / "state"]
        started = programs.start(program, "--config", path, "--metrics-listen", f"{LOOPBACK}:0", *flags)
        assert '"event":"metrics.listening"' in started.wait_for_line(".*metrics.listening.*")[0]


def test_usb_is_a_component(kustomize, tmp_path):
    """The component gives the server access to the devices, and only the privileges that this needs."""
    made = with_component(kustomize, tmp_path, "usb")
    spec = made.named("DaemonSet", "probegate-server")["spec"]["template"]["spec"]
    (server,) = spec["containers"]
    assert {"name": "usb", "mountPath": "/dev/bus/usb"} in server["volumeMounts"]
    assert {"name": "usb", "hostPath": {"path": "/dev/bus/usb", "type": "Directory"}} in spec["volumes"]
    assert {"name": "udev", "mountPath": "/run/udev", "readOnly": True} in server["volumeMounts"]
    assert {"name": "udev", "hostPath": {"path": "/run/udev", "type": "Directory"}} in spec["volumes"]
    # udev's events are only received in the host's network namespace. Names must still be resolved
    # by the cluster's DNS.
    assert spec["hostNetwork"] is True and spec["dnsPolicy"] == "ClusterFirstWithHostNet"
    # The gateway must be able to reach the server at the node's address, which the base's policy does not allow.
    (way,) = made.named("NetworkPolicy", "probegate-to-nodes")["spec"]["egress"]
    assert "to" not in way and [port["port"] for port in way["ports"]] == [in_port(server, "grpc")]
    assert spec["securityContext"]["supplementalGroups"] == [46] and spec["securityContext"]["runAsNonRoot"]
    assert (
        made.named("Namespace", "probegate")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    )


def in_port(container, name):
    (port,) = [p["containerPort"] for p in container["ports"] if p["name"] == name]
    return port


def test_debugd_is_a_component(kustomize, tmp_path, programs, helps):
    """The component refers only to things that exist; debugd accepts its configuration, and answers
    the kubelet's probes."""
    made = with_component(kustomize, tmp_path, "debugd")
    helps["probegate-debugd"] = programs.run("probegate-debugd", "--help").stdout
    assert list(manifests.problems(made, helps, PORTS)) == []
    (container,) = [c for _, _, c in made.containers() if c["name"] == "debugd"]
    options = yaml.safe_load(made.config("probegate-debugd", "debugd.yaml"))
    assert {p["name"]: p["containerPort"] for p in container["ports"]} == {
        "grpc": port_of(options["listen"]),
        "metrics": port_of(options["metrics-listen"]),
    }
    assert options["work-dir"] in {mount["mountPath"] for mount in container["volumeMounts"]}
    path = programs.directory / "debugd.yaml"
    path.write_text(made.config("probegate-debugd", "debugd.yaml"))
    debugd = programs.start(
        "probegate-debugd",
        "--config",
        path,
        "--listen",
        f"{LOOPBACK}:0",
        "--metrics-listen",
        f"{LOOPBACK}:0",
        "--work-dir",
        programs.directory,
    )
    debugd.wait_for_line(SERVER_LISTENS)
    assert all(probe_is_answered(container[kind], debugd) for kind in ("readinessProbe", "livenessProbe"))


def test_a_lab_with_tls_and_identities_is_consistent(kustomize, tmp_path, programs, helps):
    helps["probegate-debugd"] = programs.run("probegate-debugd", "--help").stdout
    made = with_component(kustomize, tmp_path, *SECURE)
    assert list(manifests.problems(made, helps, PORTS)) == []
    check_privileges(made)
    for workload, _, labels in made.pods():
        assert not manifests.allows(manifests.egress_rules(made, labels), "198.51.100.7", 443), workload
    # The server's certificate is for the name that the other programs use.
    names = made.named("Certificate", "probegate-server")["spec"]["dnsNames"]
    clients = {name: made.named("Certificate", f"probegate-{name}") for name in ("gateway", "debugd")}
    for program in clients:
        server = yaml.safe_load(made.config(f"probegate-{program}", f"{program}.yaml"))["server"]
        assert server.rpartition(":")[0] in names
    # The rules name the certificates of the other programs.
    rules = yaml.safe_load(made.config("probegate-access", "access.yaml"))["rules"]
    named = {name for rule in rules for name in rule["who"].get("certificate", [])}
    assert named == {certificate["spec"]["commonName"] for certificate in clients.values()}
    # Without cert-manager's resources, the Secrets are missing.
    made.documents = [document for document in made.documents if document["kind"] != "Certificate"]
    missing = [problem for problem in manifests.problems(made, helps, PORTS) if "no Secret" in problem]
    assert len(missing) == 3


def test_the_example_of_a_job_is_consistent(kustomize, helps):
    made = Manifests(render(kustomize, KUBERNETES / "job"))
    assert validate(made.documents) == 2
    helps["pyocd"] = subprocess.run(["pyocd", "flash", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    # docs/kubernetes.md says how to make this ConfigMap.
    assert list(manifests.problems(made, helps, PORTS, given=["probegate-ca"])) == []
    check_privileges(made)
    ((_, spec, _),) = made.pods()
    (gateway,) = spec["initContainers"]
    # It starts before the other containers, and runs beside them.
    assert gateway["restartPolicy"] == "Always" and "startupProbe" in gateway
    # With one user and no fsGroup, the kubelet lets only that user read the token, which the gateway insists on.
    assert "fsGroup" not in spec["securityContext"] and spec["securityContext"]["runAsUser"] > 0


def test_documented_kustomization(kustomize, tmp_path):
    """The documented kustomization replaces the images."""
    page = (KUBERNETES.parents[1] / "docs/kubernetes.md").read_text()
    blocks = {
        next(iter(block)): block for block in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    }
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": "host1",
                "resources": [relative(tmp_path, "overlays/sim")],
                **blocks["images"],
            }
        )
    )
    made = Manifests(render(kustomize, tmp_path))
    assert {document["metadata"].get("namespace", document["metadata"]["name"]) for document in made.documents} == {
        "host1"
    }
    images = {container["image"] for _, _, container in made.containers()}
    assert len(images) == 3 and all(image.startswith("registry.example/probegate-") for image in images)


# Ways to break the manifests, and a part of the complaint that each must cause.
BROKEN = [
    (
        lambda m: m.named("DaemonSet", "probegate-server")["spec"]["selector"]["matchLabels"].update(x="y"),
        "selector does not",
    ),
    (lambda m: server_of(m)["command"].append("--lissen=1"), "probegate-server has no --lissen"),
    (lambda m: server_of(m)["command"].__setitem__(0, "probegate-serve"), "no program probegate-serve"),
    (lambda m: server_of(m)["readinessProbe"]["httpGet"].update(port="metric"), "uses port metric,"),
    (lambda m: server_of(m)["volumeMounts"].clear(), "nothing is mounted at /etc/probegate/server.yaml"),
    (lambda m: m.documents.remove(m.of("PersistentVolumeClaim")[0]), "no claim"),
    (lambda m: m.documents.remove(m.of("ServiceAccount")[0]), "no ServiceAccount"),
    (lambda m: m.named("Service", "probegate-server")["spec"]["selector"].update(x="y"), "no pod has"),
    (
        lambda m: m.named("Service", "probegate-server")["spec"]["ports"][0].update(targetPort="grcp"),
        "no port grcp",
    ),
    (
        lambda m: m.named("NetworkPolicy", "probegate-gateway")["spec"]["egress"][0]["ports"][0].update(port=50052),
        "no port 50052",
    ),
    (lambda m: set_option(m, "server.yaml", "lissen: 1\n"), "has no option lissen"),
    (lambda m: [m.documents.remove(c) for c in m.of("ConfigMap")], "no ConfigMap"),
]


def server_of(made):
    return made.named("DaemonSet", "probegate-server")["spec"]["template"]["spec"]["containers"][0]


def set_option(made, key, text):
    for config in made.of("ConfigMap"):
        if key in config["data"]:
            config["data"][key] = text


@pytest.mark.parametrize(
    "breaks,complaint", BROKEN, ids=lambda value: re.sub(r"\W+", "-", value) if isinstance(value, str) else ""
)
def test_broken_manifests_are_found(rendered, helps, breaks, complaint):
    made = Manifests(copy.deepcopy(rendered("base")))
    breaks(made)
    assert any(complaint in problem for problem in manifests.problems(made, helps, PORTS))
