"""The permission word in Python: the same bits as `system/permission.vy`.

For the side that writes genesis or explains an account; the ledger's gate reads the word itself.
"""

from dataclasses import dataclass
from enum import IntEnum

ROLE_BITS = 16
ORGANISATION_BITS = 32
FROZEN = 1 << 255


class Role(IntEnum):
    """A role's bit number."""

    MEMBER = 0
    AUTHOR = 1
    REGULATOR = 2
    ADMIN = 3
    SYSTEM_ADMINISTRATOR = 4
    SECURITY_ADMINISTRATOR = 5
    AUDIT_ADMINISTRATOR = 6
    GATEWAY = 7

    @property
    def label(self) -> str:
        """The name that manifests and commands use: lower case, with hyphens."""
        return self.name.lower().replace("_", "-")


class InvalidRole(ValueError):
    """A name that is no role."""


def role_named(label: str) -> Role:
    """The role of a name like `member` or `audit-administrator`; raises InvalidRole."""
    for role in Role:
        if role.label == label:
            return role
    known = ", ".join(role.label for role in Role)
    raise InvalidRole(f"expected one of {known}; got {label!r:.40}")


@dataclass(frozen=True)
class PermissionWord:
    """What an account may do; organisation 0 means that it belongs to none."""

    roles: frozenset[Role]
    organisation: int
    frozen: bool = False

    def __int__(self) -> int:
        roles = sum(1 << role for role in self.roles)
        return roles | self.organisation << ROLE_BITS | (FROZEN if self.frozen else 0)


def decode_word(word: int) -> PermissionWord:
    """Reads a word; bits that have no meaning yet are left out."""
    return PermissionWord(
        roles=frozenset(role for role in Role if word >> role & 1),
        organisation=word >> ROLE_BITS & ((1 << ORGANISATION_BITS) - 1),
        frozen=bool(word & FROZEN),
    )
