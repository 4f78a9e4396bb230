"""Keystores: what opens, and what each kind of damage is answered with."""

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from client.accounts import (
    InvalidKeystore,
    load_account,
    password_file,
    save_account,
    save_password,
)

KEY = "0x" + "11" * 32
PASSWORD = "correct horse"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    """Made with few rounds: tests need no strength."""
    path = tmp_path / "officer.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2)))
    save_password(path, PASSWORD)
    return path


def test_opens_with_the_password_beside_it(keystore: Path) -> None:
    assert load_account(keystore).address == Account.from_key(KEY).address
    assert load_account(keystore, PASSWORD).address == Account.from_key(KEY).address
    assert password_file(keystore).read_text() == PASSWORD
    assert stat.S_IMODE(password_file(keystore).stat().st_mode) == 0o600


def test_saves_for_the_owner_only_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    save_account(Account.from_key(KEY), path, PASSWORD, rounds=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY[2:] not in path.read_text()
    assert load_account(path, PASSWORD).key == Account.from_key(KEY).key
    with pytest.raises(FileExistsError):
        save_account(Account.from_key(KEY), path, PASSWORD)


def test_a_truncated_keystore_says_so(keystore: Path) -> None:
    whole = keystore.read_text()
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        keystore.write_text(whole[:cut])
        with pytest.raises(InvalidKeystore, match="cut off"):
            load_account(keystore)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "no Ethereum keystore"),
        ('{"crypto": {}, "version": 3}', "part of it is missing"),
        ('{"crypto": 5, "version": 3}', "part of it is missing"),
        ('{"crypto": {}, "version": 9}', "not a version 3 keystore"),
        (" " * 70_000, "this is no keystore"),
        ("[" * 20_000, "cut off or not JSON"),
    ],
)
def test_other_damage_says_what(keystore: Path, content: str, words: str) -> None:
    keystore.write_text(content)
    with pytest.raises(InvalidKeystore, match=words):
        load_account(keystore)


def test_wrong_and_missing_files_say_what(keystore: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidKeystore, match="does not open"):
        load_account(keystore, "wrong")
    with pytest.raises(InvalidKeystore, match="no keystore at"):
        load_account(tmp_path / "none.json")
    password_file(keystore).unlink()
    with pytest.raises(InvalidKeystore, match="no password file at"):
        load_account(keystore)
    with pytest.raises(InvalidKeystore, match="cannot read"):
        load_account(tmp_path)


def test_an_exchanged_address_is_noticed(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    content["address"] = "22" * 20
    keystore.write_text(json.dumps(content))
    with pytest.raises(InvalidKeystore, match="was altered"):
        load_account(keystore)
