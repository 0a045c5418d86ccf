"""The manifests that kustomize renders from deploy/kubernetes/, and checks for mistakes that would
only show in a cluster."""

import ipaddress
import pathlib
import re
import subprocess

import kubernetes_validate
import yaml
from configurations import FLAG

KUBERNETES = pathlib.Path(__file__).parents[2] / "deploy" / "kubernetes"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet", "Job")
# Resources of the Prometheus operator and of cert-manager, which kubernetes-validate does not know.
CUSTOM = ("ServiceMonitor", "PrometheusRule", "Issuer", "Certificate")


def render(kustomize, directory):
    done = subprocess.run([kustomize, "build", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # for example about deprecated fields
    return [document for document in yaml.safe_load_all(done.stdout) if document is not None]


class Manifests:
    def __init__(self, documents):
        self.documents = documents

    def of(self, *kinds):
        return [document for document in self.documents if document["kind"] in kinds]

    def named(self, kind, name):
        (found,) = [document for document in self.of(kind) if document["metadata"]["name"] == name]
        return found

    def pods(self):
        """Yields each workload, with its pod's spec and its pod's labels."""
        for workload in self.of(*WORKLOADS):
            template = workload["spec"]["template"]
            yield workload, template["spec"], template["metadata"]["labels"]

    def containers(self):
        for workload, spec, _ in self.pods():
            for container in _containers_of(spec):
                yield workload, spec, container

    def config(self, name, key):
        """The options in a ConfigMap. kustomize may append a hash of the contents to its name."""
        (found,) = [
            document
            for document in self.of("ConfigMap")
            if re.fullmatch(rf"{name}(-\w+)?", document["metadata"]["name"])
        ]
        return found["data"][key]


def validate(documents):
    """Validates the resources of Kubernetes itself; returns how many there are."""
    known = [document for document in documents if document["kind"] not in CUSTOM]
    for document in known:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    return len(known)


def relative(start, name):
    return "/".join([".."] * (len(start.resolve().parts) - 1)) + str(KUBERNETES / name)


def with_component(kustomize, directory, *components):
    """Renders and validates an overlay that uses the base and these components."""
    (directory / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": "probegate",
                "resources": [relative(directory, "base")],
                "components": [relative(directory, f"components/{component}") for component in components],
            }
        )
    )
    made = Manifests(render(kustomize, directory))
    validate(made.documents)
    return made


def _containers_of(spec):
    """A pod's containers, sidecars first."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def _matches(selector, labels):
    wanted = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(
        expression["operator"] == "In" and labels.get(expression["key"]) in expression["values"]
        for expression in selector.get("matchExpressions", [])
    )


def egress_rules(manifests, labels):
    """What a pod with these labels may connect to: None if it is not restricted, otherwise rules of NetworkPolicies."""
    policies = [
        policy["spec"]
        for policy in manifests.of("NetworkPolicy")
        if "Egress" in policy["spec"]["policyTypes"] and _matches(policy["spec"]["podSelector"], labels)
    ]
    return [rule for spec in policies for rule in spec.get("egress", [])] if policies else None


def allows(rules, address, port):
    """Whether rules of egress allow a connection to this address outside of the cluster."""
    return any(
        ipaddress.ip_address(address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        and any(range_["port"] <= port <= range_.get("endPort", range_["port"]) for range_ in rule["ports"])
        for rule in rules
        for peer in rule.get("to", [])
        if "ipBlock" in peer
    )


def _ports(spec):
    """The ports that a pod's containers declare: {name: number}."""
    declared = [port for container in _containers_of(spec) for port in container.get("ports", [])]
    return {port["name"]: port["containerPort"] for port in declared}


def problems(manifests, helps, gateway_ports, given=()):
    """One line for each reference to something that does not exist. `helps` maps each program to the output of its
    --help. `gateway_ports` are the ports on which the gateway serves probes, which no container declares. `given` are
    the names of ConfigMaps that exist although they are not among the manifests."""
    yield from _problems_of_pods(manifests, given)
    yield from _problems_of_flags(manifests, helps)
    yield from _problems_of_selectors(manifests, gateway_ports)


