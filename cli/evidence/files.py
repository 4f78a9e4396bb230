"""The two files that travel between groups: evidence as RLP, an anchor as JSON."""

import json
from pathlib import Path
from typing import Any

import msgspec

from cli.failure import CommandFailed
from ledger.bounded_file import read_bounded
from ledger.codec import InvalidEncoding
from ledger.evidence import EVIDENCE_BYTES_MAX, Anchor, Evidence, decode_evidence
from ledger.values import Hash32, InvalidValue, from_hex, to_hex

ANCHOR_BYTES_MAX = 4_096


class _AnchorDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    group: str
    epoch: int
    first_block: int
    validators_hash: str


def load_evidence(path: Path) -> Evidence:
    """The evidence in a file, not verified. Raises CommandFailed."""
    try:
        return decode_evidence(read_bounded(path, EVIDENCE_BYTES_MAX, CommandFailed))
    except InvalidEncoding as error:
        raise CommandFailed(f"{path}: no evidence: {error}") from None


def load_anchor(path: Path) -> Anchor:
    """The anchor in a file. Raises CommandFailed."""
    try:
        data = read_bounded(path, ANCHOR_BYTES_MAX, CommandFailed)
        document = msgspec.json.decode(data, type=_AnchorDocument)
        if not (0 <= document.epoch < 2**64 and 0 <= document.first_block < 2**64):
            raise CommandFailed(
                f"{path}: expected an epoch and a first block of at most 64 bits, "
                f"got {document.epoch} and {document.first_block}"
            )
        return Anchor(
            Hash32(from_hex(document.group, size=32)),
            document.epoch,
            document.first_block,
            Hash32(from_hex(document.validators_hash, size=32)),
        )
    except (msgspec.MsgspecError, InvalidValue, UnicodeDecodeError) as error:
        raise CommandFailed(
            f"{path}: no anchor ({error}): `quorate evidence anchor` writes one"
        ) from None


def anchor_json(anchor: Anchor) -> dict[str, Any]:
    """The anchor as it stands in its file."""
    return {
        "group": to_hex(anchor.group),
        "epoch": anchor.epoch,
        "first_block": anchor.first_block,
        "validators_hash": to_hex(anchor.validators_hash),
    }


def encode_anchor(anchor: Anchor) -> bytes:
    """The text of an anchor's file."""
    return json.dumps(anchor_json(anchor), indent=2).encode() + b"\n"
