"""What waits to be sent on one connection, and what goes next. No sockets: frames come out.

CONSENSUS goes ahead of GOSSIP ahead of BULK; within a class the groups take turns, frame by frame;
a class that was passed over long enough gets one frame. Nothing goes beyond the peer's credit.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from node.p2p.frames import (
    Channel,
    Credit,
    Frame,
    Lane,
    Open,
    RevocationDocument,
    encode_data,
    encode_frame,
)
from node.p2p.limits import Limits


@dataclass
class _SendLane:
    messages: deque[bytes] = field(default_factory=deque)
    queued_bytes: int = 0
    offset: int = 0
    credit_bytes: int = 0
    is_ready: bool = False


@dataclass
class _SendGroup:
    generation: int = 0
    lanes: dict[Lane, _SendLane] = field(default_factory=lambda: {n: _SendLane() for n in Lane})


class Outbox:
    """Queues of one connection, by group and lane.

    `control` holds at most one frame per kind and subject, so it cannot grow with what a peer asks.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._groups: dict[bytes, _SendGroup] = {}
        self._control: dict[tuple[object, ...], Frame] = {}
        self._ready: dict[Channel, deque[tuple[bytes, Lane]]] = {c: deque() for c in Channel}
        self._passed_over: dict[Channel, int] = dict.fromkeys(Channel, 0)

    def offer(self, group: bytes, lane: Lane, message: bytes) -> bool:
        """Queue a message, or answer False when the lane's queue is full."""
        queue = self._groups.setdefault(group, _SendGroup()).lanes[lane]
        if (
            len(queue.messages) >= self._limits.queue_messages_max
            or queue.queued_bytes + len(message) > self._limits.queue_bytes_max[lane]
        ):
            return False
        queue.messages.append(message)
        queue.queued_bytes += len(message)
        self._make_ready(group, lane)
        return True

    def is_open(self, group: bytes) -> bool:
        """Whether the peer takes frames of this group."""
        present = self._groups.get(group)
        return present is not None and present.generation != 0

    def queued_bytes(self, group: bytes, lane: Lane) -> int:
        """Bytes of messages that wait, or are being sent, in a lane."""
        present = self._groups.get(group)
        return present.lanes[lane].queued_bytes if present else 0

    def opened(self, group: bytes, generation: int) -> bool:
        """The peer opened a group. False if that is known already.

        A message that an earlier generation got in part starts again.
        """
        present = self._groups.setdefault(group, _SendGroup())
        if present.generation == generation:
            return False
        present.generation = generation
        for lane, queue in present.lanes.items():
            queue.offset = 0
            queue.credit_bytes = self._limits.window_bytes[lane]
            self._make_ready(group, lane)
        return True

    def forget(self, group: bytes) -> None:
        """Drop a group's queues: we or the peer left it."""
        self._groups.pop(group, None)
        for channel, ready in self._ready.items():
            self._ready[channel] = deque(key for key in ready if key[0] != group)

    def credited(self, credit: Credit) -> bool:
        """The peer read something. False if its count cannot be true."""
        present = self._groups.get(credit.group)
        if present is None or present.generation != credit.generation:
            return True
        queue = present.lanes[credit.lane]
        if queue.credit_bytes + credit.count > self._limits.window_bytes[credit.lane]:
            return False
        queue.credit_bytes += credit.count
        self._make_ready(credit.group, credit.lane)
        return True

    def control(self, frame: Frame) -> None:
        """Queue a frame that goes ahead of all messages; it replaces or joins its like."""
        match frame:
            case Credit():
                key: tuple[object, ...] = (Credit, frame.group, frame.lane, frame.generation)
                waiting = self._control.get(key)
                if isinstance(waiting, Credit):
                    frame = Credit(
                        frame.group, frame.lane, frame.generation, waiting.count + frame.count
                    )
            case Open():
                # Closing and opening again are two facts, and stay in this order.
                key = (Open, frame.group, frame.generation == 0)
                waiting = self._control.pop(key, None)
                if isinstance(waiting, Open) and waiting.wants_reply:
                    frame = Open(frame.group, frame.generation, True)
            case RevocationDocument():
                key = (RevocationDocument, frame.authority)
            case _:
                key = (type(frame),)
        self._control[key] = frame

    def next_frame(self) -> bytes | None:
        """The next frame, encoded, or None while nothing may be sent."""
        if self._control:
            key = next(iter(self._control))
            return encode_frame(self._control.pop(key))
        channel = self._next_channel()
        if channel is None:
            return None
        group, lane = self._ready[channel].popleft()
        return self._next_part(group, lane)

    def _next_channel(self) -> Channel | None:
        waiting = [channel for channel, ready in self._ready.items() if ready]
        if not waiting:
            return None
        overdue = [
            channel
            for channel in waiting
            if self._passed_over[channel] >= self._limits.priority_burst_frames
        ]
        chosen = overdue[0] if overdue else waiting[0]
        for channel in waiting:
            self._passed_over[channel] += 1
        self._passed_over[chosen] = 0
        return chosen

    def _next_part(self, group: bytes, lane: Lane) -> bytes:
        present = self._groups[group]
        queue = present.lanes[lane]
        message = queue.messages[0]
        part = memoryview(message)[queue.offset : queue.offset + self._limits.chunk_bytes_max]
        frame = encode_data(
            group, lane, present.generation, offset=queue.offset, total=len(message), part=part
        )
        queue.offset += len(part)
        queue.credit_bytes -= len(part) + self._limits.frame_charge_bytes
        if queue.offset == len(message):
            queue.messages.popleft()
            queue.queued_bytes -= len(message)
            queue.offset = 0
        queue.is_ready = False
        self._make_ready(group, lane)
        return frame

    def _make_ready(self, group: bytes, lane: Lane) -> None:
        present = self._groups[group]
        queue = present.lanes[lane]
        if queue.is_ready or not queue.messages or present.generation == 0:
            return
        part_bytes = min(self._limits.chunk_bytes_max, len(queue.messages[0]) - queue.offset)
        if queue.credit_bytes >= part_bytes + self._limits.frame_charge_bytes:
            queue.is_ready = True
            self._ready[lane.channel].append((group, lane))
