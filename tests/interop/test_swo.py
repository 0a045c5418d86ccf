"""SWO from a simulated board to unmodified pyOCD, to plain JSON clients and to gRPC clients."""

import pytest
import swo
from grpc_client import CommandError, StreamSession, UnarySession
from raw_client import DISCONNECTED, PROBE_ERROR, RemoteError
from stack import wait_until
from swo import gdbserver, reader, wait_for_seconds


@pytest.fixture
def talking(make_stack, bin_directory):
    """A stack whose board runs the test firmware, which sends `second N` on stimulus port 0 once per second."""
    return make_stack(sim_flags=["--flash", bin_directory.parent / "firmware" / "firmware.elf"])


@pytest.fixture
def attached(raw):
    """Attaches clients to a stack's first board."""
    return lambda stack, count=1: [raw(stack.port).attach() for _ in range(count)]


def grpc_reader(session):
    return swo.Reader(lambda: session.command("SwoRead").data)


def test_pyocd_prints_the_firmwares_output(talking, tmp_path):
    with gdbserver(talking.uid, tmp_path / "gdbserver.log") as printed:
        wait_for_seconds(printed)
    assert "Exception" not in printed()


def test_all_subscribers_receive_everything(talking, tmp_path, raw, api, control):
    with gdbserver(talking.uid, tmp_path / "one.log") as one, gdbserver(talking.uid, tmp_path / "two.log") as two:
        wait_for_seconds(one, 1)
        wait_for_seconds(two, 1)
        client = raw(talking.port)
        client.call("hello", 1)
        client.call("open")
        client.call("swo_start", swo.BAUD)
        session = StreamSession(api, talking.server_address, talking.serial)
        session.command("Open")
        session.command("SwoStart", baudrate=swo.BAUD)
        for read in (one, two, reader(client).text, grpc_reader(session).text):
            wait_for_seconds(read)
        session.close()
    # Both pyOCDs have ended, which turns the ITM off. That must not end the other client's subscription.
    swo.Target.of_board(control(talking)).send([0xABCD], port=7)
    listener = reader(client)
    wait_until(lambda: swo.packet(0xABCD, port=7) in listener.more(), "the remaining client still receives data")


def test_pyocd_gets_an_error_if_another_client_uses_another_rate(talking, tmp_path, raw):
    client = raw(talking.port)
    client.call("hello", 1)
    client.call("open")
    client.call("swo_start", 2 * swo.BAUD)
    with gdbserver(talking.uid, tmp_path / "gdbserver.log") as printed:
        wait_until(lambda: "captures it at 2000000 for" in printed(), "pyOCD gets the error")
        assert "ProbeError" in printed()


def test_raw_client(make_stack, attached, control):
    stack = make_stack()
    client, other = attached(stack, 2)
    assert client.call("has_swo") is True
    assert "SWO" in client.call("readprop", "capabilities")
    assert client.call("swo_stop") is None  # pyOCD begins with this
    assert client.call("swo_read") == []
    assert client.status("swo_start", 0) != 0
    client.call("swo_start", swo.BAUD)
    with pytest.raises(RemoteError, match="1000000 for") as refused:
        other.call("swo_start", 115200)
    assert refused.value.status == PROBE_ERROR

    target = swo.Target(client.read_word, client.write_word)
    words = list(range(100, 120))
    for word in words:  # the target is controlled through the same debug port
        target.send([word])
    sent = b"".join(swo.packet(w) for w in words)
    reader(client).wait_for(sent)
    assert client.call("swo_read") == []

    other.call("swo_start", swo.BAUD)
    target.send([1])
    reader(other).wait_for(swo.packet(1))
    client.call("swo_stop")
    assert client.call("swo_read") == []
    client.call("swo_stop")
    target.send([2])
    reader(other).wait_for(swo.packet(2))
    other.call("swo_stop")
    client.call("swo_start", 2 * swo.BAUD)  # no other client is subscribed any more
    swo.Target.of_board(control(stack), baud=2 * swo.BAUD).send([3])
    reader(client).wait_for(swo.packet(3))


@pytest.mark.parametrize("sort", [UnarySession, StreamSession])
def test_grpc_client(make_stack, api, control, sort):
    stack = make_stack()
    first, second = (sort(api, stack.server_address, stack.serial) for _ in range(2))
    for session in (first, second):
        assert session.command("HasSwo").has_swo
        session.command("Open")
        session.command("SwoStart", baudrate=swo.BAUD)
    with pytest.raises(CommandError) as refused:
        second.command("SwoStart", baudrate=2 * swo.BAUD)
    assert refused.value.detail.kind == api.ERROR_KIND_BUSY
    target = swo.Target.of_board(control(stack))
    target.send([0xCAFE, 0xF00D])
    for session in (first, second):
        grpc_reader(session).wait_for(swo.packet(0xCAFE) + swo.packet(0xF00D))
    first.command("Close")
    target.send([5])
    grpc_reader(second).wait_for(swo.packet(5))
    first.close()
    second.close()


def test_the_wrong_rate_is_reported(make_stack, api, control):
    stack = make_stack()
    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")
    session.command("SwoStart", baudrate=swo.BAUD // 4)
    swo.Target.of_board(control(stack)).send([0, 0, 0])
    wait_until(lambda: session.command("SwoRead").garbled, "the session is told that data is garbled")
    session.close()


def test_subscription_ends_when_its_client_is_killed(make_stack, attached, control):
    stack = make_stack()
    victim, other = attached(stack, 2)
    victim.call("swo_start", swo.BAUD)
    assert other.status("swo_start", 115200) == PROBE_ERROR
    victim.abort()
    wait_until(lambda: other.status("swo_start", 2 * swo.BAUD) == 0, "the rate is free")
    swo.Target.of_board(control(stack), baud=2 * swo.BAUD).send([7])
    reader(other).wait_for(swo.packet(7))


def test_a_probe_that_is_unplugged_and_plugged_in(make_stack, attached, control):
    stack = make_stack()
    [client] = attached(stack, 1)
    client.call("swo_start", swo.BAUD)
    sim = control(stack)
    sim.unplug(0)
    wait_until(lambda: client.status("swo_read") == DISCONNECTED, "the client gets status DISCONNECTED")
    sim.plug(0)
    assert client.status("swo_read") == DISCONNECTED
    wait_until(lambda: client.status("open") == 0, "the probe is back")
    assert client.call("swo_read") == []
    client.call("swo_start", swo.BAUD)
    swo.Target.of_board(sim).send([9])
    reader(client).wait_for(swo.packet(9))


def test_more_data_than_is_read(make_stack, attached, api, control):
    """8 Mbaud without a pause: a client that does not read loses the oldest data and is told; other
    clients do not wait."""
    stack = make_stack()
    [client] = attached(stack, 1)
    session = StreamSession(api, stack.server_address, stack.serial)
    session.command("Open")
    session.command("SwoStart", baudrate=8_000_000)
    client.call("swo_start", 8_000_000)
    swo.Target.of_board(control(stack), baud=8_000_000).send_for_ever()
    # The other subscriber gets as much as this one, and keeps 1 MiB.
    got = 0
    while got < (1 << 20) + 4096:
        got += len(client.call("swo_read"))
    assert client.read_word(swo.DEMCR) & 1 << 24
    answer = session.command("SwoRead")
    assert answer.data_lost and (1 << 20) - 2048 < len(answer.data) <= 1 << 20
    session.close()
    client.call("swo_stop")
    assert client.read_word(swo.DEMCR) & 1 << 24
