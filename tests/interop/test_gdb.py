"""gdb as users use it: through `pyocd gdbserver`, gateway and server, on a simulated board with the test firmware.

pyOCD's stop replies do not report watchpoints, so gdb shows a plain SIGTRAP for them, as it does with hardware."""

import pathlib
import re
import socket
import subprocess

import pytest
from gdb_client import GDB, Gdb, GdbError, GdbServer, functions_of
from pyocd_client import words_printed
from stack import BOUND, LOOPBACK, wait_until

import docs

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]
# RAM that the firmware does not use: its variables and stacks are at both ends of RAM.
SCRATCH = 0x20010000
NVIC_ICER = 0xE000E180
ICSR, PEND_SYSTICK = 0xE000ED04, 1 << 26
DFSR, DWT_TRAP, DFSR_ALL = 0xE000ED30, 1 << 2, 0x1F
HARD_FAULT, SV_CALL, SYSTICK = 3, 11, 15
UDF = 0xDE00
COMMAND_FAULT, COMMAND_BUS = 1, 2


@pytest.fixture(scope="module")
def _server_of_module():
    kept = []
    yield kept
    for server in kept:
        server.kill()


@pytest.fixture
def server(_server_of_module, lab, tmp_path, request):
    """pyOCD's gdbserver, which the tests share until one fails. It keeps the breakpoints of a gdb that was killed while
    the program ran, so a test that kills gdb must also end the gdbserver."""
    kept = _server_of_module
    if not kept:
        kept.append(GdbServer(tmp_path, lab.uid, "--semihosting"))
    yield kept[0]
    if getattr(request.node, "failed", False):
        print(kept[0].log())
        kept.pop().kill()
    elif not kept[0].is_running():
        kept.pop()


@pytest.fixture
def new_gdb(server, firmware, tmp_path):
    """Starts gdbs and attaches them; kills them after the test."""
    started = []

    def start(osabi="none"):
        started.append(Gdb(firmware, tmp_path, osabi))
        return started[-1].attach(server)

    yield start
    for gdb in started:
        gdb.kill()


@pytest.fixture
def gdb(new_gdb):
    return prepare(new_gdb())


def prepare(gdb):
    """Resets and halts the board; configures gdb."""
    gdb.monitor("set vector-catch h")
    reset(gdb)
    # pyOCD's map of the chip leaves out peripherals and the System Control Space; gdb needs FPCCR
    # to unwind an exception.
    gdb.command("set mem inaccessible-by-default off")
    return gdb


def reset(gdb):
    """Resets and halts the board. gdb does not know what a `monitor` command does, so its register cache is flushed."""
    gdb.monitor("reset halt")
    gdb.command("maintenance flush register-cache")


def run_to(gdb, where):
    gdb.command(f"tbreak {where}")
    stop = gdb.run("continue")
    assert stop.reason == "breakpoint-hit", stop
    return stop


def exception(gdb):
    """The number of the active exception; 0 in thread mode."""
    return gdb.value("$xpsr & 0x1FF")


def opcode(gdb, address):
    return gdb.value(f"*(unsigned short*)({address})")


def instruction(gdb, function, mnemonic):
    """The address of the first instruction with this mnemonic in a function."""
    return int(re.search(rf"(0x[0-9a-f]+) <.*\t{mnemonic}\b", gdb.command(f"disassemble {function}"))[1], 16)


def callers(gdb):
    """The functions in a backtrace, innermost first; an exception frame is None."""
    return functions_of(gdb.command("bt"))


def test_load(gdb):
    """Loads the program into an erased chip, and then again over itself."""
    gdb.monitor("erase")
    assert gdb.value("*(unsigned*)0") == 0xFFFFFFFF
    for _ in range(2):
        assert re.search(r"Loading section \.text.*\n.*Loading section \.data", gdb.command("load", 2 * BOUND))
        sections = gdb.command("compare-sections")
        assert sections.count("matched.") == 2 and "MIS-MATCHED" not in sections
    reset(gdb)
    assert run_to(gdb, "main").function == "main"


def test_six_hardware_breakpoints_and_no_seventh(gdb):
    functions = {"main", "ExerciseFpu", "PollRtt", "Serve", "SysTickHandler", "PendSvHandler"}
    for function in functions:
        gdb.command(f"tbreak {function}")
    assert {gdb.run("continue").function for _ in functions} == functions
    reset(gdb)
    for function in (*functions, "Timer0Handler"):
        gdb.command(f"break {function}")
    with pytest.raises(GdbError, match="(?i)cannot insert hardware breakpoint"):
        gdb.run("continue")
    gdb.command("delete")


