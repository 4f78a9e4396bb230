"""From the genesis document to any certified header: each validator set vouches for the next.

Verification only, of headers that come from anywhere. Keys that left a set long ago could sign
another branch: whoever starts from genesis alone needs a pinned recent hash besides (rule 9).
"""

from dataclasses import dataclass

from ledger.block import Block
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.genesis import Genesis, genesis_block
from ledger.header import Header
from ledger.record import Record
from ledger.validators import ValidatorSet
from ledger.values import Address


class BrokenChain(ValueError):
    """A header that does not follow from the genesis document.

    `what` is the part at fault: `record`, `genesis`, `validators` or `certificate`.
    """

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


@dataclass(frozen=True)
class Epoch:
    """A set of validators and the first block that it certifies."""

    number: int
    first_block: int
    validators: ValidatorSet


@dataclass(frozen=True)
class CertifiedHeader:
    """A header and its record under a quorum's signatures; block 0 has none and needs none."""

    header: Header
    record: Record
    epoch: Epoch
    signers: tuple[Address, ...]


class EpochChain:
    """The epochs that were proven so far, epoch 0 being genesis's."""

    def __init__(self, genesis: Genesis) -> None:
        self.suite = genesis.suite
        self.block_0: Block = genesis_block(genesis)
        self.group = self.block_0.header.hash
        self._epochs = [Epoch(self.block_0.record.epoch, 0, genesis.validator_set)]

    @property
    def last(self) -> Epoch:
        """The latest epoch that is proven."""
        return self._epochs[-1]

    def epoch(self, number: int) -> Epoch:
        """A proven epoch; raises LookupError for a later one."""
        if not 0 <= number < len(self._epochs):
            raise LookupError(f"epoch {number} is not proven yet")
        return self._epochs[number]

    def verify(self, header: Header, record: Record, certificate: Certificate) -> CertifiedHeader:
        """The header, if the set due for it signed it; raises BrokenChain, LookupError."""
        epoch = self.epoch(record.epoch)
        following = self._epochs[epoch.number + 1 :]
        if header.number < epoch.first_block or (
            following and header.number >= following[0].first_block
        ):
            raise BrokenChain(
                "validators", f"block {header.number} is not of epoch {epoch.number}, as it says"
            )
        return self._verify(header, record, certificate, epoch)

    def extend(
        self, header: Header, record: Record, certificate: Certificate, following: ValidatorSet
    ) -> None:
        """Take the last block of the latest epoch, which names the set that follows.

        Raises BrokenChain.
        """
        last = self.last
        if record.epoch != last.number or header.number < last.first_block:
            raise BrokenChain(
                "validators", f"block {header.number} is not the end of epoch {last.number}"
            )
        self._verify(header, record, certificate, last)
        if record.next_certifiers_hash != following.hash(self.suite) or following == (
            last.validators
        ):
            raise BrokenChain(
                "validators",
                f"block {header.number}: these are not the validators that its record names "
                "to follow",
            )
        self._epochs.append(Epoch(last.number + 1, header.number + 1, following))

    def _verify(
        self, header: Header, record: Record, certificate: Certificate, epoch: Epoch
    ) -> CertifiedHeader:
        named = f"block {header.number}"
        if header.extra_data != record.hash:
            raise BrokenChain("record", f"{named}: the header does not commit to this record")
        if header.number == 0:
            if header.hash != self.group:
                raise BrokenChain(
                    "genesis",
                    f"block 0 is 0x{header.hash.hex()}, this genesis file makes "
                    f"0x{self.group.hex()}: another group",
                )
            return CertifiedHeader(header, record, epoch, ())
        if record.certifiers_hash != epoch.validators.hash(self.suite):
            raise BrokenChain(
                "validators", f"{named}: certified by another set than genesis leads to"
            )
        if record.proposer != header.coinbase or record.timestamp_ms // 1000 != header.timestamp:
            raise BrokenChain("record", f"{named}: record and header differ")
        try:
            verify_certificate(self.suite, self.group, epoch.validators, certificate)
        except InvalidCertificate as problem:
            raise BrokenChain("certificate", f"{named}: {problem}") from problem
        bound = (certificate.number, certificate.header_hash, certificate.epoch)
        if bound != (header.number, header.hash, epoch.number):
            raise BrokenChain("certificate", f"{named}: the certificate is for another block")
        return CertifiedHeader(header, record, epoch, certificate.signers)
