"""Makes connections and keeps them: listening, dialling, one connection a peer, signs of life.

What travels over them is `node.p2p.exchange`'s matter; whom to let in, `node.p2p.entrance`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import replace

import structlog

from node.membership import parse_host_port
from node.p2p.counters import Counters
from node.p2p.entrance import Entrance
from node.p2p.exchange import Connection, Exchange
from node.p2p.frames import MembershipDocument, RevocationDocument
from node.p2p.groups import PeerCallback
from node.p2p.handshakes import Handshakes
from node.p2p.limits import Limits
from node.p2p.link import Link
from node.p2p.reconnect import Backoff
from node.p2p.trust import Refusal, RefusedPeer
from node.rare_lines import RareLines

_LISTEN_BACKLOG = 1_024
_TOO_MANY = RefusedPeer(Refusal.TOO_MANY, "too many handshakes at a time")
_ACCEPTED_A_TURN_MAX = 32
_INSTANCES_REMEMBERED = 8
_log = structlog.get_logger(__name__)


class Connections:
    """All connections of a node, made and accepted through the `entrance` in force."""

    def __init__(
        self,
        entrance: Entrance,
        exchange: Exchange,
        addresses: dict[str, str],
        limits: Limits,
        counters: Counters,
    ) -> None:
        self.connect_callbacks: list[PeerCallback] = []
        self.disconnect_callbacks: list[PeerCallback] = []
        self.addresses = addresses
        self.since_ms: dict[str, int] = {}
        self._entrance = entrance
        self._exchange = exchange
        self._limits = limits
        self._counters = counters
        self._node_id = entrance.identity.node_id
        self._instances: dict[str, deque[bytes]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._handshakes = Handshakes(limits)
        self._refusals = RareLines(_log, "reason")
        """Of who came here: else a siege would fill the log."""
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._dialers: dict[str, asyncio.Task[None]] = {}
        self._is_running = False
        self._quiet_until_s = 0.0

    def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen and begin to dial; the bound address. Raises OSError if it cannot be bound."""
        assert not self._is_running
        self._quiet_until_s = time.monotonic() + self._limits.start_quiet_s
        self._socket = _listening_socket(host, port)
        self._is_running = True
        self._spawn(self._accept_all(self._socket))
        self._spawn(self._tick())
        self._update_dialers()
        name = self._socket.getsockname()
        return str(name[0]), int(name[1])

    async def stop(self) -> None:
        """Close everything and wait for it. May be called twice."""
        self._is_running = False
        links = [connection.link for connection in self._exchange.connections.values()]
        for link in links:
            link.close("stopped")
        tasks = [*self._dialers.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._dialers.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        await asyncio.gather(*(link.wait_transport_closed() for link in links))

    @property
    def entrance(self) -> Entrance:
        """The identity and trust in force."""
        return self._entrance

    def enter_through(self, entrance: Entrance) -> None:
        """Put another identity or trust in force: who is no longer admitted is cut at once."""
        self._entrance = entrance
        self._check_certificates()
        self._update_dialers()
        for connection in self._exchange.connections.values():
            self._offer_membership(connection.link)

    def _offer_membership(self, link: Link) -> None:
        membership = self._entrance.trust.membership
        if link.peer.membership_version < membership.version:
            link.outbox.control(MembershipDocument(membership.encode()))
            link.wake()
            link.peer = replace(link.peer, membership_version=membership.version)

    def pass_on(self, authorities: Iterable[bytes], source: Link | None) -> None:
        """Offer the lists of these authorities to every peer but the one that brought them."""
        for authority in authorities:
            for connection in self._exchange.connections.values():
                if connection.link is not source:
                    self._offer_revocations(connection.link, authority)

    def _offer_revocations(self, link: Link, authority: bytes) -> None:
        held = self._entrance.trust.revocations.held[authority]
        link.outbox.control(RevocationDocument(authority, held.pem))
        link.wake()

    def _check_certificates(self) -> None:
        for connection in self._exchange.connections.values():
            try:
                self._entrance.check(connection.link.certificate)
            except RefusedPeer as refusal:
                connection.link.close(refusal.reason, str(refusal))

    async def _accept_all(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for turn in itertools.count(1):
            if turn % _ACCEPTED_A_TURN_MAX == 0:
                # Whoever waits already is accepted without waiting: a siege would go on for ever.
                await asyncio.sleep(0)
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                # Out of file descriptors, or a peer that left in between: go on, but not hot.
                _log.warning("p2p.accept_failed", detail=str(error))
                await asyncio.sleep(self._limits.backoff_initial_s)
                continue
            host = str(address[0])
            if not self._handshakes.begin(host):
                connection.close()
                self._refuse(host, _TOO_MANY)
                continue
            connection.setblocking(False)
            self._spawn(self._take_in(connection, host))

    async def _take_in(self, connection: socket.socket, host: str) -> None:
        try:
            link = await self._entrance.accept(connection)
        except RefusedPeer as refusal:
            self._refuse(host, refusal)
            return
        finally:
            self._handshakes.end(host)
        self._handshakes.meet(link.node_id, host)
        await self._carry(link)

    async def _dial_always(self, peer: str) -> None:
        backoff = Backoff(self._limits.backoff_initial_s, self._limits.backoff_max_s)
        last_refusal: Refusal | None = None
        if self._node_id > peer:
            # The lower id dials first, so that usually there is just one connection to choose from.
            await asyncio.sleep(backoff.next_delay_s())
        while True:
            changed = self._changed.setdefault(peer, asyncio.Event())
            if peer in self._exchange.connections:
                changed.clear()
                await changed.wait()
                continue
            address = self.addresses.get(peer) or self._entrance.trust.membership.nodes[peer]
            try:
                link = await self._entrance.dial(peer, *parse_host_port(address))
            except RefusedPeer as refusal:
                is_news = refusal.reason is not last_refusal
                if refusal.reason is Refusal.UNREACHABLE and time.monotonic() < self._quiet_until_s:
                    # Nodes of a network start one after another; who stays away is told of later.
                    _log.info("p2p.not_there_yet", address=address, peer=peer)
                else:
                    # Said once, counted each time: a peer may be away for days.
                    self._refuse(address, refusal, peer, is_news=is_news)
                    last_refusal = refusal.reason
            else:
                last_refusal = None
                started_s = time.monotonic()
                # Not cancelled with its dialer: who dialled matters no longer.
                await asyncio.shield(self._spawn(self._carry(link)))
                if time.monotonic() - started_s > self._limits.backoff_max_s:
                    backoff.reset()
            await asyncio.sleep(backoff.next_delay_s())

    async def _carry(self, link: Link) -> None:
        """Use a link until it ends."""
        peer = link.node_id
        try:
            # The membership may have changed during the handshake.
            self._entrance.check(link.certificate)
            if not self._is_running or not self._prefers(link):
                raise RefusedPeer(Refusal.DUPLICATE, "there is a connection that stays")
        except RefusedPeer as refusal:
            link.close(refusal.reason)
            link.abandon()
            self._counters.refused[refusal.reason] += 1
            _log.info("p2p.refused", peer=peer, reason=refusal.reason, detail=str(refusal))
            return
        connection = self._adopt(link)
        try:
            await link.run(lambda _, frame: self._exchange.on_frame(connection, frame))
        finally:
            link.close("stopped")
            link.abandon()
            if self._exchange.connections.get(peer) is connection:
                self._part(connection)
            self._counters.disconnected[str(link.close_reason)] += 1
            _log.info(
                "p2p.disconnected", peer=peer, reason=link.close_reason, detail=link.close_detail
            )

    def _prefers(self, link: Link) -> bool:
        """Whether a new link with a peer shall stand; both sides decide the same.

        Of two connections made at once, the one dialled by the lower node id stays. A second one
        dialled by the same side, or coming from a new process, means that the first one is dead;
        so does a second one while the first is silent, which a living peer never is for long.
        """
        self._check_running_twice(link)
        present = self._exchange.connections.get(link.node_id)
        if present is None:
            return True
        old = present.link
        if (
            old.dialled == link.dialled
            or old.peer.instance != link.peer.instance
            or old.silent_s() > 2 * self._limits.ping_interval_s
        ):
            return True
        return link.dialled == (self._node_id < link.node_id)

    def _check_running_twice(self, link: Link) -> None:
        known = self._instances.setdefault(link.node_id, deque(maxlen=_INSTANCES_REMEMBERED))
        instance = link.peer.instance
        if instance in known and known[-1] != instance:
            # A process that restarts has a new instance: an old one that returns still lives.
            self._counters.faults["node_runs_twice"] += 1
            _log.error(
                "p2p.node_runs_twice",
                peer=link.node_id,
                remedy="two processes run with this node's key: stop one of them",
            )
        elif instance not in known:
            known.append(instance)

    def _adopt(self, link: Link) -> Connection:
        peer = link.node_id
        present = self._exchange.connections.get(peer)
        if present is not None:
            present.link.close("replaced")
            self._part(present)
        connection = self._exchange.add(link)
        self._note_change(peer)
        self._counters.connected += 1
        _log.info("p2p.connected", peer=peer, dialled=link.dialled)
        self._offer_membership(link)
        for authority in self._entrance.trust.revocations.held:
            self._offer_revocations(link, authority)
        self._call(self.connect_callbacks, peer)
        return connection

    def _part(self, connection: Connection) -> None:
        peer = connection.link.node_id
        self._exchange.remove(connection)
        self._note_change(peer)
        self._call(self.disconnect_callbacks, peer)

    def _note_change(self, peer: str) -> None:
        self.since_ms[peer] = int(time.time() * 1000)
        self._changed.setdefault(peer, asyncio.Event()).set()

    def _refuse(
        self, address: str, refusal: RefusedPeer, peer: str | None = None, *, is_news: bool = True
    ) -> None:
        if refusal.reason is not Refusal.UNREACHABLE:  # nobody was there to be refused
            self._counters.refused[refusal.reason] += 1
        if is_news:
            lines = self._refusals if peer is None else _log
            lines.warning(
                "p2p.refused",
                address=address,
                peer=peer,
                reason=refusal.reason,
                detail=str(refusal),
            )

    def _update_dialers(self) -> None:
        if not self._is_running:
            return
        self._expect_members()
        wanted = set(self._entrance.trust.membership.nodes) - {self._node_id}
        for node_id in set(self._dialers) - wanted:
            self._dialers.pop(node_id).cancel()
        for node_id in wanted - set(self._dialers):
            self._dialers[node_id] = asyncio.create_task(self._dial_always(node_id))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_interval_s)
            self._check_certificates()
            for connection in self._exchange.connections.values():
                connection.link.tick()
            self._exchange.refresh()
            self._expect_members()

    def _expect_members(self) -> None:
        addresses = {**self._entrance.trust.membership.nodes, **self.addresses}
        self._handshakes.expect(addresses.values())

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _call(self, callbacks: list[PeerCallback], peer: str) -> None:
        for callback in callbacks:
            try:
                callback(peer)
            except Exception:
                self._counters.faults["callback_failed"] += 1
                _log.exception("p2p.callback_failed", peer=peer)


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_LISTEN_BACKLOG)
        listening.setblocking(False)
    except OSError:
        with contextlib.suppress(OSError):
            listening.close()
        raise
    return listening
