"""What replicas say to each other, as unsigned values, and the signed envelope around them.

Values only: bytes are in `wire`, checks in `verify`, meaning in `replica`. The group's genesis hash
is not a field: every signature binds it, so a message of another group does not verify here.
"""

from typing import TypeAlias

import msgspec

from ledger.certificate import Certificate
from ledger.proposal import Proposal
from ledger.values import Address, Hash32


class PrePrepare(msgspec.Struct, frozen=True):
    """The primary orders a proposal; it counts as the primary's PREPARE.

    The signature binds epoch, view, sequence and digest. `proposal` travels beside it (its digest
    is recomputed on decoding), is None inside certificates and logs, and is no part of equality.
    """

    epoch: int
    view: int
    sequence: int
    digest: Hash32
    proposal: Proposal | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrePrepare) and self._bound == other._bound

    def __hash__(self) -> int:
        return hash(self._bound)

    @property
    def _bound(self) -> tuple[int, int, int, Hash32]:
        return self.epoch, self.view, self.sequence, self.digest


class Prepare(msgspec.Struct, frozen=True):
    """A backup holds this proposal, synced, and accepts it at this sequence in this view."""

    epoch: int
    view: int
    sequence: int
    digest: Hash32


class Commit(msgspec.Struct, frozen=True):
    """The sender holds a prepared certificate for this digest, synced."""

    epoch: int
    view: int
    sequence: int
    digest: Hash32


class Checkpoint(msgspec.Struct, frozen=True):
    """The sender executed block `number` to this header. Its signature names no view."""

    epoch: int
    number: int
    header_hash: Hash32


class PreparedCertificate(msgspec.Struct, frozen=True):
    """Proof that a quorum prepared one digest at a sequence in a view.

    `signers` are distinct and ascending, the view's primary among them: its signature is over the
    PRE-PREPARE, the others' over their PREPAREs.
    """

    epoch: int
    view: int
    sequence: int
    digest: Hash32
    signers: tuple[Address, ...]
    signatures: tuple[bytes, ...]


class ViewChange(msgspec.Struct, frozen=True):
    """The sender leaves all views below `view`: its stable certificate and what it prepared above.

    `stable` is None while nothing but the genesis block is stable. `prepared` ascends by sequence,
    one certificate at most for each in (stable, stable + W].
    """

    epoch: int
    view: int
    stable: Certificate | None
    prepared: tuple[PreparedCertificate, ...]

    @property
    def stable_number(self) -> int:
        """The number that `stable` certifies, 0 for genesis."""
        return 0 if self.stable is None else self.stable.number


class NewView(msgspec.Struct, frozen=True):
    """The primary opens a view on exactly a quorum of VIEW-CHANGE messages for it.

    `first_sequence` and `digests` are the list that every backup recomputes: `digests[i]` stands
    at `first_sequence + i`.
    """

    epoch: int
    view: int
    view_changes: tuple["Signed", ...]
    first_sequence: int
    digests: tuple[Hash32, ...]


class Position(msgspec.Struct, frozen=True):
    """Where the sender stands, said on a tick and on reconnection so that others can help.

    `is_active` is false while the sender waits for NEW-VIEW(`view`). `stable` is the highest stable
    certificate that the sender has synced: its store's, or its log's mark where that is ahead.
    """

    epoch: int
    view: int
    is_active: bool
    stable: Certificate | None

    @property
    def stable_number(self) -> int:
        """The number that `stable` certifies, 0 for genesis."""
        return 0 if self.stable is None else self.stable.number


Vote: TypeAlias = PrePrepare | Prepare | Commit
Message: TypeAlias = PrePrepare | Prepare | Commit | Checkpoint | ViewChange | NewView | Position


class Signed(msgspec.Struct, frozen=True):
    """A message with its sender and the sender's signature over `wire.signing_digest`."""

    message: Message
    sender: Address
    signature: bytes


def without_body(vote: PrePrepare | Prepare) -> PrePrepare | Prepare:
    """The vote as it is signed and logged: a PRE-PREPARE without its proposal."""
    if isinstance(vote, PrePrepare):
        return PrePrepare(vote.epoch, vote.view, vote.sequence, vote.digest)
    return vote
