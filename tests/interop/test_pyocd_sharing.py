"""Several real pyOCDs on one probe at once. With pyOCD's own server most of these tests fail."""

from raw_client import FAULTING, RAM

WORDS = [0x10000000 + 0x01010101 * i for i in range(16)]
BYTES = [(0x5A + 7 * i) & 0xFF for i in range(16)]


def attach_all(workers, stack):
    for worker in workers:
        worker.start("attach", uid=stack.uid)
    for worker in workers:
        worker.finish()


def detach_all(workers):
    for worker in workers:
        worker.detach()


def test_one_reads_words_and_one_reads_bytes(stack, workers):
    """Two clients make 2,000 reads each with different widths, which would fail if they shared CSW and TAR."""
    words, octets = both = workers(2)
    attach_all(both, stack)
    words.target("write_memory_block32", RAM, WORDS)
    octets.target("write_memory_block8", RAM + 0x100, BYTES)
    words.start("read_expecting", "read32", RAM, WORDS, 2000)
    octets.start("read_expecting", "read8", RAM + 0x100, BYTES, 2000)
    assert words.finish(120) == 0
    assert octets.finish(120) == 0
    detach_all(both)


def test_first_to_attach_leaves_first(stack, workers):
    a, b = workers(2)
    a.attach(stack.uid)
    b.attach(stack.uid)
    a.target("write_memory_block32", RAM, WORDS)
    a.detach()
    assert b.call("read_expecting", "read32", RAM, WORDS, 64) == 0
    b.detach()


def test_last_to_attach_leaves_first(stack, workers):
    a, b = workers(2)
    a.attach(stack.uid)
    b.attach(stack.uid)
    b.target("write_memory_block32", RAM, WORDS)
    b.detach()
    assert a.call("read_expecting", "read32", RAM, WORDS, 64) == 0
    a.detach()


def test_reading_while_others_attach_and_detach(stack, workers):
    reader, *others = workers(3)
    reader.attach(stack.uid)
    reader.target("write_memory_block32", RAM, WORDS)
    reader.start("read_until_stopped", RAM, WORDS)
    for other in others:
        other.start("attach_and_detach", stack.uid, 5)
    for other in others:
        other.finish(120)
    result = reader.stop()
    assert result["wrong"] == 0
    assert result["count"] > 0
    reader.detach()


def test_faults_of_one_client_do_not_affect_another(stack, workers):
    faulty, reader = both = workers(2)
    attach_all(both, stack)
    reader.target("write_memory_block32", RAM, WORDS)
    faulty.start("write_faulting_until_stopped", FAULTING)
    wrong = reader.call("read_expecting", "read32", RAM, WORDS, 10_000, bound=240)
    result = faulty.stop()
    assert wrong == 0
    assert result["faults"] == result["count"] > 0
    detach_all(both)


def test_a_reset_by_one_leaves_the_other_usable(stack, workers):
    a, b = both = workers(2)
    attach_all(both, stack)
    a.target("write_memory_block32", RAM, WORDS)
    b.probe("reset")
    assert a.call("read_expecting", "read32", RAM, WORDS, 16) == 0
    assert b.call("read_expecting", "read32", RAM, WORDS, 16) == 0
    detach_all(both)


def test_killed_holding_the_lock(make_stack, workers):
    # The limits are so high that the lock is not broken because its holder is idle.
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    holder, other = both = workers(2)
    attach_all(both, stack)
    other.target("write_memory_block32", RAM, WORDS)
    holder.probe("lock")
    other.start("read_expecting", "read32", RAM, WORDS, 16)
    holder.kill()
    assert other.finish() == 0
    other.detach()
