"""The peer-to-peer network's counters as Prometheus metrics, brought over now and then."""

from __future__ import annotations

from collections import Counter as Counts

from prometheus_client import Counter

from node.metrics import Metrics
from node.p2p import PeerNetwork


class NetworkMetrics:
    """Adds what the network counted since the last time."""

    def __init__(self, network: PeerNetwork, metrics: Metrics) -> None:
        self._network = network
        self._metrics = metrics
        self._seen: dict[str, Counts[str]] = {"refused": Counts(), "dropped": Counts()}

    def update(self) -> None:
        """Bring the metrics up to the present counts."""
        connected = sum(peer["connected"] for peer in self._network.peers())
        self._metrics.peers_connected.set(connected)
        counters = self._network.metrics
        self._add("refused", counters.refused, self._metrics.handshakes_refused)
        self._add("dropped", counters.dropped, self._metrics.frames_dropped)

    def _add(self, name: str, counts: Counts[str], metric: Counter) -> None:
        seen = self._seen[name]
        for reason, count in counts.items():
            if count > seen[reason]:
                metric.labels(reason).inc(count - seen[reason])
                seen[reason] = count
