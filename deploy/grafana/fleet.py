"""The Fleet dashboard: which probes are there, who uses them, which fail, and whether users wait."""

from panels import Panel, Query, Row, dashboard, datasource_variable, label_variable

UID = "probegate-fleet"
S = '{host=~"$host"}'  # series of the servers that were chosen
G = '{host=~"$gateway"}'  # series of the gateways


def _stat(title, description, expression, unit="short", **options):
    return Panel(title, unit, description, (Query(expression),), sort="stat", width=3, height=4, **options)


def _by_state(state):
    return f'sum(probegate_probe_state{{host=~"$host", state="{state}"}}) or vector(0)'


NOW = Row(
    "Now",
    (
        _stat("Probes", "Probes that are there.", f"sum(probegate_probe_present{S}) or vector(0)"),
        _stat("In use", "Probes that somebody has a session on.", _by_state("in_use")),
        _stat("Idle", "Probes that are there and that nobody uses.", _by_state("idle")),
        _stat("Away", "Probes that were there within the last hour and are not now.", _by_state("away"), bad_above=1),
        _stat("Sessions", "Sessions on all probes.", f"sum(probegate_sessions{S}) or vector(0)"),
        _stat(
            "Waiting",
            "Sessions whose next command waits for another session's lock.",
            f"sum(probegate_lock_waiters{S}) or vector(0)",
            bad_above=1,
        ),
        _stat(
            "Programs down",
            "Servers, gateways and the like that Prometheus asks and that do not answer.",
            'count(up{job=~"probegate-.+"} == 0) or vector(0)',
            bad_above=1,
        ),
        _stat(
            "Alerts",
            "Alerts of Probegate that fire.",
            'count(ALERTS{alertname=~"Probegate.+", alertstate="firing"}) or vector(0)',
            bad_above=1,
        ),
    ),
)

