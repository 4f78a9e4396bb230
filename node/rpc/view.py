"""What the RPC server sees of a node and of a group: the read side, and `submit_batch`.

Protocols only: the running node implements them, tests bring small ones of their own. All
methods are called on the event loop; those of `chain` that take long are called from a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.chain import Chain
from ledger.genesis import Genesis
from ledger.transactions import InvalidTransaction, Transaction
from ledger.values import Address, Hash32


@dataclass(frozen=True, slots=True)
class NewHead:
    """A block became stable and is stored."""

    number: int


@dataclass(frozen=True, slots=True)
class NewPending:
    """A transaction entered the pool."""

    hash: Hash32


GroupEvent = NewHead | NewPending


class Unavailable(Exception):
    """A group cannot take a transaction now: it halted or is stopping; the message says which."""


class PoolView(Protocol):
    """The pool as RPC reads it."""

    def __len__(self) -> int: ...

    def get(self, transaction_hash: Hash32) -> Transaction | None:
        """A transaction that waits here."""

    def next_nonce(self, sender: Address, state_nonce: int) -> int:
        """The nonce after the sender's unbroken run of waiting transactions."""

    def transactions(self) -> Iterable[tuple[Address, Transaction]]:
        """Senders and transactions, in the order of their arrival."""


class GroupView(Protocol):
    """One ledger of this node."""

    @property
    def name(self) -> str: ...

    @property
    def genesis(self) -> Genesis: ...

    @property
    def group_id(self) -> Hash32: ...

    @property
    def role(self) -> str: ...

    @property
    def chain(self) -> Chain: ...

    @property
    def pool(self) -> PoolView: ...

    async def submit_batch(
        self, raws: Sequence[bytes]
    ) -> Sequence[Hash32 | InvalidTransaction | Unavailable]:
        """Journal and pool signed transactions: for each its hash, or why it is not taken."""

    def status(self) -> Mapping[str, Any]:
        """`{name, chain_id, epoch, view, sequence, stable: {number, hash}, primary, quorum,
        missing: [{node, since_ms}], unheard, view_change, asking, retired, clock,
        conditions}`: plain integers, the hash as `0x…`; a condition is `{kind, en, zh,
        remedy_en, remedy_zh}`."""

    def transaction_status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        """`{status, block, reason}`, status one of pending, ordered, executed, dropped."""

    def subscribe(self) -> asyncio.Queue[GroupEvent]:
        """A bounded queue of what happens from now on; a full queue loses its oldest event."""

    def unsubscribe(self, events: asyncio.Queue[GroupEvent]) -> None:
        """Stop filling a queue."""


class NodeView(Protocol):
    """The node: its groups, its peers, its envelopes."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def engine(self) -> str: ...

    @property
    def groups(self) -> Mapping[str, GroupView]: ...

    @property
    def default_group(self) -> str: ...

    def peers(self) -> list[Mapping[str, Any]]:
        """`{node, connected}` of every node that this one knows."""

    def certificate(self) -> Mapping[str, Any]:
        """The node's TLS certificate: `{serial, not_after, days_left, refused}`; `refused` is why
        peers turn it away, or None."""

    def expiring(self) -> list[Mapping[str, Any]]:
        """Certificates and CAs that run out soon: `{what, days_left, remedy}`."""

    def readiness(self) -> Mapping[str, str]:
        """What keeps this node from serving, by group; empty when it is ready."""

    async def send_envelope(self, group: str, receiver: str, envelope: bytes) -> Hash32:
        """Deliver an encrypted envelope to an organisation's node; answers its digest."""

    def envelopes(self, group: str) -> list[Mapping[str, Any]]:
        """Envelopes that arrived: `{digest, sender, received_ms, envelope}`, bytes as bytes."""
