"""One gateway with many servers: what happens to one server does not affect the users of the others."""

import urllib.request

from fleet import NAME, Fleet, Load, address_of
from metrics import scrape, wait_for
from raw_client import DISCONNECTED, DPIDR, RAM
from stack import LOOPBACK, free_port, wait_until

SERVERS, BOARDS = 10, 10
# The gateway looks a name up every 10 s.
LOOK_UP = 60.0


def word_of(number, board):
    return 0xFA000000 | number << 8 | board


def attach_all(fleet):
    """Attaches a client to every board, and writes a different word to each board's RAM."""
    clients = [fleet.clients(number) for number in range(SERVERS)]
    for number, of_server in enumerate(clients):
        for board, client in enumerate(of_server):
            client.write_word(RAM, word_of(number, board))
    return clients


def close_all(clients):
    for of_server in clients:
        for client in of_server:
            client.close()


def expect_own_boards(number, clients):
    """Checks that each client's port still serves the same board."""
    for board, client in enumerate(clients):
        client.call("connect", "SWD")
        client.wake()
        assert client.read_word(RAM) == word_of(number, board)


def test_a_server_moves_and_the_other_ninety_boards_are_not_affected(programs, workers):
    fleet = Fleet(programs, SERVERS, BOARDS)
    assert sorted(fleet.ports.values()) == list(range(fleet.first_gateway_port, fleet.first_gateway_port + 100))
    clients = attach_all(fleet)
    moving = 4
    loads = [
        Load(clients[number], [word_of(number, board) for board in range(BOARDS)])
        for number in range(SERVERS)
        if number != moving
    ]
    for load in loads:
        load.start()
    try:
        fleet.servers[moving].kill()
        for client in clients[moving]:
            wait_until(
                lambda c=client: c.status("read_dp", DPIDR) == DISCONNECTED, "its clients get status DISCONNECTED"
            )
        url = fleet.gateway.metrics_url()
        server = f"{NAME}:{fleet.port}"

        def up(shown, number):
            return shown.value(
                "probegate_gateway_server_up", server=server, address=f"{address_of(number)}:{fleet.port}"
            )

        shown = wait_for(url, lambda shown: up(shown, moving) == 0, "the metric shows the lost server")
        assert [up(shown, number) for number in range(SERVERS) if number != moving] == [1] * 9
        with urllib.request.urlopen(url.replace("/metrics", "/readyz"), timeout=10) as ready:
            assert ready.status == 200

        spare = SERVERS
        fleet.start_server(moving, address_of(spare))
        fleet.move(moving, address_of(spare))
        for client in clients[moving]:
            wait_until(
                lambda c=client: c.status("open") == 0, "its probes are served from the new address", bound=LOOK_UP
            )
        expect_own_boards(moving, clients[moving])
        shown = scrape(url)
        assert up(shown, spare) == 1
        assert f"{address_of(moving)}:{fleet.port}" not in shown.by_label("probegate_gateway_server_up", "address")
        (worker,) = workers(1)
        worker.attach(f"remote:{LOOPBACK}:{fleet.ports[fleet.serials[moving][0]]}")
        assert worker.target("read32", RAM) == word_of(moving, 0)
        before = [load.rounds for load in loads]
        wait_until(
            lambda: (
                all(load.rounds > rounds for load, rounds in zip(loads, before)) or any(load.problems for load in loads)
            ),
            "the clients of the other servers continue",
        )
    finally:
        for load in loads:
            load.stop()
    assert [load.problems for load in loads] == [[]] * 9
    close_all(clients)


def test_a_probe_on_two_servers_stays_with_the_first(make_stack, programs, raw):
    """Both servers are configured by address. The second one has a board with the same serial number as the first
    server's board, and another board."""
    stack = make_stack(start_gateway=False)
    second_address = f"{LOOPBACK}:{free_port()}"
    gateway = stack.start_another_gateway("probegate-gateway", free_port(2), stack.state, "--server", second_address)
    port = int(gateway.wait_for_line(rf"Serving debug probe .*\({stack.serial}\) on port (\d+)")[1])
    client = raw(port).attach()
    client.write_word(RAM, 0x11111111)

    boards = []
    for label, flags in (("twin", []), ("other", ["--serial-prefix", "OTHER"])):
        sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:0", *flags, label=label)
        boards += ["--cmsis-dap-tcp", sim.wait_for_line(r"listening on (\S+)")[1]]
    programs.start(
        "probegate-server", "--listen", second_address, "--no-usb", "--metrics-listen", "none", *boards, label="second"
    )
    gateway.wait_for_line(r"Serving debug probe .*\(OTHER\S*\) on port \d+")
    gateway.wait_for_line(
        rf"debug probe {stack.serial} is on two servers: the one at {stack.server_address} is kept, "
        rf"the one at {second_address} is not served"
    )
    # The old client and a new one are both on the first server's board.
    assert client.read_word(RAM) == 0x11111111
    assert raw(port).attach().read_word(RAM) == 0x11111111

    # When the first server is gone, the second server's board is used.
    stack.server.kill()
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    wait_until(lambda: client.status("open") == 0, "the second server's board is served")
    client.call("connect", "SWD")
    client.wake()
    assert client.read_word(RAM) != 0x11111111
