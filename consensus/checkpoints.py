"""CHECKPOINTs and the certificates they make: one per block above the stable one."""

from typing import cast

from consensus.epochs import Epoch
from consensus.messages import Checkpoint, Signed
from ledger.certificate import Certificate, certificate_of
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32


class Checkpoints:
    """Votes and certificates by number; the caller bounds the numbers and prunes."""

    def __init__(self) -> None:
        self._votes: dict[int, dict[Address, Signed]] = {}
        self._certificates: dict[int, Certificate] = {}
        self.highest: Certificate | None = None

    def keep(self, signed: Signed, validators: ValidatorSet) -> Certificate | None:
        """Count a vote, the first of its sender for its number; the certificate that it completes.

        Returns None while no quorum of distinct validators signed one header.
        """
        vote = cast(Checkpoint, signed.message)
        votes = self._votes.setdefault(vote.number, {})
        votes.setdefault(signed.sender, signed)
        if vote.number in self._certificates:
            return None
        equal = {
            sender: other.signature
            for sender, other in votes.items()
            if cast(Checkpoint, other.message).header_hash == vote.header_hash
        }
        if len(equal) < validators.quorum:
            return None
        return certificate_of(vote.epoch, vote.number, vote.header_hash, equal)

    def said(self, number: int, sender: Address) -> Hash32 | None:
        """The header hash that a sender signed for a block, as far as it is known here."""
        signed = self._votes.get(number, {}).get(sender)
        return None if signed is None else cast(Checkpoint, signed.message).header_hash

    def of(self, sender: Address) -> list[Signed]:
        """What a sender signed, by ascending number."""
        return [votes[sender] for _, votes in sorted(self._votes.items()) if sender in votes]

    def learn(self, certificate: Certificate, number_max: int) -> None:
        """Keep a certificate up to `number_max`, and the highest one whatever its number."""
        if certificate.number <= number_max:
            self._certificates.setdefault(certificate.number, certificate)
        if self.highest is None or self.highest.number < certificate.number:
            self.highest = certificate

    def certificate(self, number: int) -> Certificate | None:
        """The certificate of a block, if it is known."""
        return self._certificates.get(number)

    def prune(self, number: int) -> None:
        """Forget everything up to and including a block."""
        for table in (self._votes, self._certificates):
            for old in [n for n in table if n <= number]:
                del table[old]

    def enter(self, epoch: Epoch) -> None:
        """A new epoch: votes of the old set count below it only, as certificates do.

        There are blocks below it that are still to be certified where it is a recovery epoch.
        """
        for number in [n for n in self._votes if n >= epoch.first_sequence]:
            del self._votes[number]
        for number, certificate in list(self._certificates.items()):
            if epoch.voids(certificate.epoch, number):
                del self._certificates[number]
        if self.highest is not None and epoch.voids(self.highest.epoch, self.highest.number):
            self.highest = None

    def is_disputed(self, number: int) -> bool:
        """Whether two headers of a block were signed."""
        votes = self._votes.get(number, {}).values()
        return len({cast(Checkpoint, signed.message).header_hash for signed in votes}) > 1

    def sides(self, number: int) -> dict[Hash32, list[Address]]:
        """Who signed which header of a block."""
        found: dict[Hash32, list[Address]] = {}
        for sender, signed in sorted(self._votes.get(number, {}).items()):
            found.setdefault(cast(Checkpoint, signed.message).header_hash, []).append(sender)
        return found

    def is_hopeless(self, number: int, validators: ValidatorSet) -> bool:
        """Whether no header of a block can reach a quorum any more."""
        sizes = [len(senders) for senders in self.sides(number).values()]
        silent = validators.n - sum(sizes)
        return max(sizes, default=0) + silent < validators.quorum
