"""The seam between a group and the peer-to-peer network: who is there, send, ask, and be told.

Peers are node ids (`org/name`); only members of the group appear here. Everything is called on
the event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from node.p2p.frames import Channel

__all__ = ["Channel", "GroupListener", "GroupNetwork", "RequestFailed"]


class RequestFailed(Exception):
    """No answer came: the peer is away, refused, or took too long. Ask another."""


class GroupListener(Protocol):
    """What a group is told."""

    def on_message(self, peer: str, channel: Channel, payload: bytes) -> Awaitable[None] | None:
        """A message of a member, whole. What is answered, if anything, is awaited before the next
        one of this member in this channel."""

    async def on_request(self, peer: str, payload: bytes) -> bytes:
        """A member's question; the answer is sent back. Raises to send none."""

    def on_connected(self, peer: str) -> None:
        """Messages to this member go through from now on."""

    def on_disconnected(self, peer: str) -> None:
        """They no longer do."""


class GroupNetwork(Protocol):
    """One group's share of the network."""

    def connected(self) -> frozenset[str]:
        """The members that can be reached now."""

    def send(self, peer: str, channel: Channel, payload: bytes) -> bool:
        """Queue a message; False if the peer is away or its queue is full."""

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        """A member's answer; raises `RequestFailed`."""

    def refresh(self) -> None:
        """The group's members have changed."""

    def open(self, listener: GroupListener) -> None:
        """Take part: from now on the listener is told."""

    def close(self) -> None:
        """Take part no more."""
