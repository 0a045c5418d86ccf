"""Everything that is downloaded is named by its content: Python packages by hash, images by digest, actions by commit."""

import os
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
COMMIT = re.compile(r"@[0-9a-f]{40}$")
LOCKS = [
    ROOT / "tools/requirements.txt",
    ROOT / "deploy/pyocd/requirements.txt",
    *sorted((ROOT / "tools/locked").glob("*.txt")),
]
# What a command line that installs Python packages must have.
HASHED = ("--require-hashes", "--only-binary :all:")


def tracked_files():
    """The project's own files, build results excluded, that have text."""
    for directory, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ("build", ".git", "__pycache__", ".cache")]
        for name in names:
            path = pathlib.Path(directory) / name
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                continue


def unhashed_installs(text):
    """The commands that let pip install something that is not named by its hash."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        if re.search(r"\bpip3?\"?\s+install\b", line) and not all(word in line for word in HASHED):
            yield line.strip()


def test_pip_installs_only_what_has_a_known_hash():
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path, text in tracked_files()
        if path != pathlib.Path(__file__)
        for line in unhashed_installs(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text,count",
    [
        ("pip install pyocd==0.46.0", 1),
        ('"$venv/bin/pip" install --quiet pyocd', 1),
        ("x/pip install --quiet \\\n   --require-hashes --only-binary :all: -r x", 0),
        ("pip install --require-hashes -r x", 1),
        ("pip can install it", 0),
    ],
)
def test_an_install_without_hashes_is_found(text, count):
    assert len(list(unhashed_installs(text))) == count


def requirements(path):
    """The packages of a list, each with the rest of its lines."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_lists_name_versions_and_hashes(path):
    found = requirements(path)
    assert found and all(re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in found)


def wanted():
    """The hand-written lists, with the list that tools/lock.sh writes from each of their lines."""
    for source, lock in (("tools/requirements.in", LOCKS[0]), ("deploy/pyocd/requirements.in", LOCKS[1])):
        for line in requirements(ROOT / source):
            yield line, lock
    for line in requirements(ROOT / "tools/requirements-pyocd.txt"):
        yield line, ROOT / "tools/locked" / f"{line.replace('==', '-')}.txt"


@pytest.mark.parametrize("line,lock", list(wanted()), ids=lambda value: value if isinstance(value, str) else "")
def test_lists_are_up_to_date(line, lock):
    assert any(entry.lower().startswith(f"{line.lower()} ") for entry in requirements(lock)), "run tools/lock.sh"


def images_of(text):
    """The images that a file pulls. Images of ours and stages of a Dockerfile are built, not pulled."""
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
    named = re.findall(r"^\s*(?:FROM|image:) (\S+)", text, re.MULTILINE)
    named += re.findall(r"^ARG BASE_IMAGE=(\S+)", text, re.MULTILINE)
    named += re.findall(r"\$\{PROBEGATE_BASE_IMAGE:-([^}]+)\}", text)
    return [name for name in named if name not in stages and not re.match(r"\$\{|probegate", name)]


def test_images_are_named_by_digest():
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy").rglob("*.yml"), ROOT / "deploy/docker/Dockerfile"]
    # The base image of machines that cannot pull images is made on that machine.
    files.remove(ROOT / "deploy/docker/local.yml")
    found = {image for file in files for image in images_of(file.read_text())}
    assert len(found) >= 4 and [image for image in found if not DIGEST.search(image)] == []


def test_the_base_image_is_the_same_everywhere():
    found = {
        image
        for file in ("docker-compose.yml", "deploy/docker/Dockerfile")
        for image in images_of((ROOT / file).read_text())
        if image.startswith("debian:")
    }
    assert len(found) == 1


def test_images_of_a_dockerfile():
    text = "ARG BASE_IMAGE=debian:12\nFROM ${BASE_IMAGE} AS a\nFROM a AS b\nFROM alpine AS c\n"
    assert images_of(text) == ["alpine", "debian:12"]


def test_actions_are_named_by_commit():
    jobs = yaml.safe_load((ROOT / "deploy/ci/github/firmware.yml").read_text())["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    foreign = [action for action in used if not action.startswith("./")]
    assert len(foreign) == 4 and [action for action in foreign if not COMMIT.search(action)] == []
