"""Every file of a secret is refused alike once others can reach it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client.credentials import Credentials, InvalidCredentials
from ledger.private_file import ExposedFile, check_private, read_private
from node.config import ConfigurationError
from node.keyfile import load_private_key, save_private_key
from node.pki import InvalidNodeCertificate, load_key, new_key, save_key
from node.rpc.grants import Grants, InvalidGrant, load_grants
from node.second_factor import SecondFactor, SecondFactorRefused
from workflows.equity_transfer import envelope

WORDS = r"can be read by others \(mode 640\): run chmod 600 on it"
TOKEN = "quorate_" + "0" * 16 + "_" + "a" * 43


def _token(path: Path) -> None:
    path.write_text(TOKEN, encoding="ascii")
    path.chmod(0o600)


def _use_factor(path: Path) -> None:
    SecondFactor(path).use("000000", datetime.now(UTC))


SECRETS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object], type[Exception]]] = {
    "consensus key": (
        lambda path: save_private_key(path, b"k" * 32),
        load_private_key,
        ConfigurationError,
    ),
    "TLS key": (lambda path: save_key(path, new_key()), load_key, InvalidNodeCertificate),
    "grants": (lambda path: Grants().save(path), load_grants, InvalidGrant),
    "second factor": (lambda path: SecondFactor(path).enrol("a"), _use_factor, SecondFactorRefused),
    "envelope key": (
        lambda path: envelope.save_private_key(path, envelope.new_private_key()),
        envelope.load_private_key,
        envelope.InvalidEnvelopeKey,
    ),
    "token": (
        _token,
        lambda path: Credentials(token_file=path).headers("https://a"),
        InvalidCredentials,
    ),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_others_can_read_is_refused_in_the_same_words(
    tmp_path: Path, name: str
) -> None:
    make, use, error = SECRETS[name]
    path = tmp_path / "secret"
    make(path)
    check_private(path)
    path.chmod(0o640)
    with pytest.raises(error, match=WORDS):
        use(path)


def test_what_is_read_is_bounded_and_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"0123456789")
    path.chmod(0o600)
    assert read_private(path, 4) == b"0123"
    path.chmod(0o604)
    with pytest.raises(ExposedFile, match="mode 604"):
        read_private(path, 4)
