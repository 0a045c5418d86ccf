"""Gauges show the current state: a stack goes through its states, and every gauge in the golden lists is checked."""

import math

from metrics import golden, scrape, wait_for
from raw_client import DISCONNECTED, DPIDR
from stack import wait_until

NEVER_BROKEN = ["--lock-idle", 3600, "--lock-max", 3600]
EVERYTHING = 'rules: [{who: {local: "*"}, may: [view, use, gateway]}]'


class Watched:
    """Checks a stack's gauges, and records which of them were checked."""

    def __init__(self, stack):
        self._stack = stack
        self._urls = {program: getattr(stack, program).metrics_url() for program in ("server", "gateway")}
        self._seen = {"server": set(), "gateway": set()}

    def expect(self, program, **wanted):
        """Waits until each gauge has its value. Names are without their prefix; `__` separates a
        value of the label `state`."""
        prefix = {"server": "probegate_", "gateway": "probegate_gateway_"}[program]
        names = {name: (prefix + name.partition("__")[0], name.partition("__")[2]) for name in wanted}

        def all_are(shown):
            return all(
                shown.value(gauge, **({"state": state} if state else {})) == wanted[name]
                for name, (gauge, state) in names.items()
            )

        wait_for(self._urls[program], all_are, f"the {program}'s gauges are {wanted}")
        self._seen[program].update(gauge for gauge, _ in names.values())

    def expect_some(self, program, *gauges):
        """Checks gauges whose exact values are not known: they must be positive."""
        shown = scrape(self._urls[program])
        for gauge in gauges:
            assert shown.value(gauge) > 0, gauge
        self._seen[program].update(gauges)

    def not_seen(self):
        return [
            row.name
            for program, seen in self._seen.items()
            for row in golden(program)
            if row.type == "gauge" and row.name not in seen
        ]


def test_gauges(make_stack, raw, control, tmp_path):
    access = tmp_path / "access.yaml"
    access.write_text(EVERYTHING)
    stack = make_stack(server_flags=[*NEVER_BROKEN, "--access", access])
    watched = Watched(stack)
    process = [
        f"process_{name}"
        for name in (
            "max_fds",
            "open_fds",
            "resident_memory_bytes",
            "start_time_seconds",
            "threads",
            "virtual_memory_bytes",
        )
    ]
    for program in ("server", "gateway"):
        watched.expect_some(program, "probegate_build_info", "probegate_quota_limit", "probegate_quota_used", *process)
    watched.expect(
        "server",
        probe_info=1,
        probe_present=1,
        probe_state__idle=1,
        probe_state__in_use=0,
        probe_state__away=0,
        sessions=0,
        lock_held=0,
        lock_waiters=0,
        queue_depth=0,
    )
    watched.expect("gateway", server_up=1, ports=1, connections=0)

    holder, waiting = raw(stack.port).attach(), raw(stack.port).attach()
    holder.take_lock()
    due = [waiting.send("read_dp", DPIDR) for _ in range(3)]
    watched.expect(
        "server", probe_state__idle=0, probe_state__in_use=1, sessions=2, lock_held=1, lock_waiters=1, queue_depth=3
    )
    watched.expect("gateway", connections=2)
    holder.call("unlock")
    for request in due:
        waiting.result("read_dp", request)
    watched.expect("server", lock_held=0, lock_waiters=0, queue_depth=0)

    control(stack).unplug(0)
    wait_until(lambda: waiting.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    watched.expect("server", probe_info=1, probe_present=0, probe_state__in_use=0, probe_state__away=1, sessions=0)
    watched.expect("gateway", server_up=1, ports=1)
    control(stack).plug(0)
    watched.expect("server", probe_present=1, probe_state__idle=1, probe_state__away=0)

    watched.expect("server", access_invalid=0)
    access.write_text("rules: none")
    watched.expect("server", access_invalid=1)
    access.write_text(EVERYTHING)
    watched.expect("server", access_invalid=0)

    # What it is with TLS is in test_tls.py.
    watched.expect("server", tls_certificate_expiry_timestamp_seconds=math.inf)

    stack.server.kill()
    watched.expect("gateway", server_up=0, ports=1, connections=2)
    holder.close()
    watched.expect("gateway", connections=1)
    assert watched.not_seen() == []
