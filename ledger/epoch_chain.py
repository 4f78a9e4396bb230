"""From the genesis document to any certified header: each validator set vouches for the next.

Verification only, of headers that come from anywhere. Keys that left a set long ago could sign
another branch: whoever starts from genesis alone needs a pinned recent hash besides (rule 9).
"""

from dataclasses import dataclass

from ledger.block import Block
from ledger.certificate import Certificate, InvalidCertificate, verify_certificate
from ledger.genesis import Genesis, genesis_block
from ledger.header import Header
from ledger.parameters import Parameters
from ledger.record import Record
from ledger.recovery import (
    InvalidRecovery,
    Recovery,
    admit,
    check_epoch,
    check_hash,
    verify_recovery,
)
from ledger.validators import ValidatorSet
from ledger.values import Address


class BrokenChain(ValueError):
    """A header that does not follow from the genesis document.

    `what` is the part at fault: `record`, `genesis`, `validators`, `parameters`, `certificate`,
    `recovery` or `branch`.
    """

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


@dataclass(frozen=True)
class Epoch:
    """A set of validators, the first block that it certifies, and the parameters from there on.

    The set before vouched for the set. For the parameters each header of the epoch vouches, and a
    header counts here only where it names them.
    """

    number: int
    first_block: int
    validators: ValidatorSet
    parameters: Parameters
    recovery: Recovery | None = None
    """The organisations' certificate that opened it, None where the set before vouched for it."""


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
        self.genesis = genesis
        self.suite = genesis.suite
        self.block_0: Block = genesis_block(genesis)
        self.group = self.block_0.header.hash
        first = self.block_0.record.epoch
        self._epochs = [Epoch(first, 0, genesis.validator_set, genesis.parameters)]
        self._void: list[Epoch] = []
        self._recoveries: tuple[Recovery, ...] = ()

    @property
    def last(self) -> Epoch:
        """The latest epoch that is proven."""
        return self._epochs[-1]

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """The recovery certificates among the links, in ascending order."""
        return self._recoveries

    @property
    def void(self) -> tuple[Epoch, ...]:
        """Epochs that were proven here before a recovery certificate made them void."""
        return tuple(self._void)

    def epoch(self, number: int) -> Epoch:
        """A proven epoch; raises LookupError for a later one, BrokenChain for a void one."""
        for epoch in reversed(self._epochs):
            if epoch.number == number:
                return epoch
        if number > self.last.number:
            raise LookupError(f"epoch {number} is not proven yet")
        later = next(epoch for epoch in self._epochs if epoch.number > number)
        raise BrokenChain("branch", f"epoch {number} {_void_since(later)}")

    def verify(self, header: Header, record: Record, certificate: Certificate) -> CertifiedHeader:
        """The header, if the set due for it signed it; raises BrokenChain, LookupError."""
        epoch = self.epoch(record.epoch)
        following = [later for later in self._epochs if later.number > epoch.number]
        is_over = bool(following) and header.number >= following[0].first_block
        if is_over and following[0].recovery is not None:
            raise BrokenChain(
                "branch",
                f"block {header.number} as 0x{header.hash.hex()} of epoch {epoch.number} "
                f"{_void_since(following[0])}",
            )
        if header.number < epoch.first_block or is_over:
            raise BrokenChain(
                "validators", f"block {header.number} is not of epoch {epoch.number}, as it says"
            )
        if following and header.number == following[0].first_block - 1:
            self._check_start(header, following[0])
        return self._verify(header, record, certificate, epoch)

    def verify_void(
        self, header: Header, record: Record, certificate: Certificate
    ) -> CertifiedHeader:
        """A header of the old branch, above the block of a recovery, that a known set signed.

        It counts no more; that it was certified is evidence. Raises BrokenChain, LookupError.
        """
        known = [*self._epochs, *self._void]
        epoch = next((entry for entry in known if entry.number == record.epoch), None)
        if epoch is None:
            raise LookupError(f"epoch {record.epoch} of the old branch is not known here")
        return self._verify(header, record, certificate, epoch)

    def recover(
        self, header: Header, record: Record, certificate: Certificate, recovery: Recovery
    ) -> None:
        """Take block H and the organisations' certificate over it: the epoch after H begins.

        What was proven above H so far is void. Raises BrokenChain.
        """
        try:
            verify_recovery(self.genesis, self.group, recovery)
            check_epoch(recovery, self.last.number)
            admitted = admit(self._recoveries, recovery, head=recovery.number + 1)
            check_hash(recovery, header.hash)
        except InvalidRecovery as error:
            raise BrokenChain("recovery", f"the recovery certificate: {error}") from error
        void = [epoch for epoch in self._epochs if epoch.first_block > recovery.number]
        kept = [epoch for epoch in self._epochs if epoch.first_block <= recovery.number]
        if record.epoch != kept[-1].number or header.number != recovery.number:
            raise BrokenChain(
                "validators", f"block {header.number} is not of epoch {kept[-1].number}"
            )
        self._verify(header, record, certificate, kept[-1])
        first = recovery.number + 1
        opened = Epoch(recovery.epoch, first, recovery.validators, kept[-1].parameters, recovery)
        self._epochs = [*kept, opened]
        self._void += void
        self._recoveries = admitted

    def extend(
        self,
        header: Header,
        record: Record,
        certificate: Certificate,
        following: ValidatorSet,
        parameters: Parameters | None = None,
    ) -> None:
        """Take the last block of the latest epoch, which names the set that follows.

        parameters: those of the epoch that begins, None if they stay. Said wrongly, as an epoch
        where none begins, they make every header of that epoch fail. Raises BrokenChain.
        """
        parameters = parameters or self.last.parameters
        last = self.last
        if record.epoch != last.number or header.number < last.first_block:
            raise BrokenChain(
                "validators", f"block {header.number} is not the end of epoch {last.number}"
            )
        self._verify(header, record, certificate, last)
        changes = (following, parameters) != (last.validators, last.parameters)
        if record.next_certifiers_hash != following.hash(self.suite) or not changes:
            raise BrokenChain(
                "validators",
                f"block {header.number}: these are not the validators that its record names "
                "to follow",
            )
        self._epochs.append(Epoch(last.number + 1, header.number + 1, following, parameters))

    @staticmethod
    def _check_start(header: Header, following: Epoch) -> None:
        recovery = following.recovery
        if recovery is not None and recovery.block_hash != header.hash:
            raise BrokenChain(
                "branch",
                f"block {header.number} as 0x{header.hash.hex()} is not the one that recovery "
                f"certificate {recovery.counter} begins after, 0x{recovery.block_hash.hex()}",
            )

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
        if record.parameters_hash != epoch.parameters.hash(self.suite) or (
            header.gas_limit != epoch.parameters.gas_limit
        ):
            raise BrokenChain(
                "parameters", f"{named}: its parameters are not those of epoch {epoch.number}"
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


def _void_since(later: Epoch) -> str:
    recovery = later.recovery
    assert recovery is not None, "an epoch is left out by a recovery alone"
    return (
        f"is of the old branch: recovery certificate {recovery.counter} of "
        f"{', '.join(recovery.organisations)} opened epoch {recovery.epoch} after block "
        f"{recovery.number}, and what the old set certified above it is void"
    )
