"""Messages over connections: which group a frame belongs to, who may send it, who handles it.

Nothing here knows how a connection was made or when it is made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from node.p2p.counters import Counters
from node.p2p.delivery import Delivery
from node.p2p.frames import (
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
    RevocationDocument,
)
from node.p2p.groups import PeerCallback, Registration
from node.p2p.inbox import Message
from node.p2p.limits import Limits
from node.p2p.link import Link
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
    Status,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)

_log = structlog.get_logger(__name__)


class Connection:
    """A link in use, with what hangs on it."""

    def __init__(self, link: Link, delivery: Delivery, pending: PendingRequests) -> None:
        self.link = link
        self.delivery = delivery
        self.pending = pending


class Exchange:
    """The groups of a node and the connections that carry their messages.

    `on_document` is given a membership document that a peer sent, `on_revocations` a list.
    """

    def __init__(
        self,
        limits: Limits,
        counters: Counters,
        on_document: Callable[[Link, bytes], None],
        on_revocations: Callable[[Link, RevocationDocument], None],
    ) -> None:
        self.connections: dict[str, Connection] = {}
        self._limits = limits
        self._counters = counters
        self._on_document = on_document
        self._on_revocations = on_revocations
        self._groups: dict[bytes, Registration] = {}

    # Connections.

    def add(self, link: Link) -> Connection:
        """Use a link for its peer, which has no other, and tell it of the groups it is in."""
        connection = Connection(
            link,
            Delivery(
                lambda message: self._handle(connection, message),
                lambda message: self._handled(connection, message),
                lambda message: self._handler_failed(connection, message),
                requests_served_max=self._limits.requests_served_max,
            ),
            PendingRequests(self._limits.requests_pending_max),
        )
        assert link.node_id not in self.connections
        self.connections[link.node_id] = connection
        for registration in self._groups.values():
            self._refresh(connection, registration)
        return connection

    def remove(self, connection: Connection) -> None:
        """The connection ends: fail its requests, cancel its handlers, tell its groups."""
        link = connection.link
        del self.connections[link.node_id]
        connection.delivery.close()
        connection.pending.fail(Outcome.DISCONNECTED, f"the connection with {link.node_id} ended")
        for registration in list(self._groups.values()):
            if link.outbox.is_open(registration.group):
                self._tell_closed(registration, link.node_id)

    # Groups.

    def register(self, registration: Registration) -> None:
        """Carry a group."""
        assert registration.group not in self._groups, "a group is registered once"
        assert len(self._groups) < self._limits.groups_count_max
        self._groups[registration.group] = registration
        self.refresh(registration.group)

    def unregister(self, group: bytes) -> None:
        """Leave a group, if it is carried."""
        if self._groups.pop(group, None) is not None:
            for connection in self.connections.values():
                self._shut(connection, group)

    def registration(self, group: bytes) -> Registration:
        """A group that is carried."""
        return self._groups[group]

    def refresh(self, group: bytes | None = None) -> None:
        """The members of a group, or of all, may have changed: open and close accordingly."""
        groups = list(self._groups.values()) if group is None else [self._groups[group]]
        for connection in list(self.connections.values()):
            for registration in groups:
                self._refresh(connection, registration)

    def open_peers(self, group: bytes) -> frozenset[str]:
        """The peers that are connected and ready for this group's frames."""
        return frozenset(
            peer
            for peer, connection in self.connections.items()
            if connection.link.outbox.is_open(group)
        )

    # Sending.

    def offer(self, peer: str, group: bytes, lane: Lane, payload: bytes) -> Outcome | None:
        """Queue a message; why not, if it is not taken. Raises ValueError for one too long."""
        bytes_max = self._limits.message_bytes_max[lane]
        if len(payload) > bytes_max:
            raise ValueError(
                f"expected a {lane.name} message of at most {bytes_max} bytes, got {len(payload)}: "
                "send it in pages"
            )
        connection = self.connections.get(peer)
        registration = self._groups.get(group)
        problem = None
        if registration is None or not registration.is_member(peer):
            problem = Outcome.NOT_MEMBER
        elif connection is None:
            problem = Outcome.NOT_CONNECTED
        elif not connection.link.outbox.offer(group, lane, payload):
            problem = Outcome.TOO_MANY
        if problem is not None or connection is None:
            self._counters.unsent[str(problem)] += 1
            return problem
        name = lane.name.lower()
        self._counters.messages_sent[name] += 1
        self._counters.bytes_sent[name] += len(payload)
        connection.link.wake()
        return None

    async def request(
        self, peer: str, group: bytes, method: str, payload: bytes, timeout_s: float
    ) -> bytes:
        """Ask a peer's server of `group` for `method`; its answer. Raises RequestFailed.

        A peer that does not carry the group, or does not count us among its members, gives no
        answer: that shows as a time-out.
        """
        connection = self.connections.get(peer)
        try:
            if connection is None:
                raise RequestFailed(Outcome.NOT_CONNECTED, f"{peer} is not connected: try another")
            number, future = connection.pending.add(group)
            try:
                message = encode_request(Request(number, method, payload))
                problem = self.offer(peer, group, Lane.REQUEST, message)
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
            self._counters.requests[error.outcome] += 1
            raise
        self._counters.requests["ok"] += 1
        return answer

    # Frames.

    def on_frame(self, connection: Connection, frame: Frame) -> None:
        """Act on what a peer sent. Raises InvalidFrame, for which it is to be disconnected."""
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
                self._on_document(link, frame.document)
            case RevocationDocument():
                self._on_revocations(link, frame)
            case Hello():
                raise InvalidFrame("expected one hello, got a second")

    def _member_registration(self, peer: str, group: bytes) -> Registration | None:
        """The group, if we carry it and the peer belongs to it; otherwise counts a drop."""
        registration = self._groups.get(group)
        if registration is None:
            self._counters.dropped["unknown_group"] += 1
            return None
        if not registration.is_member(peer):
            self._counters.dropped["non_member"] += 1
            return None
        return registration

    def _on_data(self, connection: Connection, data: Data) -> None:
        link = connection.link
        if self._member_registration(link.node_id, data.group) is None:
            return
        if not data.generation or link.inbox.generation(data.group) != data.generation:
            self._counters.dropped["stale"] += 1
            return
        message = link.inbox.accept(data)
        if message is not None:
            name = message.lane.name.lower()
            self._counters.messages_received[name] += 1
            self._counters.bytes_received[name] += len(message.payload)
            connection.delivery.deliver(message)

    def _on_open(self, connection: Connection, frame: Open) -> None:
        link = connection.link
        registration = self._member_registration(link.node_id, frame.group)
        if registration is None:
            return
        if frame.generation == 0:
            link.inbox.close(frame.group)
            was_open = link.outbox.is_open(frame.group)
            link.outbox.forget(frame.group)
            if was_open:
                self._tell_closed(registration, link.node_id)
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
            self._tell_opened(registration, link.node_id)

    def _refresh(self, connection: Connection, registration: Registration) -> None:
        link, group = connection.link, registration.group
        is_open = link.inbox.generation(group) != 0
        is_member = registration.is_member(link.node_id)
        if is_member and not is_open:
            wants_reply = not link.outbox.is_open(group)
            link.outbox.control(Open(group, link.inbox.open(group), wants_reply))
            link.wake()
        elif is_open and not is_member:
            was_open = link.outbox.is_open(group)
            self._shut(connection, group)
            if was_open:
                self._tell_closed(registration, link.node_id)

    def _shut(self, connection: Connection, group: bytes) -> None:
        link = connection.link
        if link.inbox.close(group):
            link.outbox.control(Open(group, 0, False))
            link.wake()
        link.outbox.forget(group)
        connection.delivery.forget(group)
        connection.pending.fail(Outcome.NOT_MEMBER, "this node left the group", group)

    def _tell_opened(self, registration: Registration, peer: str) -> None:
        self._tell(registration.on_open, peer)

    def _tell_closed(self, registration: Registration, peer: str) -> None:
        self._tell(registration.on_close, peer)

    def _tell(self, callback: PeerCallback | None, peer: str) -> None:
        if callback is None:
            return
        try:
            callback(peer)
        except Exception:
            self._counters.faults["callback_failed"] += 1
            _log.exception("p2p.callback_failed", peer=peer)

    # Messages.

    def _handle(self, connection: Connection, message: Message) -> Awaitable[None] | None:
        registration = self._groups.get(message.group)
        if registration is None:
            return None
        if message.lane is Lane.REQUEST:
            return self._serve(connection, registration, message)
        if message.lane is Lane.RESPONSE:
            self._on_response(connection, message)
            return None
        return registration.handler(connection.link.node_id, Channel(message.lane), message.payload)

    def _handler_failed(self, connection: Connection, message: Message) -> None:
        self._counters.faults["handler_failed"] += 1
        _log.exception("p2p.handler_failed", peer=connection.link.node_id, lane=message.lane.name)

    def _handled(self, connection: Connection, message: Message) -> None:
        link = connection.link
        credit = link.inbox.handled(message)
        if credit is not None:
            link.outbox.control(credit)
            link.wake()

    def _on_response(self, connection: Connection, message: Message) -> None:
        try:
            response = decode_response(message.payload)
        except InvalidRequest as error:
            connection.link.close("framing", str(error))
            return
        if not connection.pending.answer(message.group, response):
            self._counters.dropped["late_response"] += 1

    async def _serve(
        self, connection: Connection, registration: Registration, message: Message
    ) -> None:
        link = connection.link
        try:
            request = decode_request(message.payload)
        except InvalidRequest as error:
            link.close("framing", str(error))
            return
        status, payload = await self._answer(link.node_id, registration, request)
        self._counters.served[status.name.lower()] += 1
        if self.connections.get(link.node_id) is not connection:
            return  # Numbers belong to a connection: on another one this would answer another.
        response = encode_response(Response(request.number, status, payload))
        self.offer(link.node_id, registration.group, Lane.RESPONSE, response)

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
            self._counters.faults["handler_failed"] += 1
            _log.exception("p2p.method_failed", peer=peer, method=request.method)
            return Status.FAILED, b"internal error"
        bytes_max = self._limits.message_bytes_max[Lane.RESPONSE] - RESPONSE_HEADER_BYTES
        if len(payload) > bytes_max:
            self._counters.faults["response_too_long"] += 1
            return Status.FAILED, b"answer too long"
        return Status.OK, payload
