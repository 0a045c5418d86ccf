"""The state of a board whose simulator is killed: the file always has the flash of one moment,
never a mixture of two."""

import struct
import threading
import time

import pytest
from dap_client import DapClient
from stack import BOUND, LOOPBACK

pytestmark = pytest.mark.long

FLASH_SIZE = 0x100000
STATE_SIZE = FLASH_SIZE + 0x1000
NVMC_CONFIG, NVMC_ERASEPAGE = 0x4001E504, 0x4001E508
FIRST_PAGE, PAGES, PAGE_SIZE = 0x40000, 32, 0x1000
WORDS = PAGE_SIZE // 4
ERASED = 0xFFFFFFFF
KILLS = 6


def program_for_ever(port, generation):
    """Programs the same pages repeatedly, in order, with a new number each time, until the board is gone."""
    try:
        probe = DapClient(port)
        probe.attach()
        while True:
            generation += 1
            for page in range(PAGES):
                address = FIRST_PAGE + page * PAGE_SIZE
                probe.write(NVMC_CONFIG, 2)
                probe.write(NVMC_ERASEPAGE, address)
                probe.write(NVMC_CONFIG, 1)
                probe.write(address, *[generation] * WORDS)
    except OSError:
        pass
    except EOFError:
        pass


def spin_until(condition, what):
    """Like wait_until but without pauses, because the condition holds only for a moment."""
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline, what


def words_of(contents):
    return struct.unpack_from(f"<{PAGES * WORDS}I", contents, FIRST_PAGE)


def generation_in(contents, before):
    """The number that was being programmed at the moment the file shows.

    Everything before one word has that number. What follows is erased up to the end of that word's page, and from there
    on as it was: of the previous number or, if the simulator was killed in its first round, what `before`, the file
    that it started from, has there.
    """
    words = words_of(contents)
    newest = words[0]
    if newest == ERASED:  # the first page is about to be programmed
        newest = max((word for word in words if word != ERASED), default=0) + 1
    done = next((i for i, word in enumerate(words) if word != newest), len(words))
    end_of_page = -(-done // WORDS) * WORDS
    if end_of_page < len(words) and words[end_of_page] == ERASED and done == end_of_page:
        end_of_page += WORDS
    assert set(words[done:end_of_page]) <= {ERASED}, "a mixture of two states"
    rest = words[end_of_page:]
    as_before = bool(before) and rest == words_of(before)[end_of_page:]
    assert as_before or set(rest) in ({newest - 1}, {ERASED}, set()), "a mixture of two states"
    return newest


@pytest.mark.parametrize("moment", ["while it writes the file", "once it has written it"])
def test_a_killed_simulator_leaves_one_consistent_state(programs, tmp_path, moment):
    generation = 0
    blank = tmp_path / "blank.bin"
    blank.write_bytes(b"\xff" * FLASH_SIZE)
    for _ in range(KILLS):
        for left_behind in tmp_path.glob("state/*.new"):
            left_behind.unlink()
        sim = programs.start(
            "probegate-sim", "--listen", f"{LOOPBACK}:0", "--state", tmp_path / "state", "--flash", blank
        )
        serial, port = sim.wait_for_line(rf"board 0 \((\w+)\) listening on {LOOPBACK}:(\d+)").groups()
        kept = tmp_path / "state" / f"{serial}.flash"
        before = kept.read_bytes() if kept.exists() else b""
        client = threading.Thread(target=program_for_ever, args=(int(port), generation))
        client.start()
        try:
            if moment == "while it writes the file":
                spin_until(kept.exists, "the file exists, so that the next save replaces it")
                being_written = kept.with_name(kept.name + ".new")
                spin_until(being_written.exists, "the file is being written")
            else:
                spin_until(lambda: kept.exists() and kept.read_bytes() != before, "the file has been written")
        finally:
            sim.kill()
            client.join()
        contents = kept.read_bytes()
        assert len(contents) == STATE_SIZE
        assert contents[:FIRST_PAGE].strip(b"\xff") == b""
        assert generation_in(contents, before) >= generation
        generation = generation_in(contents, before)
    # The next simulator starts with this state.
    sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:0", "--state", tmp_path / "state")
    probe = DapClient(int(sim.wait_for_line(rf"listening on {LOOPBACK}:(\d+)")[1]))
    probe.attach()
    for page in range(PAGES):
        address = FIRST_PAGE + page * PAGE_SIZE
        assert struct.pack("<I", probe.read(address)) == contents[address : address + 4]
    probe.close()
    assert generation > 0
