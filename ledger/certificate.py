"""A block's certificate: a quorum's signatures over the executed header.

The digest names no view: replicas that committed one block in different views must agree on it.
"""

from collections.abc import Mapping

import msgspec

from ledger.codec import (
    InvalidEncoding,
    as_address,
    as_bytes,
    as_hash,
    as_int,
    as_list,
    decode_list,
    encode,
)
from ledger.suite import SIGNATURE_BYTES, InvalidSignature, Suite
from ledger.validators import VALIDATORS_MAX, ValidatorSet
from ledger.values import Address, Hash32

CHECKPOINT_TAG = b"quorate/checkpoint/1"
CERTIFICATE_BYTES_MAX = 128 + VALIDATORS_MAX * (SIGNATURE_BYTES + 32)


class InvalidCertificate(ValueError):
    """A certificate that proves nothing: too few, unknown, repeated or wrong signers."""


def checkpoint_digest(
    suite: Suite, group: Hash32, epoch: int, number: int, header_hash: Hash32
) -> Hash32:
    """What a CHECKPOINT signs: the hash of the RLP of tag, group, epoch, number, header hash."""
    return suite.hash(encode([CHECKPOINT_TAG, group, epoch, number, header_hash]))


class Certificate(msgspec.Struct, frozen=True):
    """Signatures of distinct validators, `signatures[i]` by `signers[i]`."""

    epoch: int
    number: int
    header_hash: Hash32
    signers: tuple[Address, ...]
    signatures: tuple[bytes, ...]


def certificate_of(
    epoch: int, number: int, header_hash: Hash32, votes: Mapping[Address, bytes]
) -> Certificate:
    """The certificate of collected checkpoint signatures, signers in ascending order."""
    signers = tuple(sorted(votes))
    return Certificate(epoch, number, header_hash, signers, tuple(votes[s] for s in signers))


def encode_certificate(certificate: Certificate) -> bytes:
    """The RLP of [epoch, number, header hash, signers, signatures]."""
    return encode(
        [
            certificate.epoch,
            certificate.number,
            certificate.header_hash,
            list(certificate.signers),
            list(certificate.signatures),
        ]
    )


def decode_certificate(data: bytes) -> Certificate:
    """The certificate that `data` encodes, not verified; raises InvalidEncoding."""
    fields = as_list(decode_list(data, bytes_max=CERTIFICATE_BYTES_MAX), "certificate", length=5)
    signers = as_list(fields[3], "certificate signers", length_max=VALIDATORS_MAX)
    signatures = as_list(fields[4], "certificate signatures", length=len(signers))
    return Certificate(
        as_int(fields[0], "certificate epoch"),
        as_int(fields[1], "certificate number"),
        as_hash(fields[2], "certificate header hash"),
        tuple(as_address(item, "certificate signer") for item in signers),
        tuple(as_bytes(item, "certificate signature", size=SIGNATURE_BYTES) for item in signatures),
    )


def verify_certificate(
    suite: Suite, group: Hash32, validators: ValidatorSet, certificate: Certificate
) -> None:
    """Raises InvalidCertificate unless a quorum of distinct validators signed the header.

    Epoch, number and header hash are taken from the certificate: the caller compares them with
    the block that it means.
    """
    if len(certificate.signers) != len(certificate.signatures):
        raise InvalidCertificate("expected one signature for each signer")
    distinct = set(certificate.signers)
    if len(distinct) != len(certificate.signers):
        raise InvalidCertificate("a signer is listed twice")
    if len(distinct) < validators.quorum:
        raise InvalidCertificate(
            f"block {certificate.number} has {len(distinct)} signers, "
            f"a quorum of {validators.n} validators is {validators.quorum}"
        )
    digest = checkpoint_digest(
        suite, group, certificate.epoch, certificate.number, certificate.header_hash
    )
    for signer, signature in zip(certificate.signers, certificate.signatures, strict=True):
        if signer not in validators:
            raise InvalidCertificate(
                f"0x{signer.hex()} is no validator of block {certificate.number}"
            )
        try:
            recovered = suite.recover(digest, signature)
        except InvalidSignature as error:
            raise InvalidCertificate(f"signature of 0x{signer.hex()}: {error}") from error
        if recovered != signer:
            raise InvalidCertificate(
                f"the signature given for 0x{signer.hex()} is by 0x{recovered.hex()}"
            )


__all__ = [
    "CERTIFICATE_BYTES_MAX",
    "Certificate",
    "InvalidCertificate",
    "InvalidEncoding",
    "certificate_of",
    "checkpoint_digest",
    "decode_certificate",
    "encode_certificate",
    "verify_certificate",
]
