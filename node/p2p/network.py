"""The node's side of the peer-to-peer network: all connections, all groups.

One instance a node, on one event loop; no method may be called from another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypedDict

import structlog

from ledger.suite import Suite
from node.membership import InvalidMembership, Membership, decode_membership, parse_host_port
from node.p2p.counters import Counters
from node.p2p.delivery import Delivery
from node.p2p.entrance import Clock, Entrance
from node.p2p.frames import (
    GROUP_BYTES,
    INSTANCE_BYTES,
    Bye,
    Channel,
    Credit,
    Data,
    Frame,
    Hello,
    InvalidFrame,
    Lane,
    MembershipDocument,
    Open,
    Ping,
    Pong,
)
from node.p2p.groups import Handler, MembersPredicate, Registration
from node.p2p.inbox import Message
from node.p2p.limits import DEFAULT_LIMITS, Limits
from node.p2p.link import Link
from node.p2p.reconnect import Backoff
from node.p2p.requests import (
    REASON_BYTES_MAX,
    RESPONSE_HEADER_BYTES,
    InvalidRequest,
    Outcome,
    PendingRequests,
    RefusedRequest,
    Request,
    RequestFailed,
    Response,
    ServeRequest,
    Status,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from node.p2p.trust import Refusal, RefusedPeer, Trust
from node.pki import NodeIdentity

_LISTEN_BACKLOG = 128
_INSTANCES_REMEMBERED = 8
_log = structlog.get_logger(__name__)

PeerCallback = Callable[[str], None]


class PeerState(TypedDict):
    """One peer of the membership: `since_ms` is the Unix time of its last change."""

    node: str
    connected: bool
    since_ms: int


class _Connection:
    """A link in use, with what hangs on it."""

    def __init__(self, link: Link, delivery: Delivery, limits: Limits) -> None:
        self.link = link
        self.delivery = delivery
        self.pending = PendingRequests(limits.requests_pending_max)


class PeerNetwork:
    """Connections to all other nodes of the membership, and the groups that share them.

    `listen` is `(host, port)`, port 0 for a free one; after `start`, `address` has the real one.
    `addresses` overrides the membership document's (`{"tax/tax-1": "10.0.0.1:30300"}`).
    `on_membership` hears of every newer document that peers brought, to save it.
    `now` is the clock that certificates are judged by.
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
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.node_id = identity.node_id
        self.metrics = Counters()
        self.address: tuple[str, int] | None = None
        self._suite = suite
        self._listen = listen
        self._addresses = dict(addresses or {})
        self._limits = limits
        self._on_membership = on_membership
        self._now = now
        self._instance = secrets.token_bytes(INSTANCE_BYTES)
        self._entrance = Entrance(identity, Trust(membership), self._instance, limits, now)
        self._groups: dict[bytes, Registration] = {}
        self._connections: dict[str, _Connection] = {}
        self._since_ms: dict[str, int] = {}
        self._instances: dict[str, deque[bytes]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._handshakes: Counter[str] = Counter()
        self._connect_callbacks: list[PeerCallback] = []
        self._disconnect_callbacks: list[PeerCallback] = []
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._dialers: dict[str, asyncio.Task[None]] = {}
        self._is_running = False
        self._started_ms = 0

    # --- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen and begin to dial. Raises OSError when the address cannot be bound."""
        assert not self._is_running
        self._socket = _listening_socket(*self._listen)
        self.address = self._socket.getsockname()[:2]
        self._is_running = True
        self._started_ms = int(time.time() * 1000)
        self._spawn(self._accept_all(self._socket))
        self._spawn(self._tick())
        self._update_dialers()
        _log.info("p2p.listening", node=self.node_id, host=self.address[0], port=self.address[1])

    async def stop(self) -> None:
        """Close everything and wait for it. May be called twice."""
        self._is_running = False
        connections = list(self._connections.values())
        for connection in connections:
            connection.link.close("stopped")
        for task in [*self._dialers.values(), *self._tasks]:
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(*self._dialers.values(), *self._tasks, return_exceptions=True)
        self._dialers.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        await asyncio.gather(*(c.link.wait_transport_closed() for c in connections))

    # --- sending ------------------------------------------------------------------------------

    def send(self, peer: str, group: bytes, channel: Channel, payload: bytes) -> bool:
        """Queue a message to a peer.

        False, and counted, if it is not connected, no member, or its queue is full. True promises
        no delivery: a connection that ends loses its queue.
        """
        return self._offer(peer, group, Lane(channel), payload) is None

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
        connection = self._connections.get(peer)
        try:
            if connection is None:
                raise RequestFailed(Outcome.NOT_CONNECTED, f"{peer} is not connected: try another")
            number, future = connection.pending.add(group)
            try:
                message = encode_request(Request(number, method, payload))
                problem = self._offer(peer, group, Lane.REQUEST, message)
                if problem is not None:
                    raise RequestFailed(problem, f"cannot ask {peer}: {problem}")
                async with asyncio.timeout(timeout_s):
                    answer = await future
            except TimeoutError as error:
                raise RequestFailed(
                    Outcome.TIMEOUT, f"no answer of {peer} to {method} in {timeout_s} s"
                ) from error
            finally:
                connection.pending.remove(group, number)
        except RequestFailed as error:
            self.metrics.requests[error.outcome] += 1
            raise
        self.metrics.requests["ok"] += 1
        return answer

    # --- groups -------------------------------------------------------------------------------

    def register(
        self,
        group: bytes,
        handler: Handler,
        members_predicate: MembersPredicate,
        *,
        on_open: PeerCallback | None = None,
    ) -> None:
        """Carry a group: `group` is its genesis hash.

        `on_open(peer)` tells that a peer is ready for this group's frames; messages sent before
        wait in their queues.
        """
        assert len(group) == GROUP_BYTES
        assert group not in self._groups, "a group is registered once"
        assert len(self._groups) < self._limits.groups_count_max
        self._groups[group] = Registration(group, handler, members_predicate, on_open)
        self.refresh(group)

    def unregister(self, group: bytes) -> None:
        """Leave a group: its queues are dropped, its handlers cancelled, its requests failed."""
        if self._groups.pop(group, None) is not None:
            for connection in self._connections.values():
                self._shut(connection, group)

    def serve(self, group: bytes, method: str, handler: ServeRequest) -> None:
        """Answer `method` for members of a registered group."""
        self._groups[group].methods[method] = handler

    def refresh(self, group: bytes) -> None:
        """The group's members may have changed. Also done on every tick."""
        for connection in self._connections.values():
            self._refresh(connection, self._groups[group])

    # --- peers --------------------------------------------------------------------------------

    @property
    def membership(self) -> Membership:
        """The membership document in force."""
        return self._entrance.trust.membership

    def peers(self) -> list[PeerState]:
        """All other nodes of the membership, by node id."""
        return [
            PeerState(
                node=node_id,
                connected=node_id in self._connections,
                since_ms=self._since_ms.get(node_id, self._started_ms),
            )
            for node_id in sorted(self.membership.nodes)
            if node_id != self.node_id
        ]

    def is_connected(self, peer: str) -> bool:
        """Whether there is a connection with `peer` now."""
        return peer in self._connections

    def on_connect(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` whenever a connection is made."""
        self._connect_callbacks.append(callback)

    def on_disconnect(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` whenever a connection has ended."""
        self._disconnect_callbacks.append(callback)

    def disconnect(self, peer: str, reason: str) -> None:
        """Cut a peer that broke a rule of a higher layer. It may come back."""
        connection = self._connections.get(peer)
        if connection is not None:
            connection.link.close("misbehaved", reason)

    def set_address(self, peer: str, address: str) -> None:
        """Dial `peer` at `host:port` from now on, whatever the membership says."""
        parse_host_port(address)
        self._addresses[peer] = address

    # --- trust --------------------------------------------------------------------------------

    def update_membership(self, successor: Membership) -> None:
        """Put a newer document in force: peers that it no longer admits are cut at once.

        Raises InvalidMembership unless the threshold of the present organisations signed it.
        """
        self.membership.check_successor(self._suite, successor)
        trust = self._entrance.trust
        kept = {k: v for k, v in trust.revocations.items() if k in successor.organisations}
        self._enter_with(self._entrance.identity, Trust(successor, kept))
        self._update_dialers()
        for connection in self._connections.values():
            self._offer_membership(connection.link)
        _log.info("p2p.membership", version=successor.version, nodes=len(successor.nodes))

    def update_crl(self, organisation: str, crl_pem: bytes) -> None:
        """Apply an organisation's own revocation list. An older one changes nothing.

        Raises InvalidMembership or InvalidNodeCertificate.
        """
        trust = self._entrance.trust.with_crl(organisation, crl_pem)
        self._enter_with(self._entrance.identity, trust)

    def update_identity(self, identity: NodeIdentity) -> None:
        """Use a renewed certificate of the same node for connections from now on."""
        assert identity.node_id == self.node_id
        self._enter_with(identity, self._entrance.trust)

    def _enter_with(self, identity: NodeIdentity, trust: Trust) -> None:
        self._entrance = Entrance(identity, trust, self._instance, self._limits, self._now)
        self._check_certificates()

    def _check_certificates(self) -> None:
        for connection in self._connections.values():
            try:
                self._entrance.trust.check_certificate(connection.link.certificate, self._now())
            except RefusedPeer as refusal:
                connection.link.close(refusal.reason, str(refusal))

    def _offer_membership(self, link: Link) -> None:
        if link.peer.membership_version < self.membership.version:
            link.outbox.control(MembershipDocument(self.membership.encode()))
            link.wake()

    def _on_membership_document(self, link: Link, document: bytes) -> None:
        try:
            successor = decode_membership(document)
        except InvalidMembership as error:
            raise InvalidFrame(str(error)) from error
        link.peer = Hello(link.peer.instance, successor.version)
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

    # --- connections --------------------------------------------------------------------------

    async def _accept_all(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                # Out of file descriptors, or a peer that left in between: go on, but not hot.
                _log.warning("p2p.accept_failed", detail=str(error))
                await asyncio.sleep(self._limits.backoff_initial_s)
                continue
            host = str(address[0])
            if (
                self._handshakes.total() >= self._limits.handshakes_count_max
                or self._handshakes[host] >= self._limits.handshakes_per_host_max
            ):
                connection.close()
                self._refuse(host, RefusedPeer(Refusal.TOO_MANY, "too many handshakes at a time"))
                continue
            connection.setblocking(False)
            self._handshakes[host] += 1
            self._spawn(self._take_in(connection, host))

    async def _take_in(self, connection: socket.socket, host: str) -> None:
        try:
            link = await self._entrance.accept(connection)
        except RefusedPeer as refusal:
            self._refuse(host, refusal)
            return
        finally:
            self._handshakes[host] -= 1
            if not self._handshakes[host]:
                del self._handshakes[host]
        await self._carry(link)

    async def _dial_always(self, peer: str) -> None:
        backoff = Backoff(self._limits.backoff_initial_s, self._limits.backoff_max_s)
        if self.node_id > peer:
            # The lower id dials first, so that usually there is just one connection to choose from.
            await asyncio.sleep(backoff.next_delay_s())
        while True:
            changed = self._changed.setdefault(peer, asyncio.Event())
            if peer in self._connections:
                changed.clear()
                await changed.wait()
                continue
            address = self._addresses.get(peer) or self.membership.nodes[peer]
            try:
                link = await self._entrance.dial(peer, *parse_host_port(address))
            except RefusedPeer as refusal:
                if refusal.reason is not Refusal.UNREACHABLE or not backoff.failures:
                    self._refuse(address, refusal, peer)
                else:
                    self.metrics.refused[refusal.reason] += 1
            else:
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
            self._entrance.trust.check_certificate(link.certificate, self._now())
            if not self._is_running or not self._prefers(link):
                raise RefusedPeer(Refusal.DUPLICATE, "there is a connection that stays")
        except RefusedPeer as refusal:
            link.close(refusal.reason)
            link.abandon()
            self.metrics.refused[refusal.reason] += 1
            _log.info("p2p.refused", peer=peer, reason=refusal.reason, detail=str(refusal))
            return
        connection = self._adopt(link)
        try:
            await link.run(lambda _, frame: self._on_frame(connection, frame))
        finally:
            link.close("stopped")
            link.abandon()
            connection.delivery.close()
            if self._connections.get(peer) is connection:
                self._part(connection)
            self.metrics.disconnected[str(link.close_reason)] += 1
            _log.info(
                "p2p.disconnected", peer=peer, reason=link.close_reason, detail=link.close_detail
            )

    def _prefers(self, link: Link) -> bool:
        """Whether a new link with a peer shall stand; both sides decide the same.

        Of two connections made at once, the one dialled by the lower node id stays. A second one
        dialled by the same side, or coming from a new process, means that the first one is dead.
        """
        self._check_running_twice(link)
        present = self._connections.get(link.node_id)
        if present is None:
            return True
        old = present.link
        if old.dialled == link.dialled or old.peer.instance != link.peer.instance:
            return True
        return link.dialled == (self.node_id < link.node_id)

    def _check_running_twice(self, link: Link) -> None:
        known = self._instances.setdefault(link.node_id, deque(maxlen=_INSTANCES_REMEMBERED))
        instance = link.peer.instance
        if instance in known and known[-1] != instance:
            # A process that restarts has a new instance: an old one that returns still lives.
            self.metrics.faults["node_runs_twice"] += 1
            _log.error(
                "p2p.node_runs_twice",
                peer=link.node_id,
                remedy="two processes run with this node's key: stop one of them",
            )
        elif instance not in known:
            known.append(instance)

    def _adopt(self, link: Link) -> _Connection:
        peer = link.node_id
        present = self._connections.get(peer)
        if present is not None:
            present.link.close("replaced")
            self._part(present)
        connection = _Connection(
            link,
            Delivery(
                lambda message: self._handle(connection, message),
                lambda message: self._handled(connection, message),
                lambda message: self._handler_failed(connection, message),
                requests_served_max=self._limits.requests_served_max,
            ),
            self._limits,
        )
        self._connections[peer] = connection
        self._note_change(peer)
        self.metrics.connected += 1
        _log.info("p2p.connected", peer=peer, dialled=link.dialled)
        for registration in self._groups.values():
            self._refresh(connection, registration)
        self._offer_membership(link)
        self._call(self._connect_callbacks, peer)
        return connection

    def _part(self, connection: _Connection) -> None:
        peer = connection.link.node_id
        del self._connections[peer]
        self._note_change(peer)
        connection.delivery.close()
        connection.pending.fail(Outcome.DISCONNECTED, f"the connection with {peer} ended")
        self._call(self._disconnect_callbacks, peer)

    def _note_change(self, peer: str) -> None:
        self._since_ms[peer] = int(time.time() * 1000)
        self._changed.setdefault(peer, asyncio.Event()).set()

    def _refuse(self, address: str, refusal: RefusedPeer, peer: str | None = None) -> None:
        self.metrics.refused[refusal.reason] += 1
        _log.warning(
            "p2p.refused", address=address, peer=peer, reason=refusal.reason, detail=str(refusal)
        )

    def _update_dialers(self) -> None:
        if not self._is_running:
            return
        wanted = set(self.membership.nodes) - {self.node_id}
        for node_id in set(self._dialers) - wanted:
            self._dialers.pop(node_id).cancel()
        for node_id in wanted - set(self._dialers):
            self._dialers[node_id] = asyncio.create_task(self._dial_always(node_id))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_interval_s)
            self._check_certificates()
            for connection in self._connections.values():
                connection.link.tick()
                for registration in self._groups.values():
                    self._refresh(connection, registration)

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
                self.metrics.faults["callback_failed"] += 1
                _log.exception("p2p.callback_failed", peer=peer)

    # --- frames -------------------------------------------------------------------------------

    def _on_frame(self, connection: _Connection, frame: Frame) -> None:
        link = connection.link
        match frame:
            case Data():
                self._on_data(connection, frame)
            case Credit():
                if not link.outbox.credited(frame):
                    raise InvalidFrame(f"expected no more credit than a window, got {frame.count}")
                link.wake()
            case Open():
                self._on_open(connection, frame)
            case Ping():
                link.outbox.control(Pong(frame.nonce))
                link.wake()
            case Pong():
                pass
            case Bye():
                link.close("peer_closed", frame.reason)
            case MembershipDocument():
                self._on_membership_document(link, frame.document)
            case Hello():
                raise InvalidFrame("expected one hello, got a second")

    def _member_registration(self, peer: str, group: bytes) -> Registration | None:
        """The group, if we carry it and the peer belongs to it; otherwise counts a drop."""
        registration = self._groups.get(group)
        if registration is None:
            self.metrics.dropped["unknown_group"] += 1
            return None
        if not registration.is_member(peer):
            self.metrics.dropped["non_member"] += 1
            return None
        return registration

    def _on_data(self, connection: _Connection, data: Data) -> None:
        link = connection.link
        if self._member_registration(link.node_id, data.group) is None:
            return
        if not data.generation or link.inbox.generation(data.group) != data.generation:
            self.metrics.dropped["stale"] += 1
            return
        message = link.inbox.accept(data)
        if message is not None:
            name = message.lane.name.lower()
            self.metrics.messages_received[name] += 1
            self.metrics.bytes_received[name] += len(message.payload)
            connection.delivery.deliver(message)

    def _on_open(self, connection: _Connection, frame: Open) -> None:
        link = connection.link
        registration = self._member_registration(link.node_id, frame.group)
        if registration is None:
            return
        if frame.generation == 0:
            link.inbox.close(frame.group)
            link.outbox.forget(frame.group)
            connection.delivery.forget(frame.group)
            connection.pending.fail(
                Outcome.DISCONNECTED, f"{link.node_id} left the group", frame.group
            )
            return
        is_new = link.outbox.opened(frame.group, frame.generation)
        if frame.wants_reply or not link.inbox.generation(frame.group):
            generation = link.inbox.generation(frame.group) or link.inbox.open(frame.group)
            link.outbox.control(Open(frame.group, generation, False))
        link.wake()
        if is_new and registration.on_open is not None:
            self._call([registration.on_open], link.node_id)

    def _refresh(self, connection: _Connection, registration: Registration) -> None:
        link, group = connection.link, registration.group
        is_open = link.inbox.generation(group) != 0
        is_member = registration.is_member(link.node_id)
        if is_member and not is_open:
            wants_reply = not link.outbox.is_open(group)
            link.outbox.control(Open(group, link.inbox.open(group), wants_reply))
            link.wake()
        elif is_open and not is_member:
            self._shut(connection, group)

    def _shut(self, connection: _Connection, group: bytes) -> None:
        link = connection.link
        if link.inbox.close(group):
            link.outbox.control(Open(group, 0, False))
            link.wake()
        link.outbox.forget(group)
        connection.delivery.forget(group)
        connection.pending.fail(Outcome.NOT_MEMBER, "this node left the group", group)

    # --- messages -----------------------------------------------------------------------------

    def _offer(self, peer: str, group: bytes, lane: Lane, payload: bytes) -> Outcome | None:
        bytes_max = self._limits.message_bytes_max[lane]
        if len(payload) > bytes_max:
            raise ValueError(
                f"expected a {lane.name} message of at most {bytes_max} bytes, got {len(payload)}: "
                "send it in pages"
            )
        connection = self._connections.get(peer)
        registration = self._groups.get(group)
        problem = None
        if registration is None or not registration.is_member(peer):
            problem = Outcome.NOT_MEMBER
        elif connection is None:
            problem = Outcome.NOT_CONNECTED
        elif not connection.link.outbox.offer(group, lane, payload):
            problem = Outcome.TOO_MANY
        if problem is not None or connection is None:
            self.metrics.unsent[str(problem)] += 1
            return problem
        name = lane.name.lower()
        self.metrics.messages_sent[name] += 1
        self.metrics.bytes_sent[name] += len(payload)
        connection.link.wake()
        return None

    def _handle(self, connection: _Connection, message: Message) -> Awaitable[None] | None:
        registration = self._groups.get(message.group)
        if registration is None:
            return None
        if message.lane is Lane.REQUEST:
            return self._serve(connection, registration, message)
        if message.lane is Lane.RESPONSE:
            self._on_response(connection, message)
            return None
        return registration.handler(connection.link.node_id, Channel(message.lane), message.payload)

    def _handler_failed(self, connection: _Connection, message: Message) -> None:
        self.metrics.faults["handler_failed"] += 1
        _log.exception("p2p.handler_failed", peer=connection.link.node_id, lane=message.lane.name)

    def _handled(self, connection: _Connection, message: Message) -> None:
        link = connection.link
        credit = link.inbox.handled(message)
        if credit is not None:
            link.outbox.control(credit)
            link.wake()

    def _on_response(self, connection: _Connection, message: Message) -> None:
        try:
            response = decode_response(message.payload)
        except InvalidRequest as error:
            connection.link.close("framing", str(error))
            return
        if not connection.pending.answer(message.group, response):
            self.metrics.dropped["late_response"] += 1

    async def _serve(
        self, connection: _Connection, registration: Registration, message: Message
    ) -> None:
        link = connection.link
        try:
            request = decode_request(message.payload)
        except InvalidRequest as error:
            link.close("framing", str(error))
            return
        status, payload = await self._answer(link.node_id, registration, request)
        self.metrics.served[status.name.lower()] += 1
        response = encode_response(Response(request.number, status, payload))
        self._offer(link.node_id, registration.group, Lane.RESPONSE, response)

    async def _answer(
        self, peer: str, registration: Registration, request: Request
    ) -> tuple[Status, bytes]:
        method = registration.methods.get(request.method)
        if method is None:
            return Status.UNKNOWN_METHOD, f"no method {request.method}".encode()
        try:
            payload = await method(peer, request.payload)
        except RefusedRequest as refusal:
            return Status.REFUSED, str(refusal).encode()[:REASON_BYTES_MAX]
        except Exception:
            self.metrics.faults["handler_failed"] += 1
            _log.exception("p2p.method_failed", peer=peer, method=request.method)
            return Status.FAILED, b"internal error"
        bytes_max = self._limits.message_bytes_max[Lane.RESPONSE] - RESPONSE_HEADER_BYTES
        if len(payload) > bytes_max:
            self.metrics.faults["response_too_long"] += 1
            return Status.FAILED, b"answer too long"
        return Status.OK, payload


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
