"""Checks docker-compose.yml and the files that it uses without a Docker engine: it is valid, and
refers only to things that exist."""

import pathlib
import re
import subprocess
import sys

import bounds
import containers
import pytest
import yaml
from configurations import flags_of, start_with
from manifests import KUBERNETES

ROOT = containers.ROOT
DOCKER = containers.DOCKER
OVERRIDES = [[], ["deploy/docker/local.yml"], ["deploy/docker/usb.yml"], ["deploy/docker/tls.yml"]]
LISTENS = {
    "server": {"listen": 50051, "metrics-listen": 9464},
    "gateway": {"metrics-listen": 9465},
    "debugd": {"listen": 50061, "metrics-listen": 9466},
}


def services(file="docker-compose.yml"):
    return yaml.safe_load((ROOT / file).read_text())["services"]


def bytes_of(text):
    """What Compose's limits on memory mean: 768m, or plain bytes."""
    number, unit = re.fullmatch(r"(\d+)([mg]?)", str(text)).groups()
    return int(number) << {"": 0, "m": 20, "g": 30}[unit]


def targets():
    return set(re.findall(r"^FROM \S+ AS (\S+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("file", ["docker-compose.yml", *(file for files in OVERRIDES for file in files)])
def test_files_match_the_specification(file):
    """The files match the schema of the current Compose specification."""
    checker = pathlib.Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", ROOT / file],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("override", OVERRIDES, ids=lambda files: "".join(files) or "alone")
def test_compose_accepts_the_files(override):
    """The installed Compose accepts the files."""
    words = containers.compose()
    if words is None:
        pytest.skip("neither `docker compose` nor docker-compose is installed")
    for file in ["docker-compose.yml", *override]:
        words = [*words, "-f", file]
    effective = yaml.safe_load(containers.run(*words, "config"))["services"]
    for name, service in effective.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert [option.replace("=", ":") for option in service["security_opt"]] == ["no-new-privileges:true"], name
        assert service["build"]["target"] in targets() if "build" in service else "/" in service["image"]
        # Above one processor, Docker refuses to start a container on a machine that has only one.
        assert 0 < float(service["cpus"]) <= 1 and 0 < service["pids_limit"] <= 1024, name
        # The kernel must not end a program that keeps to its own bounds.
        memory = bytes_of(service["mem_limit"])
        assert memory >= 3 * bounds.memory_in_flight() and bytes_of(service["memswap_limit"]) == memory, name


def test_image_names_match_their_targets():
    for name, service in {**services(), **services("deploy/docker/local.yml")}.items():
        if "build" in service and "image" in service:
            wanted = "probegate" if name == "cli" else f"probegate-{name}"
            assert service["image"] == f"{wanted}:${{PROBEGATE_TAG:-latest}}" and service["build"]["target"] == name
    named = {image for path in KUBERNETES.rglob("*.yaml") for image in re.findall(r"\bimage: (\S+)", path.read_text())}
    named.remove("registry.example/firmware")  # of the user
    assert named and {image.partition(":")[0].removeprefix("probegate-") for image in named} <= targets()


@pytest.mark.parametrize("program", LISTENS)
def test_programs_accept_the_images_configurations(programs, program):
    path = DOCKER / "config" / f"{program}.yaml"
    options = yaml.safe_load(path.read_text())
    assert {f"--{name}" for name in options} <= flags_of(programs, f"probegate-{program}")
    assert {name: options[name] for name in LISTENS[program]} == {
        name: f"0.0.0.0:{port}" for name, port in LISTENS[program].items()
    }
    start_with(programs, program, path)


@pytest.fixture
def lab_ca(tmp_path):
    """The folder of the certificates that deploy/docker/tls.yml mounts."""
    folder = tmp_path / "lab-ca"
    containers.make_certificates(folder)
    return folder


@pytest.mark.parametrize("program", LISTENS)
def test_programs_accept_the_configurations_with_tls(programs, lab_ca, tmp_path, program):
    """The program starts with its options and what is mounted into its container, with TLS for other machines."""
    mounts = [volume.removesuffix(":ro") for volume in services("deploy/docker/tls.yml")[program]["volumes"]]
    here = {}
    for mount in mounts:
        source, _, path = mount.replace("${PROBEGATE_LAB_CA:-./lab-ca}", str(lab_ca)).rpartition(":")
        here[path] = str(tmp_path if source.endswith("audit") else ROOT / source)
    text = pathlib.Path(here[f"/etc/probegate/{program}.yaml"]).read_text()
    options = yaml.safe_load(text)
    assert {f"--{name}" for name in options} <= flags_of(programs, f"probegate-{program}")
    assert options.items() >= {name: f"0.0.0.0:{port}" for name, port in LISTENS[program].items()}.items()
    assert "insecure" not in options
    for path, source in here.items():
        text = text.replace(path, source)
    config = tmp_path / f"{program}.yaml"
    config.write_text(text)
    start_with(programs, program, config)


def test_prometheus_scrapes_existing_programs():
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    files = {job["job_name"]: job["file_sd_configs"][0]["files"] for job in jobs}
    assert files == {f"probegate-{program}": [f"targets/{program}.yml"] for program in LISTENS}
    for program, ports in LISTENS.items():
        (group,) = yaml.safe_load((DOCKER / "targets" / f"{program}.yml").read_text())
        assert group["targets"] == [f"{program}:{ports['metrics-listen']}"] and program in services()


def test_mounted_files_exist():
    for service in [*services().values(), *services("deploy/docker/tls.yml").values()]:
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).exists() and volume.endswith(":ro")
    # The dashboards are mounted where Grafana's provisioning looks for them.
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/probegate.yml").read_text())["providers"][
        0
    ]
    (dashboards,) = [volume for volume in services()["grafana"]["volumes"] if "/dashboards:" in volume]
    assert dashboards.split(":")[1] == provider["options"]["path"]
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "deploy/grafana/dashboards" / pathlib.Path(home).name).exists()


def test_grafanas_default_password_cannot_be_used():
    environment = services()["grafana"]["environment"]
    # The login form must be disabled, and also the HTTP interface's basic authentication.
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true" and environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_health_checks_need_no_shell():
    text = (DOCKER / "Dockerfile").read_text()
    for target in targets() & {*services(), "prometheus"} - {"cli"}:
        stage = text.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
        assert re.search(r'^HEALTHCHECK .*CMD \["probegate-health", ', stage, re.MULTILINE), target
        assert re.search(r"^USER 65532:65532$", stage, re.MULTILINE) and re.search(
            r'^ENTRYPOINT \["', stage, re.MULTILINE
        )
