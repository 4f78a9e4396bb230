"""The node's side of the peer-to-peer network: all connections, all groups, one front.

One instance a node, on one event loop; no method may be called from another thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypedDict

import structlog

from ledger.suite import Suite
from node.membership import InvalidMembership, Membership, decode_membership, parse_host_port
from node.p2p.connections import Connections
from node.p2p.counters import Counters
from node.p2p.entrance import Clock, Entrance
from node.p2p.exchange import Exchange
from node.p2p.frames import (
    GROUP_BYTES,
    INSTANCE_BYTES,
    Channel,
    InvalidFrame,
    Lane,
    RevocationDocument,
)
from node.p2p.groups import Handler, MembersPredicate, PeerCallback, Registration
from node.p2p.limits import DEFAULT_LIMITS, Limits
from node.p2p.link import Link
from node.p2p.requests import ServeRequest
from node.p2p.trust import RefusedPeer, Trust
from node.pki import InvalidNodeCertificate, NodeIdentity
from node.revocations import Revocations
from node.stages import Stages

_log = structlog.get_logger(__name__)


class PeerState(TypedDict):
    """One peer of the membership: `since_ms` is the Unix time of its last change."""

    node: str
    connected: bool
    since_ms: int


class PeerNetwork:
    """Connections to all other nodes of the membership, and the groups that share them.

    `listen` is `(host, port)`, port 0 for a free one; after `start`, `address` has the real one.
    `addresses` overrides the membership document's (`{"tax/tax-1": "10.0.0.1:30300"}`).
    `on_membership` hears of every newer document that peers brought, to save it; so does
    `on_revocations`, with the organisation whose lists changed and all lists in force.
    `now` is the clock that certificates are judged by, `stages` where processor time is counted.
    `metrics` are plain counters.
    """

    def __init__(
        self,
        identity: NodeIdentity,
        membership: Membership,
        suite: Suite,
        listen: tuple[str, int],
        *,
        addresses: Mapping[str, str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        on_membership: Callable[[Membership], None] | None = None,
        revocations: Revocations | None = None,
        on_revocations: Callable[[str, Revocations], None] | None = None,
        now: Clock = lambda: datetime.now(UTC),
        stages: Stages | None = None,
    ) -> None:
        self._stages = Stages() if stages is None else stages
        self.node_id = identity.node_id
        self.metrics = Counters()
        self.address: tuple[str, int] | None = None
        self._suite = suite
        self._listen = listen
        self._limits = limits
        self._on_membership = on_membership
        self._on_revocations = on_revocations
        self._now = now
        self._instance = secrets.token_bytes(INSTANCE_BYTES)
        self._started_ms = 0
        self._exchange = Exchange(limits, self.metrics, self._on_document, self._on_list)
        self._connections = Connections(
            self._new_entrance(identity, Trust(membership, revocations or Revocations())),
            self._exchange,
            dict(addresses or {}),
            limits,
            self.metrics,
        )

    async def start(self) -> None:
        """Listen and begin to dial. Raises OSError when the address cannot be bound."""
        self._started_ms = int(time.time() * 1000)
        self.address = self._connections.start(*self._listen)
        _log.info("p2p.listening", node=self.node_id, host=self.address[0], port=self.address[1])

    async def stop(self) -> None:
        """Close everything and wait for it. May be called twice."""
        await self._connections.stop()

    # Sending.

    def send(self, peer: str, group: bytes, channel: Channel, payload: bytes) -> bool:
        """Queue a message to a peer.

        False, and counted, if it is not connected, no member, or its queue is full. True promises
        no delivery: a connection that ends loses its queue. Raises ValueError for a payload above
        `message_bytes_max`.
        """
        return self._exchange.offer(peer, group, Lane(channel), payload) is None

    def broadcast(
        self, peers: Iterable[str], group: bytes, channel: Channel, payload: bytes
    ) -> int:
        """`send` to each of `peers` but ourselves; how many took it."""
        return sum(
            self.send(peer, group, channel, payload) for peer in peers if peer != self.node_id
        )

    async def request(
        self, peer: str, group: bytes, method: str, payload: bytes, timeout_s: float
    ) -> bytes:
        """Ask a peer's server of `group` for `method`; its answer. Raises RequestFailed.

        A peer that does not carry the group, or does not count us among its members, gives no
        answer: that shows as a time-out.
        """
        return await self._exchange.request(peer, group, method, payload, timeout_s)

    # Groups.

    def register(
        self,
        group: bytes,
        handler: Handler,
        members_predicate: MembersPredicate,
        *,
        on_open: PeerCallback | None = None,
        on_close: PeerCallback | None = None,
    ) -> None:
        """Carry a group: `group` is its genesis hash.

        `on_open(peer)` tells that a member is ready for this group's frames, `on_close(peer)` that
        it no longer is. Messages sent between connecting and `on_open` wait in their queues.
        """
        assert len(group) == GROUP_BYTES
        self._exchange.register(Registration(group, handler, members_predicate, on_open, on_close))

    def unregister(self, group: bytes) -> None:
        """Leave a group: its queues are dropped, its handlers cancelled, its requests failed."""
        self._exchange.unregister(group)

    def serve(self, group: bytes, method: str, handler: ServeRequest) -> None:
        """Answer `method` for members of a registered group."""
        self._exchange.registration(group).methods[method] = handler

    def refresh(self, group: bytes) -> None:
        """The group's members may have changed. Also done every `ping_interval_s`."""
        self._exchange.refresh(group)

    def open_peers(self, group: bytes) -> frozenset[str]:
        """The members of a group that are connected and ready for its frames."""
        return self._exchange.open_peers(group)

    # Peers.

    def peers(self) -> list[PeerState]:
        """All other nodes of the membership, by node id."""
        return [
            PeerState(
                node=node_id,
                connected=node_id in self._exchange.connections,
                since_ms=self._connections.since_ms.get(node_id, self._started_ms),
            )
            for node_id in sorted(self.membership.nodes)
            if node_id != self.node_id
        ]

    def is_connected(self, peer: str) -> bool:
        """Whether there is a connection with `peer` now."""
        return peer in self._exchange.connections

    def on_connect(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` whenever a connection is made."""
        self._connections.connect_callbacks.append(callback)

    def on_disconnect(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` whenever a connection has ended."""
        self._connections.disconnect_callbacks.append(callback)

    def forget_on_disconnect(self, callback: PeerCallback) -> None:
        """Call it no more."""
        self._connections.disconnect_callbacks.remove(callback)

    def disconnect(self, peer: str, reason: str) -> None:
        """Cut a peer that broke a rule of a higher layer. It may come back."""
        connection = self._exchange.connections.get(peer)
        if connection is not None:
            connection.link.close("misbehaved", reason)

    def set_address(self, peer: str, address: str) -> None:
        """Dial `peer` at `host:port` from the next attempt on, whatever the membership says.

        Raises InvalidMembership for another form.
        """
        parse_host_port(address)
        self._connections.addresses[peer] = address

    # Trust.

    @property
    def trust(self) -> Trust:
        """Membership and revocation lists as they are in force now."""
        return self._connections.entrance.trust

    @property
    def membership(self) -> Membership:
        """The membership document in force."""
        return self.trust.membership

    def update_membership(self, successor: Membership) -> None:
        """Put a newer document in force: peers that it no longer admits are cut at once.

        Raises InvalidMembership unless the threshold of the present organisations signed it.
        """
        self.membership.check_successor(self._suite, successor)
        self._put_in_force(self.trust.succeeded_by(successor))
        _log.info("p2p.membership", version=successor.version, nodes=len(successor.nodes))

    @property
    def revocations(self) -> Revocations:
        """The organisations' revocation lists in force."""
        return self.trust.revocations

    def update_crl(self, organisation: str, crl_pem: bytes) -> bool:
        """Apply an organisation's own revocation list and pass it on; False if it is not newer.

        Peers whose certificate it names are cut at once. Raises InvalidMembership or
        InvalidNodeCertificate.
        """
        return self._take_list(organisation, crl_pem, None)

    @property
    def identity(self) -> NodeIdentity:
        """The certificate that this node shows."""
        return self._connections.entrance.identity

    def update_identity(self, identity: NodeIdentity) -> None:
        """Use a renewed certificate of the same node for connections from now on."""
        assert identity.node_id == self.node_id
        self._connections.enter_through(self._new_entrance(identity, self.trust))

    def own_refusal(self) -> RefusedPeer | None:
        """Why peers of the same mind refuse this node's own certificate, if they do."""
        entrance = self._connections.entrance
        try:
            entrance.check(entrance.identity.certificate)
        except RefusedPeer as refusal:
            return refusal
        return None

    def _new_entrance(self, identity: NodeIdentity, trust: Trust) -> Entrance:
        return Entrance(
            identity, trust, self._instance, self._limits, now=self._now, stages=self._stages
        )

    def _put_in_force(self, trust: Trust) -> None:
        self._connections.enter_through(self._connections.entrance.with_trust(trust))
        refusal = self.own_refusal()
        if refusal is not None:
            _log.error("p2p.own_certificate", reason=refusal.reason, detail=str(refusal))

    def _take_list(self, organisation: str, crl_pem: bytes, source: Link | None) -> bool:
        present = self.trust
        trust = present.with_crl(organisation, crl_pem)
        if trust is present:
            return False
        self._put_in_force(trust)
        changed = [
            authority
            for authority, held in trust.revocations.held.items()
            if present.revocations.held.get(authority) is not held
        ]
        self._connections.pass_on(changed, source)
        for authority in changed:
            read = trust.revocations.held[authority].revocations
            _log.info(
                "p2p.revocations",
                organisation=organisation,
                number=read.number,
                serials=len(read.serials),
            )
        return True

    def _on_document(self, link: Link, document: bytes) -> None:
        most = self._limits.documents_count_max
        if not link.documents.take(most, time.monotonic()):
            raise InvalidFrame(f"expected at most {most} membership documents at once")
        try:
            successor = decode_membership(document)
        except InvalidMembership as error:
            raise InvalidFrame(str(error)) from error
        link.peer = replace(link.peer, membership_version=successor.version)
        if successor.version <= self.membership.version:
            return
        try:
            self.update_membership(successor)
        except InvalidMembership as error:
            # Not its fault for sure: it may be ahead of us by more than one version.
            self.metrics.faults["membership_refused"] += 1
            _log.warning("p2p.membership_refused", peer=link.node_id, detail=str(error))
            return
        if self._on_membership is not None:
            self._on_membership(successor)

    def _on_list(self, link: Link, frame: RevocationDocument) -> None:
        authorities = self.trust.authorities
        most = self._limits.documents_count_max + len(authorities)
        if not link.revocations.take(most, time.monotonic()):
            raise InvalidFrame(f"expected at most {most} revocation lists at once")
        organisation = authorities.get(frame.authority)
        if organisation is None:
            # Its membership document may be newer than ours, or older.
            self.metrics.dropped["unknown_authority"] += 1
            return
        held = self.revocations.held.get(frame.authority)
        if held is not None and held.pem == frame.document:
            return
        try:
            is_newer = self._take_list(organisation, frame.document, link)
        except (InvalidMembership, InvalidNodeCertificate) as error:
            raise InvalidFrame(f"a revocation list of {organisation}: {error}") from error
        if is_newer and self._on_revocations is not None:
            self._on_revocations(organisation, self.revocations)