def test_software_breakpoint(gdb, lab, control):
    """A breakpoint in a loop in RAM: `add r0, #1; str r0, [r1]; b` back. gdb shows the original
    instruction instead of BKPT."""
    count = SCRATCH + 8
    for i, code in enumerate((0x3001, 0x6008, 0xE7FC)):
        gdb.command(f"set var *(unsigned short*){SCRATCH + 2 * i:#x} = {code}")
    gdb.command(f"set var $pc = {SCRATCH:#x}")
    gdb.command("set var $r0 = 0")
    gdb.command(f"set var $r1 = {count:#x}")
    gdb.command(f"set var *(unsigned*){count:#x} = 0")
    gdb.command("set breakpoint always-inserted on")
    gdb.command(f"break *{SCRATCH + 2:#x}")
    for rounds in (1, 2, 3):
        stop = gdb.run("continue")
        assert (stop.reason, stop.address, gdb.value("$r0")) == ("breakpoint-hit", SCRATCH + 2, rounds)
    assert opcode(gdb, SCRATCH + 2) == 0x6008
    gdb.command("delete")
    gdb.start("continue")
    board = control(lab)
    # A core may execute nothing between a resume and a halt, so wait until the loop has run.
    wait_until(lambda: board.call("read_word", board=0, address=count)["value"] > 3, "the loop continues")
    gdb.interrupt()
    assert gdb.value("$r0") > 3
    assert board.call("read_word", board=0, address=SCRATCH)["value"] == 0x60083001


@pytest.mark.parametrize(
    "watch, what, halts",
    [
        ("watch", "fault.cfsr", 1),
        ("rwatch", "fault.cfsr", 0),
        ("awatch", "fault.cfsr", 1),
        ("watch", "fault.count", 1),
        ("rwatch", "fault.count", 1),
        ("awatch", "fault.count", 2),
    ],
)
def test_watchpoints_by_direction(gdb, watch, what, halts):
    """The fault handler writes fault.cfsr, increments fault.count, and then waits forever."""
    gdb.monitor("set vector-catch none")
    run_to(gdb, "main")
    gdb.command(f"set var command = {COMMAND_FAULT}")
    run_to(gdb, "RecordFault")
    gdb.command(f"{watch} {what}")
    gdb.command(f"tbreak *{instruction(gdb, 'RecordFault', 'wfi'):#x}")
    seen = 0
    while True:
        gdb.command(f"set var *(unsigned*){DFSR:#x} = {DFSR_ALL}")
        stop = gdb.run("continue")
        if gdb.value(f"*(unsigned*){DFSR:#x}") & DWT_TRAP == 0:
            break
        assert (stop.signal, stop.function) == ("SIGTRAP", "RecordFault")
        seen += 1
    assert stop.reason == "breakpoint-hit" and seen == halts
    assert gdb.value("fault.count") == 1


@pytest.mark.parametrize("member, ticks", [("byte", 10), ("half", 100)])
def test_watchpoints_by_size(gdb, member, ticks):
    """A watchpoint halts after a store to its own member, and not for its neighbours."""
    run_to(gdb, "main")  # the startup code clears the members
    gdb.command(f"watch watched.{member}")
    for count in (1, 2):
        stop = gdb.run("continue")
        assert (stop.signal, stop.function) == ("SIGTRAP", "SysTickHandler")
        assert (gdb.value(f"watched.{member}"), gdb.value("watched.ticks")) == (count, count * ticks)


def test_a_variable_in_a_register_is_watched_by_stepping(gdb):
    run_to(gdb, "ExerciseFpu")
    gdb.command("watch $s15")
    stop = gdb.run("continue")
    assert stop.reason == "watchpoint-trigger" and stop.function == "ExerciseFpu"


def service_call(gdb):
    """Runs to the next SVC instruction, and returns its address."""
    return run_to(gdb, f"*{instruction(gdb, 'main', 'svc')}").address


def test_step_into_an_svc(gdb):
    svc = service_call(gdb)
    stop = gdb.run("stepi")
    assert (stop.function, exception(gdb)) == ("SvcHandler", SV_CALL)
    assert callers(gdb) == ["SvcHandler", None, "Multiply", "main"]
    run_to(gdb, f"*{svc + 2}")
    assert exception(gdb) == 0


def test_step_over_an_svc(new_gdb):
    """Unless gdb-multiarch is told that the target does not run Linux, it steps with breakpoints on
    the next instructions."""
    gdb = prepare(new_gdb("auto"))
    svc = service_call(gdb)
    calls = gdb.value("watched.service_calls")
    stop = gdb.run("stepi")
    assert (stop.address, exception(gdb), gdb.value("watched.service_calls")) == (svc + 2, 0, calls + 1)


