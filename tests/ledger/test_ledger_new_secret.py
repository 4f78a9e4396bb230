"""A secret's file is made once, whole, and for its owner alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from client.accounts import password_file, save_password
from ledger.new_secret import write_new_secret
from node.config import ConfigurationError
from node.keyfile import save_private_key
from node.pki import new_key, save_key


def test_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    write_new_secret(path, b"secret")
    assert path.read_bytes() == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600


WRITERS: dict[str, tuple[Callable[[Path], None], type[Exception]]] = {
    "consensus key": (lambda path: save_private_key(path, b"k" * 32), ConfigurationError),
    "TLS key": (lambda path: save_key(path, new_key()), FileExistsError),
    "password": (lambda path: save_password(path, "word"), FileExistsError),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_secret_is_written_over_another(tmp_path: Path, name: str) -> None:
    write, refusal = WRITERS[name]
    key = tmp_path / "key"
    path = password_file(key) if name == "password" else key
    path.write_bytes(b"somebody needs this")
    with pytest.raises(refusal):
        write(key)
    assert path.read_bytes() == b"somebody needs this"


@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_is_cut_off_is_not_in_the_way_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write, _ = WRITERS[name]

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "key")
    assert os.listdir(tmp_path) == []
    write(tmp_path / "key")
    assert len(os.listdir(tmp_path)) == 1
