"""Envelopes from node to node: opaque ciphertext for an organisation, delivered until acknowledged.

The network sees length and direction only; nothing of it is on chain. Files hold one envelope
each: `in/` what arrived, `out/` what waits for a receipt.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ledger.codec import InvalidEncoding
from ledger.suite import Suite
from ledger.values import Hash32
from ledger.whole_file import write_whole
from node.group_network import GroupNetwork, RequestFailed
from node.requests import (
    ENVELOPE_BYTES_MAX,
    EnvelopeDelivery,
    EnvelopeReceipt,
    decode_answer,
    encode_request,
)

ENVELOPES_COUNT_MAX = 10_000
DELIVERY_TIMEOUT_S = 10.0
RETRY_S = 2.0
RETRY_S_MAX = 30.0


class EnvelopeRefused(ValueError):
    """An envelope that this node does not take; the message says why and what to do."""


class Envelope(msgspec.Struct, frozen=True):
    """One file. `sender` is a node id, `receiver` an organisation, `waiting` nodes without a
    receipt (in `out/` only); the time is the writer's, in Unix milliseconds."""

    group: str
    sender: str
    receiver: str
    digest: bytes
    at_ms: int
    payload: bytes
    waiting: tuple[str, ...] = ()


class EnvelopeStore:
    """The two folders of one node, for all of its groups."""

    def __init__(self, folder: Path, *, payload_bytes_max: int = ENVELOPE_BYTES_MAX) -> None:
        self._folder = folder
        self._payload_bytes_max = payload_bytes_max
        for name in ("in", "out"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for cut_off in (folder / name).glob(".*.new"):
                cut_off.unlink()  # by a crash, before it was promised to anybody
        # Writers are threads, and the same envelope may be sent twice at once.
        self._writing = threading.Lock()
        self._count = {
            name: sum(1 for _ in (folder / name).glob("*.envelope")) for name in ("in", "out")
        }

    def put(self, where: str, envelope: Envelope) -> None:
        """Write one synced file; the same envelope twice is one. Raises `EnvelopeRefused`."""
        if len(envelope.payload) > self._payload_bytes_max:
            raise EnvelopeRefused(
                f"expected at most {self._payload_bytes_max} bytes, got {len(envelope.payload)}"
            )
        path = self._path(where, envelope)
        with self._writing:
            is_new = not path.exists()
            if is_new and self._count[where] >= ENVELOPES_COUNT_MAX:
                raise EnvelopeRefused(
                    f"{ENVELOPES_COUNT_MAX} envelopes are in {where}/ already: move old ones away"
                )
            write_whole(path, msgspec.msgpack.encode(envelope), mode=0o600)
            self._count[where] += is_new

    def remove_sent(self, envelope: Envelope) -> None:
        """Every receipt is there: the file in `out/` goes."""
        path = self._path("out", envelope)
        with self._writing:
            self._count["out"] -= path.exists()
            path.unlink(missing_ok=True)

    def load(self, where: str, group: str) -> list[Envelope]:
        """One group's envelopes, oldest first; files that are none are left alone."""
        found = []
        for path in (self._folder / where).glob(f"{group}.*.envelope"):
            try:
                envelope = msgspec.msgpack.decode(path.read_bytes(), type=Envelope)
            except (OSError, msgspec.DecodeError):
                continue
            if envelope.group == group:
                found.append(envelope)
        return sorted(found, key=lambda envelope: (envelope.at_ms, envelope.digest))

    def _path(self, where: str, envelope: Envelope) -> Path:
        return self._folder / where / f"{envelope.group}.{envelope.digest.hex()}.envelope"


class EnvelopePost:
    """One group's deliveries. `members` maps node ids to organisations."""

    def __init__(
        self,
        *,
        group: str,
        node_id: str,
        suite: Suite,
        store: EnvelopeStore,
        network: GroupNetwork,
        members: Callable[[], Mapping[str, str]],
    ) -> None:
        self._group = group
        self._node_id = node_id
        self._suite = suite
        self._store = store
        self._network = network
        self._members = members
        self._deliveries: dict[bytes, asyncio.Task[None]] = {}
        self._connected = asyncio.Event()
        self._log = structlog.get_logger("envelopes").bind(group=group)

    async def send(self, receiver: str, payload: bytes) -> Hash32:
        """Deliver to every node of an organisation; returns the digest once the envelope is on
        this node's disk. Raises `EnvelopeRefused`."""
        nodes = tuple(sorted(n for n, org in self._members().items() if org == receiver))
        if not nodes:
            known = ", ".join(sorted(set(self._members().values())))
            raise EnvelopeRefused(
                f"no node of organisation {receiver!r} is a member of group {self._group}; "
                f"members are: {known}"
            )
        digest = self._suite.hash(payload)
        envelope = Envelope(self._group, self._node_id, receiver, digest, _now_ms(), payload, nodes)
        if self._node_id in nodes:
            await asyncio.to_thread(self._store.put, "in", _received(envelope, self._node_id))
            envelope = _without(envelope, self._node_id)
        if envelope.waiting:
            await asyncio.to_thread(self._store.put, "out", envelope)
            self._start(envelope)
        return digest

    async def receive(self, peer: str, delivery: EnvelopeDelivery) -> EnvelopeReceipt:
        """Keep what a member delivered; answers once it is synced. Raises `EnvelopeRefused`."""
        own = self._members().get(self._node_id)
        if delivery.organisation != own:
            raise EnvelopeRefused(
                f"expected an envelope for {own}, got one for {delivery.organisation}"
            )
        digest = self._suite.hash(delivery.payload)
        envelope = Envelope(
            self._group, peer, delivery.organisation, digest, _now_ms(), delivery.payload
        )
        await asyncio.to_thread(self._store.put, "in", envelope)
        self._log.info("envelope.received", peer=peer, digest=digest, size=len(delivery.payload))
        return EnvelopeReceipt(digest)

    def received(self) -> list[Mapping[str, Any]]:
        """What arrived: `{digest, sender, received_ms, envelope}`, bytes as bytes."""
        return [
            {
                "digest": envelope.digest,
                "sender": envelope.sender,
                "received_ms": envelope.at_ms,
                "envelope": envelope.payload,
            }
            for envelope in self._store.load("in", self._group)
        ]

    def waiting(self) -> list[Mapping[str, Any]]:
        """What was sent and not acknowledged by all: `{digest, receiver, nodes}`."""
        return [
            {"digest": e.digest, "receiver": e.receiver, "nodes": list(e.waiting)}
            for e in self._store.load("out", self._group)
        ]

    def start(self) -> None:
        """Take up deliveries that a restart interrupted."""
        for envelope in self._store.load("out", self._group):
            self._start(envelope)

    def on_connected(self) -> None:
        """A member came: all that waits is tried again now."""
        self._connected.set()
        self._connected = asyncio.Event()

    async def stop(self) -> None:
        """Stop delivering; what waits stays on disk."""
        tasks = list(self._deliveries.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, envelope: Envelope) -> None:
        running = self._deliveries.get(envelope.digest)
        if running is None or running.done():
            self._deliveries[envelope.digest] = asyncio.create_task(self._deliver(envelope))

    async def _deliver(self, envelope: Envelope) -> None:
        delay_s = RETRY_S
        request = encode_request(EnvelopeDelivery(envelope.receiver, envelope.payload))
        while True:
            connected = self._connected  # taken first: who comes during an attempt is not missed
            for node in envelope.waiting:
                if node in self._network.connected() and await self._deliver_to(
                    node, request, envelope.digest
                ):
                    envelope = _without(envelope, node)
            if not envelope.waiting:
                break
            await asyncio.to_thread(self._store.put, "out", envelope)
            try:
                async with asyncio.timeout(delay_s):
                    await connected.wait()
            except TimeoutError:
                delay_s = min(2 * delay_s, RETRY_S_MAX)
        await asyncio.to_thread(self._store.remove_sent, envelope)
        self._deliveries.pop(envelope.digest, None)

    async def _deliver_to(self, node: str, request: bytes, digest: bytes) -> bool:
        try:
            answer = decode_answer(await self._network.request(node, request, DELIVERY_TIMEOUT_S))
        except (RequestFailed, InvalidEncoding) as error:
            self._log.warning("envelope.not_delivered", peer=node, digest=digest, error=str(error))
            return False
        is_good = isinstance(answer, EnvelopeReceipt) and answer.digest == digest
        if is_good:
            self._log.info("envelope.delivered", peer=node, digest=digest)
        return is_good


def _received(envelope: Envelope, node_id: str) -> Envelope:
    return msgspec.structs.replace(envelope, sender=node_id, waiting=())


def _without(envelope: Envelope, node: str) -> Envelope:
    rest = tuple(other for other in envelope.waiting if other != node)
    return msgspec.structs.replace(envelope, waiting=rest)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
