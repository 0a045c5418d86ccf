"""Clients that attach with raw sequences, in requests of their own and without a lock, at the same time."""

import threading

from raw_client import RawClient

ROUNDS = 60
ONES = (1 << 51) - 1
ALERT = 0x19BC0EA2E3DDAFE986852D956209F392
ATTACH = [(51, ONES), (16, 0xE79E), (51, ONES), (8, 0)]
# To dormant state and back: the selection alert, four low clocks, the activation code for SWD, a line reset.
SLEEP_AND_WAKE = [
    (51, ONES),
    (16, 0xE3BC),
    (8, 0xFF),
    (128, ALERT),
    (4, 0),
    (8, 0x1A),
    (51, ONES),
    (8, 0),
]


def attach(port, sequences, answers, rounds=ROUNDS):
    for _ in range(rounds):
        with RawClient(port) as client:
            client.call("open")
            client.call("connect", "SWD")
            for sequence in sequences:
                client.call("swj_sequence", *sequence)
            answers.append(client.call("read_dp", 0))
            answers.append(client.call("read_dp", 0))


def test_clients_that_attach_at_the_same_time(make_stack):
    stack = make_stack()
    # A chip begins with JTAG, and the way to dormant state is another one there.
    attach(stack.port, ATTACH, [], rounds=1)
    answers = [[], [], []]
    threads = [
        threading.Thread(target=attach, args=(stack.port, sequences, own))
        for sequences, own in zip((ATTACH, ATTACH, SLEEP_AND_WAKE), answers, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in answers:
        assert len(own) == 2 * ROUNDS
        assert set(own) == {0x2BA01477}
