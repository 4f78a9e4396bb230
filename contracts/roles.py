"""Names of roles as manifests and commands write them. The bits are the ledger's gate's."""

from ledger.gate import Role

NODE_ROLES = ("admin", "system-administrator")
"""Who acts for its organisation's nodes and votes on validators."""
ACCOUNT_ROLES = ("admin", "security-administrator")
"""Who acts for its organisation's accounts and keys, and votes on the rest."""


ADMINISTRATOR_ROLES = (
    "system-administrator",
    "security-administrator",
    "audit-administrator",
)
"""Three roles that no person combines."""


class InvalidRole(ValueError):
    """A name that is no role."""


def role_label(role: Role) -> str:
    """Lower case, with hyphens: `member`, `audit-administrator`."""
    return role.name.lower().replace("_", "-")


def role_named(label: str) -> Role:
    """The role of such a name; raises InvalidRole."""
    for role in Role:
        if role_label(role) == label:
            return role
    known = ", ".join(map(role_label, Role))
    raise InvalidRole(f"expected one of {known}; got {label!r:.40}")
