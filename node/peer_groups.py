"""A group's share of the real peer-to-peer network: `GroupNetwork` over `PeerNetwork`."""

from __future__ import annotations

from collections.abc import Callable

from ledger.values import Hash32
from node.group_network import Channel, GroupListener, RequestFailed
from node.p2p import PeerNetwork, RefusedRequest
from node.p2p import RequestFailed as PeerRequestFailed

METHOD = "ask"


class PeerGroupNetwork:
    """One group on a node's connections. `members` answers the node ids that take part now."""

    def __init__(
        self, network: PeerNetwork, group: Hash32, members: Callable[[], frozenset[str]]
    ) -> None:
        self._network = network
        self._group = group
        self._members = members
        self._listener: GroupListener | None = None

    def connected(self) -> frozenset[str]:
        """The members that have a connection now."""
        return frozenset(peer for peer in self._members() if self._network.is_connected(peer))

    def send(self, peer: str, channel: Channel, payload: bytes) -> bool:
        """Queue a message; False if the peer is away or its queue is full."""
        return self._network.send(peer, self._group, channel, payload)

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        """A member's answer; raises `RequestFailed`."""
        try:
            return await self._network.request(peer, self._group, METHOD, payload, timeout_s)
        except PeerRequestFailed as error:
            raise RequestFailed(str(error)) from error

    def refresh(self) -> None:
        """Open frames to who is a member now, close them to who is none any more."""
        if self._listener is not None:
            self._network.refresh(self._group)

    def open(self, listener: GroupListener) -> None:
        """Carry the group's frames."""
        self._listener = listener
        self._network.on_disconnect(self._on_disconnect)

        async def answer(peer: str, payload: bytes) -> bytes:
            try:
                return await listener.on_request(peer, payload)
            except ValueError as error:
                raise RefusedRequest(str(error)) from error

        self._network.register(
            self._group,
            listener.on_message,
            lambda peer: peer in self._members(),
            on_open=listener.on_connected,
        )
        self._network.serve(self._group, METHOD, answer)

    def close(self) -> None:
        """Carry them no more."""
        if self._listener is not None:
            self._listener = None
            self._network.forget_on_disconnect(self._on_disconnect)
            self._network.unregister(self._group)

    def _on_disconnect(self, peer: str) -> None:
        if self._listener is not None and peer in self._members():
            self._listener.on_disconnected(peer)
