"""Docker, as a user has it: images that are built by what deploy/docker/ says, and docker-compose.yml under a project of its own."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import urllib.parse
import urllib.request

from stack import BOUND

ROOT = pathlib.Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
FILES = ["docker-compose.yml", "deploy/docker/local.yml"]
# Built anew for each tree, and kept: the next run finds what has not changed.
TAG = "test-" + hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
BASE = "probegate-base:bookworm"
PROGRAMS = f"probegate-programs:{TAG}"
# Ports that are free, on this machine alone.
ENVIRONMENT = {
    "PROBEGATE_TAG": TAG,
    "PROBEGATE_BASE_IMAGE": BASE,
    "PROBEGATE_PROGRAMS": PROGRAMS,
    "PROBEGATE_GATEWAY_PORTS": "",
    "PROBEGATE_DEBUGD_PORT": "",
    "PROBEGATE_PROMETHEUS_PORT": "",
    "PROBEGATE_GRAFANA_PORT": "",
}


class Failed(Exception):
    """A command that should not have."""


def run(*command, bound=60 * BOUND, **options):
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=bound,
        check=False,
        **options,
    )
    if done.returncode != 0:
        raise Failed(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout


def why_not():
    """Why containers cannot be had here, or nothing."""
    if shutil.which("docker") is None:
        return "there is no docker"
    try:
        run("docker", "info", "--format", "{{.ServerVersion}}", bound=BOUND)
    except (Failed, subprocess.TimeoutExpired) as failed:
        return f"no Docker engine answers: {str(failed).strip().splitlines()[-1]}"
    if compose() is None:
        return "there is neither `docker compose` nor docker-compose"
    if shutil.which("mmdebstrap") is None and not images(BASE):
        return f"there is no mmdebstrap to make {BASE}"
    return None


def compose():
    """The command, whichever there is."""
    for words in (["docker", "compose"], ["docker-compose"]):
        try:
            run(*words, "version", bound=BOUND)
            return words
        except (Failed, OSError):
            pass
    return None


def images(name):
    return run("docker", "images", "--quiet", "--no-trunc", name).split()


def make_base():
    """The image that ours are built on. Why it is of no use here, or nothing: what is built on it installs packages."""
    run(DOCKER / "local-base.sh", BASE)
    try:
        run("docker", "run", "--rm", BASE, "apt-get", "--quiet=2", "--error-on=any", "update", bound=10 * BOUND)
    except (Failed, subprocess.TimeoutExpired) as failed:
        return f"containers do not reach a mirror of Debian: {str(failed).strip().splitlines()[-1]}"
    return None


def build_images(build):
    """All that FILES name, from what was compiled in the directory `build`; upon make_base's."""
    names = [f"probegate{program}:{TAG}" for program in ("-sim", "-server", "-gateway", "-debugd", "-prometheus", "")]
    before = {image for name in (PROGRAMS, *names) for image in images(name)}
    run(DOCKER / "programs-image.sh", build, PROGRAMS)
    files = [word for file in FILES for word in ("-f", file)]
    run(*compose(), *files, "build", "sim", "server", "gateway", "debugd", "prometheus", "cli")
    for old in before - {image for name in (PROGRAMS, *names) for image in images(name)}:
        subprocess.run(["docker", "rmi", old], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    # The stage that has compiled nothing, of which each change of a source makes another.
    run("docker", "image", "prune", "--force", "--filter", f"label=probegate.programs={PROGRAMS}")
    return names


class Project:
    """docker-compose.yml brought up; all of it goes with down()."""

    def __init__(self, name):
        self.name = name
        self._compose = [*compose(), "--project-name", name, *(word for file in FILES for word in ("-f", file))]

    def compose(self, *arguments, **options):
        return run(*self._compose, *arguments, **options)

    def down(self):
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "40")

    def left(self):
        """Containers, networks and volumes of this project."""
        label = f"label=com.docker.compose.project={self.name}"
        return [
            line
            for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
            for line in run("docker", *kind, "--quiet", "--filter", label).split()
        ]

    def container(self, service):
        (found,) = run(
            "docker",
            "ps",
            "--all",
            "--quiet",
            "--filter",
            f"label=com.docker.compose.project={self.name}",
            "--filter",
            f"label=com.docker.compose.service={service}",
        ).split()
        return found

    def inspect(self, service):
        (found,) = json.loads(run("docker", "inspect", self.container(service)))
        return found

    def health(self, service):
        return self.inspect(service)["State"]["Health"]["Status"]

    def address(self, service, port):
        """Where the port of a container is published."""
        return run("docker", "port", self.container(service), f"{port}/tcp").split()[0]

    def execute(self, service, *command):
        """Exit code and output of a command that is run in the container."""
        done = subprocess.run(
            ["docker", "exec", self.container(service), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BOUND,
            check=False,
        )
        return done.returncode, done.stdout

    def ask_prometheus(self, path, **arguments):
        url = f"http://{self.address('prometheus', 9090)}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=BOUND) as response:
            answer = json.load(response)
        assert answer["status"] == "success", answer
        return answer["data"]
