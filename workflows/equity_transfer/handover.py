"""Openings that change hands: the applicant brings both in, an auditor checks one.

A bureau hands its file over by its own channel; here it is only read, checked and kept.
"""

from dataclasses import dataclass
from typing import Any

from contracts.bindings.equity import ApplicationStatus, AttestationStatus
from workflows.equity_transfer.desk import (
    Desk,
    StepRefused,
    application_here,
    attestation_here,
    opening_path,
)
from workflows.equity_transfer.ids import show_id
from workflows.equity_transfer.opening import (
    InvalidOpening,
    Opening,
    TaxOpening,
    decode_opening,
    encode_opening,
    load_opening,
    open_record,
    save_opening,
)
from workflows.json_text import InvalidJson, decode_json

opening_bytes_max = 64 * 1024


@dataclass(frozen=True)
class Opened:
    """An opening that was checked against the chain. `content` has its values, without the salt."""

    id: str
    side: str
    status: str
    content: dict[str, Any]


def read_opening(data: bytes) -> Opening:
    """An opening from a file's bytes. Raises `InvalidOpening`."""
    try:
        return decode_opening(decode_json(data, bytes_max=opening_bytes_max))
    except InvalidJson as error:
        raise InvalidOpening(f"opening: {error}; ask for the file again") from None


def import_opening(desk: Desk, data: bytes) -> Opened:
    """Check an opening against the chain and keep it in this workspace, mode 600."""
    opening = read_opening(data)
    opened = _checked(desk, opening)
    save_opening(opening_path(desk, opening.id, opening.side), opening)
    return opened


def open_commitment(desk: Desk, data: bytes) -> Opened:
    """Check an opening against the chain and show its values; nothing is kept."""
    return _checked(desk, read_opening(data))


def open_own(desk: Desk, item: bytes) -> list[Opened]:
    """As `open_commitment`, for the openings of one id that are in this workspace."""
    paths = [opening_path(desk, item, side) for side in ("tax", "market")]
    found = [_checked(desk, load_opening(path)) for path in paths if path.exists()]
    if not found:
        raise StepRefused(f"no opening of {show_id(item)} in this workspace; name its file")
    return found


def _checked(desk: Desk, opening: Opening) -> Opened:
    """The opening with its status, once the commitment on chain is found to be its own."""
    record: AttestationStatus | ApplicationStatus
    if isinstance(opening, TaxOpening):
        attestation = attestation_here(desk, opening.id)
        record, commitment = attestation.status, attestation.commitment
    else:
        application = application_here(desk, opening.id)
        record, commitment = application.status, application.commitment
    if record == 0:
        raise StepRefused(
            f"{show_id(opening.id)} is not on chain; the bureau that made it has not sent it yet"
        )
    open_record(opening, commitment)
    content = encode_opening(opening)
    del content["salt"], content["format"]
    for lot in content.get("lots", ()):
        del lot["salt"]
    return Opened(show_id(opening.id), opening.side, record.name, content)
