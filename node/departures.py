"""The record of groups that a node left: what became of their data, and whether its key had voted.

Append-only chained lines (`node.chained_line`): none can be changed or taken out unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ledger.bounded_file import read_bounded
from node.chained_line import NO_ENTRY, InvalidEntry, decode_chained, encode_chained
from node.config import ConfigurationError

DEPARTURES_BYTES_MAX = 1 << 20


class Departure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line. `at` is UTC, ISO 8601; hashes and addresses are `0x…`.

    did: `archived` or `destroyed`. voted: whether the consensus key `address` had said anything
    in the group. previous: the hash of the line before; 64 zeros for the first.
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
    previous: str = NO_ENTRY


def read_departures(path: Path) -> tuple[Departure, ...]:
    """All lines, oldest first; none if the node never left a group. Raises ConfigurationError."""
    return tuple(entry for entry, _ in _lines(path))


def add_departure(path: Path, departure: Departure) -> Departure:
    """Append one line, synced; as it stands there. Raises ConfigurationError or OSError."""
    hashes = [NO_ENTRY, *(digest for _, digest in _lines(path))]
    departure = msgspec.structs.replace(departure, previous=hashes[-1])
    line, _ = encode_chained(departure)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return departure


def _lines(path: Path) -> Iterator[tuple[Departure, str]]:
    if not path.is_file():
        return
    data = read_bounded(path, DEPARTURES_BYTES_MAX, ConfigurationError, remedy="put it aside")
    previous = NO_ENTRY
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            entry, digest = decode_chained(line, Departure, line_bytes_max=DEPARTURES_BYTES_MAX)
        except InvalidEntry as error:
            raise ConfigurationError(f"{path}, line {number}: {error}; restore the file") from error
        if entry.previous != previous:
            raise ConfigurationError(
                f"{path}, line {number}: does not follow the line before it; restore the file"
            )
        previous = digest
        yield entry, digest
