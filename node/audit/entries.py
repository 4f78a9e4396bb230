"""One entry of the audit log and its line: JSON, closed by a hash that covers the entry before.

A line is the entry's JSON with `"hash"` as its last field: SHA-256 over all bytes before that
field. `previous` is the hash of the entry before, so each hash stands for the whole log up to it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import msgspec

LINE_BYTES_MAX = 4_096
FIELD_LENGTH_MAX = 512
NO_ENTRY = "0" * 64
"""What the first entry has for `previous`."""

_HASH_OPENS = b',"hash":"'
_TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"}\n')
_TAIL_BYTES = len(_HASH_OPENS) + 64 + len(b'"}\n')
_HASH = re.compile(r"[0-9a-f]{64}")


class InvalidEntry(ValueError):
    """A line that is no entry, or was changed after it was written."""


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
    body = msgspec.json.encode(entry)[:-1]
    digest = hashlib.sha256(body).hexdigest()
    line = body + _HASH_OPENS + digest.encode() + b'"}\n'
    assert len(line) <= LINE_BYTES_MAX, len(line)
    return line, digest


def decode_line(line: bytes) -> Link:
    """The entry of a whole line, its hash checked. Raises InvalidEntry."""
    if len(line) > LINE_BYTES_MAX:
        raise InvalidEntry(f"expected a line of at most {LINE_BYTES_MAX} bytes, got a longer one")
    tail = _TAIL.fullmatch(line[-_TAIL_BYTES:])
    if tail is None:
        raise InvalidEntry("expected a line that ends with its hash, got another")
    body = line[:-_TAIL_BYTES]
    digest = hashlib.sha256(body).hexdigest()
    if digest != tail[1].decode():
        raise InvalidEntry("the line does not have the hash that it was written with")
    try:
        entry = msgspec.json.decode(body + b"}", type=Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidEntry(f"expected an entry of the audit log, got another form: {error}") from (
            error
        )
    if _HASH.fullmatch(entry.previous) is None:
        raise InvalidEntry("expected the hash of the entry before, got another form")
    return Link(entry, digest)


def shortened(text: str) -> str:
    """A text as an entry takes it: one that is too long or not printable ASCII loses its rest."""
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
    return plain if len(plain) <= FIELD_LENGTH_MAX else plain[: FIELD_LENGTH_MAX - 3] + "..."
