"""The Probe dashboard: latency, throughput, sessions, retries and packets of one probe, or of a few."""

from panels import Panel, Query, Row, dashboard, datasource_variable, label_variable

UID = "probegate-probe"
P = '{host=~"$host", probe=~"$probe"}'


def _rate(metric, by="probe"):
    return f"sum by ({by}) (rate({metric}{P}[$__rate_interval]))"


def _quantiles(metric):
    return tuple(
        Query(f"histogram_quantile({q}, {_rate(metric + '_bucket', 'le, probe')})", f"{{{{probe}}}} {legend}")
        for q, legend in (("0.5", "half"), ("0.99", "99 of 100"))
    )


def _now(title, description, expression, **options):
    return Panel(
        title, "short", description, (Query(expression, "{{probe}}"),), sort="stat", width=4, height=4, **options
    )


NOW = Row(
    "Now",
    (
        _now("Present", "1 while the probe is there.", f"max by (probe) (probegate_probe_present{P})", bad_below=1),
        _now("Sessions", "Sessions on the probe.", f"sum by (probe) (probegate_sessions{P})"),
        _now("Lock", "1 while a session holds the probe's lock.", f"max by (probe) (probegate_lock_held{P})"),
        _now(
            "Waiting",
            "Sessions that wait for another's lock.",
            f"sum by (probe) (probegate_lock_waiters{P})",
            bad_above=1,
        ),
        _now("Queue", "Commands that wait for their turn.", f"sum by (probe) (probegate_queue_depth{P})"),
        Panel(
            "Used",
            "percentunit",
            "Which part of the last day the probe was in use.",
            (
                Query(
                    'avg by (probe) (avg_over_time(probegate_probe_state{host=~"$host", probe=~"$probe", state="in_use"}[1d]))',
                    "{{probe}}",
                ),
            ),
            sort="stat",
            width=4,
            height=4,
        ),
        Panel(
            "What it is",
            "short",
            "What the probe says of itself, and which host has it.",
            (Query(f"max by (host, probe, vendor, product, firmware) (probegate_probe_info{P})"),),
            sort="table",
            width=24,
            height=4,
            columns=(
                ("host", "Host"),
                ("probe", "Probe"),
                ("vendor", "Vendor"),
                ("product", "Product"),
                ("firmware", "Firmware"),
            ),
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            "Waiting",
            "s",
            "How long commands wait, for their turn and for others' locks. Where it grows, the probe is "
            "shared by too many.",
            _quantiles("probegate_command_wait_seconds"),
            width=12,
        ),
        Panel(
            "On the wire",
            "s",
            "From a command's turn to its answer. Where it grows, it is the probe, its link, or the target.",
            _quantiles("probegate_command_wire_seconds"),
            width=12,
        ),
    ),
)

THROUGHPUT = Row(
    "Throughput",
    (
        Panel(
            "Commands",
            "ops",
            "Commands that are answered, a second.",
            (Query(_rate("probegate_command_wire_seconds_count"), "{{probe}}"),),
        ),
        Panel(
            "Bytes",
            "Bps",
            "Bytes of the packets to the probe (out) and from it (in).",
            (Query(_rate("probegate_probe_bytes_total", "probe, direction"), "{{probe}} {{direction}}"),),
        ),
        Panel(
            "Busy",
            "percentunit",
            "Which part of the time the probe spends with commands.",
            (Query(_rate("probegate_command_wire_seconds_sum"), "{{probe}}"),),
        ),
    ),
)

PACKETS = Row(
    "Packets",
    (
        Panel(
            "Packets",
            "pps",
            "Packets that the probe answers, a second.",
            (Query(_rate("probegate_packets_total"), "{{probe}}"),),
        ),
        Panel(
            "Transfers in a packet",
            "short",
            "Register transfers that a packet carries. Few of them make a probe slow.",
            (Query(f"{_rate('probegate_transfers_total')} / ({_rate('probegate_packets_total')} > 0)", "{{probe}}"),),
        ),
        Panel(
            "Commands together",
            "short",
            "Commands that go to the probe together. 1 says that nothing is batched.",
            (
                Query(
                    f"{_rate('probegate_batch_commands_sum')} / ({_rate('probegate_batch_commands_count')} > 0)",
                    "{{probe}}",
                ),
            ),
        ),
    ),
)

SESSIONS = Row(
    "Sessions and locks",
    (
        Panel(
            "Sessions",
            "short",
            "Sessions on the probe, and how many of them wait for a lock.",
            (
                Query(f"sum by (probe) (probegate_sessions{P})", "{{probe}}"),
                Query(f"sum by (probe) (probegate_lock_waiters{P})", "{{probe}} waiting"),
            ),
        ),
        Panel(
            "How sessions end",
            "ops",
            "Sessions that end, a second, by what ended them.",
            (Query(_rate("probegate_sessions_ended_total", "probe, cause"), "{{probe}} {{cause}}"),),
            stacked=True,
        ),
        Panel(
            "Sessions opened",
            "ops",
            "Sessions that users begin, a second.",
            (Query(_rate("probegate_sessions_opened_total"), "{{probe}}"),),
        ),
        Panel(
            "Lock held",
            "percentunit",
            "Which part of the time the lock was held, counted when it is free again.",
            (Query(_rate("probegate_lock_held_seconds_total"), "{{probe}}"),),
        ),
        Panel(
            "Locks taken",
            "ops",
            "How often the lock is taken, a second.",
            (Query(_rate("probegate_locks_taken_total"), "{{probe}}"),),
        ),
        Panel(
            "Locks taken away",
            "short",
            "How often the lock was taken away from its holder within the last hour.",
            (Query(f"sum by (probe) (increase(probegate_locks_broken_total{P}[1h]))", "{{probe}}"),),
        ),
    ),
)

TROUBLE = Row(
    "Retries and errors",
    (
        Panel(
            "Commands that fail",
            "ops",
            "Commands that do not end well, a second.",
            (Query(_rate("probegate_command_failures_total"), "{{probe}}"),),
        ),
        Panel(
            "The target's answers",
            "ops",
            "WAIT: the target sleeps, or its clock is slow. FAULT: a client reads where nothing "
            "is. No answer: no power, a bad cable, a clock that is too fast.",
            (
                Query(_rate("probegate_waits_total"), "{{probe}} WAIT"),
                Query(_rate("probegate_faults_total"), "{{probe}} FAULT"),
                Query(_rate("probegate_no_acks_total"), "{{probe}} no answer"),
            ),
        ),
        Panel(
            "Retries",
            "ops",
            "Tries to find the place again after a reply of the probe was lost, a second.",
            (Query(_rate("probegate_retries_total"), "{{probe}}"),),
        ),
        Panel(
            "Lost",
            "short",
            "How often the probe was lost within the last hour, by cause.",
            (
                Query(
                    f"sum by (probe, cause) (increase(probegate_probe_disconnects_total{P}[1h]))", "{{probe}} {{cause}}"
                ),
            ),
            width=24,
            stacked=True,
        ),
    ),
)

VARIABLES = [
    datasource_variable(),
    label_variable("host", "Host", 'probegate_build_info{program="probegate-server"}', "host"),
    label_variable("probe", "Probe", 'probegate_probe_info{host=~"$host"}', "probe"),
]


def make():
    return dashboard(
        UID,
        "Probegate: probe",
        "Latency, throughput, sessions, retries and packets of a probe.",
        VARIABLES,
        (NOW, LATENCY, THROUGHPUT, PACKETS, SESSIONS, TROUBLE),
        links=[("probegate-fleet", "Probegate: fleet")],
    )
