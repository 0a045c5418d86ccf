"""TLS on every gRPC connection, with real certificates, real clients, and openssl as the judge."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import threading

import grpc
import pki
import pytest
from debug_client import Debugd, firmware
from grpc_client import StreamSession, channel
from metrics import scrape, wait_for
from namespaces import with_hosts
from pyocd_client import words_printed
from raw_client import RemoteError
from stack import BOUND, LOOPBACK, METRICS_FLAGS, NO_METRICS, SERVER_LISTENS, Program, free_port, wait_until

DPIDR = 0
OK, FAILED, USAGE, UNREACHABLE = range(4)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return pki.Authority(tmp_path_factory.mktemp("pki") / "lab")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority that nobody trusts. It has the same name."""
    return pki.Authority(tmp_path_factory.mktemp("pki") / "stranger")


@pytest.fixture(scope="module")
def server_cert(authority):
    return authority.server()


@pytest.fixture(scope="module")
def client_cert(authority):
    return authority.client()


def credentials(authority, certificate=None):
    key, chain = (certificate.key.read_bytes(), certificate.cert.read_bytes()) if certificate else (None, None)
    return grpc.ssl_channel_credentials(authority.cert.read_bytes(), key, chain)


def ask(api, address, tls):
    """Lists the probes over a connection of its own; returns the code of the status."""
    with channel(address, tls) as connection:
        try:
            api.ProbeDirectoryStub(connection).ListProbes(api.ListProbesRequest(), timeout=BOUND)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()


def start_server(programs, *flags, label="probegate-server"):
    """A server without probes; returns its address."""
    server = programs.start(
        "probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *METRICS_FLAGS, *flags, label=label
    )
    return f"{LOOPBACK}:{server.wait_for_line(SERVER_LISTENS)[1]}"


def serial_of_server(address):
    """The serial number of the certificate that a new connection gets, as openssl prints it."""
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", address, "-alpn", "h2"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        errors="replace",
        timeout=BOUND,
        check=False,
    ).stdout
    return subprocess.run(
        ["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True, check=True
    ).stdout.strip()


def shown_expiry(program):
    """When a program's certificate expires, according to its metrics."""
    return scrape(program.metrics_url()).value("probegate_tls_certificate_expiry_timestamp_seconds")


def test_everything_over_mutual_tls(make_stack, authority, server_cert, client_cert, pyocd):
    """pyOCD, `probegate` and gdb through a gateway and a debugd, with certificates on both sides."""
    demand = ["--tls-client-ca", authority.cert, "--tls-client-required"]
    client = [*pki.trusting(authority), *client_cert.flags]
    stack = make_stack(
        server_flags=[*server_cert.flags, *demand], gateway_flags=client, sim_flags=["--flash", firmware()]
    )
    listed = stack.programs.run("probegate", "--server", stack.server_address, *client, "list")
    assert listed.returncode == OK and stack.serial in listed.stdout, listed
    pyocd.commander(stack.uid, "write32 0x20000100 0x11223344 0x55667788")
    assert words_printed(pyocd.commander(stack.uid, "read32 0x20000100 8")) == [0x11223344, 0x55667788]

    debugd = Debugd(stack, *server_cert.flags, *demand, *pki.trusting(authority))
    assert shown_expiry(debugd.program) == server_cert.expiry()
    debug = ["debug", "--debugd", debugd.address, "--uid", stack.serial, "--elf", firmware()]
    session = stack.programs.run("probegate", *client, *debug, bound=2 * BOUND)
    assert session.returncode == OK and "(gdb)" in session.stdout, session
    session = stack.programs.run("probegate", *pki.trusting(authority), *debug)
    assert session.returncode == UNREACHABLE, session


def test_a_client_without_a_valid_certificate_is_refused(programs, api, tmp_path, authority, stranger, server_cert):
    revoked = authority.client("revoked")
    authority.revoke(revoked)
    revocations = authority.write_revocations(tmp_path / "crl")
    address = start_server(
        programs, *server_cert.flags, "--tls-client-ca", authority.cert, "--tls-client-required",
        "--tls-crl-dir", revocations,
    )  # fmt: skip
    good = credentials(authority, authority.client())
    assert ask(api, address, good) == grpc.StatusCode.OK
    refused = {
        "none": None,
        "expired": authority.client(dates=pki.PAST),
        "not yet valid": authority.client(dates=pki.FUTURE),
        "of another authority": stranger.client(),
        "revoked": revoked,
    }
    for what, certificate in refused.items():
        assert ask(api, address, credentials(authority, certificate)) == grpc.StatusCode.UNAVAILABLE, what
    assert ask(api, address, None) == grpc.StatusCode.UNAVAILABLE, "without TLS"
    assert ask(api, address, good) == grpc.StatusCode.OK


def test_a_certificate_is_optional_unless_it_is_required(programs, api, authority, stranger, server_cert, client_cert):
    address = start_server(programs, *server_cert.flags, "--tls-client-ca", authority.cert)
    assert ask(api, address, credentials(authority)) == grpc.StatusCode.OK
    assert ask(api, address, credentials(authority, client_cert)) == grpc.StatusCode.OK
    assert ask(api, address, credentials(authority, stranger.client())) == grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def foreign_server():
    """Starts a gRPC server in this process, which has no methods, with any certificate. Returns its port."""
    servers = []

    def start(certificate):
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=1))
        pair = (certificate.key.read_bytes(), certificate.cert.read_bytes())
        port = server.add_secure_port(f"{LOOPBACK}:0", grpc.ssl_server_credentials([pair]))
        server.start()
        servers.append(server)
        return port

    yield start
    for server in servers:
        server.stop(None).wait()


