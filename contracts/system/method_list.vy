# pragma version ==0.4.3
# A contract's own list of who may call which of its methods: a module that the contract imports.
# The list stands in the contract's storage and the contract itself asks it, so it holds for calls
# from other contracts too. A method without a rule is open to whoever the gate lets send.

from system import gate
from system import permission

struct Rule:
    listed: bool
    roles: uint256  # bits as in permission.vy; none: only callers by name
    organisations: uint256  # bit i: organisation i; none: every organisation

event MethodRuleSet:
    method: indexed(bytes4)
    roles: uint256
    organisations: uint256
    sender: indexed(address)

event MethodRuleCleared:
    method: indexed(bytes4)
    sender: indexed(address)

event MethodCallerSet:
    method: indexed(bytes4)
    caller: indexed(address)
    allowed: bool
    sender: indexed(address)

# Whose authors keep the list: the deployer's organisation.
list_organisation: public(uint256)
method_rule: public(HashMap[bytes4, Rule])
# By name, whatever their role: a contract has none, and is let in this way only.
method_caller: public(HashMap[bytes4, HashMap[address, bool]])


@deploy
def __init__():
    organisation: uint256 = gate.organisation_with(
        msg.sender, permission.AUTHOR | permission.ADMIN
    )
    assert organisation != 0, "an author deploys it, not a factory"
    self.list_organisation = organisation


@external
def set_method_rule(method: bytes4, roles: uint256, organisations: uint256):
    """
    @notice An author of the list's organisation says which roles of which organisations may call.
    @param method The method's selector.
    """
    self._check_keeper()
    assert roles <= permission.ROLES, "roles are 16 bits"
    self.method_rule[method] = Rule(listed=True, roles=roles, organisations=organisations)
    log MethodRuleSet(
        method=method, roles=roles, organisations=organisations, sender=msg.sender
    )


@external
def clear_method_rule(method: bytes4):
    """
    @notice An author of the list's organisation opens the method to everybody.
    """
    self._check_keeper()
    self.method_rule[method] = empty(Rule)
    log MethodRuleCleared(method=method, sender=msg.sender)


@external
def set_method_caller(method: bytes4, caller: address, allowed: bool):
    """
    @notice An author of the list's organisation lets an account or contract in by name, or no
            more. A method without a rule is open to these alone from now on.
    """
    self._check_keeper()
    self.method_rule[method].listed = True
    self.method_caller[method][caller] = allowed
    log MethodCallerSet(method=method, caller=caller, allowed=allowed, sender=msg.sender)


@external
@view
def may_call(caller: address, method: bytes4) -> bool:
    """
    @return Whether the list lets the caller call the method now.
    """
    return self._may_call(caller, method)


@internal
@view
def check():
    """To be asked first by each external method that keeps to the list."""
    method: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    assert self._may_call(msg.sender, method), "caller is not on the method's list"


@internal
@view
def _may_call(caller: address, method: bytes4) -> bool:
    rule: Rule = self.method_rule[method]
    if not rule.listed or self.method_caller[method][caller]:
        return True
    word: uint256 = gate.word_of(caller)
    if not permission.holds(word, rule.roles):
        return False
    organisation: uint256 = permission.organisation_of(word)
    return rule.organisations == 0 or rule.organisations & (1 << organisation) != 0


@internal
@view
def _check_keeper():
    organisation: uint256 = gate.organisation_with(
        msg.sender, permission.AUTHOR | permission.ADMIN
    )
    assert organisation == self.list_organisation, "sender is no author of the list's organisation"
