"""pyOCD debugs a running program: the test firmware on a simulated board, through server and gateway."""

import pytest
from pyocd.core.target import Target
from stack import wait_until

IPSR = 0x1FF
HARD_FAULT, SYS_TICK = 3, 15
SVC_OPCODE = 0xDF
DFSR, DWT_TRAP, VECTOR_CATCH = 0xE000ED30, 1 << 2, 1 << 3
DWT_COMP0, ON_WRITE = (0xE0001020, 0xE0001024, 0xE0001028), 6  # with MASK0 and FUNCTION0
UDF = 0xDE00
COMMAND_FAULT = 1  # watched.h


@pytest.fixture
def board(make_stack, workers, firmware):
    """pyOCD, attached to a board that it has reset and halted."""
    stack = make_stack(sim_flags=["--flash", firmware])
    [worker] = workers(1)
    worker.call("attach", stack.uid)
    worker.target("reset_and_halt")
    return worker


def wait_for_halt(board):
    wait_until(lambda: board.target("is_halted"), "the core halts")


def run_until_halted(board):
    board.target("resume")
    wait_for_halt(board)


def register(board, name):
    return board.target("read_core_register", name)


def start_command(board, symbols, command):
    """Gives the program a command, after its startup code has cleared the variable."""
    board.target("resume")
    wait_until(lambda: 0 < board.target("read32", symbols["counter"]) < 1 << 30, "the program counts")
    board.target("write32", symbols["command"], command)


def test_breakpoint_in_a_handler(board, symbols):
    handler = symbols["SysTickHandler"] & ~1
    board.target("set_breakpoint", handler)
    run_until_halted(board)
    assert (register(board, "pc"), register(board, "xpsr") & IPSR) == (handler, SYS_TICK)


def test_memory_is_written_while_the_program_runs(board, symbols):
    function = symbols["ObeyCommand"] & ~1
    board.target("set_breakpoint", function)
    start_command(board, symbols, COMMAND_FAULT)
    wait_for_halt(board)
    assert (register(board, "pc"), register(board, "r0")) == (function, COMMAND_FAULT)


def test_step_over_an_svc_enters_its_handler_and_comes_back(board, symbols):
    board.target("set_breakpoint", symbols["SvcHandler"] & ~1)
    run_until_halted(board)
    board.target("remove_breakpoint", symbols["SvcHandler"] & ~1)
    after_svc = board.target("read32", register(board, "psp") + 24)
    assert board.target("read8", after_svc - 1) == SVC_OPCODE
    for _ in range(100):
        board.target("step")
        if register(board, "xpsr") & IPSR == 0:
            break
    assert register(board, "pc") == after_svc


def test_watchpoint_halts_after_the_store(board, symbols):
    for register_and_value in zip(DWT_COMP0, (symbols["counter"], 2, ON_WRITE)):
        board.target("write32", *register_and_value)
    board.target("write32", DFSR, 0x1F)
    run_until_halted(board)
    assert board.target("read32", DFSR) == DWT_TRAP
    first = board.target("read32", symbols["counter"])
    run_until_halted(board)
    assert board.target("read32", symbols["counter"]) == first + 1


def test_vector_catch_shows_where_a_fault_was(board, symbols):
    board.target("set_vector_catch", int(Target.VectorCatch.HARD_FAULT))
    start_command(board, symbols, COMMAND_FAULT)
    wait_for_halt(board)
    assert board.target("read32", DFSR) & VECTOR_CATCH
    assert register(board, "xpsr") & IPSR == HARD_FAULT
    assert board.target("read16", board.target("read32", register(board, "psp") + 24)) == UDF


def test_program_continues_after_the_debugger_detaches(make_stack, workers, control, firmware, symbols):
    stack = make_stack(sim_flags=["--flash", firmware])
    [worker] = workers(1)
    worker.call("attach", stack.uid)
    worker.target("halt")
    worker.target("resume")
    worker.call("detach")
    sim = control(stack)

    def counter():
        return sim.call("read_word", board=0, address=symbols["counter"])["value"]

    before = counter()
    wait_until(lambda: counter() > before, "the program counts")
