"""What the network knows of a group that this node carries: its handlers and its members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from node.p2p.frames import Channel
from node.p2p.requests import ServeRequest

Handler = Callable[[str, Channel, bytes], Awaitable[None] | None]
"""`(peer, channel, payload)`; what it returns, if anything, is awaited before the next message.

It is called in order for each peer and channel. While it waits, that peer's credit in this channel
of this group is not renewed. It is cancelled when the connection ends or the group is left.
"""

PeerCallback = Callable[[str], None]

MembersPredicate = Callable[[str], bool]
"""Whether a node (`org/name`) may take part in the group now (rule 8 of consensus). Cheap: it is
asked for every frame."""


@dataclass
class Registration:
    """A group: where its messages go, who may send them, what it answers."""

    group: bytes
    handler: Handler
    is_member: MembersPredicate
    on_open: PeerCallback | None = None
    on_close: PeerCallback | None = None
    methods: dict[str, ServeRequest] = field(default_factory=dict)
