"""Processor time of a node by thread: its event loop, its workers, and what is not Python's.

Linux only, from /proc; elsewhere it publishes nothing. Threads are named by what they are for, so
that the labels are a closed set.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

TASKS = Path("/proc/self/task")
NAME = "quorate_thread_seconds"
DOCUMENTATION = "Processor time by thread, on Linux"
THREADS = {
    "loop": "the event loop: network, RPC, pool, replica",
    "execute": "blocks executed and stored",
    "log": "the replica's write-ahead log",
    "workers": "the journal's writes, and what RPC hands to threads",
    "native": "what is not Python's: the database's and the native crate's own threads",
}
_BY_PREFIX = {"MainThread": "loop", "execute-": "execute", "log-": "log"}


class Threads(Collector):
    """A collector for a node's metrics. A thread that ended counts as `native` from then on."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One counter with a series for each kind of thread."""
        if not TASKS.is_dir():
            return
        spent: dict[str, float] = defaultdict(float)
        for thread in threading.enumerate():
            if thread.native_id is not None:
                spent[_kind(thread.name)] += _cpu_s(thread.native_id)
        spent["native"] = max(0.0, time.process_time() - sum(spent.values()))
        family = CounterMetricFamily(NAME, DOCUMENTATION, labels=["thread"])
        for kind in THREADS:
            family.add_metric([kind], spent[kind])
        yield family


def _kind(name: str) -> str:
    for prefix, kind in _BY_PREFIX.items():
        if name.startswith(prefix):
            return kind
    return "workers"


def _cpu_s(native_id: int) -> float:
    try:
        text = (TASKS / str(native_id) / "stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
