"""`cmake --install` installs only what it should, and the installed programs, units and example configurations work."""

import os
import pathlib
import re
import subprocess

import bounds
import pytest
import yaml
from configurations import flags_of, start_with

ROOT = pathlib.Path(__file__).parents[2]
UNITS = ["probegate-debugd.service", "probegate-gateway.service", "probegate-server.service"]
PROGRAMS = [
    "probegate",
    "probegate-broker",
    "probegate-debugd",
    "probegate-gateway",
    "probegate-health",
    "probegate-launch",
    "probegate-server",
    "probegate-sim",
]


def run(*command):
    return subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    build = pathlib.Path(os.environ.get("PROBEGATE_BUILD", ROOT / "build" / "dev"))
    prefix = tmp_path_factory.mktemp("installed")
    done = run("cmake", "--install", build, "--prefix", prefix)
    assert done.returncode == 0, done.stdout
    return prefix


def files(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def test_installed_files(installed):
    assert sorted(path.name for path in installed.iterdir()) == ["bin", "lib", "share"]
    assert files(installed / "bin") == PROGRAMS
    rules = [f"udev/rules.d/{path.name}" for path in sorted((ROOT / "deploy").glob("udev/*.rules"))]
    assert files(installed / "lib") == sorted([f"systemd/system/{unit}" for unit in UNITS] + rules)
    completions = [
        "bash-completion/completions/probegate",
        "fish/vendor_completions.d/probegate.fish",
        "zsh/site-functions/_probegate",
    ]
    assert [name for name in files(installed / "share") if not name.startswith(("doc/", "probegate/"))] == completions
    pages = files(installed / "share/doc/probegate")
    assert sorted(pages) == sorted(
        [
            "README.md",
            "CHANGELOG.md",
            "LICENSE",
            *(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")),
        ]
    )
    assert sorted(path.name for path in (installed / "share/probegate").iterdir()) == [
        "ci",
        "examples",
        "grafana",
        "prometheus",
        "proto",
        "pyocd",
        "tls",
    ]


@pytest.mark.parametrize("program", PROGRAMS)
def test_installed_programs_run(installed, program):
    assert run(installed / "bin" / program, "--version").returncode == 0


def unit(installed, name):
    """A unit's settings, including empty ones: {key: values}."""
    lines = (installed / "lib/systemd/system" / name).read_text().splitlines()
    found = {}
    for line in lines:
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_systemd_accepts_the_units(installed):
    done = run("systemd-analyze", "verify", "--man=no", *(installed / "lib/systemd/system" / name for name in UNITS))
    assert (done.returncode, done.stdout) == (0, "")


# The exposure level that systemd calculates, of 10, may not exceed this. debugd's is higher because it may create
# namespaces, in which it confines the programs of its sessions.
EXPOSURE = {"probegate-server.service": 1.6, "probegate-gateway.service": 1.2, "probegate-debugd.service": 2.3}


@pytest.mark.parametrize("name", UNITS)
def test_units_have_a_low_exposure_level(installed, name):
    done = run(
        "systemd-analyze",
        "security",
        "--offline=yes",
        "--no-pager",
        f"--threshold={EXPOSURE[name] * 10:.0f}",  # in tenths
        installed / "lib/systemd/system" / name,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", UNITS)
def test_units_run_installed_programs(installed, programs, name):
    settings = unit(installed, name)
    (command,) = settings["ExecStart"]
    program, *arguments = command.split()
    assert pathlib.Path(program) == installed / "bin" / name.removesuffix(".service")
    assert {argument for argument in arguments if argument.startswith("--")} <= flags_of(programs, program)
    # systemd must not restart a program that exits because of wrong options.
    assert settings["RestartPreventExitStatus"] == [str(programs.run(program, "--no-such-flag").returncode)]
    assert pathlib.Path(settings["Documentation"][0].removeprefix("file://")).exists()


@pytest.mark.parametrize("name", UNITS)
def test_units_bound_what_a_program_uses(installed, name):
    settings = {key: values[-1] for key, values in unit(installed, name).items()}
    number, suffix = re.fullmatch(r"(\d+)([MG])", settings["MemoryMax"]).groups()
    # The kernel must not end a program that keeps to its own bounds.
    assert int(number) << {"M": 20, "G": 30}[suffix] >= 3 * bounds.memory_in_flight()
    assert settings["MemorySwapMax"] == "0"
    assert 4 * bounds.connections() <= int(settings["LimitNOFILE"]) <= 1 << 20
    # debugd's sessions have threads of their own: 16 sessions, 256 threads.
    assert 100 < int(settings["TasksMax"]) <= (16 * 256 + 512 if "debugd" in name else 1024)


@pytest.mark.parametrize("name", UNITS)
def test_repeated_crashes_do_not_end_a_service_for_good(installed, name):
    settings = unit(installed, name)
    assert settings["Restart"] == ["on-failure"] and settings["StartLimitIntervalSec"] == ["0"]
    assert 0 < float(settings["RestartSec"][0]) <= 5
    if "debugd" in name:
        # A session's gdb that takes too much memory must not take debugd with it.
        assert settings["OOMPolicy"] == ["continue"]


def test_debugd_has_control_groups_for_its_sessions(installed):
    settings = unit(installed, "probegate-debugd.service")
    assert set(settings["Delegate"][0].split()) == {"cpu", "memory", "pids"}
    # Otherwise they are read-only.
    assert settings["ProtectControlGroups"] == ["no"]


@pytest.mark.parametrize("program", ["server", "gateway", "debugd"])
def test_examples_name_the_secrets_that_units_load(installed, program):
    settings = unit(installed, f"probegate-{program}.service")
    loaded = {tuple(line.split(":")) for line in settings["LoadCredential"]}
    # A path that is not absolute is looked up in /etc/credstore, and need not exist.
    assert all(source == f"probegate-{program}.{name}" for name, source in loaded)
    example = (installed / f"share/probegate/examples/{program}.yaml").read_text()
    named = set(re.findall(rf"/run/credentials/probegate-{program}\.service/(\S+)", example))
    assert named == {name for name, _ in loaded}
    assert not re.search(r"^# (tls-key|token-file): /(?!run/credentials/)", example, re.MULTILINE)


@pytest.mark.parametrize("program", ["server", "gateway", "debugd"])
def test_programs_accept_the_examples(installed, programs, program):
    example = installed / "share/probegate/examples" / f"{program}.yaml"
    # Include the options that are commented out.
    proposed = yaml.safe_load(re.sub(r"^# ([a-z-]+: \S+)$", r"\1", example.read_text(), flags=re.MULTILINE))
    assert len(proposed) > 3 and {f"--{name}" for name in proposed} <= flags_of(programs, f"probegate-{program}")
    start_with(programs, program, example)
