"""Certificate authorities and certificates, made with the openssl command as an administrator would."""

import dataclasses
import pathlib
import ssl
import subprocess

# Dates for certificates that are expired or not valid yet, whatever the clock of the test machine says.
PAST = ("20200101000000Z", "20200201000000Z")
FUTURE = ("20990101000000Z", "20990201000000Z")

CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}/issued
rand_serial = yes
certificate = {folder}/ca.crt
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*words, **options):
    """Runs openssl; returns its output. The exit code must be 0."""
    return subprocess.run(
        ["openssl", *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        **options,
    ).stdout


@dataclasses.dataclass
class Certificate:
    """The files of a certificate and of its key."""

    cert: pathlib.Path
    key: pathlib.Path

    @property
    def flags(self):
        return ["--tls-cert", self.cert, "--tls-key", self.key]

    def expiry(self):
        """In seconds since 1970."""
        return ssl.cert_time_to_seconds(
            openssl("x509", "-in", self.cert, "-noout", "-enddate").strip().partition("=")[2]
        )

    def serial(self):
        return openssl("x509", "-in", self.cert, "-noout", "-serial").strip()


class Authority:
    def __init__(self, folder, name="Lab CA"):
        self.folder = pathlib.Path(folder)
        (self.folder / "issued").mkdir(parents=True)
        (self.folder / "index.txt").write_text("")
        self.config = self.folder / "ca.cnf"
        self.config.write_text(CONFIG.format(folder=self.folder))
        self.cert = self.folder / "ca.crt"
        self._count = 0
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.folder / "ca.key", "-out", self.cert, "-subj", f"/CN={name}",
                "-days", 30)  # fmt: skip

    def issue(self, name, san, dates=None):
        """A certificate with these subject alternative names, e.g. "DNS:localhost,IP:127.0.0.1". `dates` are its
        first and last moment."""
        self._count += 1
        base = self.folder / f"{name}-{self._count}"
        made = Certificate(base.with_suffix(".crt"), base.with_suffix(".key"))
        request = base.with_suffix(".csr")
        openssl("req", *NEW_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={san}")  # fmt: skip
        when = ["-startdate", dates[0], "-enddate", dates[1]] if dates else []
        openssl("ca", "-batch", "-config", self.config, "-notext", "-in", request, "-out", made.cert, *when)
        return made

    def server(self, san="DNS:localhost,IP:127.0.0.1", **options):
        return self.issue("server", san, **options)

    def client(self, name="client", **options):
        return self.issue(name, f"DNS:{name}.example", **options)

    def revoke(self, certificate):
        openssl("ca", "-config", self.config, "-revoke", certificate.cert)

    def write_revocations(self, folder):
        """Puts the list of what is revoked now into a folder that --tls-crl-dir can name."""
        folder.mkdir(exist_ok=True)
        new = folder / "lab.new"
        openssl("ca", "-config", self.config, "-gencrl", "-out", new)
        new.rename(folder / "lab.pem")
        openssl("rehash", folder)
        return folder


def trusting(authority):
    """The flags of a client that trusts the authority."""
    return ["--tls-ca", authority.cert]
