"""A recovery certificate as a JSON file that people carry from organisation to organisation.

Form only: what it has to say and who has to sign is `recovery.py`'s.
"""

from pathlib import Path

import msgspec

from ledger.recovery import (
    InvalidRecovery,
    RecoveredValidator,
    Recovery,
    recovery_of,
)
from ledger.suite import SIGNATURE_BYTES
from ledger.values import Hash32 as Hash
from ledger.values import InvalidValue, address_from_hex, from_hex, to_hex

RECOVERY_FILE_BYTES_MAX = 1 << 20
RECOVERY_FILE_VERSION = 1


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    address: str
    node: str


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    organisation: str
    signature: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    group: str
    number: int
    hash: str
    epoch: int
    counter: int
    validators: list[_Member]
    signatures: list[_Signature] = []


def recovery_json(recovery: Recovery) -> bytes:
    """The certificate as indented JSON."""
    file = _File(
        version=RECOVERY_FILE_VERSION,
        group=to_hex(recovery.group),
        number=recovery.number,
        hash=to_hex(recovery.block_hash),
        epoch=recovery.epoch,
        counter=recovery.counter,
        validators=[
            _Member(address=to_hex(entry.address), node=entry.node) for entry in recovery.members
        ],
        signatures=[
            _Signature(organisation=name, signature=to_hex(signature))
            for name, signature in recovery.signatures
        ],
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def parse_recovery(data: bytes) -> Recovery:
    """The certificate in a file's content, its form checked; raises InvalidRecovery."""
    if len(data) > RECOVERY_FILE_BYTES_MAX:
        raise InvalidRecovery(f"expected at most {RECOVERY_FILE_BYTES_MAX} bytes, got {len(data)}")
    try:
        file = msgspec.json.decode(data, type=_File)
        if file.version != RECOVERY_FILE_VERSION:
            raise InvalidRecovery(f"expected version {RECOVERY_FILE_VERSION}, got {file.version}")
        members = [
            RecoveredValidator(address_from_hex(entry.address), entry.node)
            for entry in file.validators
        ]
        signatures = [
            (entry.organisation, from_hex(entry.signature, size=SIGNATURE_BYTES))
            for entry in file.signatures
        ]
        return recovery_of(
            Hash(from_hex(file.group, size=32)),
            number=file.number,
            block_hash=Hash(from_hex(file.hash, size=32)),
            epoch=file.epoch,
            counter=file.counter,
            members=members,
            signatures=signatures,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidValue) as error:
        raise InvalidRecovery(f"not a recovery certificate: {error}") from error


def load_recovery(path: Path) -> Recovery:
    """The certificate in a file; raises InvalidRecovery, or OSError if there is no file."""
    with path.open("rb") as file:
        return parse_recovery(file.read(RECOVERY_FILE_BYTES_MAX + 1))