@pytest.mark.parametrize("into", ["off", "on"])
def test_step_with_an_interrupt_pending(gdb, into):
    """By default pyOCD steps with interrupts masked, so the step stays in the foreground program."""
    gdb.monitor(f"set step-into-interrupts {into}")
    stop = run_to(gdb, "ExerciseFpu")
    gdb.command(
        f"set var *(unsigned*){NVIC_ICER:#x} = 0xFFFFFFFF"
    )  # disable peripheral interrupts, because peripherals continue while the core is halted
    gdb.command(f"set var *(unsigned*){ICSR:#x} = {PEND_SYSTICK}")
    ticks = gdb.value("watched.ticks")
    after = gdb.run("stepi")
    if into == "off":
        assert (after.function, exception(gdb)) == ("ExerciseFpu", 0)
        assert 0 < after.address - stop.address <= 4
        assert gdb.value("watched.ticks") == ticks
    else:
        assert (after.function, exception(gdb)) == ("SysTickHandler", SYSTICK)
        assert callers(gdb) == ["SysTickHandler", None, "ExerciseFpu", "main"]
        gdb.monitor("set step-into-interrupts off")
    # In both cases the handler runs when the program continues.
    gdb.command("watch watched.ticks")
    gdb.run("continue")
    assert gdb.value("watched.ticks") == ticks + 1


@pytest.mark.parametrize("command", [COMMAND_FAULT, COMMAND_BUS])
def test_vector_catch_and_backtrace(gdb, command):
    """gdb stops before the handler's first instruction."""
    assert "ON  hard fault" in gdb.monitor("show vector-catch")
    run_to(gdb, "main")
    gdb.command(f"set var command = {command}")
    stop = gdb.run("continue")
    assert (stop.signal, stop.function, exception(gdb)) == ("SIGSEGV", "FaultHandler", HARD_FAULT)
    assert callers(gdb) == ["FaultHandler", None, "ObeyCommand", "PollMailbox", "main"]
    gdb.command("frame 2")
    if command == COMMAND_FAULT:
        assert opcode(gdb, "$pc") == UDF
    assert gdb.value("what") == command


def test_backtrace_in_a_fault_handler(gdb):
    gdb.monitor("set vector-catch none")
    run_to(gdb, "main")
    gdb.command(f"set var command = {COMMAND_BUS}")
    run_to(gdb, "RecordFault")
    assert callers(gdb) == ["RecordFault", "FaultHandler", None, "ObeyCommand", "PollMailbox", "main"]


def test_fpu_registers(gdb):
    """The registers are independent of each other, and `vadd.f32 s2, s0, s1` uses them."""
    for i in range(32):
        gdb.command(f"set var $s{i} = {i}.25")
    gdb.command("maintenance flush register-cache")
    assert [gdb.float(f"$s{i}") for i in range(32)] == [i + 0.25 for i in range(32)]
    assert gdb.value("*(unsigned*)0xE000ED88") == 0, "CPACR: the FPU is off after a reset"
    gdb.command("set var *(unsigned*)0xE000ED88 = 0xF00000")
    gdb.command(f"set var *(unsigned*){SCRATCH:#x} = 0x1A20EE30")  # EE30 1A20: vadd.f32 s2, s0, s1
    gdb.command(f"set var $pc = {SCRATCH:#x}")
    stop = gdb.run("stepi")
    assert stop.address == SCRATCH + 4
    assert gdb.float("$s2") == 1.5


def test_semihosting(gdb, server):
    """pyOCD carries out SYS_WRITE0 for a text in RAM; the program continues after the BKPT, in an endless loop."""
    text = b"Hello from RAM\n"
    for i, octet in enumerate(text + b"\0"):
        gdb.command(f"set var *(char*){SCRATCH + 0x100 + i:#x} = {octet}")
    for i, code in enumerate((0xBEAB, 0xE7FE)):
        gdb.command(f"set var *(unsigned short*){SCRATCH + 2 * i:#x} = {code}")
    gdb.command("set var $r0 = 4")
    gdb.command(f"set var $r1 = {SCRATCH + 0x100:#x}")
    gdb.command(f"set var $pc = {SCRATCH:#x}")
    with socket.create_connection((LOOPBACK, server.console_port), timeout=BOUND) as console:
        received = console.makefile("rb")
        gdb.start("continue")
        # A telnet session may begin with options, each consisting of IAC and two more bytes.
        assert received.readline().endswith(text)
        received.close()
    assert gdb.interrupt().address == SCRATCH + 2


