"""The Fleet dashboard: which probes are present, who uses them, which fail, and whether users wait."""

from panels import Panel, Query, Row, dashboard, datasource_variable, label_variable

UID = "probegate-fleet"
S = '{host=~"$host"}'  # series of the selected servers
G = '{host=~"$gateway"}'  # series of the selected gateways


def _stat(title, description, expression, unit="short", **options):
    return Panel(title, unit, description, (Query(expression),), sort="stat", width=3, height=4, **options)


def _by_state(state):
    return f'sum(probegate_probe_state{{host=~"$host", state="{state}"}}) or vector(0)'


NOW = Row(
    "Now",
    (
        _stat("Probes", "Probes that are present.", f"sum(probegate_probe_present{S}) or vector(0)"),
        _stat("In use", "Probes that at least one session has opened.", _by_state("in_use")),
        _stat("Idle", "Probes that are present and that no session has opened.", _by_state("idle")),
        _stat(
            "Away",
            "Probes that were present within the last hour and are not present now.",
            _by_state("away"),
            bad_above=1,
        ),
        _stat("Sessions", "Sessions on all probes.", f"sum(probegate_sessions{S}) or vector(0)"),
        _stat(
            "Waiting",
            "Sessions whose next command waits for another session's lock.",
            f"sum(probegate_lock_waiters{S}) or vector(0)",
            bad_above=1,
        ),
        _stat(
            "Programs down",
            "Servers, gateways and other Probegate programs that do not answer Prometheus.",
            'count(up{job=~"probegate-.+"} == 0) or vector(0)',
            bad_above=1,
        ),
        _stat(
            "Alerts",
            "Probegate alerts that are firing.",
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
            "Each probe with its description, its sessions, and the sessions waiting for its lock, now.",
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
            "Number of probes that are in use, idle or away.",
            (Query(f"sum by (state) (probegate_probe_state{S})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Busiest probes",
            "percentunit",
            "Fraction of the time that a probe spends on commands: 100 % means that it is always busy.",
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
            "Times that probes were lost within the last hour, by cause.",
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
            "Current sessions, by host.",
            (Query(f"sum by (host) (probegate_sessions{S})", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "Sessions opened",
            "ops",
            "Sessions opened per second.",
            (Query(f"sum by (host) (rate(probegate_sessions_opened_total{S}[$__rate_interval]))", "{{host}}"),),
        ),
        Panel(
            "Sessions ended",
            "ops",
            "Sessions ended per second, by cause.",
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
            "Time that commands wait, for their turn and for other sessions' locks: median and 99th percentile.",
            tuple(
                Query(
                    f"histogram_quantile({q}, sum by (le) (rate(probegate_command_wait_seconds_bucket{S}[$__rate_interval])))",
                    legend,
                )
                for q, legend in (("0.5", "median"), ("0.99", "99th percentile"))
            ),
        ),
        Panel(
            "Waiting now",
            "short",
            "Sessions waiting for a lock, and commands waiting for their turn.",
            (Query(f"sum(probegate_lock_waiters{S})", "sessions"), Query(f"sum(probegate_queue_depth{S})", "commands")),
        ),
        Panel(
            "Locks taken away",
            "short",
            "Locks that were taken away from their holders within the last hour because other sessions "
            "waited (--lock-idle, --lock-max).",
            (Query(f"sum by (host) (increase(probegate_locks_broken_total{S}[1h]))", "{{host}}"),),
        ),
    ),
)

ERRORS = Row(
    "Errors",
    (
        Panel(
            "Failed commands",
            "percentunit",
            "Fraction of each host's commands that fail.",
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
            "Failed commands per second, by kind of error.",
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
            "Failed commands per second, for the ten probes with the most failures.",
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
            "Unreachable servers",
            "short",
            "Servers that a gateway is configured to use but cannot reach.",
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
            "Clients connected to each gateway.",
            (Query(f"sum by (host) (probegate_gateway_connections{G})", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "Requests",
            "reqps",
            "Requests per second from pyOCD and similar clients.",
            (Query(f"sum by (host) (rate(probegate_gateway_requests_total{G}[$__rate_interval]))", "{{host}}"),),
            stacked=True,
        ),
        Panel(
            "What pyOCD sees",
            "s",
            "Time from a request's arrival until its reply is ready: median and 99th percentile.",
            tuple(
                Query(
                    "histogram_quantile("
                    f"{q}, sum by (le) (rate(probegate_gateway_request_seconds_bucket{G}[$__rate_interval])))",
                    legend,
                )
                for q, legend in (("0.5", "median"), ("0.99", "99th percentile"))
            ),
        ),
        Panel(
            "Failed requests",
            "reqps",
            "Requests answered with an error per second, by status.",
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
            "Lost sessions, refused clients, bad lines",
            "short",
            "Within the last hour: sessions that were lost, clients that were refused because the limit was "
            "reached, and lines that are not valid requests.",
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
            "Processor time used; 100 % is one processor.",
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
            "Resident memory of each program.",
            (Query('sum by (job, host) (process_resident_memory_bytes{job=~"probegate-.+"})', "{{job}} ({{host}})"),),
            width=6,
        ),
        Panel(
            "Open files",
            "percentunit",
            "Open files and sockets, as a fraction of the limit.",
            (
                Query(
                    'max by (job, host) (process_open_fds{job=~"probegate-.+"} / process_max_fds{job=~"probegate-.+"})',
                    "{{job}} ({{host}})",
                ),
            ),
            width=6,
        ),
        Panel(
            "Uptime",
            "s",
            "Time since each program started. A drop is a restart.",
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

BOUNDS = Row(
    "Bounds",
    (
        Panel(
            "Used by all clients",
            "percentunit",
            "What all clients together have, as a fraction of the limit for all. At 100 % every client is refused, or waits.",
            (
                Query(
                    'max by (job, host, quota) (probegate_quota_used{of="all"} / probegate_quota_limit{of="all"})',
                    "{{quota}}: {{job}} ({{host}})",
                ),
            ),
        ),
        Panel(
            "Used by one client",
            "percentunit",
            "What the client with the most has, as a fraction of the limit for one client. At 100 % only that client is "
            "refused, or waits.",
            (
                Query(
                    'max by (job, host, quota) (probegate_quota_used{of="client"} / probegate_quota_limit{of="client"})',
                    "{{quota}}: {{job}} ({{host}})",
                ),
            ),
        ),
        Panel(
            "Limits reached",
            "short",
            "Times within the last five minutes that a client did not get what it asked for, because of the limit for all "
            "clients together (all) or for one client (client).",
            (
                Query(
                    "sum by (job, host, quota, of) (increase(probegate_quota_refusals_total[5m]))",
                    "{{quota}}, {{of}}: {{job}} ({{host}})",
                ),
            ),
            stacked=True,
        ),
    ),
)

EACH_HOST = Row(
    "Host $host",
    (
        Panel(
            "Probes by state",
            "short",
            "Probes of this host that are in use, idle or away.",
            (Query(f"sum by (state) (probegate_probe_state{S})", "{{state}}"),),
            width=6,
            height=6,
            stacked=True,
        ),
        Panel(
            "Users",
            "short",
            "Sessions on this host's probes, and the number of them waiting for a lock.",
            (Query(f"sum(probegate_sessions{S})", "sessions"), Query(f"sum(probegate_lock_waiters{S})", "waiting")),
            width=6,
            height=6,
        ),
        Panel(
            "Commands",
            "ops",
            "Commands per second on this host's probes.",
            (Query(f"sum by (probe) (rate(probegate_command_wire_seconds_count{S}[$__rate_interval]))", "{{probe}}"),),
            width=6,
            height=6,
            stacked=True,
        ),
        Panel(
            "Failures",
            "ops",
            "Failed commands per second on this host's probes.",
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
        "Which probes are present, who uses them, which fail, and whether users wait.",
        VARIABLES,
        (NOW, PROBES, USERS, WAITING, ERRORS, GATEWAYS, PROGRAMS, BOUNDS, EACH_HOST),
        links=[("probegate-probe", "Probegate: probe")],
    )
