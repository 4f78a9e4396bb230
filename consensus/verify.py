"""Whether a message proves what it claims: every signature, nested ones too, and every certificate.

The driver calls `Verifier.verify` before `Replica.step`. Meaning (is it my view, my window) is the
replica's; here stands only what is true or false of a message for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from consensus.epochs import Epoch
from consensus.messages import (
    Message,
    NewView,
    Position,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.wire import InvalidMessage, signing_digest
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.suite import InvalidSignature, Suite
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32

EpochLookup = Callable[[int], Epoch | None]


class UnknownEpoch(InvalidMessage):
    """A message of an epoch whose set is not known here yet: a hint, unproven, to catch up."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"the validator set of epoch {epoch} is not known here: catch up first")
        self.epoch = epoch


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks the messages of one group.

    epochs: the epoch of a number, None where it is not known yet. It has to know the epoch before
    the present one too: a VIEW-CHANGE may carry that one's last certificate.
    window_blocks: W of the group; a VIEW-CHANGE prepares within (stable, stable + W].
    """

    suite: Suite
    group: Hash32
    epochs: EpochLookup
    window_blocks: int

    def verify(self, signed: Signed) -> None:
        """Raises InvalidMessage unless sender, signature and all nested proofs are good.

        UnknownEpoch, a subclass, says that nothing could be checked.
        """
        message = signed.message
        epoch = self._known(message.epoch)
        if signed.sender not in epoch.validators:
            raise InvalidMessage(f"0x{signed.sender.hex()} is no validator of epoch {epoch.number}")
        self._verify_signature(message, signed.sender, signed.signature)
        match message:
            case PrePrepare():
                self._verify_pre_prepare(signed.sender, message, epoch.validators)
            case ViewChange():
                self._verify_view_change(message, epoch)
            case NewView():
                self._verify_new_view(signed.sender, message, epoch.validators)
            case Position():
                self._verify_stable(message.stable)
            case _:
                pass

    def verify_prepared(self, certificate: PreparedCertificate) -> None:
        """Raises InvalidMessage unless a quorum, its view's primary among it, prepared it."""
        validators = self._known(certificate.epoch).validators
        signers = certificate.signers
        if len(signers) != len(certificate.signatures):
            raise InvalidMessage("expected one signature for each signer")
        if not _are_distinct(signers):
            raise InvalidMessage("expected distinct signers in ascending order")
        if len(signers) < validators.quorum:
            raise InvalidMessage(
                f"sequence {certificate.sequence} is prepared by {len(signers)} signers, "
                f"a quorum is {validators.quorum}"
            )
        primary = validators.primary(certificate.view)
        if primary not in signers:
            raise InvalidMessage(
                f"view {certificate.view}'s primary did not sign sequence {certificate.sequence}"
            )
        fields = (certificate.epoch, certificate.view, certificate.sequence, certificate.digest)
        for signer, signature in zip(signers, certificate.signatures, strict=True):
            if signer not in validators:
                raise InvalidMessage(
                    f"0x{signer.hex()} is no validator of epoch {certificate.epoch}"
                )
            vote = PrePrepare(*fields) if signer == primary else Prepare(*fields)
            self._verify_signature(vote, signer, signature)

    def _known(self, number: int) -> Epoch:
        epoch = self.epochs(number)
        if epoch is None:
            raise UnknownEpoch(number)
        return epoch

    def _verify_signature(self, message: Message, sender: Address, signature: bytes) -> None:
        digest = signing_digest(self.suite, self.group, message)
        try:
            recovered = self.suite.recover(digest, signature)
        except InvalidSignature as error:
            raise InvalidMessage(f"signature of 0x{sender.hex()}: {error}") from error
        if recovered != sender:
            raise InvalidMessage(
                f"{type(message).__name__} of 0x{sender.hex()} is signed by 0x{recovered.hex()}"
            )

    def _verify_pre_prepare(
        self, sender: Address, message: PrePrepare, validators: ValidatorSet
    ) -> None:
        if sender != validators.primary(message.view):
            raise InvalidMessage(f"0x{sender.hex()} is not the primary of view {message.view}")
        proposal = message.proposal
        if proposal is None:
            return
        found = (proposal.group, proposal.epoch, proposal.sequence, proposal.digest)
        if found != (self.group, message.epoch, message.sequence, message.digest):
            raise InvalidMessage("the proposal is for another group, epoch, sequence or digest")

    def _verify_stable(self, stable: Certificate | None) -> None:
        if stable is None:
            return
        epoch = self._known(stable.epoch)
        following = self.epochs(stable.epoch + 1)
        if stable.number < epoch.first_sequence or (
            following is not None and stable.number >= following.first_sequence
        ):
            raise InvalidMessage(f"block {stable.number} does not lie in epoch {stable.epoch}")
        try:
            verify_certificate(self.suite, self.group, epoch.validators, stable)
        except InvalidCertificate as error:
            raise InvalidMessage(f"stable certificate: {error}") from error

    def _verify_view_change(self, message: ViewChange, epoch: Epoch) -> None:
        base = message.stable_number
        if message.view == 0:
            raise InvalidMessage("view 0 needs no VIEW-CHANGE")
        if base < epoch.first_sequence - 1:
            raise InvalidMessage(
                f"epoch {epoch.number} starts above block {epoch.first_sequence - 1}, "
                f"the VIEW-CHANGE has {base} stable"
            )
        if message.stable is not None and message.stable.epoch > message.epoch:
            raise InvalidMessage("the stable certificate is of a later epoch than the VIEW-CHANGE")
        self._verify_stable(message.stable)
        last, end = base, base + self.window_blocks
        for certificate in message.prepared:
            if certificate.epoch != message.epoch or certificate.view >= message.view:
                raise InvalidMessage("expected certificates of this epoch from lower views")
            if not last < certificate.sequence <= end:
                raise InvalidMessage(
                    f"expected sequences ascending in ({base}, {end}], "
                    f"got {certificate.sequence} after {last}"
                )
            last = certificate.sequence
            self.verify_prepared(certificate)

    def _verify_new_view(self, sender: Address, message: NewView, validators: ValidatorSet) -> None:
        if message.view == 0 or sender != validators.primary(message.view):
            raise InvalidMessage(f"0x{sender.hex()} is not the primary of view {message.view}")
        senders = [item.sender for item in message.view_changes]
        if len(senders) != validators.quorum or len(set(senders)) != len(senders):
            raise InvalidMessage(
                f"expected VIEW-CHANGE messages of exactly {validators.quorum} distinct "
                f"replicas, got {len(senders)} of {len(set(senders))}"
            )
        for item in message.view_changes:
            nested = item.message
            if not isinstance(nested, ViewChange):
                raise InvalidMessage("a NEW-VIEW holds VIEW-CHANGE messages only")
            if (nested.epoch, nested.view) != (message.epoch, message.view):
                raise InvalidMessage("a VIEW-CHANGE inside is for another epoch or view")
            self.verify(item)


def _are_distinct(signers: tuple[Address, ...]) -> bool:
    return all(a < b for a, b in pairwise(signers))
