"""A workspace's files under a key: AES-256-GCM, the key from a file of mode 600 or a passphrase.

`seal.json` at the workspace's top holds the keys of the files, wrapped under that one key; a file
says under which it is sealed, and is bound to its place. Where no folder above has a `seal.json`,
files are as they were. Not the node's store: that is `ledger/sealing.py`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ledger.bounded_file import read_bounded
from ledger.private_file import ExposedFile, read_private
from workflows.json_text import InvalidJson, decode_json

SEAL_FILE = "seal.json"
MAGIC = b"quorate sealed 1\n"
"""What a sealed file begins with; then the key's id, the nonce, the sealed bytes."""
KEY_BYTES, NONCE_BYTES, ID_BYTES, SALT_BYTES = 32, 12, 8, 16
SEAL_FILE_BYTES_MAX = 64 * 1024
PASSPHRASE_BYTES_MAX = 1_024
PASSPHRASE_BYTES_MIN = 12
KEYS_MAX = 8
DEPTH_MAX = 8
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1
"""128 MiB and some half a second for each guess."""
SCRYPT_N_MAX = 2**20
KEY_FILE_VARIABLE = "QUORATE_DESK_KEY_FILE"
PASSPHRASE_FILE_VARIABLE = "QUORATE_DESK_PASSPHRASE_FILE"  # noqa: S105  (a name, no passphrase)

_FORMAT = "quorate workspace seal 1"
_WRAPPED = b"quorate/workspace-key/1/"
_FILE = b"quorate/workspace-file/1/"


class SealProblem(ValueError):
    """A workspace's key is missing or another one, or a file under it was damaged."""


@dataclass(frozen=True)
class Secret:
    """What opens a workspace: a key file's content, or a passphrase with what stretches it."""

    key: bytes = field(repr=False)
    description: Mapping[str, Any]
    """Its part of `seal.json`: where the key file is, or scrypt's salt and costs."""


@dataclass(frozen=True)
class Seal:
    """An open workspace: the keys of its files, the first for what is written from now on."""

    root: Path
    keys: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    def seal(self, path: Path, data: bytes) -> bytes:
        """The file's content as it stands on disk."""
        key_id, key = self.keys[0]
        nonce = os.urandom(NONCE_BYTES)
        return MAGIC + key_id + nonce + AESGCM(key).encrypt(nonce, data, self._place(path))

    def open(self, path: Path, data: bytes) -> bytes:
        """The content of a sealed file. Raises SealProblem."""
        start = len(MAGIC)
        key_id, rest = data[start : start + ID_BYTES], data[start + ID_BYTES :]
        key = dict(self.keys).get(key_id)
        if key is None:
            raise SealProblem(
                f"{path.name}: sealed under a key that {self.root / SEAL_FILE} does not hold: "
                "restore the file, or the seal file that belongs to it"
            )
        nonce, sealed = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, sealed, self._place(path))
        except (InvalidTag, ValueError):
            raise SealProblem(
                f"{path.name}: was altered, cut, or stood elsewhere when it was sealed: restore it"
            ) from None

    def _place(self, path: Path) -> bytes:
        """What a file is for: its place in the workspace."""
        return _FILE + path.absolute().relative_to(self.root).as_posix().encode()


def seal_of(path: Path) -> Seal | None:
    """The seal of the workspace in which a file stands, None if it has none. Raises SealProblem."""
    place = path.absolute()
    for folder in list(place.parents)[:DEPTH_MAX]:
        marker = folder / SEAL_FILE
        if marker.is_file():
            return _opened(folder, marker.stat().st_mtime_ns, *_environment())
    return None


def is_sealed(data: bytes) -> bool:
    """Whether this is a sealed file's content."""
    return data.startswith(MAGIC)


def key_file_secret(path: Path) -> Secret:
    """What a key file holds: 64 hexadecimal digits. Raises SealProblem."""
    try:
        key = bytes.fromhex(read_private(path, 200).decode("ascii").strip())
    except FileNotFoundError:
        raise SealProblem(
            f"the key file {path} is missing: put it back, or name it in {KEY_FILE_VARIABLE}"
        ) from None
    except ExposedFile as error:
        raise SealProblem(f"the key {error}") from None
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SealProblem(f"{path}: expected a key of 64 hexadecimal digits")
    return Secret(key, {"kdf": "key file", "key_file": str(path.absolute())})


