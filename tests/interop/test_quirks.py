"""The unmodified pyOCD on probes and targets that behave as some in the field do: attach in every mode, read, write, every
kind of reset, and flash. The simulator's table of quirks is also what --help and the documentation list."""

import random
import re

import pytest
from pyocd_client import PyocdError
from raw_client import RAM as FIRMWARE_RAM
from sim_control import BY_PIN, BY_SOFTWARE, RESETREAS, BoardMemory

import docs

pytestmark = pytest.mark.long

NRF52840 = {"target_override": "nrf52840"}
PAGE = 0x1000
RAM = FIRMWARE_RAM + 0x4000  # above the memory of the firmware, which goes on running
RANDOM = random.Random(1)
WORDS = [RANDOM.getrandbits(32) for _ in range(600)]  # three packets, in flight together
RESETS = {"DEFAULT": BY_SOFTWARE, "NSRST": BY_PIN, "SYSRESETREQ": BY_SOFTWARE, "VECTRESET": 0, "EMULATED": 0}
MODES = {"halt": 0, "attach": 0, "pre-reset": BY_PIN, "under-reset": BY_PIN}

# Quirks that pyOCD's users must not notice. Those of one board have nothing to do with each other.
BOARDS = {
    "none": [],
    "nRESET reads 0": ["nreset-reads=0", "version=1.10"],
    "nRESET reads 1": ["nreset-reads=1", "version=03.25.01B6"],
    "nRESET is not driven": ["nreset-not-driven", "version="],
    "nRESET is not driven and reads 0": ["nreset-not-driven", "nreset-reads=0"],
    "no packet count": ["info=0xFE:", "info-unknown=9"],
    "packet count 0": ["packet-count=0", "info-unknown=1"],
    "one packet, and says so": ["packet-count=1", "packet-buffers=1"],
    "small packets": ["packet-size=64"],
    "no packet size": ["info=0xFF:", "info=1:4dfc6c"],
    "commands are unknown": [
        *(f"refuse={name}" for name in ("HostStatus", "Delay", "ResetTarget", "SWD_Configure", "TransferConfigure"))
    ],
    "commands fail": [
        *(f"fail={name}" for name in ("HostStatus", "Delay", "ResetTarget", "SWD_Configure", "TransferConfigure"))
    ],
    "no raw sequences": ["refuse=SWD_Sequence", "version=7a0d7c4-modified"],
    "slow clock only": ["clock=1000-500000"],
    "power takes its time": ["power-ack-delay=200"],
    "no system power": ["no-system-power"],
    "privileged memory": ["csw=privileged"],
    "secure memory": ["csw=secure"],
}
# Tested on their own, below.
OTHERS = {"powered-by-target", "stale-reply", "repeat-reply"}


def flags(quirks):
    return [flag for quirk in quirks for flag in ("--quirk", quirk)]


def clear_reset_reason(board):
    board.write(RESETREAS, 0xFFFFFFFF)
    assert board.read(RESETREAS) == 0


@pytest.mark.parametrize("quirks", BOARDS.values(), ids=BOARDS.keys())
def test_pyocd_notices_nothing(make_stack, workers, control, tmp_path, quirks):
    stack = make_stack(sim_flags=["--flash-speed", 1000, *flags(quirks)])
    board = BoardMemory(control(stack))
    by_pin = 0 if "nreset-not-driven" in quirks else BY_PIN
    (pyocd,) = workers(1)
    for mode, reason in MODES.items():
        clear_reset_reason(board)
        pyocd.attach(stack.uid, connect_mode=mode, **NRF52840)
        assert board.read(RESETREAS) == reason & by_pin, mode
        pyocd.target("write_memory_block32", RAM, WORDS)
        assert pyocd.target("read_memory_block32", RAM, len(WORDS)) == WORDS
        pyocd.detach()
    pyocd.attach(stack.uid, **NRF52840)
    for method, reason in RESETS.items():
        clear_reset_reason(board)
        pyocd.call("reset", method)
        assert board.read(RESETREAS) == reason & (by_pin | BY_SOFTWARE), method
    image = random.Random(2).randbytes(2 * PAGE)
    (tmp_path / "image.bin").write_bytes(image)
    pyocd.call("flash", str(tmp_path / "image.bin"))
    assert bytes(pyocd.target("read_memory_block8", 0, len(image))) == image
    pyocd.detach()


