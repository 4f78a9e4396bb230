"""A JSON line closed by a hash, in a log where each line names the hash of the line before.

The line's last field is `"hash"`: SHA-256 over all bytes before that field. With `previous` among
those bytes each hash stands for the whole log up to it. What an entry says is its log's matter.
"""

from __future__ import annotations

import hashlib
import re
from typing import TypeVar

import msgspec

NO_ENTRY = "0" * 64
"""What the first entry has for `previous`."""

E = TypeVar("E", bound=msgspec.Struct)

_HASH_OPENS = b',"hash":"'
_TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"}\n')
_TAIL_BYTES = len(_HASH_OPENS) + 64 + len(b'"}\n')


class InvalidEntry(ValueError):
    """A line that is no entry, or was changed after it was written."""


def encode_chained(entry: msgspec.Struct) -> tuple[bytes, str]:
    """The line, newline included, and its hash."""
    body = msgspec.json.encode(entry)[:-1]
    digest = hashlib.sha256(body).hexdigest()
    return body + _HASH_OPENS + digest.encode() + b'"}\n', digest


def decode_chained(line: bytes, kind: type[E], *, line_bytes_max: int) -> tuple[E, str]:
    """The entry of a whole line, and its hash, which was checked. Raises InvalidEntry."""
    if len(line) > line_bytes_max:
        raise InvalidEntry(f"expected a line of at most {line_bytes_max} bytes, got a longer one")
    tail = _TAIL.fullmatch(line[-_TAIL_BYTES:])
    if tail is None:
        raise InvalidEntry("expected a line that ends with its hash, got another")
    body = line[:-_TAIL_BYTES]
    digest = hashlib.sha256(body).hexdigest()
    if digest != tail[1].decode():
        raise InvalidEntry("the line does not have the hash that it was written with")
    try:
        return msgspec.json.decode(body + b"}", type=kind), digest
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidEntry(f"expected an entry of this log, got another form: {error}") from error