NOT_VALID = "expired, not valid yet, or not from an authority that is trusted"
OTHER_NAME = "the server's certificate is for another name"


@pytest.mark.parametrize(
    "which, error",
    [
        ("good", "does not implement this call"),
        ("expired", NOT_VALID),
        ("not yet valid", NOT_VALID),
        ("of another authority", NOT_VALID),
        ("for another name", OTHER_NAME),
        ("without a name", OTHER_NAME),
    ],
)
def test_clients_check_the_server(programs, foreign_server, authority, stranger, which, error):
    certificate = {
        "good": lambda: authority.server(),
        "expired": lambda: authority.server(dates=pki.PAST),
        "not yet valid": lambda: authority.server(dates=pki.FUTURE),
        "of another authority": lambda: stranger.server(),
        "for another name": lambda: authority.server("DNS:elsewhere.example,IP:127.0.0.9"),
        "without a name": lambda: authority.server("email:someone@example.org"),
    }[which]()
    address = f"{LOOPBACK}:{foreign_server(certificate)}"
    trust = ["--server", address, *pki.trusting(authority)]
    result = programs.run("probegate", *trust, "list")
    assert result.returncode == UNREACHABLE and error in result.stderr, result
    if which != "good":
        gateway = programs.run("probegate-gateway", "--no-wait", *NO_METRICS, "--state", "state", *trust)
        assert gateway.returncode == 1 and error in gateway.stderr, gateway


def test_the_name_that_the_user_wrote_is_checked(programs, authority):
    """Clients connect to an address that the name has, but the certificate is for the name."""
    address = start_server(programs, *authority.server("DNS:localhost").flags)
    port = address.rpartition(":")[2]
    trust = pki.trusting(authority)
    by_name = programs.run("probegate", "--server", f"localhost:{port}", *trust, "list")
    assert by_name.returncode == OK, by_name
    by_address = programs.run("probegate", "--server", address, *trust, "list")
    assert by_address.returncode == UNREACHABLE and OTHER_NAME in by_address.stderr, by_address
    told = programs.run("probegate", "--server", address, *trust, "--tls-server-name", "localhost", "list")
    assert told.returncode == OK, told
    wrong = programs.run("probegate", "--server", f"localhost:{port}", *trust, "--tls-server-name", "other", "list")
    assert wrong.returncode == UNREACHABLE and OTHER_NAME in wrong.stderr, wrong


