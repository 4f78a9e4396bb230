"""The contract that holds anchors of other groups: its calls, and evidence as arguments."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contracts.bindings.contract import Call, Contract, Query
from contracts.compiler import deploy_data
from contracts.interface import load_abi
from ledger.codec import encode
from ledger.evidence import Anchor, CertifiedBlock, Evidence
from ledger.header import encode_header
from ledger.record import encode_record
from ledger.validators import VALIDATORS_TAG
from ledger.values import Address, Hash32

SOURCE = "evidence/evidence.vy"
NAME_BYTES_MAX = 32


@dataclass(frozen=True)
class HeldAnchor:
    """What stands under a name: the group, how long former sets are believed, the sets' places."""

    group: Hash32
    grace_s: int
    first: int
    last: int


@dataclass(frozen=True)
class Link:
    """A set of the other group; `left_at` is 0 for the one that certifies still."""

    epoch: int
    first_block: int
    validators_hash: Hash32
    left_at: int


@dataclass(frozen=True)
class ProvenLog:
    """One log of another group's receipt; `id` names it whoever collected the signatures."""

    id: Hash32
    number: int
    timestamp: int
    emitter: Address
    topics: tuple[Hash32, ...]
    data_hash: Hash32


def evidence_deploy_data() -> bytes:
    """Data of the transaction that deploys the contract."""
    return deploy_data(SOURCE)


def anchor_name(text: str) -> bytes:
    """A name of at most 32 bytes in UTF-8 as the word that the contract knows."""
    data = text.encode()
    if not 1 <= len(data) <= NAME_BYTES_MAX or 0 in data:
        raise ValueError(f"expected a name of 1 to {NAME_BYTES_MAX} bytes, got {text!r:.60}")
    return data.ljust(NAME_BYTES_MAX, b"\0")


def certified_argument(block: CertifiedBlock) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, record, validators and as many signatures as decide, in the validators' order."""
    members = block.validators
    signed = zip(block.certificate.signers, block.certificate.signatures, strict=True)
    ordered = sorted((members.index(signer), signature) for signer, signature in signed)
    return (
        encode_header(block.header),
        encode_record(block.record),
        encode([VALIDATORS_TAG, list(members.members)]),
        b"".join(bytes((index,)) + signature for index, signature in ordered[: members.quorum]),
    )


def evidence_argument(evidence: Evidence) -> tuple[Any, int, list[bytes], bytes]:
    """The struct `Evidence` of `reader.vy`."""
    *nodes, leaf = evidence.nodes
    return certified_argument(evidence.block), evidence.index, nodes, leaf


@dataclass(frozen=True)
class EvidenceContract:
    """The contract at an address."""

    address: Address

    @cached_property
    def contract(self) -> Contract:
        """The general binding, for events and other names."""
        return Contract(self.address, load_abi(SOURCE))

    def approve_anchor(self, name: bytes, anchor: Anchor, *, grace_s: int) -> Call:
        """By an author or admin: approves these very values."""
        return self.contract.call(
            "approve_anchor",
            name,
            anchor.group,
            anchor.epoch,
            anchor.first_block,
            anchor.validators_hash,
            grace_s,
        )

    def approve_end(self, name: bytes) -> Call:
        """By an author or admin: approves that the name stands for nothing."""
        return self.contract.call("approve_end", name)

    def advance(self, name: bytes, boundary: CertifiedBlock) -> Call:
        """By whoever may send: the last block of the set that the name stands for."""
        return self.contract.call("advance", name, certified_argument(boundary))

    def anchor(self, name: bytes) -> Query[HeldAnchor]:
        """What a name stands for; its group is zeros if for nothing."""
        query = self.contract.query("anchors", name)
        return query.then(lambda fields: HeldAnchor(**fields))

    def link(self, name: bytes, place: int) -> Query[Link]:
        """The set at a place."""
        return self.contract.query("links", name, place).then(lambda fields: Link(**fields))

    def read(self, name: bytes, evidence: Evidence, position: int) -> Query[ProvenLog]:
        """A log of the receipt; the call reverts unless it is proven."""
        query = self.contract.query("read", name, evidence_argument(evidence), position)
        return query.then(lambda fields: ProvenLog(**fields))
