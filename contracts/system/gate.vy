# pragma version ==0.4.3
# What a contract needs to ask the gate: who is this sender, for which organisation, in what role.
# Reads accounts.vy at its fixed address; has no storage and decides nothing.

from system import permission

interface Gate:
    def permissions(account: address) -> uint256: view
    def threshold() -> uint256: view
    def production() -> bool: view
    def weight_of(organisation: uint256) -> uint256: view

ADDRESS: constant(address) = 0x0000000000000000000000000000000000007001


@internal
@view
def word_of(account: address) -> uint256:
    return staticcall Gate(ADDRESS).permissions(account)


@internal
@view
def organisation_with(account: address, roles: uint256) -> uint256:
    """The account's organisation if it holds one of the roles and is not frozen, else 0."""
    word: uint256 = staticcall Gate(ADDRESS).permissions(account)
    if not permission.holds(word, roles):
        return 0
    return permission.organisation_of(word)


@internal
@view
def organisation_of_author(account: address) -> uint256:
    """
    The organisation that an author, or the admin of a local network, speaks for in a contract that
    is no system contract: administrators of production groups cannot send to one.
    """
    organisation: uint256 = self.organisation_with(account, permission.AUTHOR | permission.ADMIN)
    assert organisation != 0, "sender is not an author or admin"
    return organisation


@internal
@view
def threshold() -> uint256:
    return staticcall Gate(ADDRESS).threshold()


@internal
@view
def production() -> bool:
    return staticcall Gate(ADDRESS).production()


@internal
@view
def weight_of(organisation: uint256) -> uint256:
    return staticcall Gate(ADDRESS).weight_of(organisation)