PROBES = Row(
    "Probes",
    (
        Panel(
            "Each probe",
            "short",
            "Each probe with what it is, who is on it and who waits for it, now.",
            (
                Query(f"max by (host, probe, vendor, product, firmware) (probegate_probe_info{S})"),
                Query(f"max by (host, probe) (probegate_probe_present{S})"),
                Query(f"sum by (host, probe) (probegate_sessions{S})"),
                Query(f"sum by (host, probe) (probegate_lock_waiters{S})"),
            ),
            sort="table",
            width=24,
            height=9,
            columns=(
                ("host", "Host"),
                ("probe", "Probe"),
                ("vendor", "Vendor"),
                ("product", "Product"),
                ("firmware", "Firmware"),
                ("Value #B", "Present"),
                ("Value #C", "Sessions"),
                ("Value #D", "Waiting"),
            ),
        ),
        Panel(
            "Probes by state",
            "short",
            "How many probes are in use, idle, or away.",
            (Query(f"sum by (state) (probegate_probe_state{S})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Busiest probes",
            "percentunit",
            "Which part of the time a probe spends with commands: 100 % is all of it.",
            (
                Query(
                    f"topk(10, sum by (host, probe) (rate(probegate_command_wire_seconds_sum{S}[$__rate_interval])))",
                    "{{probe}} ({{host}})",
                ),
            ),
        ),
        Panel(
            "Lost probes",
            "short",
            "How often probes were lost within the last hour, by cause.",
            (Query(f"sum by (cause) (increase(probegate_probe_disconnects_total{S}[1h]))", "{{cause}}"),),
            stacked=True,
        ),
    ),
)

USERS = Row(
    "Users",
    (
        Panel(
            "Sessions",
            "short",
            "Sessions by host.",
            (Query(f"sum by (host) (probegate_sessions{S})", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "Sessions opened",
            "ops",
            "Sessions that users begin, a second.",
            (Query(f"sum by (host) (rate(probegate_sessions_opened_total{S}[$__rate_interval]))", "{{host}}"),),
        ),
        Panel(
            "Sessions ended",
            "ops",
            "Sessions that end, a second, by what ended them.",
            (Query(f"sum by (cause) (rate(probegate_sessions_ended_total{S}[$__rate_interval]))", "{{cause}}"),),
            stacked=True,
        ),
    ),
)

WAITING = Row(
    "Waiting",
    (
        Panel(
            "Wait for a turn",
            "s",
            "How long commands wait, for their turn and for others' locks: half of them, and 99 of "
            "100, no longer than this.",
            tuple(
                Query(
                    f"histogram_quantile({q}, sum by (le) (rate(probegate_command_wait_seconds_bucket{S}[$__rate_interval])))",
                    legend,
                )
                for q, legend in (("0.5", "half"), ("0.99", "99 of 100"))
            ),
        ),
        Panel(
            "Who waits now",
            "short",
            "Sessions that wait for a lock, and commands that wait for their turn.",
            (Query(f"sum(probegate_lock_waiters{S})", "sessions"), Query(f"sum(probegate_queue_depth{S})", "commands")),
        ),
        Panel(
            "Locks taken away",
            "short",
            "Locks that were taken away from their holders within the last hour, since others "
            "waited (--lock-idle, --lock-max).",
            (Query(f"sum by (host) (increase(probegate_locks_broken_total{S}[1h]))", "{{host}}"),),
        ),
    ),
)

ERRORS = Row(
    "Errors",
    (
        Panel(
            "Commands that fail",
            "percentunit",
            "The part of each host's commands that do not end well.",
            (
                Query(
                    f"sum by (host) (rate(probegate_command_failures_total{S}[$__rate_interval])) / "
                    f"(sum by (host) (rate(probegate_command_wire_seconds_count{S}[$__rate_interval])) > 0)",
                    "{{host}}",
                ),
            ),
        ),
        Panel(
            "Errors by kind",
            "ops",
            "Commands that do not end well, a second, by the kind of error.",
            (
                Query(
                    'sum by (outcome) (rate(probegate_commands_total{host=~"$host", outcome!="ok"}[$__rate_interval]))',
                    "{{outcome}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Probes with most failures",
            "ops",
            "Commands that do not end well, a second, of the ten probes that have most.",
            (
                Query(
                    f"topk(10, sum by (host, probe) (rate(probegate_command_failures_total{S}[$__rate_interval])))",
                    "{{probe}} ({{host}})",
                ),
            ),
        ),
    ),
)

GATEWAYS = Row(
    "Gateways",
    (
        Panel(
            "Servers out of reach",
            "short",
            "Servers whose list of probes a gateway should follow, and cannot.",
            (
                Query(
                    f"count by (host) (probegate_gateway_server_up{G}) - sum by (host) (probegate_gateway_server_up{G})",
                    "{{host}}",
                ),
            ),
        ),
        Panel(
            "Clients",
            "short",
            "Clients of each gateway.",
            (Query(f"sum by (host) (probegate_gateway_connections{G})", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "Requests",
            "reqps",
            "Requests of pyOCD and its like, a second.",
            (Query(f"sum by (host) (rate(probegate_gateway_requests_total{G}[$__rate_interval]))", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "What pyOCD sees",
            "s",
            "From a request's arrival until its reply is ready: half of them, and 99 of 100, are no slower.",
            tuple(
                Query(
                    "histogram_quantile("
                    f"{q}, sum by (le) (rate(probegate_gateway_request_seconds_bucket{G}[$__rate_interval])))",
                    legend,
                )
                for q, legend in (("0.5", "half"), ("0.99", "99 of 100"))
            ),
        ),
        Panel(
            "Requests that fail",
            "reqps",
            "Requests that are answered with an error, a second, by status.",
            (
                Query(
                    'sum by (status) (rate(probegate_gateway_requests_total{host=~"$gateway", status!="ok"}'
                    "[$__rate_interval]))",
                    "{{status}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Turned away",
            "short",
            "Within the last hour: sessions that were lost, clients that were one too many, and lines "
            "that are no request.",
            (
                Query(f"sum(increase(probegate_gateway_sessions_lost_total{G}[1h]))", "sessions lost"),
                Query(f"sum(increase(probegate_gateway_connections_refused_total{G}[1h]))", "clients refused"),
                Query(f"sum(increase(probegate_gateway_bad_lines_total{G}[1h]))", "bad lines"),
            ),
        ),
    ),
)

PROGRAMS = Row(
    "Programs",
    (
        Panel(
            "Processor time",
            "percentunit",
            "100 % is one processor.",
            (
                Query(
                    'sum by (job, host) (rate(process_cpu_seconds_total{job=~"probegate-.+"}[$__rate_interval]))',
                    "{{job}} ({{host}})",
                ),
            ),
            width=6,
        ),
        Panel(
            "Memory",
            "bytes",
            "What each program has in memory.",
            (Query('sum by (job, host) (process_resident_memory_bytes{job=~"probegate-.+"})', "{{job}} ({{host}})"),),
            width=6,
        ),
        Panel(
            "Open files",
            "percentunit",
            "Open files and sockets, as a part of how many there may be.",
            (
                Query(
                    'max by (job, host) (process_open_fds{job=~"probegate-.+"} / process_max_fds{job=~"probegate-.+"})',
                    "{{job}} ({{host}})",
                ),
            ),
            width=6,
        ),
        Panel(
            "Up for",
            "s",
            "Since when each program runs. A drop is a restart.",
            (
                Query(
                    'time() - max by (job, host) (process_start_time_seconds{job=~"probegate-.+"})',
                    "{{job}} ({{host}})",
                ),
            ),
            width=6,
        ),
    ),
)

EACH_HOST = Row(
    "Host $host",
    (
        Panel(
            "Probes by state",
            "short",
            "Probes of this host: in use, idle, away.",
            (Query(f"sum by (state) (probegate_probe_state{S})", "{{state}}"),),
            width=6,
            height=6,
            stacked=True,
        ),
        Panel(
            "Users",
            "short",
            "Sessions on this host's probes, and how many of them wait for a lock.",
            (Query(f"sum(probegate_sessions{S})", "sessions"), Query(f"sum(probegate_lock_waiters{S})", "waiting")),
            width=6,
            height=6,
        ),
        Panel(
            "Commands",
            "ops",
            "Commands of this host's probes, a second.",
            (Query(f"sum by (probe) (rate(probegate_command_wire_seconds_count{S}[$__rate_interval]))", "{{probe}}"),),
            width=6,
            height=6,
            stacked=True,
        ),
        Panel(
            "Failures",
            "ops",
            "Commands of this host's probes that do not end well, a second.",
            (Query(f"sum by (probe) (rate(probegate_command_failures_total{S}[$__rate_interval]))", "{{probe}}"),),
            width=6,
            height=6,
            stacked=True,
        ),
    ),
    repeat="host",
)

VARIABLES = [
    datasource_variable(),
    label_variable("host", "Host", 'probegate_build_info{program="probegate-server"}', "host"),
    label_variable("gateway", "Gateway", "probegate_gateway_server_up", "host"),
]


def make():
    return dashboard(
        UID,
        "Probegate: fleet",
        "Which probes are there, who uses them, which fail, and whether users wait.",
        VARIABLES,
        (NOW, PROBES, USERS, WAITING, ERRORS, GATEWAYS, PROGRAMS, EACH_HOST),
        links=[("probegate-probe", "Probegate: probe")],
    )
