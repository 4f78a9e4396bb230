"""One entry of the audit log, and its line in the chain of lines (`node.chained_line`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from node.chained_line import NO_ENTRY, InvalidEntry, decode_chained, encode_chained

__all__ = ["NO_ENTRY", "Entry", "InvalidEntry", "Link", "decode_line", "encode_line", "shortened"]

LINE_BYTES_MAX = 4_096
FIELD_LENGTH_MAX = 512
_HASH = re.compile(r"[0-9a-f]{64}")


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened. Texts are short and name nobody: officers stand under their pseudonyms.

    `at` is UTC with milliseconds; `count` is above 1 where a flood of refusals was summed up.
    """

    number: int
    at: str
    kind: str
    who: str = ""
    role: str = ""
    organisation: str = ""
    method: str = ""
    group: str = ""
    asked: str = ""
    outcome: str = ""
    count: int = 1
    previous: str


@dataclass(frozen=True)
class Link:
    """An entry with the hash that its line ends with."""

    entry: Entry
    hash: str


def encode_line(entry: Entry) -> tuple[bytes, str]:
    """The line, newline included, and its hash."""
    line, digest = encode_chained(entry)
    assert len(line) <= LINE_BYTES_MAX, len(line)
    return line, digest


def decode_line(line: bytes) -> Link:
    """The entry of a whole line, its hash checked. Raises InvalidEntry."""
    entry, digest = decode_chained(line, Entry, line_bytes_max=LINE_BYTES_MAX)
    if _HASH.fullmatch(entry.previous) is None:
        raise InvalidEntry("expected the hash of the entry before, got another form")
    return Link(entry, digest)


def shortened(text: str) -> str:
    """A text as an entry takes it: one that is too long or not printable ASCII loses its rest."""
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
    return plain if len(plain) <= FIELD_LENGTH_MAX else plain[: FIELD_LENGTH_MAX - 3] + "..."