@pytest.mark.parametrize("quirks", [[], ["nreset-reads=0"], ["nreset-reads=1"]], ids=str)
def test_commands_reset_by_the_pin(make_stack, pyocd, control, quirks):
    """Without connecting first, as pyOCD does for these."""
    stack = make_stack(sim_flags=flags(quirks))
    board = BoardMemory(control(stack))
    for command in (
        ("reset", "-m", "hw"),
        ("commander", "-M", "under-reset", "-c", "status"),
        ("commander", "-M", "pre-reset", "-c", "status"),
    ):
        clear_reset_reason(board)
        pyocd.run(command[0], stack.uid, *command[1:])
        assert board.read(RESETREAS) == BY_PIN, command


def test_a_count_of_packets_that_is_a_lie_fails_once_at_most(make_stack, workers):
    """The server learns it from the first block that is lost."""
    stack = make_stack(sim_flags=flags(["packet-buffers=1"]))
    (pyocd,) = workers(1)
    failed = 0
    for _ in range(3):
        pyocd.attach(stack.uid)
        try:
            pyocd.target("write_memory_block32", RAM, WORDS)
            assert pyocd.target("read_memory_block32", RAM, len(WORDS)) == WORDS
        except PyocdError:
            failed += 1
        pyocd.detach()
    assert failed <= 1


@pytest.mark.parametrize("fault", ["stale_reply", "repeat_reply"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_reply_too_many_fails_once_at_most(stack, workers, control, fault, at):
    """No answer is ever taken for that to another request, and nothing has to be started again."""
    (pyocd,) = workers(1)
    pyocd.attach(stack.uid)
    pyocd.target("write_memory_block32", RAM, WORDS)
    # Waits until the write, which was answered at once, has been carried out.
    assert pyocd.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    control(stack).call("inject", board=0, fault=fault, at=at)
    failed = 0
    for i in range(20):
        try:
            assert pyocd.target("read32", RAM + 4 * i) == WORDS[i]
            assert pyocd.target("read_memory_block32", RAM, 300) == WORDS[:300]
        except PyocdError:
            failed += 1
    assert failed <= 1
    pyocd.detach()
    pyocd.attach(stack.uid)
    assert pyocd.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    pyocd.detach()


@pytest.mark.parametrize("quirks", [[], ["powered-by-target"]], ids=str)
def test_pyocd_attaches_again_after_a_power_cycle(make_stack, workers, control, quirks):
    stack = make_stack(sim_flags=flags(quirks))
    before, after = workers(2)
    before.attach(stack.uid)
    before.target("write_memory_block32", RAM, WORDS)
    control(stack).call("power_cycle", board=0)
    if quirks:
        stack.server.wait_for_line(rf"(?s)probe\.gone probe={stack.serial} .*probe\.connected probe={stack.serial} ")
    after.attach(stack.uid)
    assert after.target("read_memory_block32", RAM, len(WORDS)) != WORDS
    after.target("write_memory_block32", RAM, WORDS)
    assert after.target("read_memory_block32", RAM, len(WORDS)) == WORDS
    after.detach()


@pytest.fixture
def simulated_quirks(stack, control):
    return control(stack).call("quirks", board=0)["quirks"]


def test_every_quirk_is_tested(simulated_quirks):
    tested = {quirk.partition("=")[0] for quirks in BOARDS.values() for quirk in quirks} | OTHERS
    assert tested == {row["quirk"] for row in simulated_quirks}


def form(row):
    return row["quirk"] + ("=" + row["value"] if row["value"] else "")


def test_documentation_and_help_list_every_quirk(simulated_quirks, programs):
    page = (docs.DOCS / "simulator.md").read_text()
    section = re.search(r"^## Quirks\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)[1]
    expected = [[form(row), row["effect"], row["seen_in"]] for row in simulated_quirks]
    assert list(docs.table_rows(section)) == expected
    help_text = programs.run("probegate-sim", "--help").stdout
    listed = re.search(r"^Quirks.*?:\n(.*)", help_text, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert [line.split(maxsplit=1) for line in listed if line.strip()] == [
        [form(row), row["effect"].replace("`", "")] for row in simulated_quirks
    ]


def test_a_wrong_quirk_is_refused_with_a_reason(programs):
    for quirk, reason in (("nope", "unknown quirk 'nope'"), ("packet-count=300", "from 0 to 255, not '300'")):
        result = programs.run("probegate-sim", "--quirk", quirk)
        assert result.returncode == 2 and reason in result.stderr, result.stderr
