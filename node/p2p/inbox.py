"""What one connection received and nobody has read yet: reassembly and credit. No sockets.

A peer gets credit per group and lane, and gets it back when its messages were handled. A peer that
keeps to the rules never meets an error here; one that does not is disconnected.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.p2p.frames import Credit, Data, InvalidFrame, Lane
from node.p2p.limits import Limits


@dataclass(frozen=True)
class Message:
    """A whole message, and what it costs of the sender's credit until it was handled."""

    group: bytes
    lane: Lane
    generation: int
    payload: bytes
    cost_bytes: int


@dataclass
class _ReceiveLane:
    unread_bytes: int = 0
    owed_bytes: int = 0
    total_bytes: int = 0
    partial: bytearray | None = None
    partial_cost_bytes: int = 0


@dataclass
class _ReceiveGroup:
    generation: int
    lanes: dict[Lane, _ReceiveLane] = field(
        default_factory=lambda: {lane: _ReceiveLane() for lane in Lane}
    )


class Inbox:
    """The receiving side of one connection's groups."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._groups: dict[bytes, _ReceiveGroup] = {}
        self._generations = 0

    def open(self, group: bytes) -> int:
        """Begin to take frames of a group (again, from nothing); its new generation."""
        self._generations += 1
        self._groups[group] = _ReceiveGroup(self._generations)
        return self._generations

    def close(self, group: bytes) -> bool:
        """Take no more frames of a group. False if it was not open."""
        return self._groups.pop(group, None) is not None

    def generation(self, group: bytes) -> int:
        """The generation under which a group is open; 0 if it is not."""
        present = self._groups.get(group)
        return present.generation if present else 0

    def accept(self, data: Data) -> Message | None:
        """Take a part; the message, once it is whole. Raises InvalidFrame.

        The caller has checked that the group is open under the frame's generation.
        """
        limits = self._limits
        lane = self._groups[data.group].lanes[data.lane]
        if data.total > limits.message_bytes_max[data.lane]:
            raise InvalidFrame(
                f"expected a {data.lane.name} message of at most "
                f"{limits.message_bytes_max[data.lane]} bytes, got {data.total}"
            )
        cost_bytes = len(data.part) + limits.frame_charge_bytes
        lane.unread_bytes += cost_bytes
        if lane.unread_bytes > limits.window_bytes[data.lane]:
            raise InvalidFrame(
                f"expected at most {limits.window_bytes[data.lane]} unread bytes in "
                f"{data.lane.name}, got {lane.unread_bytes}"
            )
        if data.offset == 0 and len(data.part) == data.total and lane.partial is None:
            return Message(data.group, data.lane, data.generation, data.part, cost_bytes)
        if lane.partial is None:
            lane.partial, lane.partial_cost_bytes = bytearray(), 0
            lane.total_bytes = data.total
        # A sender fills every part but the last: else a message of single bytes would cost it
        # nothing that its credit bounds.
        is_last = data.offset + len(data.part) == data.total
        if (
            data.offset != len(lane.partial)
            or data.total != lane.total_bytes
            or (len(data.part) < limits.chunk_bytes_max and not is_last)
        ):
            raise InvalidFrame(
                f"expected a full part at {len(lane.partial)} of {lane.total_bytes} bytes, "
                f"got {len(data.part)} bytes at {data.offset} of {data.total}"
            )
        lane.partial += data.part
        lane.partial_cost_bytes += cost_bytes
        if not is_last:
            return None
        payload, cost_bytes = bytes(lane.partial), lane.partial_cost_bytes
        lane.partial = None
        return Message(data.group, data.lane, data.generation, payload, cost_bytes)

    def handled(self, message: Message) -> Credit | None:
        """A message was handled: the credit to give back now, or None while it is little."""
        present = self._groups.get(message.group)
        if present is None or present.generation != message.generation:
            return None
        lane = present.lanes[message.lane]
        lane.owed_bytes += message.cost_bytes
        if lane.owed_bytes < self._limits.credit_held_bytes_max(message.lane):
            return None
        count, lane.owed_bytes = lane.owed_bytes, 0
        lane.unread_bytes -= count
        return Credit(message.group, message.lane, message.generation, count)
