"""Another group as evidence shows it: made-up blocks with real roots, records and signatures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.certificate import Certificate, certificate_of, checkpoint_digest
from ledger.evidence import Anchor, CertifiedBlock, Evidence, evidence_of
from ledger.header import Header
from ledger.receipts import Log, Receipt, encode_receipt
from ledger.record import Record
from ledger.suite import STANDARD, KeySigner
from ledger.trie import ordered_proof, ordered_root
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32, keccak

GROUP = keccak(b"another group")
EMITTER = Address(bytes.fromhex("e1" * 20))
EVENT = keccak(b"Registered(bytes16)")


def signers_named(*names: str) -> tuple[KeySigner, ...]:
    """Keys that are the same in every run, in the order of their addresses."""
    keys = [KeySigner(STANDARD, keccak(f"validator {name}".encode())) for name in names]
    return tuple(sorted(keys, key=lambda signer: signer.address))


def log_of(number: int, *, topics: int = 2, size: int = 64, emitter: Address = EMITTER) -> Log:
    """A log that differs by its number."""
    words = tuple(keccak(f"topic {number} {place}".encode()) for place in range(1, topics))
    return Log(emitter, (EVENT, *words)[:topics], bytes([number % 256]) * size)


def receipt_of(
    logs: Sequence[Log] = (), *, status: int = 1, kind: int = 2, gas: int = 1
) -> Receipt:
    """A receipt with these logs."""
    return Receipt(kind, status, 21_000 * gas, tuple(logs), 21_000)


@dataclass(frozen=True)
class Source:
    """A group at one epoch: its validators, and the set that follows them if it is not they."""

    signers: tuple[KeySigner, ...]
    epoch: int = 0
    first_block: int = 0
    group: Hash32 = GROUP

    @property
    def validators(self) -> ValidatorSet:
        return ValidatorSet.of(signer.address for signer in self.signers)

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.group, self.epoch, self.first_block, self.validators.hash(STANDARD))

    def followed_by(self, signers: tuple[KeySigner, ...], last_block: int) -> "Source":
        """The group after `last_block`."""
        return replace(self, signers=signers, epoch=self.epoch + 1, first_block=last_block + 1)

    def certificate(
        self, header: Header, epoch: int, signers: Sequence[KeySigner] | None = None
    ) -> Certificate:
        """By a quorum, or by these."""
        chosen = self.signers[-self.validators.quorum :] if signers is None else signers
        digest = checkpoint_digest(STANDARD, self.group, epoch, header.number, header.hash)
        votes = {signer.address: signer.sign(digest) for signer in chosen}
        return certificate_of(epoch, header.number, header.hash, votes)

    def block(
        self,
        number: int,
        receipts: Sequence[Receipt] = (),
        *,
        following: "Source | None" = None,
        signers: Sequence[KeySigner] | None = None,
        epoch: int | None = None,
        gas_used: int = 1_234_567,
    ) -> CertifiedBlock:
        """A certified block with these receipts."""
        mine = self.validators.hash(STANDARD)
        record = Record(
            epoch=self.epoch if epoch is None else epoch,
            origin_view=0,
            proposer=self.signers[0].address,
            timestamp_ms=1_700_000_000_000 + number,
            proposal_digest=keccak(number.to_bytes(8)),
            certifiers_hash=mine,
            next_certifiers_hash=mine if following is None else following.anchor.validators_hash,
            parameters_hash=keccak(b"parameters"),
        )
        header = Header(
            parent_hash=keccak((number + 1).to_bytes(9)),
            coinbase=record.proposer,
            state_root=keccak(b"state"),
            transactions_root=keccak(b"transactions"),
            receipts_root=ordered_root([encode_receipt(receipt) for receipt in receipts]),
            logs_bloom=b"\x5a" * 256,
            number=number,
            gas_limit=8_000_000,
            gas_used=gas_used,
            timestamp=record.timestamp_ms // 1000,
            extra_data=record.hash,
        )
        certificate = self.certificate(header, record.epoch, signers)
        return CertifiedBlock(header, record, certificate, self.validators)

    def evidence(
        self,
        number: int,
        receipts: Sequence[Receipt],
        index: int,
        *,
        descent: Sequence[CertifiedBlock] = (),
        signers: Sequence[KeySigner] | None = None,
        epoch: int | None = None,
    ) -> Evidence:
        """Evidence of one of these receipts."""
        block = self.block(number, receipts, signers=signers, epoch=epoch)
        nodes = ordered_proof([encode_receipt(receipt) for receipt in receipts], index)
        return evidence_of(self.group, descent, block, index, nodes)
