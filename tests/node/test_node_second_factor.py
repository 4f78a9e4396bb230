"""One-time codes: RFC 6238's own values, one use each, a bound on tries."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from node.second_factor import (
    PAUSE_S,
    STEP_S,
    TRIES_MAX,
    SecondFactor,
    SecondFactorRefused,
    _codes,
    _State,
)

NOW = datetime(2026, 11, 21, 8, 0, 15, tzinfo=UTC)
STEP = timedelta(seconds=STEP_S)


class Authenticator:
    """What an officer's telephone does with the address that was shown."""

    def __init__(self, uri: str) -> None:
        import base64

        fields = parse_qs(urlsplit(uri).query)
        secret = fields["secret"][0]
        self._totp = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), STEP_S)

    def code(self, at: datetime) -> str:
        return self._totp.generate(int(at.timestamp())).decode()


def enrolled(folder: Path) -> tuple[SecondFactor, Authenticator]:
    factor = SecondFactor(folder / "keys" / "second-factor")
    return factor, Authenticator(factor.enrol("tax/tax-1"))


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    # Appendix B; its eight digits end with these six.
    assert _codes(_State(b"12345678901234567890")).generate(at).decode() == code


def test_a_code_is_good_once_and_one_step_to_either_side(tmp_path: Path) -> None:
    factor, phone = enrolled(tmp_path)
    factor.use(phone.code(NOW - STEP), NOW)
    with pytest.raises(SecondFactorRefused, match="not used before"):
        factor.use(phone.code(NOW - STEP), NOW)
    factor.use(phone.code(NOW + STEP), NOW)
    # An earlier one than the last used is spent as well.
    with pytest.raises(SecondFactorRefused):
        factor.use(phone.code(NOW), NOW)
    with pytest.raises(SecondFactorRefused):
        factor.use(phone.code(NOW + 4 * STEP), NOW + 2 * STEP)
    factor.use(phone.code(NOW + 4 * STEP), NOW + 4 * STEP)


def test_wrong_codes_end_in_a_pause_that_a_good_one_waits_for(tmp_path: Path) -> None:
    factor, phone = enrolled(tmp_path)
    for wrong in ("", "12345", "abcdef", "１２３４５６", "0000000"):
        with pytest.raises(SecondFactorRefused, match="expected the present code"):
            factor.use(wrong, NOW)
    with pytest.raises(SecondFactorRefused, match=f"{TRIES_MAX} wrong codes"):
        factor.use(phone.code(NOW), NOW)
    later = NOW + timedelta(seconds=PAUSE_S)
    factor.use(phone.code(later), later)


def test_the_file_is_private_and_not_replaced_in_passing(tmp_path: Path) -> None:
    factor, phone = enrolled(tmp_path)
    path = tmp_path / "keys" / "second-factor"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SecondFactorRefused, match="remove the file"):
        factor.enrol("tax/tax-1")
    path.chmod(0o640)
    with pytest.raises(SecondFactorRefused, match="read by others"):
        factor.use(phone.code(NOW), NOW)
    path.chmod(0o600)
    for damaged in (b"{", b'{"secret\xff":0}'):
        path.write_bytes(damaged)
        with pytest.raises(SecondFactorRefused, match="damaged"):
            factor.use(phone.code(NOW), NOW)
    path.unlink()
    with pytest.raises(SecondFactorRefused, match="enrol"):
        factor.use(phone.code(NOW), NOW)
