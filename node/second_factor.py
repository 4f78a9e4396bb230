"""A second factor for operators: time-based one-time codes (RFC 6238), each good for one use.

The secret, the last step used and the wrong tries stand in one file of mode 600. It holds up
whoever has the operator's terminal but not the authenticator; whoever may write the file needs
neither.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from ledger.private_file import ExposedFile, read_private
from ledger.whole_file import write_whole

DIGITS = 6
STEP_S = 30
STEPS_AROUND = 1
"""How many steps a clock may be off, either way (RFC 6238, section 5.2)."""

SECRET_BYTES = 20
TRIES_MAX = 5
PAUSE_S = 300
"""After TRIES_MAX wrong codes in a row nothing is taken for so long."""

FILE_BYTES_MAX = 4_096
ISSUER = "Quorate"
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


class SecondFactorRefused(Exception):
    """No good code; the message says what to do."""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    secret: bytes
    used_step: int = 0
    tries: int = 0
    tried_at: int = 0


class SecondFactor:
    """The second factor of one node, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def enrol(self, account: str) -> str:
        """Make a secret; the `otpauth://` address for an authenticator, shown this once.

        Raises SecondFactorRefused if there is one: it is replaced by hand, not in passing.
        """
        with self._locked():
            if self._path.exists():
                raise SecondFactorRefused(
                    f"there is a second factor in {self._path}: remove the file to make another"
                )
            state = _State(secrets.token_bytes(SECRET_BYTES))
            self._save(state)
        return _codes(state).get_provisioning_uri(account, ISSUER)

    def use(self, code: str, now: datetime) -> None:
        """Take a code, once. Raises SecondFactorRefused."""
        at = int(now.timestamp())
        with self._locked():
            state = self._load()
            if state.tries >= TRIES_MAX and at < state.tried_at + PAUSE_S:
                raise SecondFactorRefused(
                    f"{TRIES_MAX} wrong codes in a row: wait {state.tried_at + PAUSE_S - at} s"
                )
            step = self._step_of(state, code, at // STEP_S)
            if step is None:
                tries = 1 if state.tries >= TRIES_MAX else state.tries + 1
                self._save(msgspec.structs.replace(state, tries=tries, tried_at=at))
                raise SecondFactorRefused(
                    "expected the present code of the authenticator, not used before: "
                    "wait for the next one, and compare the clocks"
                )
            self._save(msgspec.structs.replace(state, used_step=step, tries=0))

    @staticmethod
    def _step_of(state: _State, code: str, present: int) -> int | None:
        """The unused step whose code this is. All of them are compared, whatever comes first."""
        if _CODE.fullmatch(code) is None:
            return None
        steps = range(present - STEPS_AROUND, present + STEPS_AROUND + 1)
        codes = _codes(state)
        good = [
            step
            for step in steps
            if hmac.compare_digest(codes.generate(step * STEP_S), code.encode())
        ]
        return next((step for step in good if step > state.used_step), None)

    def _load(self) -> _State:
        try:
            data = read_private(self._path, FILE_BYTES_MAX)
        except FileNotFoundError:
            raise SecondFactorRefused(
                "node.toml asks for a second factor and none is enrolled: "
                "quorate node second-factor enrol NODE_DIR"
            ) from None
        except ExposedFile as error:
            raise SecondFactorRefused(f"{error}: remove it, and enrol anew") from None
        try:
            return msgspec.json.decode(data, type=_State)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise SecondFactorRefused(f"{self._path} is damaged: remove it, enrol anew") from None

    def _save(self, state: _State) -> None:
        write_whole(self._path, msgspec.json.encode(state), mode=0o600)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two commands at once cannot use one code twice."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _codes(state: _State) -> TOTP:
    return TOTP(state.secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 - what authenticators speak
