"""Every bound and time-out of the peer-to-peer network, by name and unit.

The first block belongs to the protocol: all nodes of a network must have the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.p2p.frames import Lane

MIB = 1 << 20


def _message_bytes_max() -> dict[Lane, int]:
    return {
        Lane.CONSENSUS: 16 * MIB,
        Lane.GOSSIP: 2 * MIB,
        Lane.BULK: 16 * MIB,
        # What is asked and answered, and a little for number and method.
        Lane.REQUEST: 1 * MIB + 1_024,
        Lane.RESPONSE: 16 * MIB + 1_024,
    }


def _window_bytes() -> dict[Lane, int]:
    return {
        Lane.CONSENSUS: 20 * MIB,
        Lane.GOSSIP: 4 * MIB,
        Lane.BULK: 20 * MIB,
        Lane.REQUEST: 4 * MIB,
        Lane.RESPONSE: 20 * MIB,
    }


def _queue_bytes_max() -> dict[Lane, int]:
    return {
        Lane.CONSENSUS: 32 * MIB,
        Lane.GOSSIP: 8 * MIB,
        Lane.BULK: 32 * MIB,
        Lane.REQUEST: 8 * MIB,
        Lane.RESPONSE: 32 * MIB,
    }


@dataclass(frozen=True)
class Limits:
    """Bounds per connection; those by lane hold per group on that connection."""

    # Protocol: the same on every node.
    chunk_bytes_max: int = 16_384
    """Payload of one DATA frame: one TLS record (RFC 8446 section 5.1) of a message."""
    frame_charge_bytes: int = 256
    """What a frame costs in credit beside its payload, so that tiny messages are bounded too."""
    message_bytes_max: Mapping[Lane, int] = field(default_factory=_message_bytes_max)
    window_bytes: Mapping[Lane, int] = field(default_factory=_window_bytes)
    """Credit: bytes that a peer may have sent and we not yet have read, per group and lane."""

    # Local.
    queue_bytes_max: Mapping[Lane, int] = field(default_factory=_queue_bytes_max)
    queue_messages_max: int = 8_192
    priority_burst_frames: int = 32
    """Frames of higher classes after which a waiting lower class gets one."""
    write_buffer_bytes_max: int = 65_536
    """Handed to the transport at most: what is there can no longer be overtaken."""
    socket_buffer_bytes: int = 524_288
    """The kernel's send buffer, for the same reason: left to itself it grows to megabytes."""
    documents_count_max: int = 16
    """Membership documents that a peer may send at once on a connection: each costs signature
    checks. So many revocation lists too, beyond one of each authority."""
    documents_interval_s: float = 60.0
    """After which a peer may send one more."""
    groups_count_max: int = 256
    requests_pending_max: int = 256
    requests_served_max: int = 4
    """Requests of one peer and group that are served at once; more wait, at their sender's cost."""
    handshakes_count_max: int = 128
    handshakes_per_host_max: int = 32
    handshake_timeout_s: float = 5.0
    hello_timeout_s: float = 5.0
    connect_timeout_s: float = 5.0
    write_timeout_s: float = 30.0
    ping_interval_s: float = 3.0
    idle_timeout_s: float = 12.0
    backoff_initial_s: float = 0.1
    backoff_max_s: float = 3.0
    start_quiet_s: float = 10.0
    """How long after the start a peer that nobody answers for is no news: it may be starting."""
    close_timeout_s: float = 1.0

    def __post_init__(self) -> None:
        for lane in Lane:
            frames = -(-self.message_bytes_max[lane] // self.chunk_bytes_max)
            # A message that does not fit into what is surely free would stall its lane for good.
            free_bytes = self.window_bytes[lane] - self.credit_held_bytes_max(lane)
            assert free_bytes >= self.message_bytes_max[lane] + frames * self.frame_charge_bytes

    def credit_held_bytes_max(self, lane: Lane) -> int:
        """Credit that a receiver may hold back, so that small messages share one CREDIT frame."""
        return self.window_bytes[lane] // 8


DEFAULT_LIMITS = Limits()