def _problems_of_pods(manifests, given):
    configs = {document["metadata"]["name"] for document in manifests.of("ConfigMap")} | set(given)
    # cert-manager makes a Secret for each Certificate.
    secrets = {document["spec"]["secretName"] for document in manifests.of("Certificate")}
    claims = {document["metadata"]["name"] for document in manifests.of("PersistentVolumeClaim")}
    accounts = {document["metadata"]["name"] for document in manifests.of("ServiceAccount")}
    for workload, spec, labels in manifests.pods():
        name = workload["metadata"]["name"]
        # The selector of a Job is made by Kubernetes.
        if workload["kind"] != "Job" and not _matches(workload["spec"]["selector"], labels):
            yield f"{name}: its selector does not match its own pods"
        if spec["serviceAccountName"] not in accounts:
            yield f"{name}: no ServiceAccount {spec['serviceAccountName']}"
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for volume in volumes.values():
            if "configMap" in volume and volume["configMap"]["name"] not in configs:
                yield f"{name}: no ConfigMap {volume['configMap']['name']}"
            if "secret" in volume and volume["secret"]["secretName"] not in secrets:
                yield f"{name}: no Secret {volume['secret']['secretName']}"
            if "persistentVolumeClaim" in volume and volume["persistentVolumeClaim"]["claimName"] not in claims:
                yield f"{name}: no claim {volume['persistentVolumeClaim']['claimName']}"
        mounted = set()
        for container in _containers_of(spec):
            mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
            mounted |= set(mounts)
            for mount in mounts:
                if mount not in volumes:
                    yield f"{name}: no volume {mount}"
            for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
                for how in ("httpGet", "grpc", "tcpSocket"):
                    port = container.get(kind, {}).get(how, {}).get("port")
                    declared = {p["name"]: p["containerPort"] for p in container.get("ports", [])}
                    if port is not None and port not in declared and port not in declared.values():
                        yield f"{name}: {kind} uses port {port}, which {container['name']} does not have"
        for volume in set(volumes) - mounted:
            yield f"{name}: nothing mounts {volume}"


def _problems_of_flags(manifests, helps):
    known = {program: set(FLAG.findall(text)) for program, text in helps.items()}
    configs = {document["metadata"]["name"]: document for document in manifests.of("ConfigMap")}
    for workload, spec, container in manifests.containers():
        program, *arguments = [*container["command"], *container.get("args", [])]
        if program not in known:
            yield f"{workload['metadata']['name']}: no program {program}"
            continue
        for argument in arguments:
            if argument.startswith("--") and argument.partition("=")[0] not in known[program]:
                yield f"{program} has no {argument}"
        for option, path in zip(arguments, arguments[1:]):
            if option != "--config":
                continue
            directory, _, key = path.rpartition("/")
            volumes = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == directory]
            maps = [volume["configMap"]["name"] for volume in spec["volumes"] if volume["name"] in volumes]
            texts = [configs[name]["data"][key] for name in maps if name in configs and key in configs[name]["data"]]
            if len(texts) != 1:
                yield f"{program}: nothing is mounted at {path}"
            for name in yaml.safe_load(texts[0]) if texts else ():
                if f"--{name}" not in known[program]:
                    yield f"{program} has no option {name}, which {path} sets"


def _ports_of_rule(rule):
    return [port[key] for port in rule["ports"] for key in ("port", "endPort") if key in port]


def _problems_of_selectors(manifests, gateway_ports):
    pods = [(spec, labels) for _, spec, labels in manifests.pods()]

    def check(name, selector, ports):
        chosen = [spec for spec, labels in pods if _matches(selector, labels)]
        if not chosen:
            yield f"{name}: no pod has {selector}"
        for port in ports:
            for spec in chosen:
                declared = _ports(spec)
                if port not in declared and port not in declared.values() and port not in gateway_ports:
                    yield f"{name}: its pods have no port {port}"

    for service in manifests.of("Service"):
        targets = [port["targetPort"] for port in service["spec"]["ports"]]
        yield from check(service["metadata"]["name"], {"matchLabels": service["spec"]["selector"]}, targets)
    for budget in manifests.of("PodDisruptionBudget"):
        yield from check(budget["metadata"]["name"], budget["spec"]["selector"], [])
    for policy in manifests.of("NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        for rule in spec.get("ingress", []):
            yield from check(name, spec["podSelector"], _ports_of_rule(rule))
        for rule in spec.get("egress", []):
            yield from check(name, spec["podSelector"], [])
            # Pods of this namespace; others, such as DNS, are not among the manifests.
            for peer in rule.get("to", []):
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield from check(name, peer["podSelector"], _ports_of_rule(rule))
    for monitor in manifests.of("ServiceMonitor"):
        name, spec = monitor["metadata"]["name"], monitor["spec"]
        services = [s for s in manifests.of("Service") if _matches(spec["selector"], s["metadata"].get("labels", {}))]
        if not services:
            yield f"{name}: no Service has {spec['selector']}"
        for service in services:
            for endpoint in spec["endpoints"]:
                if endpoint["port"] not in {port["name"] for port in service["spec"]["ports"]}:
                    yield f"{name}: {service['metadata']['name']} has no port {endpoint['port']}"
