"""Accounts from files: an encrypted Ethereum keystore and the password beside it.

Keys stay in memory of the caller; nothing here logs or writes one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.bounded_file import read_bounded
from ledger.new_secret import write_new_secret

KEYSTORE_BYTES_MAX = 64 * 1024
PASSWORD_BYTES_MAX = 1024
PASSWORD_SUFFIX = ".password"  # noqa: S105  (a file name's ending)


class InvalidKeystore(Exception):
    """A key file that cannot be used: missing, cut off, of another kind, or another password."""


def password_file(key_file: Path) -> Path:
    """Where a local network keeps the password of a keystore."""
    return key_file.with_name(key_file.name + PASSWORD_SUFFIX)


def load_account(key_file: Path, password: str | None = None) -> LocalAccount:
    """The account in a keystore (Web3 Secret Storage, version 3); raises InvalidKeystore.

    Without `password` the file `<key_file>.password` is read, as local networks write it.
    """
    keystore = _load_keystore(key_file)
    if password is None:
        password = _load_password(password_file(key_file))
    try:
        private_key = Account.decrypt(keystore, password)
    except ValueError as problem:
        if "MAC mismatch" in str(problem):
            raise InvalidKeystore(f"the password does not open {key_file}") from problem
        raise InvalidKeystore(f"{key_file} is damaged: {problem}") from problem
    except (KeyError, TypeError, NotImplementedError) as problem:
        raise InvalidKeystore(
            f"{key_file} is not a version 3 keystore, or part of it is missing "
            f"({type(problem).__name__}: {problem}); restore it from a backup"
        ) from problem
    account: LocalAccount = Account.from_key(private_key)
    stated = str(keystore.get("address", "")).lower().removeprefix("0x")
    if stated and stated != account.address.lower().removeprefix("0x"):
        raise InvalidKeystore(
            f"{key_file} says it holds 0x{stated} and holds {account.address}: it was altered"
        )
    return account


def save_account(
    account: LocalAccount, key_file: Path, password: str, *, rounds: int | None = None
) -> None:
    """Write a keystore of mode 600; raises FileExistsError rather than replace one.

    `rounds` is scrypt's cost, a power of two; by default the library's, about a second of work.
    """
    keystore: dict[str, Any] = Account.encrypt(
        account.key, password, kdf="scrypt", iterations=rounds
    )
    write_new_secret(key_file, json.dumps(keystore).encode())


def save_password(key_file: Path, password: str) -> None:
    """Write the password file of a local network, mode 600, without a newline."""
    write_new_secret(password_file(key_file), password.encode())


def _load_keystore(key_file: Path) -> dict[str, Any]:
    content = _read(key_file, KEYSTORE_BYTES_MAX, "keystore")
    try:
        keystore = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise InvalidKeystore(
            f"{key_file} is cut off or not JSON ({len(content)} bytes): restore it from a backup"
        ) from problem
    if not isinstance(keystore, dict) or "crypto" not in keystore:
        raise InvalidKeystore(f"{key_file} is JSON, but no Ethereum keystore (no crypto section)")
    return keystore


def _load_password(path: Path) -> str:
    content = _read(path, PASSWORD_BYTES_MAX, "password file")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as problem:
        raise InvalidKeystore(f"{path} is not text in UTF-8") from problem


def _read(path: Path, bytes_max: int, what: str) -> bytes:
    try:
        return read_bounded(
            path, bytes_max, InvalidKeystore, remedy=f"this is no {what}, name another file"
        )
    except FileNotFoundError as problem:
        raise InvalidKeystore(f"no {what} at {path}") from problem
    except OSError as problem:
        raise InvalidKeystore(f"cannot read {path}: {problem.strerror or problem}") from problem
