"""probegate-health says what programs say of themselves, with an exit code for health checks."""

import signal

from stack import LOOPBACK, free_port


def ask(programs, *flags):
    done = programs.run("probegate-health", *flags)
    return done.returncode, (done.stdout + done.stderr).strip()


def http_of(program):
    return program.metrics_url().removeprefix("http://").removesuffix("/metrics")


def test_programs_that_are_well(stack, programs):
    for program in (stack.server, stack.gateway):
        assert ask(programs, "--http", http_of(program)) == (0, "ready")
        assert ask(programs, "--http", http_of(program), "--path", "/healthz")[0] == 0
        assert ask(programs, "--http", http_of(program), "--path", "/nothing")[0] == 1
    code, said = ask(programs, "--sim", f"{LOOPBACK}:{stack.control_port}")
    assert code == 0 and stack.serial in said


def test_a_gateway_says_what_it_misses(programs):
    gateway = programs.start("probegate-gateway", "--server", f"{LOOPBACK}:{free_port()}", "--metrics-listen", f"{LOOPBACK}:0",
                             "--state", programs.directory / "state", "--port", free_port())
    code, said = ask(programs, "--http", http_of(gateway))
    assert code == 1 and "server" in said
    assert ask(programs, "--http", http_of(gateway), "--path", "/healthz")[0] == 0


def test_nobody_there(programs):
    port = free_port()
    for flag in ("--http", "--sim"):
        assert ask(programs, flag, f"{LOOPBACK}:{port}") == (1, f"{LOOPBACK}:{port}: Connection refused")


def test_a_program_that_stands_still(make_stack, programs):
    stack = make_stack(start_gateway=False)
    stack.sim.signal(signal.SIGSTOP)
    stack.server.signal(signal.SIGSTOP)
    try:
        for flags in (["--sim", f"{LOOPBACK}:{stack.control_port}"], ["--http", http_of(stack.server)]):
            assert ask(programs, *flags, "--timeout", 1) == (1, f"{flags[1]}: Connection timed out")
    finally:
        stack.sim.signal(signal.SIGCONT)
        stack.server.signal(signal.SIGCONT)


def test_another_protocol(stack, programs):
    """The control port takes no HTTP, and metrics are no control port."""
    assert ask(programs, "--http", f"{LOOPBACK}:{stack.control_port}", "--timeout", 1)[0] == 1
    assert ask(programs, "--sim", http_of(stack.server), "--timeout", 1)[0] == 1


def test_wrong_arguments(programs):
    for flags in ([], ["--http", "nowhere"], ["--http", f"{LOOPBACK}:0"], ["--path", "/readyz"], ["--sim", f"{LOOPBACK}:1", "--timeout", 0],
                  ["--http", f"{LOOPBACK}:1", "--path", "/a b"], ["--http", f"{LOOPBACK}:1", "--sim", f"{LOOPBACK}:1"]):
        code, said = ask(programs, *flags)
        assert code == 1 and "probegate-health --help" in said, (flags, said)
