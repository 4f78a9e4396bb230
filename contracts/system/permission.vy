# pragma version ==0.4.3
# The permission word: one storage word for each account (and, for freezing, each contract).
# Bits 0-15 are roles, bits 16-47 the organisation's index (1 is the first, 0 is none), bit 255
# is set while frozen. Pure arithmetic, no storage: the word itself lives in accounts.vy.

MEMBER: constant(uint256) = 1
AUTHOR: constant(uint256) = 2
REGULATOR: constant(uint256) = 4
ADMIN: constant(uint256) = 8
SYSTEM_ADMINISTRATOR: constant(uint256) = 16
SECURITY_ADMINISTRATOR: constant(uint256) = 32
AUDIT_ADMINISTRATOR: constant(uint256) = 64
GATEWAY: constant(uint256) = 128

# Three persons in production; a local network's admin may do what they may.
ADMINISTRATORS: constant(uint256) = (
    ADMIN | SYSTEM_ADMINISTRATOR | SECURITY_ADMINISTRATOR | AUDIT_ADMINISTRATOR
)
NODE_ROLES: constant(uint256) = ADMIN | SYSTEM_ADMINISTRATOR
ACCOUNT_ROLES: constant(uint256) = ADMIN | SECURITY_ADMINISTRATOR
# Who has power over others, and loses it by vote only.
POWERS: constant(uint256) = ADMINISTRATORS | REGULATOR

ROLES: constant(uint256) = 65535
ROLE_INDEX_MAX: constant(uint256) = 7
ORGANISATION_SHIFT: constant(uint256) = 16
ORGANISATION_MASK: constant(uint256) = 4294967295
FROZEN: constant(uint256) = 1 << 255


@internal
@pure
def pack(roles: uint256, organisation: uint256) -> uint256:
    return roles | (organisation << ORGANISATION_SHIFT)


@internal
@pure
def organisation_of(word: uint256) -> uint256:
    return (word >> ORGANISATION_SHIFT) & ORGANISATION_MASK


@internal
@pure
def is_frozen(word: uint256) -> bool:
    return word & FROZEN != 0


@internal
@pure
def holds(word: uint256, roles: uint256) -> bool:
    """One of the roles, and not frozen."""
    return word & roles != 0 and word & FROZEN == 0
