"""What this node counts, in a Prometheus registry of its own.

Labels come from closed sets (group names, reasons, method names): no caller can add a series.
"""

from __future__ import annotations

from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from node.stages import Stages
from node.threads import Threads

CONTENT_TYPE = CONTENT_TYPE_LATEST
M = TypeVar("M", Counter, Gauge)


class Metrics:
    """One node's metrics. Several nodes in one process (tests) have one each."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._of_groups: list[Counter | Gauge] = []
        self.stages = Stages()
        self.registry.register(self.stages)
        self.registry.register(Threads())
        ProcessCollector(registry=self.registry)
        self.stable_height = self._gauge(
            "quorate_stable_height", "Number of the last stable block", "group"
        )
        self.sequence = self._gauge(
            "quorate_sequence", "Highest sequence that this replica ordered", "group"
        )
        self.epoch = self._gauge("quorate_epoch", "Present epoch", "group")
        self.view = self._gauge("quorate_view", "Present view", "group")
        self.view_changes = self._counter(
            "quorate_view_changes", "View changes that this replica went through", "group"
        )
        self.pool_transactions = self._gauge(
            "quorate_pool_transactions", "Transactions in the pool", "group"
        )
        self.transactions_refused = self._counter(
            "quorate_transactions_refused", "Transactions refused or dropped", "group", "reason"
        )
        self.transactions_included = self._counter(
            "quorate_transactions_included", "Transactions in stable blocks", "group"
        )
        self.peers_connected = self._gauge("quorate_peers_connected", "Peers with a connection")
        self.certificate_days_left = self._gauge(
            "quorate_certificate_days_left", "Days until this node's TLS certificate expires"
        )
        self.authority_days_left = self._gauge(
            "quorate_authority_days_left", "Days until an organisation's CA expires", "organisation"
        )
        self.handshakes_refused = self._counter(
            "quorate_handshakes_refused", "Connections refused at the TLS handshake", "reason"
        )
        self.frames_dropped = self._counter(
            "quorate_frames_dropped", "Frames of peers that were dropped", "reason"
        )
        self.rpc_requests = self._counter(
            "quorate_rpc_requests", "JSON-RPC requests answered", "method", "outcome"
        )
        self.rpc_refused = self._counter(
            "quorate_rpc_refused", "RPC callers that were not let in, or not to a method", "reason"
        )
        self.audit_failing = self._gauge(
            "quorate_audit_failing", "1 while the audit log cannot be written"
        )
        self.rpc_connections = self._gauge(
            "quorate_rpc_websocket_connections", "Open WebSocket connections"
        )

    def forget_group(self, group: str) -> None:
        """Drop the series of a group that this node carries no more."""
        for metric in self._of_groups:
            metric.remove_by_labels({"group": group})

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return self._noted(Gauge(name, text, labels, registry=self.registry), labels)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._noted(Counter(name, text, labels, registry=self.registry), labels)

    def _noted(self, metric: M, labels: tuple[str, ...]) -> M:
        if "group" in labels:
            self._of_groups.append(metric)
        return metric

    def exposition(self) -> bytes:
        """The text that `GET /metrics` answers with."""
        return generate_latest(self.registry)
