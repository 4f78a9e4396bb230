"""Plain counters of the network, for whoever publishes metrics. They know no metrics library."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counters:
    """Counts since start. Keys are reasons or channels in lower case; values are integers."""

    refused: Counter[str] = field(default_factory=Counter)
    """Connections that got no further than handshake and hello, by reason."""
    disconnected: Counter[str] = field(default_factory=Counter)
    """Connections that ended, by reason."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Frames and messages received and thrown away, by reason."""
    unsent: Counter[str] = field(default_factory=Counter)
    """Messages that `send` did not take, by reason."""
    connected: int = 0
    """Connections that were made."""
    messages_sent: Counter[str] = field(default_factory=Counter)
    messages_received: Counter[str] = field(default_factory=Counter)
    bytes_sent: Counter[str] = field(default_factory=Counter)
    bytes_received: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    """Own requests, by outcome."""
    served: Counter[str] = field(default_factory=Counter)
    """Peers' requests, by outcome."""
    faults: Counter[str] = field(default_factory=Counter)
    """What an operator should look at: a node id running twice, a failed handler, …"""

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All counters as plain values: `{"refused": {"stranger": 2}, …}`."""
        return {
            name: dict(value) if isinstance(value, Counter) else {"": value}
            for name, value in vars(self).items()
        }
