"""The Probe dashboard: latency, throughput, sessions, retries and packets of one probe, or of a few."""

from panels import Panel, Query, Row, dashboard, datasource_variable, label_variable

UID = "probegate-probe"
P = '{host=~"$host", probe=~"$probe"}'


def _rate(metric, by="probe"):
    return f"sum by ({by}) (rate({metric}{P}[$__rate_interval]))"


def _quantiles(metric):
    return tuple(
        Query(f"histogram_quantile({q}, {_rate(metric + '_bucket', 'le, probe')})", f"{{{{probe}}}} {legend}")
        for q, legend in (("0.5", "median"), ("0.99", "99th percentile"))
    )


def _now(title, description, expression, **options):
    return Panel(
        title, "short", description, (Query(expression, "{{probe}}"),), sort="stat", width=4, height=4, **options
    )


NOW = Row(
    "Now",
    (
        _now("Present", "1 while the probe is present.", f"max by (probe) (probegate_probe_present{P})", bad_below=1),
        _now("Sessions", "Current sessions on the probe.", f"sum by (probe) (probegate_sessions{P})"),
        _now("Lock", "1 while a session holds the probe's lock.", f"max by (probe) (probegate_lock_held{P})"),
        _now(
            "Waiting",
            "Sessions waiting for another session's lock.",
            f"sum by (probe) (probegate_lock_waiters{P})",
            bad_above=1,
        ),
        _now("Queue", "Commands waiting for their turn.", f"sum by (probe) (probegate_queue_depth{P})"),
        Panel(
            "Used",
            "percentunit",
            "Fraction of the last day during which the probe was in use.",
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
            "Identity",
            "short",
            "The description that the probe reports, and the host it is on.",
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
            "Time that commands wait, for their turn and for other sessions' locks. If it grows, too many users "
            "share the probe.",
            _quantiles("probegate_command_wait_seconds"),
            width=12,
        ),
        Panel(
            "On the wire",
            "s",
            "Time from a command's turn to its answer. If it grows, the cause is the probe, its link or the target.",
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
            "Commands answered per second.",
            (Query(_rate("probegate_command_wire_seconds_count"), "{{probe}}"),),
        ),
        Panel(
            "Bytes",
            "Bps",
            "Bytes per second in packets to the probe (out) and from it (in).",
            (Query(_rate("probegate_probe_bytes_total", "probe, direction"), "{{probe}} {{direction}}"),),
        ),
        Panel(
            "Busy",
            "percentunit",
            "Fraction of the time that the probe spends on commands.",
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
            "Packets answered by the probe per second.",
            (Query(_rate("probegate_packets_total"), "{{probe}}"),),
        ),
        Panel(
            "Transfers per packet",
            "short",
            "Register transfers in each packet. A low number makes a probe slow.",
            (Query(f"{_rate('probegate_transfers_total')} / ({_rate('probegate_packets_total')} > 0)", "{{probe}}"),),
        ),
        Panel(
            "Commands per batch",
            "short",
            "Commands sent to the probe as one batch. 1 means that nothing is batched.",
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
            "Sessions on the probe, and the number of them waiting for a lock.",
            (
                Query(f"sum by (probe) (probegate_sessions{P})", "{{probe}}"),
                Query(f"sum by (probe) (probegate_lock_waiters{P})", "{{probe}} waiting"),
            ),
        ),
        Panel(
            "How sessions end",
            "ops",
            "Sessions ended per second, by cause.",
            (Query(_rate("probegate_sessions_ended_total", "probe, cause"), "{{probe}} {{cause}}"),),
            stacked=True,
        ),
        Panel(
            "Sessions opened",
            "ops",
            "Sessions opened per second.",
            (Query(_rate("probegate_sessions_opened_total"), "{{probe}}"),),
        ),
        Panel(
            "Lock held",
            "percentunit",
            "Fraction of the time that the lock was held, counted when it is released.",
            (Query(_rate("probegate_lock_held_seconds_total"), "{{probe}}"),),
        ),
        Panel(
            "Locks taken",
            "ops",
            "Times that the lock is taken per second.",
            (Query(_rate("probegate_locks_taken_total"), "{{probe}}"),),
        ),
        Panel(
            "Locks taken away",
            "short",
            "Times that the lock was taken away from its holder within the last hour.",
            (Query(f"sum by (probe) (increase(probegate_locks_broken_total{P}[1h]))", "{{probe}}"),),
        ),
    ),
)

TROUBLE = Row(
    "Retries and errors",
    (
        Panel(
            "Failed commands",
            "ops",
            "Failed commands per second.",
            (Query(_rate("probegate_command_failures_total"), "{{probe}}"),),
        ),
        Panel(
            "The target's answers",
            "ops",
            "WAIT: the target sleeps, or its clock is slow. FAULT: a client accesses an address where there is "
            "nothing. No answer: no power, a bad cable, or too fast a clock.",
            (
                Query(_rate("probegate_waits_total"), "{{probe}} WAIT"),
                Query(_rate("probegate_faults_total"), "{{probe}} FAULT"),
                Query(_rate("probegate_no_acks_total"), "{{probe}} no answer"),
            ),
        ),
        Panel(
            "Retries",
            "ops",
            "Attempts per second to resynchronize with the probe after a reply was lost.",
            (Query(_rate("probegate_retries_total"), "{{probe}}"),),
        ),
        Panel(
            "Lost",
            "short",
            "Times that the probe was lost within the last hour, by cause.",
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
