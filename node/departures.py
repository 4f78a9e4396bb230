"""The record of groups that a node left: what became of their data, and whether its key had voted.

Append-only JSON lines, each with the hash of the line before it, so that a line cannot be taken out
unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from node.config import ConfigurationError

DEPARTURES_BYTES_MAX = 1 << 20


class Departure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line. `at` is UTC, ISO 8601; hashes and addresses are `0x…`.

    did: `archived` or `destroyed`. voted: whether the consensus key `address` had said anything
    in the group. previous: SHA-256 of the line before, without its end; 64 zeros for the first.
    """

    at: str
    group: str
    identity: str
    chain_id: int
    stable_number: int
    stable_hash: str
    address: str
    voted: bool
    did: str
    where: str
    files: int
    size_bytes: int
    envelopes: int
    previous: str = "0" * 64


def read_departures(path: Path) -> tuple[Departure, ...]:
    """All lines, oldest first; none if the node never left a group. Raises ConfigurationError."""
    return tuple(entry for _, entry in _lines(path))


def add_departure(path: Path, departure: Departure) -> Departure:
    """Append one line, synced; as it stands there. Raises ConfigurationError or OSError."""
    lines = list(_lines(path))
    if lines:
        previous = sha256(lines[-1][0]).hexdigest()
        departure = msgspec.structs.replace(departure, previous=previous)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(departure) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return departure


def _lines(path: Path) -> Iterator[tuple[bytes, Departure]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        data = file.read(DEPARTURES_BYTES_MAX + 1)
    if len(data) > DEPARTURES_BYTES_MAX:
        raise ConfigurationError(f"{path}: larger than {DEPARTURES_BYTES_MAX} bytes; put it aside")
    previous = "0" * 64
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            entry = msgspec.json.decode(line, type=Departure)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}, line {number}: {error}; restore the file") from error
        if entry.previous != previous:
            raise ConfigurationError(
                f"{path}, line {number}: does not follow the line before it; restore the file"
            )
        previous = sha256(line).hexdigest()
        yield line, entry
