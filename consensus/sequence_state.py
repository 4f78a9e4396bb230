"""What a replica knows of one sequence: votes seen, own votes, what is prepared, decided, executed.

Counting only. Which votes may be kept and what follows from a quorum is the replica's.
"""

from dataclasses import dataclass, field
from typing import cast

from consensus.messages import (
    Checkpoint,
    Commit,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    Vote,
)
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32


@dataclass(slots=True)
class SequenceState:
    """One sequence above the stable one.

    pre_prepares: the first PRE-PREPARE of a view's primary, by view (present and next one only).
    prepares: each sender's vote of its highest view; a primary's is its PRE-PREPARE.
    commits: the same of COMMITs, which stay evidence when their view is over.
    accepted: the digest that stands at this sequence in the present view.
    decided: the digest that a quorum committed in some view, or that was executed.
    own_*: the latest that the log holds; signed_*: the same, once signed.
    """

    sequence: int
    opened_tick: int
    pre_prepares: dict[int, Signed] = field(default_factory=dict)
    prepares: dict[Address, Signed] = field(default_factory=dict)
    commits: dict[Address, Signed] = field(default_factory=dict)
    accepted: Hash32 | None = None
    is_refused: bool = False
    prepared: PreparedCertificate | None = None
    decided: Hash32 | None = None
    header_hash: Hash32 | None = None
    own_vote: PrePrepare | Prepare | None = None
    own_commit: Commit | None = None
    own_checkpoint: Checkpoint | None = None
    signed_vote: Signed | None = None
    signed_commit: Signed | None = None
    signed_checkpoint: Signed | None = None
    voted_digests: set[Hash32] = field(default_factory=set)

    def leave_view(self, view: int) -> None:
        """Forget what stood in views below `view`; votes seen and own ones stay."""
        self.accepted = None
        self.is_refused = False
        for old in [v for v in self.pre_prepares if v < view]:
            del self.pre_prepares[old]

    def prepared_by(self, validators: ValidatorSet, view: int, digest: Hash32) -> list[Address]:
        """Distinct signers who prepared the digest in the view, ascending; none without its
        primary's PRE-PREPARE."""
        signers = _voters(self.prepares, view, digest)
        return signers if validators.primary(view) in signers else []

    def prepared_certificate(
        self, validators: ValidatorSet, epoch: int, view: int, digest: Hash32
    ) -> PreparedCertificate | None:
        """A certificate of exactly a quorum, the primary among it, or None."""
        if len(self.prepares) < validators.quorum:
            return None
        signers = self.prepared_by(validators, view, digest)
        if len(signers) < validators.quorum:
            return None
        primary = validators.primary(view)
        others = [signer for signer in signers if signer != primary]
        chosen = tuple(sorted([primary, *others[: validators.quorum - 1]]))
        signatures = tuple(self.prepares[signer].signature for signer in chosen)
        return PreparedCertificate(epoch, view, self.sequence, digest, chosen, signatures)

    def committed_digest(self, validators: ValidatorSet) -> Hash32 | None:
        """The digest that a quorum of distinct replicas committed in one view, or None."""
        votes = self.committed_votes(validators)
        return cast(Vote, votes[0].message).digest if votes else None

    def committed_votes(self, validators: ValidatorSet) -> list[Signed]:
        """The COMMITs of a quorum of distinct replicas for one digest in one view, or none."""
        if len(self.commits) < validators.quorum:
            return []
        same: dict[tuple[int, Hash32], list[Address]] = {}
        for sender, signed in self.commits.items():
            vote = cast(Vote, signed.message)
            same.setdefault((vote.view, vote.digest), []).append(sender)
        for _, senders in sorted(same.items()):
            if len(senders) >= validators.quorum:
                return [self.commits[sender] for sender in sorted(senders)]
        return []

    def voters_in(self, view: int) -> set[Address]:
        """Everybody who voted at this sequence in the view."""
        return {
            sender
            for votes in (self.prepares, self.commits)
            for sender, signed in votes.items()
            if cast(Vote, signed.message).view == view
        }


def keep_vote(votes: dict[Address, Signed], signed: Signed) -> bool:
    """Keep a sender's vote of its highest view, the first one said there.

    Returns False if it contradicts the vote that was kept.
    """
    vote = cast(Vote, signed.message)
    known = votes.get(signed.sender)
    if known is not None:
        kept = cast(Vote, known.message)
        if kept.view == vote.view:
            return kept.digest == vote.digest
        if kept.view > vote.view:
            return True
    votes[signed.sender] = signed
    return True


def _voters(votes: dict[Address, Signed], view: int, digest: Hash32) -> list[Address]:
    return sorted(
        sender
        for sender, signed in votes.items()
        if (vote := cast(Vote, signed.message)).view == view and vote.digest == digest
    )