@pytest.mark.parametrize(
    "second, reachable", [("DNS:lab.test", True), ("DNS:elsewhere.test,IP:127.0.0.12", False)], ids=["name", "address"]
)
def test_the_name_is_checked_at_each_of_its_addresses(programs, tmp_path, authority, second, reachable):
    """A name stands for two servers. A certificate for the address to which the client connects is of no use."""
    port = free_port()
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.11 lab.test\n127.0.0.12 lab.test\n")
    for address, names in (("127.0.0.11", "DNS:lab.test"), ("127.0.0.12", second)):
        server = programs.start(
            "probegate-server", "--listen", f"{address}:{port}", "--no-usb", *NO_METRICS,
            *authority.server(names).flags, label=f"server-{address}",
        )  # fmt: skip
        server.wait_for_line(rf"Listening on {re.escape(address)}:")
    trust = ["--server", f"lab.test:{port}", *pki.trusting(authority)]

    def start(name, *flags):
        program = Program(name, with_hosts(hosts, programs.path(name), *trust, *flags), tmp_path)
        programs.started.append(program)
        return program

    listed = start("probegate", "list")
    assert listed.wait() == (OK if reachable else UNREACHABLE), listed.log()
    assert (f"lab.test:{port} (127.0.0.12:{port})" in listed.log() and OTHER_NAME in listed.log()) != reachable

    gateway = start("probegate-gateway", "--state", tmp_path / "state", *METRICS_FLAGS)
    if not reachable:
        gateway.wait_for_line(rf"cannot reach the server at .* address 127\.0\.0\.12:\d+ \({OTHER_NAME}")
    wanted = {f"127.0.0.11:{port}": 1, f"127.0.0.12:{port}": int(reachable)}
    wait_for(
        gateway.metrics_url(),
        lambda shown: shown.by_label("probegate_gateway_server_up", "address") == wanted,
        f"the gateway's servers are {wanted}",
    )


def test_without_tls_a_client_is_told_what_may_help(programs, authority, server_cert):
    address = start_server(programs, *server_cert.flags, "--tls-client-ca", authority.cert, "--tls-client-required")
    for flags in ([], pki.trusting(authority)):
        result = programs.run("probegate", "--server", address, *flags, "list")
        assert result.returncode == UNREACHABLE, result
        assert "--tls-ca" in result.stderr and "--tls-cert" in result.stderr, result
    plain = start_server(programs, label="plain")
    result = programs.run("probegate", "--server", plain, *pki.trusting(authority), "list")
    assert result.returncode == UNREACHABLE and "does not use TLS" in result.stderr, result


