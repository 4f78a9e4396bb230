"""Evidence: a receipt of one group, in a form that another group can check from an anchor alone.

A header with its record and certificate, the receipt's proof, and the boundaries that lead from the
anchor's validators to those who signed. No transaction, no state and no name travels with it. The
contract `contracts/evidence/evidence.vy` checks the same by the same rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.certificate import (
    CERTIFICATE_BYTES_MAX,
    Certificate,
    InvalidCertificate,
    decode_certificate,
    encode_certificate,
    verify_certificate,
)
from ledger.codec import (
    Encodable,
    InvalidEncoding,
    Item,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.header import HEADER_BYTES_MAX, Header, decode_header, encode_header
from ledger.receipts import Log, decode_receipt_logs
from ledger.record import RECORD_BYTES_MAX, Record, decode_record, encode_record
from ledger.suite import Suite
from ledger.trie import InvalidProof, verify_ordered_proof
from ledger.validators import VALIDATORS_MAX, InvalidValidators, ValidatorSet
from ledger.values import Hash32, keccak

EVIDENCE_TAG = b"quorate/evidence/1"
DESCENT_MAX = 64
"""Boundaries in one piece of evidence; an anchor that is further behind is moved on first."""
PROOF_NODES_MAX = 9
NODE_BYTES_MAX = 8_192
"""The receipt's own node included: a receipt of more than about 8,000 bytes makes no evidence."""
INDEX_MAX = 65_535
_BLOCK_BYTES_MAX = (
    HEADER_BYTES_MAX + RECORD_BYTES_MAX + CERTIFICATE_BYTES_MAX + VALIDATORS_MAX * 21 + 64
)
EVIDENCE_BYTES_MAX = (
    (DESCENT_MAX + 1) * _BLOCK_BYTES_MAX + PROOF_NODES_MAX * (NODE_BYTES_MAX + 4) + 128
)


class InvalidEvidence(ValueError):
    """Evidence that does not show what it is held to show; the message says where it breaks."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A validator set that is believed: whose, from which block on, and the hash of the set."""

    group: Hash32
    epoch: int
    first_block: int
    validators_hash: Hash32


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """A header under signatures, with the set that signed; nothing of it is verified."""

    header: Header
    record: Record
    certificate: Certificate
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class Evidence:
    """`descent` are the last blocks of the epochs from the anchor's on, in their order."""

    group: Hash32
    descent: tuple[CertifiedBlock, ...]
    block: CertifiedBlock
    index: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProvenLogs:
    """What evidence shows: the logs of a transaction that succeeded, and the block."""

    header: Header
    record: Record
    index: int
    logs: tuple[Log, ...]

    def log_id(self, position: int) -> Hash32:
        """What names a log wherever it is shown, whoever collected the signatures."""
        words = self.header.hash + self.index.to_bytes(32) + position.to_bytes(32)
        return keccak(words)


def evidence_of(
    group: Hash32,
    descent: Sequence[CertifiedBlock],
    block: CertifiedBlock,
    index: int,
    nodes: Sequence[bytes],
) -> Evidence:
    """The evidence, within its bounds; raises InvalidEvidence. Nothing is verified."""
    if len(descent) > DESCENT_MAX:
        raise InvalidEvidence(
            f"{len(descent)} sets of validators lie between the anchor and the block, at most "
            f"{DESCENT_MAX} fit: move the anchor on, and give a later epoch to start from"
        )
    if index > INDEX_MAX or len(nodes) > PROOF_NODES_MAX:
        raise InvalidEvidence(f"transaction {index} of a block is too far back for evidence")
    longest = max(map(len, nodes), default=0)
    if longest > NODE_BYTES_MAX:
        raise InvalidEvidence(
            f"the receipt and its place take {longest} bytes, evidence has room for "
            f"{NODE_BYTES_MAX}: let the contract log a digest"
        )
    return Evidence(group, tuple(descent), block, index, tuple(nodes))


def verify_evidence(suite: Suite, anchor: Anchor, evidence: Evidence) -> ProvenLogs:
    """What the evidence shows to who believes the anchor; raises InvalidEvidence."""
    if evidence.group != anchor.group:
        raise InvalidEvidence("it is of another group than the anchor")
    for boundary in evidence.descent:
        anchor = verify_boundary(suite, anchor, boundary)
    verify_certified(suite, anchor, evidence.block)
    header = evidence.block.header
    try:
        raw = verify_ordered_proof(header.receipts_root, evidence.index, evidence.nodes)
        succeeded, logs = decode_receipt_logs(raw)
    except (InvalidProof, InvalidEncoding) as error:
        raise InvalidEvidence(f"the receipt of transaction {evidence.index}: {error}") from error
    if not succeeded:
        raise InvalidEvidence("the transaction failed: it has no logs")
    return ProvenLogs(header, evidence.block.record, evidence.index, logs)