def passphrase_secret(passphrase: bytes, *, salt: bytes | None = None, n: int = SCRYPT_N) -> Secret:
    """A passphrase, stretched by scrypt (RFC 7914). Raises SealProblem for a short one."""
    if not PASSPHRASE_BYTES_MIN <= len(passphrase) <= PASSPHRASE_BYTES_MAX:
        raise SealProblem(
            f"expected a passphrase of {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} bytes"
        )
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    key = Scrypt(salt=salt, length=KEY_BYTES, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase)
    return Secret(key, {"kdf": "scrypt", "salt": salt.hex(), "n": n})


def passphrase_in(path: Path) -> bytes:
    """The passphrase in a file of mode 600, without the line's end. Raises SealProblem."""
    try:
        return read_private(path, PASSPHRASE_BYTES_MAX + 2).rstrip(b"\r\n")
    except ExposedFile as error:
        raise SealProblem(f"the passphrase {error}") from None
    except OSError as error:
        raise SealProblem(f"cannot read the passphrase {path}: {error.strerror}") from None


def new_keys(held: Seal | None = None) -> tuple[tuple[bytes, bytes], ...]:
    """A fresh key in front of those that are still needed."""
    return ((os.urandom(ID_BYTES), os.urandom(KEY_BYTES)), *(held.keys if held else ()))


def encode_seal(secret: Secret, keys: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The text of `seal.json`: the files' keys, wrapped under the secret's."""
    wrapped = []
    for key_id, key in keys:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(secret.key).encrypt(nonce, key, _WRAPPED + key_id)
        wrapped.append({"id": key_id.hex(), "nonce": nonce.hex(), "key": sealed.hex()})
    document = {"format": _FORMAT, **secret.description, "keys": wrapped}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def open_seal(root: Path, secret: Secret | None = None) -> Seal:
    """The workspace's keys, by the given secret or by the one that its seal file names.

    Raises SealProblem.
    """
    document = _document(root)
    secret = secret or named_secret(root)
    keys = []
    for entry in document["keys"]:
        key_id, nonce, sealed = (bytes.fromhex(entry[name]) for name in ("id", "nonce", "key"))
        try:
            keys.append((key_id, AESGCM(secret.key).decrypt(nonce, sealed, _WRAPPED + key_id)))
        except (InvalidTag, ValueError):
            raise SealProblem(
                f"{root / SEAL_FILE}: this is not the key or passphrase that the workspace was "
                "sealed under, or the file was altered"
            ) from None
    return Seal(root, tuple(keys))


@lru_cache(maxsize=32)
def _opened(root: Path, changed_ns: int, key_file: str, passphrase_file: str) -> Seal:
    del changed_ns, key_file, passphrase_file  # parts of the cache's key
    return open_seal(root)


def _environment() -> tuple[str, str]:
    return os.environ.get(KEY_FILE_VARIABLE, ""), os.environ.get(PASSPHRASE_FILE_VARIABLE, "")


def _document(root: Path) -> dict[str, Any]:
    path = root / SEAL_FILE
    data = read_bounded(path, SEAL_FILE_BYTES_MAX, SealProblem, remedy="restore it from a backup")
    try:
        document: dict[str, Any] = decode_json(data, bytes_max=SEAL_FILE_BYTES_MAX)
        is_one = document["format"] == _FORMAT and 1 <= len(document["keys"]) <= KEYS_MAX
        for entry in document["keys"]:
            for name in ("id", "nonce", "key"):
                bytes.fromhex(entry[name])
    except (InvalidJson, KeyError, TypeError, ValueError):
        is_one = False
    if not is_one:
        raise SealProblem(f"{path}: no seal file of this version; restore it from a backup")
    return document


def named_secret(root: Path) -> Secret:
    """The secret that a workspace's seal file and the environment name. Raises SealProblem."""
    document = _document(root)
    key_file, passphrase_file = _environment()
    if document.get("kdf") == "key file":
        return key_file_secret(Path(key_file or str(document.get("key_file"))))
    try:
        salt, n = bytes.fromhex(document["salt"]), int(document["n"])
    except (KeyError, TypeError, ValueError):
        raise SealProblem("the seal file names no way to its key; restore it") from None
    if not 2 <= n <= SCRYPT_N_MAX or n & (n - 1):
        raise SealProblem(f"the seal file asks for scrypt with n = {n}; restore it")
    if not passphrase_file:
        raise SealProblem(
            "this workspace is sealed under a passphrase: name a file of mode 600 that holds it in "
            f"{PASSPHRASE_FILE_VARIABLE}"
        )
    return passphrase_secret(passphrase_in(Path(passphrase_file)), salt=salt, n=n)
