"""A private key in a file: 64 hexadecimal digits, readable by its owner only.

Only the consensus key lives here; TLS keys are PEM and account keys are encrypted keystores.
"""

from __future__ import annotations

import re
from pathlib import Path

from ledger.new_secret import write_new_secret
from ledger.private_file import ExposedFile, read_private
from ledger.suite import Suite
from ledger.values import Address
from node.config import ConfigurationError, GroupFolder

_HEX_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})\s*")
_FILE_BYTES_MAX = 80


def load_private_key(path: Path) -> bytes:
    """The 32 bytes. Raises `ConfigurationError`; the message never holds the content."""
    try:
        text = read_private(path, _FILE_BYTES_MAX).decode("ascii")
    except ExposedFile as error:
        raise ConfigurationError(f"the key {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise ConfigurationError(f"cannot read the key {path}: {reason}") from None
    match = _HEX_KEY.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"expected 64 hexadecimal digits in {path}, found something else")
    return bytes.fromhex(match.group(1))


def save_private_key(path: Path, private_key: bytes) -> None:
    """Write a new key file with mode 600; an existing file is never replaced."""
    assert len(private_key) == 32
    try:
        write_new_secret(path, private_key.hex().encode() + b"\n")
    except FileExistsError:
        raise ConfigurationError(f"the key {path} is there already; remove it first") from None


def own_address(group: GroupFolder, suite: Suite) -> Address:
    """The address of the node's key in a group. Raises `ConfigurationError`."""
    return suite.address_of(load_private_key(group.consensus_key))