def verify_boundary(suite: Suite, anchor: Anchor, boundary: CertifiedBlock) -> Anchor:
    """The anchor that follows the last block of a set; raises InvalidEvidence."""
    verify_certified(suite, anchor, boundary)
    record = boundary.record
    if record.next_certifiers_hash == record.certifiers_hash:
        raise InvalidEvidence(
            f"after block {boundary.header.number} the same validators follow: it is no boundary"
        )
    return replace(
        anchor,
        epoch=record.epoch + 1,
        first_block=boundary.header.number + 1,
        validators_hash=record.next_certifiers_hash,
    )


def verify_certified(suite: Suite, anchor: Anchor, block: CertifiedBlock) -> None:
    """Raises InvalidEvidence unless a quorum of the anchor's set signed the block.

    The epoch may be later than the anchor's: an epoch that changes no validators is of one set.
    """
    header, record, certificate = block.header, block.record, block.certificate
    named = f"block {header.number}"
    if header.extra_data != record.hash:
        raise InvalidEvidence(f"{named}: the header does not commit to this record")
    if block.validators.hash(suite) != record.certifiers_hash:
        raise InvalidEvidence(f"{named}: these are not the validators of its record")
    if record.certifiers_hash != anchor.validators_hash:
        raise InvalidEvidence(f"{named}: another set of validators was due")
    if header.number < anchor.first_block or record.epoch < anchor.epoch:
        raise InvalidEvidence(f"{named} of epoch {record.epoch} is older than the anchor")
    bound = (certificate.epoch, certificate.number, certificate.header_hash)
    if bound != (record.epoch, header.number, header.hash):
        raise InvalidEvidence(f"{named}: the certificate is for another block")
    try:
        verify_certificate(suite, anchor.group, block.validators, certificate)
    except InvalidCertificate as error:
        raise InvalidEvidence(f"{named}: {error}") from error


def encode_evidence(evidence: Evidence) -> bytes:
    """The RLP of [tag, group, descent, block, index, nodes]."""
    return encode(
        [
            EVIDENCE_TAG,
            evidence.group,
            [_block_item(boundary) for boundary in evidence.descent],
            _block_item(evidence.block),
            evidence.index,
            list(evidence.nodes),
        ]
    )


def decode_evidence(data: bytes) -> Evidence:
    """The evidence that `data` encodes, not verified; raises InvalidEncoding."""
    fields = as_list(decode_list(data, bytes_max=EVIDENCE_BYTES_MAX), "evidence", length=6)
    if as_bytes(fields[0], "evidence tag") != EVIDENCE_TAG:
        raise InvalidEncoding("this is no evidence of a form that is known here")
    descent = as_list(fields[2], "evidence descent", length_max=DESCENT_MAX)
    nodes = as_list(fields[5], "evidence nodes", length_max=PROOF_NODES_MAX)
    return Evidence(
        as_hash(fields[1], "evidence group"),
        tuple(_decode_block(boundary) for boundary in descent),
        _decode_block(fields[3]),
        as_int(fields[4], "evidence index", bits=16),
        tuple(as_bytes(node, "evidence node", bytes_max=NODE_BYTES_MAX) for node in nodes),
    )


def _block_item(block: CertifiedBlock) -> Encodable:
    return [
        encode_header(block.header),
        encode_record(block.record),
        encode_certificate(block.certificate),
        list(block.validators.members),
    ]


def _decode_block(item: Item) -> CertifiedBlock:
    fields = as_list(item, "evidence block", length=4)
    members = as_list(fields[3], "evidence validators", length_max=VALIDATORS_MAX)
    try:
        validators = ValidatorSet(tuple(as_address(entry, "validator") for entry in members))
    except InvalidValidators as error:
        raise InvalidEncoding(f"evidence validators: {error}") from error
    return CertifiedBlock(
        decode_header(as_bytes(fields[0], "evidence header")),
        decode_record(as_bytes(fields[1], "evidence record")),
        decode_certificate(as_bytes(fields[2], "evidence certificate")),
        validators,
    )
