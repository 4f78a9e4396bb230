"""View changes: the VIEW-CHANGE messages at hand, and the list that a NEW-VIEW has to carry.

Pure computation of rules 5 and 7; who acts on it, and when, is the replica's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from consensus.messages import NewView, PreparedCertificate, Signed, ViewChange
from ledger.proposal import null_request
from ledger.suite import Suite
from ledger.values import Address, Hash32


@dataclass(frozen=True, slots=True)
class NewViewList:
    """What a quorum of VIEW-CHANGE messages leads to.

    first_sequence: one above the highest stable block inside.
    digests: what stands at first_sequence, first_sequence + 1, …
    """

    first_sequence: int
    digests: tuple[Hash32, ...]

    @property
    def next_sequence(self) -> int:
        """The first sequence that the new primary may fill freely."""
        return self.first_sequence + len(self.digests)

    def digest_at(self, sequence: int) -> Hash32 | None:
        """The digest listed for a sequence, or None."""
        index = sequence - self.first_sequence
        return self.digests[index] if 0 <= index < len(self.digests) else None


def compute_new_view_list(
    suite: Suite, group: Hash32, epoch: int, view_changes: Iterable[Signed]
) -> NewViewList:
    """The list of rule 5, the same for whoever computes it from the same messages.

    It starts after the highest stable block and ends at the highest prepared sequence. Each place
    takes the digest prepared in the highest view, else the null request of that sequence.
    """
    messages = [cast(ViewChange, signed.message) for signed in view_changes]
    start = max(message.stable_number for message in messages) + 1
    best: dict[int, PreparedCertificate] = {}
    for certificate in (c for m in messages for c in m.prepared):
        known = best.get(certificate.sequence)
        if certificate.sequence >= start and (known is None or known.view < certificate.view):
            best[certificate.sequence] = certificate
    digests = tuple(
        best[sequence].digest
        if sequence in best
        else null_request(suite, group=group, epoch=epoch, sequence=sequence).digest
        for sequence in range(start, max(best, default=start - 1) + 1)
    )
    return NewViewList(start, digests)


def list_of(message: NewView) -> NewViewList:
    """The list that a NEW-VIEW carries, derived or not."""
    return NewViewList(message.first_sequence, message.digests)


class ViewChanges:
    """Each sender's latest VIEW-CHANGE, whatever its view: one message per validator at most."""

    def __init__(self) -> None:
        self._latest: dict[Address, Signed] = {}

    def keep(self, signed: Signed) -> None:
        """Keep it if its view is higher than what this sender said before."""
        known = self._latest.get(signed.sender)
        if known is None or _view(known) < _view(signed):
            self._latest[signed.sender] = signed

    def of(self, sender: Address) -> list[Signed]:
        """A sender's latest, if there is one."""
        return [self._latest[sender]] if sender in self._latest else []

    def exactly(self, view: int) -> list[Signed]:
        """Those for this very view, by ascending sender."""
        return [s for _, s in sorted(self._latest.items()) if _view(s) == view]

    def leavers(self, view: int) -> tuple[Address, ...]:
        """Whose latest is for this view or a higher one, ascending."""
        return tuple(sorted(a for a, signed in self._latest.items() if _view(signed) >= view))

    def count_from(self, view: int) -> int:
        """How many replicas' latest is for this view or a higher one."""
        return len(self.leavers(view))

    def pull_up(self, above: int, f: int) -> int | None:
        """The (f + 1)-th highest view above `above`, None if fewer than f + 1 are there.

        At least one honest replica wants it or a higher one, so f liars cannot raise it.
        """
        views = sorted((v for s in self._latest.values() if (v := _view(s)) > above), reverse=True)
        return views[f] if len(views) > f else None


def _view(signed: Signed) -> int:
    return cast(ViewChange, signed.message).view
