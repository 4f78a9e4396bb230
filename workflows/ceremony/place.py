"""Which contract a folder's ceremony is: a public file, for convenience.

Nothing in it is trusted: the contract's code, state and logs are compared with the ledger.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ledger.bounded_file import read_bounded
from ledger.values import Address, InvalidValue, address_from_hex, checksum_address
from ledger.whole_file import write_whole
from workflows.json_text import InvalidJson, decode_json

FILE_NAME = "ceremony.json"
_FORMAT = "quorate ceremony 1"
_FILE_BYTES_MAX = 4_096


class InvalidPlace(ValueError):
    """A folder whose file names no ceremony."""


@dataclass(frozen=True)
class CeremonyPlace:
    """A ceremony's contract in a group."""

    group: str
    address: Address


def save_place(folder: Path, place: CeremonyPlace) -> None:
    """Write the file into the folder."""
    document = {
        "format": _FORMAT,
        "group": place.group,
        "contract": checksum_address(place.address),
    }
    write_whole(folder / FILE_NAME, json.dumps(document, indent=1).encode() + b"\n")


def load_place(folder: Path) -> CeremonyPlace:
    """Read what `save_place` wrote. Raises InvalidPlace."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise InvalidPlace(f"{path}: no ceremony was started in this folder; name its contract")
    data = read_bounded(path, _FILE_BYTES_MAX, InvalidPlace, remedy="name the ceremony's contract")
    try:
        found = decode_json(data, bytes_max=_FILE_BYTES_MAX)
        if found["format"] != _FORMAT or not isinstance(found["group"], str):
            raise InvalidPlace(f"{path}: expected the form {_FORMAT!r}")
        return CeremonyPlace(found["group"], address_from_hex(found["contract"]))
    except (InvalidJson, InvalidValue, KeyError, TypeError) as error:
        raise InvalidPlace(f"{path}: {error}; name the ceremony's contract") from None
