"""Who may call this node's RPC from elsewhere: grants to certificates and tokens, in one file.

A grant gives a role, or names an account whose role on chain counts. Of a token the file holds
only a hash: a copy of the file opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from ledger.private_file import ExposedFile, read_private
from ledger.values import Address, InvalidValue, address_from_hex
from ledger.whole_file import write_whole
from node.config import GROUPS_COUNT_MAX, NAME_LENGTH_MAX, is_name
from node.rpc.access import GRANTABLE, CallerRole

FORMAT = 1
GRANTS_BYTES_MAX = 1 << 20
GRANTS_COUNT_MAX = 1_024
TOKEN_DAYS_MAX = 366
TOKEN_LENGTH_MAX = 128
SECRET_BYTES = 32
FILE_MODE = 0o600

_TOKEN = re.compile(r"quorate_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_Name = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]


class InvalidGrant(ValueError):
    """A grant, or the file of them, that cannot be used; the message says what to change."""


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one token or one officer's certificate gives. Times are UTC in ISO 8601.

    token_hash: SHA-256 of a token's secret; empty for a grant to the certificate that names
    `organisation` and `name`. groups: empty for every group that the organisation is in.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    name: _Name
    organisation: _Name
    role: Annotated[str, msgspec.Meta(max_length=32)] = ""
    account: Annotated[str, msgspec.Meta(max_length=42)] = ""
    groups: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=GROUPS_COUNT_MAX)] = ()
    token_hash: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    created: datetime
    expires: datetime
    revoked: datetime | None = None

    @property
    def is_token(self) -> bool:
        """Whether a token opens it, and not a certificate."""
        return bool(self.token_hash)

    @property
    def caller_role(self) -> CallerRole | None:
        """The role given, None where the account's on chain counts."""
        return CallerRole(self.role) if self.role else None

    @property
    def account_address(self) -> Address | None:
        """The account whose role counts."""
        return address_from_hex(self.account) if self.account else None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    grants: Annotated[tuple[Grant, ...], msgspec.Meta(max_length=GRANTS_COUNT_MAX)]


@dataclass(frozen=True)
class Grants:
    """All grants of a node, revoked ones too: who is refused hears no reason, but the log does."""

    entries: tuple[Grant, ...] = ()

    def of_token(self, token: str) -> Grant | None:
        """The grant whose token this is, revoked or expired or not; None for a wrong one."""
        match = _TOKEN.fullmatch(token) if len(token) <= TOKEN_LENGTH_MAX else None
        identifier, secret = match.groups() if match else ("", "")
        found = next((grant for grant in self.entries if grant.id == identifier), None)
        known = found.token_hash if found is not None and found.is_token else "0" * 64
        is_right = hmac.compare_digest(_hash(secret), known)
        return found if is_right and match else None

    def of_officer(self, organisation: str, name: str) -> Grant | None:
        """The grant to a certificate: one in force before any other."""
        found = [
            grant
            for grant in self.entries
            if not grant.is_token and (grant.organisation, grant.name) == (organisation, name)
        ]
        return max(found, key=lambda grant: (grant.revoked is None, grant.expires), default=None)

    def with_grant(self, grant: Grant) -> Grants:
        """With one more. Raises InvalidGrant."""
        return Grants(_checked((*self.entries, grant)))

    def without(self, identifier: str, now: datetime) -> Grants:
        """With the grant revoked as of `now`. Raises InvalidGrant if it is not there."""
        if identifier not in {grant.id for grant in self.entries if grant.revoked is None}:
            raise InvalidGrant(f"there is no grant {identifier[:NAME_LENGTH_MAX]!r} in force here")
        return Grants(
            tuple(
                msgspec.structs.replace(grant, revoked=now) if grant.id == identifier else grant
                for grant in self.entries
            )
        )

    def save(self, path: Path) -> None:
        """Write the file whole, mode 600. Raises OSError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = msgspec.json.format(msgspec.json.encode(_File(FORMAT, self.entries)))
        write_whole(path, data + b"\n", mode=FILE_MODE)


def new_grant(
    *,
    name: str,
    organisation: str,
    role: str = "",
    account: str = "",
    groups: tuple[str, ...] = (),
    days: int,
    now: datetime,
    with_token: bool,
) -> tuple[Grant, str]:
    """A grant and its token, which is nowhere else and never again; empty for a certificate's.

    Raises InvalidGrant.
    """
    if not 0 < days <= TOKEN_DAYS_MAX:
        raise InvalidGrant(f"expected 1 to {TOKEN_DAYS_MAX} days, got {days}")
    identifier = secrets.token_hex(8)
    secret = secrets.token_urlsafe(SECRET_BYTES) if with_token else ""
    created = now.astimezone(UTC).replace(microsecond=0)
    grant = Grant(
        id=identifier,
        name=name,
        organisation=organisation,
        role=role,
        account=account,
        groups=groups,
        token_hash=_hash(secret) if with_token else "",
        created=created,
        expires=created + timedelta(days=days),
    )
    _checked((grant,))
    return grant, f"quorate_{identifier}_{secret}" if with_token else ""


def load_grants(path: Path) -> Grants:
    """Read and check the file; no file is no grant. Raises InvalidGrant or OSError."""
    try:
        data = read_private(path, GRANTS_BYTES_MAX + 1)
    except FileNotFoundError:
        return Grants()
    except ExposedFile as error:
        raise InvalidGrant(str(error)) from error
    if len(data) > GRANTS_BYTES_MAX:
        raise InvalidGrant(f"{path} is larger than {GRANTS_BYTES_MAX} bytes")
    try:
        document = msgspec.json.decode(data, type=_File)
        if document.format != FORMAT:
            raise InvalidGrant(f"expected format {FORMAT}, got {document.format}")
        return Grants(_checked(document.grants))
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidGrant) as error:
        raise InvalidGrant(f"{path}: {error}") from error


def _checked(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    if len(grants) > GRANTS_COUNT_MAX:
        raise InvalidGrant(f"expected at most {GRANTS_COUNT_MAX} grants: take expired ones out")
    if len({grant.id for grant in grants}) != len(grants):
        raise InvalidGrant("expected each grant once: remove the second entry")
    for grant in grants:
        for name in (grant.name, grant.organisation, *grant.groups):
            if not is_name(name):
                raise InvalidGrant(f"expected a name of a-z, 0-9 and inner . _ -, got {name!r}")
        if bool(grant.role) == bool(grant.account):
            raise InvalidGrant("a grant gives a role, or names an account: one of the two")
        if grant.role and grant.role not in {role.value for role in GRANTABLE}:
            known = ", ".join(role.value for role in GRANTABLE)
            raise InvalidGrant(f"expected a role among {known}; got {grant.role!r}")
        if any(t is not None and t.tzinfo is None for t in (grant.created, grant.expires)):
            raise InvalidGrant("expected times with their zone")
        try:
            _ = grant.account_address
        except InvalidValue as error:
            raise InvalidGrant(f"account: {error}") from error
    return grants


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