def handshake(address, *flags):
    """What openssl tells about a handshake: the protocol and the cipher suite, or None if there was none."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", address, "-alpn", "h2", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        errors="replace",
        timeout=BOUND,
        check=False,
    )
    made = re.search(r"New, (\S+), Cipher is (\S+)", result.stdout)
    return None if made is None or made[2] == "(NONE)" else (made[1], made[2])


@pytest.fixture
def lenient(server_cert):
    """A TLS server that accepts everything which openssl can do: it shows that openssl would connect."""
    port = free_port()
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", str(port), "-cert", server_cert.cert, "-key", server_cert.key, "-quiet",
         "-cipher", "ALL:eNULL:@SECLEVEL=0", "-min_protocol", "TLSv1", "-alpn", "h2"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"{LOOPBACK}:{port}"
    wait_until(lambda: handshake(address), "openssl's server answers")
    yield address
    server.kill()
    server.wait()


def test_no_old_protocol_and_no_weak_cipher(programs, server_cert, lenient):
    address = start_server(programs, *server_cert.flags)
    assert handshake(address, "-tls1_3")[0] == "TLSv1.3"
    assert handshake(address, "-tls1_2")[0] == "TLSv1.2"
    # At security level 0, openssl itself would take anything, as the other server shows.
    for flags in (
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        *(["-tls1_2", "-cipher", f"{suites}:@SECLEVEL=0"] for suites in ("aNULL", "eNULL", "CBC")),
    ):
        assert handshake(lenient, *flags), flags
        assert handshake(address, *flags) is None, flags


def prepare(api, session):
    """Opens the probe, so that registers can be read."""
    session.command("Open")
    session.command("Connect", protocol=api.WIRE_PROTOCOL_SWD)


class Load(threading.Thread):
    """Commands on one open session, one after the other, until it is stopped."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.stopping = threading.Event()
        self.commands = 0
        self.failure = None
        self.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.session.command("ReadDp", address=DPIDR)
                self.commands += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def wait_for_more(self):
        wanted = self.commands + 20
        wait_until(lambda: self.failure or self.commands >= wanted, "the open session goes on")
        assert self.failure is None, self.failure


def replace(path, content):
    """Replaces a file at once, as administrators' tools do."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.rename(path)


def test_certificates_are_replaced_under_load(make_stack, api, tmp_path, authority):
    """Key and certificate are replaced one after the other, so that they do not belong together in between."""
    now, later = authority.server(), authority.server(dates=("20200101000000Z", "20990201000000Z"))
    used = pki.Certificate(tmp_path / "tls.crt", tmp_path / "tls.key")
    replace(used.cert, now.cert.read_bytes())
    replace(used.key, now.key.read_bytes())
    stack = make_stack(server_flags=used.flags, gateway_flags=pki.trusting(authority))
    tls = credentials(authority)
    session = StreamSession(api, channel(stack.server_address, tls), stack.serial)
    prepare(api, session)
    load = Load(session)
    load.wait_for_more()
    assert serial_of_server(stack.server_address) == now.serial()
    assert shown_expiry(stack.server) == now.expiry()

    replace(used.key, later.key.read_bytes())
    stack.server.wait_for_line(r"cannot be used; those before stay in use: --tls-key \S+: this key does not belong")
    load.wait_for_more()
    assert serial_of_server(stack.server_address) == now.serial()
    assert ask(api, stack.server_address, tls) == grpc.StatusCode.OK

    replace(used.cert, later.cert.read_bytes())
    stack.server.wait_for_line(r"New connections use the files of TLS as they are now")
    assert shown_expiry(stack.server) == later.expiry()
    load.wait_for_more()
    assert serial_of_server(stack.server_address) == later.serial()
    assert ask(api, stack.server_address, tls) == grpc.StatusCode.OK

    used.key.unlink()
    stack.server.wait_for_line(r"those before stay in use: --tls-key \S+: cannot be read: No such file")
    assert ask(api, stack.server_address, tls) == grpc.StatusCode.OK
    load.wait_for_more()
    load.stopping.set()
    load.join(BOUND)
    assert load.failure is None
    session.end()
    session.close()


def is_served(raw, stack):
    """Whether a client of the gateway gets the probe, through a new connection to the server if there is none."""
    try:
        with raw(stack.port) as client:
            client.attach().detach()
        return True
    except (OSError, RemoteError):
        return False


def test_a_client_uses_its_new_certificate_when_it_connects_again(make_stack, tmp_path, authority, server_cert, raw):
    """The gateway's certificate and the authorities that it trusts are replaced while it runs."""
    used = pki.Certificate(tmp_path / "tls.pem", tmp_path / "tls.pem")
    first = authority.client("first")
    replace(used.cert, first.cert.read_bytes() + first.key.read_bytes())
    revocations = authority.write_revocations(tmp_path / "crl")
    stack = make_stack(
        server_flags=[*server_cert.flags, "--tls-client-ca", authority.cert, "--tls-client-required",
                      "--tls-crl-dir", revocations],
        gateway_flags=[*pki.trusting(authority), *used.flags],
    )  # fmt: skip
    raw(stack.port).attach().detach()
    second = authority.client("second")
    replace(used.cert, second.cert.read_bytes() + second.key.read_bytes())
    authority.revoke(first)
    authority.write_revocations(revocations)
    stack.server.stop()
    stack.start_server()
    wait_until(lambda: is_served(raw, stack), "the gateway is connected again")


