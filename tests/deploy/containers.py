"""Docker as users use it: images built from deploy/docker/, and docker-compose.yml in a separate Compose project."""

import contextlib
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
USER = 65532  # of all containers
# Each source tree has its own tag. The images are kept, so that the next run only builds what has changed.
TAG = "test-" + hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
BASE = "probegate-base:bookworm"
PROGRAMS = f"probegate-programs:{TAG}"
# Empty port numbers make Docker publish on free ports.
ENVIRONMENT = {
    "PROBEGATE_TAG": TAG,
    "PROBEGATE_BASE_IMAGE": BASE,
    "PROBEGATE_PROGRAMS": PROGRAMS,
    "PROBEGATE_SERVER_PORT": "",
    "PROBEGATE_GATEWAY_PORTS": "",
    "PROBEGATE_DEBUGD_PORT": "",
    "PROBEGATE_PROMETHEUS_PORT": "",
    "PROBEGATE_GRAFANA_PORT": "",
}


class Failed(Exception):
    """A command failed unexpectedly."""


def run(*command, bound=60 * BOUND, environment=None, **options):
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | (environment or {}),
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


def unavailable_reason():
    """The reason why containers cannot be used on this machine, or None."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    try:
        run("docker", "info", "--format", "{{.ServerVersion}}", bound=BOUND)
    except (Failed, subprocess.TimeoutExpired) as failed:
        return f"no Docker engine answers: {str(failed).strip().splitlines()[-1]}"
    if compose() is None:
        return "neither `docker compose` nor docker-compose is installed"
    if shutil.which("mmdebstrap") is None and not images(BASE):
        return f"mmdebstrap is not installed, so {BASE} cannot be made"
    return None


def make_certificates(folder, *flags):
    """Makes the certificates that deploy/docker/tls.yml mounts, as docs/containers.md says."""
    script = [ROOT / "deploy/tls/make-lab-ca.sh", "--dir", folder]
    run(*script, "ca")
    run(*script, *flags, "server", "server", "localhost")
    run(*script, *flags, "server", "debugd", "localhost")
    run(*script, *flags, "client", "gateway")
    run(*script, *flags, "client", "admin")


def compose():
    """The Compose command that is installed, or None."""
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
    """Makes the base image. Returns the reason why it cannot be used here, or None: images that are built on it install
    packages, so containers need access to a Debian mirror."""
    run(DOCKER / "local-base.sh", BASE)
    try:
        run("docker", "run", "--rm", BASE, "apt-get", "--quiet=2", "--error-on=any", "update", bound=10 * BOUND)
    except (Failed, subprocess.TimeoutExpired) as failed:
        return f"containers cannot reach a Debian mirror: {str(failed).strip().splitlines()[-1]}"
    return None


def build_images(build):
    """Builds all images in FILES on the base image, from the programs in the build directory
    `build`. Returns their names."""
    names = [f"probegate{program}:{TAG}" for program in ("-sim", "-server", "-gateway", "-debugd", "-prometheus", "")]
    before = {image for name in (PROGRAMS, *names) for image in images(name)}
    run(DOCKER / "programs-image.sh", build, PROGRAMS)
    files = [word for file in FILES for word in ("-f", file)]
    run(*compose(), *files, "build", "sim", "server", "gateway", "debugd", "prometheus", "cli")
    for old in before - {image for name in (PROGRAMS, *names) for image in images(name)}:
        subprocess.run(["docker", "rmi", old], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    # Remove old images of the stage with the programs: each change of a source makes a new one.
    run("docker", "image", "prune", "--force", "--filter", f"label=probegate.programs={PROGRAMS}")
    return names


class Project:
    """A Compose project of docker-compose.yml, with further files; down() removes all of it. `environment` has variables
    in addition to ENVIRONMENT."""

    def __init__(self, name, files=(), environment=None):
        self.name = name
        self._environment = environment or {}
        named = [word for file in (*FILES, *files) for word in ("-f", file)]
        self._compose = [*compose(), "--project-name", name, *named]

    def compose(self, *arguments, **options):
        return run(*self._compose, *arguments, environment=self._environment, **options)

    @contextlib.contextmanager
    def running(self, *services):
        """Starts these services, and removes the project at the end. If one does not start, the last lines of all are
        printed."""
        try:
            self.compose("up", "--detach", "--no-build", *services)
            yield
        except Failed:
            print(self.compose("logs", "--tail", "40"))
            raise
        finally:
            self.down()

    def down(self):
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "40")

    def left(self):
        """The containers, networks and volumes of this project that still exist."""
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
        """The address on which a container's port is published."""
        return run("docker", "port", self.container(service), f"{port}/tcp").split()[0]

    def execute(self, service, *command):
        """Runs a command in the container; returns its exit code and output."""
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
