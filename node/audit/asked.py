"""What was asked, for an entry: plain identifiers as they are, anything else as a keyed digest.

A plain digest of something short, an identity number say, can be found by trying all of them;
with the node's own key only who holds the key can compare.
"""

from __future__ import annotations

import hmac
import re
import secrets
from pathlib import Path
from typing import Any

import msgspec

from node.config import ConfigurationError
from node.keyfile import load_private_key, save_private_key

ASKED_ITEMS_MAX = 4
_PLAIN = re.compile(r"0x(?:[0-9a-f]{1,10}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
"""A block's number, an address, a hash. Eighteen digits, as people are numbered by, do not fit."""
_WORDS = frozenset(
    (
        *("latest", "safe", "finalized", "earliest", "pending"),
        *("newHeads", "logs", "newPendingTransactions"),
    )
)


class Describer:
    """Turns parameters of a request into the text of an entry."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, params: Any) -> str:
        """Empty for no parameters, `[…]` for plain identifiers, else `hmac-sha256:…`."""
        if not params:
            return ""
        if isinstance(params, list) and len(params) <= ASKED_ITEMS_MAX:
            plain = [_plain(value) for value in params]
            if all(text is not None for text in plain):
                return f"[{', '.join(str(text) for text in plain)}]"
        data = msgspec.json.encode(params, order="sorted")
        return "hmac-sha256:" + hmac.digest(self._key, data, "sha256").hex()


def load_describer(path: Path) -> Describer:
    """With the key in a file of mode 600, made where there is none. Raises ConfigurationError."""
    if not path.exists():
        try:
            save_private_key(path, secrets.token_bytes(32))
        except OSError as error:
            raise ConfigurationError(f"cannot make the key {path}: {error.strerror}") from error
    return Describer(load_private_key(path))


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and (value in _WORDS or _PLAIN.fullmatch(value)):
        return value
    return None