def test_a_certificate_that_is_revoked_while_the_server_runs(make_stack, api, tmp_path, authority, server_cert):
    mallory, alice = authority.client("mallory"), authority.client("alice")
    revocations = authority.write_revocations(tmp_path / "crl")
    stack = make_stack(
        server_flags=[*server_cert.flags, "--tls-client-ca", authority.cert, "--tls-crl-dir", revocations],
        start_gateway=False,
    )
    stack.server.wait_for_line(rf"probe\.connected probe={stack.serial} ")
    tls = credentials(authority, mallory)
    session = StreamSession(api, channel(stack.server_address, tls), stack.serial)
    authority.revoke(mallory)
    authority.write_revocations(revocations)
    stack.server.wait_for_line(r"New connections use the files of TLS as they are now")
    assert ask(api, stack.server_address, tls) == grpc.StatusCode.UNAVAILABLE
    assert ask(api, stack.server_address, credentials(authority, alice)) == grpc.StatusCode.OK
    prepare(api, session)  # what is open is not checked again
    session.end()
    session.close()


def test_wrong_files_are_named(programs, tmp_path, authority, stranger, server_cert, client_cert):
    encrypted = tmp_path / "encrypted.key"
    pki.openssl("pkey", "-in", server_cert.key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
    damaged = tmp_path / "damaged.crt"
    lines = server_cert.cert.read_text().splitlines()
    damaged.write_text(server_cert.cert.read_text() + "\n".join([*lines[:3], *lines[4:]]))
    empty = tmp_path / "empty"
    empty.mkdir()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    expired, early = authority.server(dates=pki.PAST), authority.server(dates=pki.FUTURE)
    cert, key = server_cert.cert, server_cert.key
    with_ca = ["--tls-cert", cert, "--tls-key", key, "--tls-client-ca"]
    cases = [
        (["--tls-cert", "/no/such", "--tls-key", key], "--tls-cert /no/such: cannot be read: No such file"),
        (["--tls-cert", cert, "--tls-key", tmp_path], f"--tls-key {tmp_path}: cannot be read: Is a directory"),
        (["--tls-cert", fifo, "--tls-key", key], f"--tls-cert {fifo}: cannot be read: not a regular file"),
        (["--tls-cert", key, "--tls-key", key], f"--tls-cert {key}: it contains no certificate"),
        (["--tls-cert", cert, "--tls-key", cert], f"--tls-key {cert}: it contains no private key"),
        (["--tls-cert", damaged, "--tls-key", key], f"--tls-cert {damaged}: its certificate number 2 is damaged"),
        (["--tls-cert", cert, "--tls-key", client_cert.key], f"--tls-key {client_cert.key}: this key does not belong"),
        (["--tls-cert", cert, "--tls-key", encrypted], f"--tls-key {encrypted}: the private key is encrypted"),
        (expired.flags, f"--tls-cert {expired.cert}: the certificate expired on "),
        (early.flags, f"--tls-cert {early.cert}: the certificate is not valid before "),
        ([*with_ca, key], f"--tls-client-ca {key}: it contains no certificate"),
        ([*with_ca, authority.cert, "--tls-crl-dir", "/no/such"], "--tls-crl-dir /no/such: it is not a folder"),
        ([*with_ca, authority.cert, "--tls-crl-dir", empty], f"--tls-crl-dir {empty}: there is no revocation list of"),
    ]
    for flags, error in cases:
        result = programs.run("probegate-server", "--listen", f"{LOOPBACK}:0", "--no-usb", *NO_METRICS, *flags)
        assert result.returncode == 1 and error in result.stderr and result.stderr.count("\n") == 1, (flags, result)
    for program, flags, code in (
        ("probegate", ["--tls-ca", key, "list"], FAILED),
        ("probegate-gateway", ["--tls-ca", key, "--state", "state", *NO_METRICS], 1),
        ("probegate-debugd", ["--tls-ca", key, "--listen", f"{LOOPBACK}:0", *NO_METRICS, "--work-dir", tmp_path], 1),
    ):
        result = programs.run(program, *flags)
        assert result.returncode == code and f"--tls-ca {key}: it contains no certificate" in result.stderr, result


@pytest.mark.parametrize("program", ["probegate-server", "probegate-debugd"])
def test_other_machines_need_tls_or_insecure(programs, tmp_path, program, authority, server_cert):
    extra = ["--allow-debug"] if program == "probegate-debugd" else ["--no-usb"]
    remote = ["--listen", "0.0.0.0:0", "--allow-remote", *extra, *NO_METRICS]
    refused = programs.run(program, *remote)
    assert refused.returncode == USAGE and refused.stderr.count("\n") == 1, refused
    for part in ("0.0.0.0:0", "--tls-cert", "--tls-key", "--insecure"):
        assert part in refused.stderr, refused
    cases = [
        (["--insecure"], "nothing is encrypted"),
        (server_cert.flags, "--tls-client-required"),
        ([*server_cert.flags, "--tls-client-ca", authority.cert, "--tls-client-required"], None),
    ]
    if program == "probegate-server":
        access = tmp_path / "access.yaml"
        access.write_text("rules: []")
        cases += [
            ([*server_cert.flags, "--access", access], None),
            (["--insecure", "--access", access], "nothing is encrypted"),
        ]
    for number, (flags, risk) in enumerate(cases):
        started = programs.start(program, *remote, *flags, label=f"{program}-{number}")
        started.wait_for_line(r"Listening on 0\.0\.0\.0:\d+")
        warned = re.search(r"remote\.allowed .*", started.log())
        assert (risk in warned[0]) if risk else warned is None, started.log()


def test_the_options_say_the_same_everywhere(programs):
    """Each option of TLS has the same value and the same explanation in the --help of every program that has it."""
    seen = {}
    for program in ("probegate-server", "probegate-debugd", "probegate-gateway", "probegate"):
        for line in programs.run(program, "--help").stdout.splitlines():
            if match := re.match(r"\s+(--tls[a-z-]*)\s+(.*)", line):
                seen.setdefault(match[1], {})[program] = match[2]
    assert sorted(map(len, seen.values())) == [2, 2, 2, 3, 3, 3, 4, 4], seen
    for option, texts in seen.items():
        assert len(set(texts.values())) == 1, (option, texts)


def test_the_commands_in_the_documentation(programs, tmp_path):
    """What docs/tls.md says makes an authority and certificates that the programs accept."""
    root = pathlib.Path(__file__).parents[2]
    page = (root / "docs" / "tls.md").read_text()
    (commands,) = [block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "make-lab-ca.sh ca\n" in block]
    (tmp_path / "deploy").symlink_to(root / "deploy")
    subprocess.run(["bash", "-e", "-c", commands], cwd=tmp_path, check=True, capture_output=True)
    lab = tmp_path / "lab-ca"
    server, alice = (pki.Certificate(lab / f"{name}.crt", lab / f"{name}.key") for name in ("lab1", "alice"))
    address = start_server(programs, *server.flags, "--tls-client-ca", lab / "ca.crt", "--tls-client-required")
    name = address.replace(LOOPBACK, "localhost")
    result = programs.run("probegate", "--server", name, "--tls-ca", lab / "ca.crt", *alice.flags, "list")
    assert result.returncode == OK, result
