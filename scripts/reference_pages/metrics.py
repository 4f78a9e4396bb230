"""The page of metrics, from the registry that a node publishes."""

from prometheus_client import Counter, Gauge

from node import stages, threads
from node.metrics import Metrics
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
`GET /metrics` on a node's RPC address, in Prometheus' text format. Labels come from closed sets:
group names, reasons, method names. Counters begin at zero with the process, and a series with
labels appears with its first event."""

STAGE_TEXT = """\
On Linux `process_cpu_seconds_total`, `process_resident_memory_bytes` and the other `process_`
metrics of the Prometheus client are there too.

## Stages

Processor time, not waiting: a thread's own clock is read where a stage begins and ends, and a
stage inside another is taken out of the outer one. What `process_cpu_seconds_total` holds beyond
their sum is the event loop, HTTP and sockets, the database's own threads and those of the native
crate, which recovers senders and hashes large tries on all cores."""

ADVICE = """\
## What to watch

- `quorate_stable_height` stands still for three heartbeats: the group has lost its quorum or this
  node its connections. `quorate doctor` says which.
- `quorate_view_changes_total` keeps growing: primaries fail or clocks differ.
- `quorate_peers_connected` below the number of other nodes: look at the network between.
- `quorate_handshakes_refused_total` grows: somebody without a valid certificate knocks, or a
  certificate has expired; the label says which. `unreachable` and `closed` are this node's own
  calls that nobody took, as while a peer is down.
- `quorate_certificate_days_left` below 30, `quorate_authority_days_left` below 90: renew
  ([manage members](../how-to/manage-members.md))."""


def render() -> str:
    """The page."""
    rows = [
        (code(_name(metric)), _kind(metric), _labels(metric), metric._documentation)
        for metric in vars(Metrics()).values()
        if isinstance(metric, Counter | Gauge)
    ]
    for module, label in ((stages, "stage"), (threads, "thread")):
        name = code(f"{module.NAME}_total")
        rows.append((name, "counter", code(label), module.DOCUMENTATION))
    return page(
        "Metrics",
        INTRODUCTION,
        table(("metric", "kind", "labels", "what"), rows),
        STAGE_TEXT,
        _names("stage", stages.STAGES),
        _names("thread", threads.THREADS),
        ADVICE,
    )


def _names(label: str, texts: dict[str, str]) -> str:
    rows = [(code(name), text) for name, text in texts.items()]
    return table((label, "what its seconds are spent on"), rows)


def _name(metric: Counter | Gauge) -> str:
    return metric._name + ("_total" if isinstance(metric, Counter) else "")


def _kind(metric: Counter | Gauge) -> str:
    return "counter" if isinstance(metric, Counter) else "gauge"


def _labels(metric: Counter | Gauge) -> str:
    return ", ".join(map(code, metric._labelnames))
