"""Everything that can happen to a replica: the arguments of `Replica.step`.

The first event is `Started`. The driver has checked signatures, nested ones too, and form before
`Received`, `OwnSigned` and `BatchReceived`; the replica trusts it with that and nothing else.
"""

from typing import TypeAlias

import msgspec

from consensus.entries import LogEntry
from consensus.epochs import Epoch
from consensus.messages import Signed
from ledger.certificate import Certificate
from ledger.proposal import Proposal
from ledger.values import Address, Hash32


class Started(msgspec.Struct, frozen=True):
    """The node starts: the store's last block, the epochs due after it, the recovered log.

    `stable` certifies the store's last block (None: it holds the genesis block only) and
    `stable_digest` is that block's proposal digest. `epochs` are as in `Stored`.
    """

    stable: Certificate | None
    stable_digest: Hash32
    epochs: tuple[Epoch, ...]
    entries: tuple[LogEntry, ...] = ()


class Received(msgspec.Struct, frozen=True):
    """A verified message of another replica."""

    signed: Signed


class OwnSigned(msgspec.Struct, frozen=True):
    """The replica's own message, handed back once it is signed (after every Persist before it)."""

    signed: Signed


class Propose(msgspec.Struct, frozen=True):
    """The primary's driver fills the slot that `Replica.proposal_slot` asked for.

    A proposal for another slot than the present one is ignored.
    """

    proposal: Proposal


class ProposalRefused(msgspec.Struct, frozen=True):
    """The driver refused a PRE-PREPARE for its form or its clock: the request clock starts."""

    epoch: int
    view: int
    sequence: int


class BatchReceived(msgspec.Struct, frozen=True):
    """A batch body that `FetchBatch` asked for; its digest was recomputed on decoding."""

    proposal: Proposal


class Executed(msgspec.Struct, frozen=True):
    """The answer to `Execute`: the header hash that the proposal came to."""

    sequence: int
    digest: Hash32
    header_hash: Hash32


class Stored(msgspec.Struct, frozen=True):
    """Block `certificate.number` is in the store, synced: by `Stable` or by catching up.

    Numbers ascend, gaps are allowed. `transactions` counts those included and dropped, `has_room`
    says that the block could have held more. `epochs` are those known of sequences
    number + 1 to number + W + 1: the epoch of number + 1, and the next one where it begins later
    in that span (rule 8).
    """

    certificate: Certificate
    digest: Hash32
    epochs: tuple[Epoch, ...]
    transactions: int = 0
    has_room: bool = True


class EpochRecovered(msgspec.Struct, frozen=True):
    """The organisations' recovery keys opened an epoch after block first_sequence − 1 (rule 8).

    The driver verified their certificate, and `Stored.epochs` agree with it from now on. What the
    old set certified above that block is void. A replica that stored such a block halts: the driver
    cuts its store back and starts it again.
    """

    epoch: Epoch


class RequestWaiting(msgspec.Struct, frozen=True):
    """A transaction in the pool could execute next on the stable state (rule 6).

    older: how many in the pool came before it; as many may precede it in blocks.
    """

    transaction_hash: Hash32
    older: int = 0


class RequestGone(msgspec.Struct, frozen=True):
    """A transaction was included, dropped or replaced, or could not execute next any more."""

    transaction_hash: Hash32


class PeerConnected(msgspec.Struct, frozen=True):
    """A connection to another validator came up: what it may lack is sent again."""

    peer: Address


class Unheard(msgspec.Struct, frozen=True):
    """Exactly these validators can not be heard now: no connection, or nothing came for long.

    A hint about time and nothing else: it shortens the wait for a primary that is among them, and
    stops the clocks of a replica that hears no quorum.
    """

    validators: frozenset[Address]


class Tick(msgspec.Struct, frozen=True):
    """One abstract tick passed. A driver that fell behind skips ticks, it does not pile them up."""


Event: TypeAlias = (
    Started
    | Received
    | OwnSigned
    | Propose
    | ProposalRefused
    | BatchReceived
    | Executed
    | Stored
    | EpochRecovered
    | RequestWaiting
    | RequestGone
    | PeerConnected
    | Unheard
    | Tick
)
