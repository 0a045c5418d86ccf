"""deploy/tls/make-lab-ca.sh makes certificates that the programs accept, and takes them back."""

import hashlib
import pathlib
import shutil
import stat
import subprocess

import pki
import pytest
from stack import LOOPBACK, METRICS_FLAGS, SERVER_LISTENS, wait_until

SCRIPT = pathlib.Path(__file__).parents[2] / "deploy" / "tls" / "make-lab-ca.sh"
OK, FAILED, USAGE, UNREACHABLE = range(4)


class Lab:
    """The folder of an authority."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *words):
        return subprocess.run(
            [str(SCRIPT), "--dir", self.folder, *map(str, words)], capture_output=True, text=True, check=False
        )

    def make(self, *words):
        done = self.run(*words)
        assert done.returncode == OK, done
        return done.stdout

    def file(self, name):
        return self.folder / name

    def client(self, name):
        """The flags of a client that has this certificate."""
        return ["--tls-ca", self.file("ca.crt"), *pki.Certificate(self.file(f"{name}.crt"), self.file(f"{name}.key")).flags]  # fmt: skip

    def contents(self):
        return {
            path.relative_to(self.folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "lab")
    lab.make("ca")
    return lab


def start_server(programs, lab, name):
    server = programs.start(
        "probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *METRICS_FLAGS,
        "--tls-cert", lab.file(f"{name}.crt"), "--tls-key", lab.file(f"{name}.key"),
        "--tls-client-ca", lab.file("ca.crt"), "--tls-client-required", "--tls-crl-dir", lab.file("crls"),
    )  # fmt: skip
    return server, f"localhost:{server.wait_for_line(SERVER_LISTENS)[1]}"


def test_the_programs_accept_what_it_makes(programs, lab):
    lab.make("server", "lab1", "localhost", LOOPBACK)
    lab.make("client", "alice")
    lab.make("client", "bob", "bob@example.org")
    server, address = start_server(programs, lab, "lab1")

    def code(*flags):
        return programs.run("probegate", "--server", address, *flags, "list").returncode

    assert code(*lab.client("alice")) == OK
    assert code(*lab.client("bob")) == OK
    assert code("--tls-ca", lab.file("ca.crt")) == UNREACHABLE

    lab.make("revoke", "bob")
    server.wait_for_line(r"New connections use the files of TLS as they are now")
    assert code(*lab.client("bob")) == UNREACHABLE
    assert code(*lab.client("alice")) == OK
    # Someone whose certificate was revoked can have another one.
    lab.make("client", "bob", "bob@example.org")
    assert code(*lab.client("bob")) == OK

    before = pki.Certificate(lab.file("lab1.crt"), lab.file("lab1.key")).serial()
    lab.make("renew", "lab1")
    assert pki.Certificate(lab.file("lab1.crt"), lab.file("lab1.key")).serial() != before
    wait_until(lambda: len(server.log().split("New connections use")) == 3, "the server uses the new certificate")
    assert code(*lab.client("alice")) == OK


def test_a_revocation_is_of_all_certificates_of_a_name(programs, lab, tmp_path):
    lab.make("server", "lab1", "localhost")
    lab.make("client", "alice")
    stolen = Lab(tmp_path / "stolen")
    stolen.folder.mkdir()
    for name in ("ca.crt", "alice.crt", "alice.key"):
        shutil.copy(lab.file(name), stolen.file(name))
    lab.make("renew", "alice")
    _, address = start_server(programs, lab, "lab1")
    listing = ["--server", address, *stolen.client("alice"), "list"]
    assert programs.run("probegate", *listing).returncode == OK
    lab.make("revoke", "alice")
    wait_until(
        lambda: programs.run("probegate", *listing).returncode == UNREACHABLE, "the stolen certificate is refused"
    )
    assert "alice" in lab.make("list") and "revoked" in lab.make("list")


def test_only_their_owner_can_read_keys(lab):
    lab.make("server", "lab1")
    lab.make("client", "alice")
    keys = sorted(lab.folder.rglob("*.key"))
    assert len(keys) == 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(lab.file("private").stat().st_mode) == 0o700
    assert stat.S_IMODE(lab.file("ca.crt").stat().st_mode) == 0o644


def test_what_exists_is_kept(lab):
    commands = [["ca"], ["server", "lab1", "10.0.0.7"], ["client", "alice", "alice@example.org"]]
    for command in commands:
        lab.make(*command)
    before = lab.contents()
    for command in commands:
        assert "exists already" in lab.make(*command)
    assert lab.contents() == before
    # Other names need another certificate.
    lab.make("server", "lab1", "10.0.0.8")
    names = pki.openssl("x509", "-in", lab.file("lab1.crt"), "-noout", "-ext", "subjectAltName")
    assert "DNS:lab1, IP Address:10.0.0.8" in names


def test_a_certificate_that_expires_soon_is_replaced(lab):
    subprocess.run([SCRIPT, "--dir", lab.folder, "--days", "20", "client", "alice"], check=True, capture_output=True)
    assert "alice.key: new" in lab.make("client", "alice")
    assert "exists already" in lab.make("client", "alice")


IDENTITIES = [
    ([], "certificate:job"),
    (["job@example.org"], "certificate:job@example.org"),
    (["job.ci.example", "job@example.org"], "certificate:job.ci.example"),
    (["job.ci.example", "spiffe://ci.example/job"], "certificate:spiffe://ci.example/job"),
]


@pytest.mark.parametrize("aliases, identity", IDENTITIES)
def test_aliases_are_identities(programs, lab, tmp_path, aliases, identity):
    lab.make("server", "lab1", "localhost")
    lab.make("client", "job", *aliases)
    access = tmp_path / "access.yaml"
    access.write_text('rules: [{who: {certificate: "*"}, may: [view]}]')
    server = programs.start(
        "probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *METRICS_FLAGS, "--access", access,
        "--tls-cert", lab.file("lab1.crt"), "--tls-key", lab.file("lab1.key"), "--tls-client-ca", lab.file("ca.crt"),
    )  # fmt: skip
    address = f"localhost:{server.wait_for_line(SERVER_LISTENS)[1]}"
    assert identity in programs.run("probegate", "--server", address, *lab.client("job"), "whoami").stdout


@pytest.mark.parametrize(
    "words, code",
    [
        ([], USAGE),
        (["serve", "lab1"], USAGE),
        (["server"], USAGE),
        (["server", "lab1", "a,DNS:b"], USAGE),
        (["client", "alice/CN=bob"], USAGE),
        (["client", "ca"], USAGE),
        (["client", "../alice"], USAGE),
        (["--days", "0", "client", "alice"], USAGE),
        (["--day", "1", "client", "alice"], USAGE),
        (["revoke", "nobody"], FAILED),
        (["renew", "nobody"], FAILED),
    ],
)
def test_wrong_words_change_nothing(lab, words, code):
    before = lab.contents()
    done = lab.run(*words)
    assert done.returncode == code and done.stderr.startswith("make-lab-ca.sh: ") and done.stderr.count("\n") == 1, done
    assert lab.contents() == before


def test_only_ca_makes_an_authority(tmp_path):
    done = Lab(tmp_path / "typo").run("client", "alice")
    assert done.returncode == FAILED and "make it first" in done.stderr
    assert not (tmp_path / "typo").exists()
