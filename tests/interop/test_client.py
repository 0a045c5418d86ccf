"""What clients take from options, the environment and the user's profile: servers, TLS, and tokens."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from stack import BOUND, LOOPBACK, NO_METRICS, free_port, wait_until
from test_access import Lab, line_for, secret

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "client.md"
OK, FAILED, USAGE, UNREACHABLE, NOT_FOUND, BUSY, AWAY, DENIED = range(8)


@pytest.fixture
def lab(make_stack, api, tmp_path):
    return Lab(make_stack, api, tmp_path)


@pytest.fixture
def home(tmp_path):
    """A user's folder of profiles."""
    folder = tmp_path / "config" / "probegate"
    folder.mkdir(parents=True)
    return folder


def token_file(folder, name, text=None):
    path = folder / f"{name}.token"
    path.write_text((text or secret(name)) + "\n")
    path.chmod(0o600)
    return path


def environment(home, **variables):
    """The environment of a user with these profiles and variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PROBEGATE_")}
    return {**inherited, "XDG_CONFIG_HOME": str(home.parent), **{name: str(value) for name, value in variables.items()}}


def who(lab, *flags, **options):
    """As whom the server sees `probegate` with these flags."""
    result = lab.stack.programs.run("probegate", *flags, "--json", "whoami", **options)
    assert result.returncode == OK, result
    return json.loads(result.stdout)["servers"][0]["identity"]["name"]


def by_flags(lab, name="user"):
    return ["--server", lab.address, "--tls-ca", lab.authority.cert, "--token-file", token_file(lab.folder, name)]


def test_a_token_says_who_one_is(lab):
    assert who(lab, *by_flags(lab)) == "token:user"


def test_the_file_is_read_again_for_each_call(lab):
    """`top` calls every interval; the second call has the token that the file has then."""
    flags = by_flags(lab)
    program = lab.stack.programs.start("probegate", *flags, "--json", "top", "--interval", "0.1")
    wait_until(lambda: '"probes"' in program.log(), "top has an answer")
    token_file(lab.folder, "user", secret("nobody"))
    program.wait_for_line("token:nobody does not have the right `view`")
    token_file(lab.folder, "user", " ")
    program.wait_for_line("user.token: it is empty")


def test_debugd_sends_its_token(lab):
    """Its list of probes is what the token may see."""
    authority = lab.authority
    debugd = lab.stack.programs.start(
        "probegate-debugd", "--listen", f"{LOOPBACK}:0", "--server", lab.address, "--tls-ca", authority.cert,
        "--token-file", token_file(lab.folder, "user"), "--allow-unconfined", *NO_METRICS,
    )  # fmt: skip
    address = debugd.wait_for_line(r"Listening on (127\.0\.0\.1:\d+)")[1]
    words = ["debug", "--debugd", address, "--uid", "NONE", "--upload", "--elf", "/bin/true"]
    denied = lab.stack.programs.run("probegate", *words)
    assert denied.returncode != OK and lab.first in denied.stderr and lab.second not in denied.stderr, denied


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o604])
def test_a_token_that_others_may_read_is_refused(lab, mode):
    file = token_file(lab.folder, "user")
    file.chmod(mode)
    result = lab.stack.programs.run("probegate", *by_flags_with(lab, file), "whoami")
    assert result.returncode == FAILED and f"(mode 0{mode:o}); run: chmod " in result.stderr, result
    command = result.stderr.split("run: ")[1].split()
    subprocess.run(command, check=True)
    assert who(lab, *by_flags_with(lab, file)) == "token:user"


def by_flags_with(lab, file):
    return ["--server", lab.address, "--tls-ca", lab.authority.cert, "--token-file", file]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")
def test_the_group_of_a_file_of_root_may_read_it_but_not_that_of_a_users_file(lab):
    file = token_file(lab.folder, "user")
    file.chmod(0o640)
    assert who(lab, *by_flags_with(lab, file)) == "token:user"
    os.chown(file, 12345, -1)
    result = lab.stack.programs.run("probegate", *by_flags_with(lab, file), "whoami")
    assert result.returncode == FAILED and f"run: chmod 600 {file}" in result.stderr, result


@pytest.mark.parametrize("program", ["probegate", "probegate-gateway"])
def test_a_key_that_others_may_read_is_refused(lab, program):
    client = lab.authority.client()
    client.key.chmod(0o644)
    command = ["list"] if program == "probegate" else NO_METRICS
    result = lab.stack.programs.run(
        program, "--server", lab.address, "--tls-ca", lab.authority.cert, *client.flags, *command
    )
    assert result.returncode == FAILED and f"--tls-key {client.key}: " in result.stderr, result
    assert f"run: chmod 640 {client.key}" in result.stderr


@pytest.mark.parametrize("program", ["probegate", "probegate-gateway", "probegate-debugd"])
def test_a_token_is_not_sent_in_the_clear(programs, tmp_path, program):
    flags = [] if program == "probegate" else NO_METRICS
    command = ["list"] if program == "probegate" else []
    result = programs.run(
        program, "--server", "lab.example:50051", "--token-file", token_file(tmp_path, "user"), *flags, *command
    )
    assert result.returncode == USAGE, result
    assert "others could read the token on its way to lab.example:50051; use --tls or --tls-ca" in result.stderr


def test_a_token_is_sent_to_loopback_and_to_a_unix_socket(programs, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(line_for("user") + "\n")
    socket = f"unix:{tmp_path}/s"
    for address in (f"{LOOPBACK}:{free_port()}", socket, f"[::1]:{free_port()}"):
        server = programs.start("probegate-server", "--listen", address, "--no-usb", "--tokens", tokens, *NO_METRICS)
        server.wait_for_line("Listening on ")
        result = programs.run(
            "probegate", "--server", address, "--token-file", token_file(tmp_path, "user"), "--json", "whoami"
        )
        assert '"token:user"' in result.stdout, result
        server.stop()


def test_a_profile(lab, home):
    shutil.copy(lab.authority.cert, home / "ca.crt")
    token_file(home, "user")
    (home / "client.yaml").write_text(f"server: [{lab.address}]\ntls-ca: ca.crt\ntoken-file: user.token\n")
    assert who(lab, env=environment(home)) == "token:user"


def test_precedence(lab, home):
    """Flags, then the environment, then the profile."""
    ca = lab.authority.cert
    tokens = {name: token_file(home, name) for name in ("user", "other", "viewer")}
    (home / "client.yaml").write_text(f"server: {lab.address}\ntls-ca: {ca}\ntoken-file: user.token\n")
    (home / "second.yaml").write_text(f"server: {lab.address}\ntls-ca: {ca}\ntoken-file: viewer.token\n")
    assert who(lab, env=environment(home)) == "token:user"
    assert who(lab, "--profile", "second", env=environment(home)) == "token:viewer"
    assert who(lab, env=environment(home, PROBEGATE_PROFILE="second")) == "token:viewer"
    assert who(lab, "--profile", "client", env=environment(home, PROBEGATE_PROFILE="second")) == "token:user"
    other = environment(home, PROBEGATE_TOKEN_FILE=tokens["other"])
    assert who(lab, env=other) == "token:other"
    assert who(lab, "--token-file", tokens["viewer"], env=other) == "token:viewer"
    everything = environment(
        home, PROBEGATE_SERVER=lab.address, PROBEGATE_TLS_CA=ca, PROBEGATE_TOKEN_FILE=tokens["other"]
    )
    assert who(lab, "--profile", "none", env=everything) == "token:other"


def test_the_environment_can_name_several_servers(lab, home):
    ca = lab.authority.cert
    two = environment(home, PROBEGATE_SERVER=f"{lab.address},{LOOPBACK}:{free_port()}", PROBEGATE_TLS_CA=ca)
    token = token_file(home, "user")
    result = lab.stack.programs.run("probegate", "--token-file", token, "list", env=two)
    assert result.returncode == UNREACHABLE and lab.first in result.stdout, result


def test_the_gateway_reads_the_profile(lab, home, raw):
    token_file(home, "user")
    (home / "client.yaml").write_text(
        f"server: {lab.address}\ntls-ca: {lab.authority.cert}\ntoken-file: user.token\ndebugd: {LOOPBACK}:1\n"
    )
    with subprocess.Popen(
        [lab.stack.programs.path("probegate-gateway"), "--port", "0", "--state", lab.folder / "state", *NO_METRICS],
        env=environment(home), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as gateway:  # fmt: skip
        try:
            line = next(line for line in gateway.stderr if "Serving debug probe" in line)
            assert lab.first in line
            raw(int(line.split()[-1])).call("open")
        finally:
            gateway.terminate()


def test_debug_reads_the_profile(programs, home):
    (home / "client.yaml").write_text(f"debugd: {LOOPBACK}:{free_port()}\n")
    words = ["debug", "--uid", "X", "--elf", "/no.elf"]
    result = programs.run("probegate", *words, env=environment(home))
    address = (home / "client.yaml").read_text().split()[1]
    assert result.returncode == UNREACHABLE and f"no probegate-debugd answers at {address}" in result.stderr, result
    other = f"{LOOPBACK}:{free_port()}"
    result = programs.run("probegate", *words, env=environment(home, PROBEGATE_DEBUGD=other))
    assert f"at {other};" in result.stderr, result
    flag = f"{LOOPBACK}:{free_port()}"
    result = programs.run("probegate", *words, "--debugd", flag, env=environment(home, PROBEGATE_DEBUGD=other))
    assert f"at {flag};" in result.stderr, result


WRONG_PROFILES = [
    ("server: [a:1]\ntoken: abc\n", "client.yaml:2: token: unknown option"),
    ("server: [a:1]\njson: true\n", "client.yaml:2: json: unknown option"),
    ("profile: other\n", "client.yaml:1: profile: unknown option"),
    ("server: nonsense\n", "client.yaml:1: server: nonsense is invalid: "),
    ("debugd: nonsense\n", "client.yaml:1: debugd: nonsense is neither HOST:PORT nor unix:/PATH"),
    ("server: a:1\nserver: b:1\n", "client.yaml:2: server: is already set in line 1"),
    ("server: {\n", "client.yaml:2: "),
    ("tls-cert: x\n", "--tls-cert needs --tls-key"),
]


@pytest.mark.parametrize("program", ["probegate", "probegate-gateway"])
@pytest.mark.parametrize("text,message", WRONG_PROFILES)
def test_wrong_profiles(programs, home, program, text, message):
    (home / "client.yaml").write_text(text)
    command = ["list"] if program == "probegate" else NO_METRICS
    result = programs.run(program, *command, env=environment(home))
    assert result.returncode == USAGE and message in result.stderr, result


def test_a_profile_that_is_named_must_be_there(programs, home):
    result = programs.run("probegate", "--profile", "lab", "list", env=environment(home))
    assert result.returncode == USAGE and f"{home}/lab.yaml: cannot be read" in result.stderr, result
    result = programs.run("probegate", "--profile", "../lab", "list", env=environment(home))
    assert result.returncode == USAGE and "../lab is not a name" in result.stderr, result


def test_wrong_variables(programs, home):
    for variable, text in (("PROBEGATE_SERVER", "nonsense"), ("PROBEGATE_DEBUGD", "x"), ("PROBEGATE_TLS", "perhaps")):
        result = programs.run("probegate", "list", env=environment(home, **{variable: text}))
        assert result.returncode == USAGE and f"{variable}: " in result.stderr and text in result.stderr, result


def test_denials_have_an_exit_code(lab):
    unknown = lab.stack.programs.run("probegate", *by_flags_with(lab, token_file(lab.folder, "user", "wrong")), "list")
    assert unknown.returncode == DENIED and "token" in unknown.stderr, unknown
    denied = lab.stack.programs.run("probegate", *by_flags(lab, "viewer"), "read", "--uid", lab.first, "0x20000000")
    assert denied.returncode == DENIED, denied
    assert "token:viewer does not have the right `use` for" in denied.stderr and lab.second not in denied.stderr, denied


def test_a_new_token(lab):
    programs = lab.stack.programs
    file = lab.folder / "new.token"
    made = programs.run("probegate", "token", "new", "user-2", "--expires", "2099-01-01", "--output", file)
    assert made.returncode == OK and made.stdout.startswith("user-2 ") and "2099-01-01T00:00:00" in made.stdout, made
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text().startswith("pgt_")
    lab.tokens.write_text(lab.tokens.read_text() + made.stdout)

    def name():
        result = programs.run("probegate", *by_flags_with(lab, file), "--json", "whoami")
        return result.returncode == OK and json.loads(result.stdout)["servers"][0]["identity"]["name"]

    assert wait_until(name, "the server reads its tokens again") == "token:user-2"
    again = programs.run("probegate", "token", "new", "user-2", "--output", file)
    assert again.returncode == FAILED and "File exists" in again.stderr, again


def test_the_page_shows_a_new_token_as_it_is(programs):
    (command, line) = re.search(r"^\$ probegate (token new .*)\n(.*)\n", PAGE.read_text(), re.MULTILINE).groups()
    made = programs.run("probegate", *command.split())

    def without_digest(text):
        return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text.strip())

    assert without_digest(made.stdout) == without_digest(line), made


def test_a_new_token_on_standard_output(programs):
    shown = programs.run("probegate", "token", "new", "ci")
    token, line = (text.strip() for text in shown.stdout.splitlines() if text.startswith("  "))
    assert token.startswith("pgt_") and line.startswith("ci ") and token not in line
    made = json.loads(programs.run("probegate", "--json", "token", "new", "ci").stdout)
    assert made["token"].startswith("pgt_") and made["line"].startswith("ci ")


@pytest.mark.parametrize(
    "words,message",
    [
        (["a b"], "a name has 1 to 64 letters"),
        (["ci", "--expires", "soon"], "soon is not a time"),
        (["ci", "--expires", "2020-01-01"], "2020-01-01 is in the past"),
    ],
)
def test_wrong_tokens_are_not_made(programs, words, message):
    result = programs.run("probegate", "token", "new", *words, bound=BOUND)
    assert result.returncode == USAGE and message in result.stderr and result.stdout == "", result
