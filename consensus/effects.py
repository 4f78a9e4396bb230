"""What a replica asks its driver to do, in the order in which it has to happen.

A driver carries out each effect before the next: `Persist` returns when the entries are synced, and
only then may anything after it leave the node. `Execute`, `Stable`, `FetchBatch` and `Synchronise`
start work that ends in an event; a driver that is busy with the same request ignores a repetition.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from consensus.entries import LogEntry
from consensus.messages import Message, Signed
from ledger.certificate import Certificate
from ledger.proposal import Proposal
from ledger.values import Address, Hash32


class Persist(msgspec.Struct, frozen=True):
    """Append these entries to the write-ahead log and sync it."""

    entries: tuple[LogEntry, ...]


class Broadcast(msgspec.Struct, frozen=True):
    """Sign this message, send it to every member of the group, then step `OwnSigned` with it.

    `OwnSigned` comes after the rest of this step's effects, before any other event.
    """

    message: Message


class Resend(msgspec.Struct, frozen=True):
    """Send a signed message (own or relayed) as it is to one peer, or to all for None."""

    signed: Signed
    to: Address | None


class Execute(msgspec.Struct, frozen=True):
    """Execute this proposal on the block before it, uncertified or not; answer `Executed`.

    One at a time, in sequence. After a `Stored` that catches up beyond it, it is void.
    """

    proposal: Proposal


class Stable(msgspec.Struct, frozen=True):
    """The executed block of this number has its certificate: store both, answer `Stored`."""

    certificate: Certificate


class Compact(msgspec.Struct, frozen=True):
    """Replace the whole write-ahead log by these entries, atomically and synced."""

    entries: tuple[LogEntry, ...]


class FetchBatch(msgspec.Struct, frozen=True):
    """Ask peers for the batch of this digest; answer `BatchReceived`. Repeated while missing."""

    sequence: int
    digest: Hash32


class Synchronise(msgspec.Struct, frozen=True):
    """Fetch, verify and store blocks up to this certificate's; answer `Stored`. Repeated."""

    certificate: Certificate


class CompareHeaders(msgspec.Struct, frozen=True):
    """Others came to another header of a block: have one of them show it, and name the field."""

    number: int
    ours: Hash32
    theirs: Hash32
    signers: tuple[Address, ...]


class Forward(msgspec.Struct, frozen=True):
    """Half of a transaction's time is over: send it to the primary once more."""

    transaction_hash: Hash32
    primary: Address


class AlarmKind(StrEnum):
    """What an operator should hear of; none of these stops the replica."""

    EQUIVOCATION = "equivocation"
    KEY_USED_TWICE = "key-used-twice"
    CHECKPOINTS_DIFFER = "checkpoints-differ"
    NO_CERTIFICATE = "no-certificate"
    VIEW_CHANGE = "view-change"


class Alarm(msgspec.Struct, frozen=True):
    """Something for the log and the status page: what happened, and what to do."""

    kind: AlarmKind
    message: str


class Halt(msgspec.Struct, frozen=True):
    """The replica stops for good: it would contradict itself or a certificate. Say why, exit."""

    reason: str


Effect: TypeAlias = (
    Persist
    | Broadcast
    | Resend
    | Execute
    | Stable
    | Compact
    | FetchBatch
    | Synchronise
    | CompareHeaders
    | Forward
    | Alarm
    | Halt
)
