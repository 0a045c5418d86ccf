"""Runs the scripts in CI files as the CI services' runners do: the steps of a composite action, the
lines of a GitLab job."""

import os
import pathlib
import re
import shutil
import subprocess

import yaml

BOUND = 120
PYOCD = pathlib.Path(__file__).parents[2] / "deploy/pyocd/requirements.txt"


class Job:
    """A work directory, and a runner's environment with nothing but PATH, HOME and the given variables."""

    def __init__(self, directory, **environment):
        self.directory = directory
        self._scratch = directory / ".runner"
        self._scratch.mkdir()
        # What docs/ci.md says to copy beside the action, and into the folder of the GitLab files.
        for copy in (self._scratch / "pyocd.txt", directory / "ci/pyocd.txt"):
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(PYOCD, copy)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self._scratch), **environment}

    def _run(self, *command):
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BOUND,
            check=False,
        )

    def github(self, action, given):
        """Runs the steps until one fails. Returns the last step's name, its exit code, and all output."""
        description = yaml.safe_load(action.read_text())
        inputs = {name: str(given.pop(name, spec.get("default"))) for name, spec in description["inputs"].items()}
        assert not given, f"no such inputs: {given}"
        contexts = {f"inputs.{name}": value for name, value in inputs.items()}
        contexts["github.action_path"] = str(self._scratch)
        files = {name: self._scratch / name.lower() for name in ("GITHUB_ENV", "GITHUB_PATH")}
        for file in files.values():
            file.touch()
        kept = dict(self.environment)
        output = ""
        for step in description["runs"]["steps"]:
            assert step["shell"] == "bash"
            own = {
                name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: contexts[match[1]], value)
                for name, value in step.get("env", {}).items()
            }
            assert not any("${{" in text for text in [step["run"], *own.values()]), step
            self.environment = {
                **kept,
                **own,
                "RUNNER_TEMP": str(self._scratch),
                **{name: str(file) for name, file in files.items()},
            }
            done = self._run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
            output += done.stdout
            if done.returncode != 0:
                break
            kept.update(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
            added = files["GITHUB_PATH"].read_text().splitlines()
            kept["PATH"] = ":".join([*added, kept["PATH"]])
            files["GITHUB_PATH"].write_text("")
        self.environment = kept
        return step["name"], done.returncode, output

    def gitlab(self, template, job):
        """Runs a job that extends the template's job. Returns the exit code and the output."""
        base = yaml.safe_load(template.read_text())[job["extends"]]
        merged = {**base, **job, "variables": {**base["variables"], **job.get("variables", {})}}
        self.environment.update(
            {name: str(value) for name, value in merged["variables"].items()}, CI_PROJECT_DIR=str(self.directory)
        )
        done = self._run("sh", "-e", "-c", "\n".join(merged["before_script"] + merged["script"]))
        return done.returncode, done.stdout