def test_walking_through_the_program(gdb):
    stop = run_to(gdb, "PollRtt")
    caller = gdb.run("finish")
    assert caller.reason == "function-finished" and caller.function == "main" and caller.address != stop.address
    assert gdb.run("next").reason == gdb.run("step").reason == "end-stepping-range"
    assert gdb.run("advance PollRtt").function == "PollRtt"
    assert run_to(gdb, "ExerciseFpu").function == "ExerciseFpu"
    assert gdb.run("until").reason == "end-stepping-range"
    before = gdb.value("counter")
    gdb.command("set var counter = 1000")
    run_to(gdb, "ExerciseFpu")
    assert before < 1000 and gdb.value("counter") == 1001
    assert re.search(r"next_second = 1000", (gdb.command("up"), gdb.command("info locals"))[1])


def test_ctrl_c(gdb):
    gdb.start("continue")
    stop = gdb.interrupt()
    assert stop.reason == "signal-received" and stop.signal in ("SIGINT", "SIGSTOP")
    gdb.start("continue")
    gdb.interrupt()


def expect_counting(lab, control, symbols):
    board = control(lab)

    def counter():
        return board.call("read_word", board=0, address=symbols["counter"])["value"]

    before = counter()
    wait_until(lambda: counter() > before, "the program counts")


def test_detach_lets_the_program_run(gdb, new_gdb, lab, control, symbols):
    run_to(gdb, "main")
    gdb.command("break ExerciseFpu")
    gdb.run("continue")
    gdb.command("detach")
    expect_counting(lab, control, symbols)
    again = new_gdb()
    assert again.value("counter") > 0


@pytest.mark.parametrize("running", [True, False])
def test_gdb_is_killed_and_another_attaches(gdb, new_gdb, server, lab, control, symbols, running):
    """gdb is killed while breakpoints are set, so it cannot remove them."""
    run_to(gdb, "main")
    gdb.command("set breakpoint always-inserted on")
    gdb.command("break RecordFault")
    gdb.command("watch fault.count")
    if running:
        gdb.start("continue")
    gdb.kill()
    again = new_gdb()
    assert again.value("$pc") != 0
    again.start("continue")
    expect_counting(lab, control, symbols)
    again.interrupt()
    assert run_to(again, "SysTickHandler").function == "SysTickHandler"
    server.kill()


def test_documented_commands(server, firmware, tmp_path):
    """Runs the documented commands in order; gdb exits with an error code if one of them fails."""
    script = tmp_path / "documented.gdb"
    script.write_text(
        docs.code_block((ROOT / "docs/simulator.md").read_text(), "gdb").replace(
            "127.0.0.1:3333", f"{LOOPBACK}:{server.port}"
        )
    )
    result = subprocess.run(
        [GDB, "--quiet", "--nx", "--batch", "-x", str(script), str(firmware)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * BOUND,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    shown = iter(result.stdout.splitlines())
    for expected in (
        r"Temporary breakpoint 1, main \(\)",
        "received signal SIGTRAP",
        r"\$1 = .*ticks = 10,.*byte = 1 ",
        "received signal SIGSEGV",
        "#0  FaultHandler",
        "<signal handler called>",
        r"#2 .*ObeyCommand \(what=2\)",
        r"#\d .* main \(\)",
        "detached",
    ):
        assert any(re.search(expected, line) for line in shown), f"{expected}\n{result.stdout}{result.stderr}"


def test_a_commander_reads_while_gdb_steps(gdb, lab, pyocd, symbols):
    """Each client sees what it would see alone: gdb sees the next instruction, and the commander sees `counter`
    increase.

    The commander connects first, because pyOCD disables the breakpoint unit when it connects, and another pyOCD that is
    already connected does not notice."""
    read = f"read32 {symbols['counter']:#x}"
    with pyocd.interactive(lab.uid, "--target", "nrf52840", "--connect", "attach") as commander:
        commander.type(read)
        commander.wait_for(words_printed)
        reset(gdb)
        run_to(gdb, "main")
        for _ in range(4):
            run_to(gdb, "PollRtt")
            for _ in range(5):
                commander.type(read)
                before = gdb.value("$pc")
                assert gdb.run("stepi").address == gdb.value("$pc") != before
        found = commander.wait_for(lambda text: len(words_printed(text)) == 21 and words_printed(text)[1:])
        assert found == sorted(found) and found[-1] <= gdb.value("counter") == 4
        commander.type("exit")
        assert commander.wait() == 0
