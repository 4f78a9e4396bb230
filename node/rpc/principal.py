"""Who asks: the caller of an RPC handler, with the role that decides what it may read.

Every handler takes one. Whoever reaches the operator's loopback listener is the operator; on the
listener with TLS a certificate or a token names a grant, and the grant says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.gate import Role, SystemGate
from ledger.participants import organisation_numbers
from ledger.values import Address
from node.audit.log import Caller

from .access import CallerRole, reads_group, role_of_account

if TYPE_CHECKING:
    from .view import GroupView


@dataclass(frozen=True)
class Principal:
    """A caller. `name` is a pseudonym; `groups` is None for every group that the role allows.

    With an `account` the role in each group is what the group's state says of the account.
    """

    name: str
    role: CallerRole | None
    organisation: str = ""
    groups: frozenset[str] | None = None
    account: Address | None = None

    @property
    def is_operator(self) -> bool:
        """Whether this is the node's own operator."""
        return self.role is CallerRole.OPERATOR

    def role_in(self, group: GroupView) -> CallerRole | None:
        """The role that counts in a group as of its last stable block; None for none."""
        if self.groups is not None and group.name not in self.groups:
            return None
        if self.role in (CallerRole.OPERATOR, CallerRole.MONITOR):
            return self.role
        state = group.chain.latest_state()
        # The list in force: who joined after genesis reads as the founders do.
        number = organisation_numbers(state).get(self.organisation) if self.organisation else None
        if number is None:
            return None
        if self.account is None:
            return self.role
        permission = SystemGate().permission(state, self.account)
        if permission.frozen or permission.organisation != number:
            return None
        return role_of_account([role for role in Role if permission.holds(role)])

    def may_read(self, group: GroupView) -> bool:
        """Whether this caller may learn anything about the group, its existence included."""
        return reads_group(self.role_in(group))

    def as_caller(self, group: GroupView | None = None) -> Caller:
        """As the audit log names it."""
        role = self.role if group is None else self.role_in(group) or self.role
        return Caller(self.name, "" if role is None else role.value, self.organisation)


OPERATOR = Principal(name="operator", role=CallerRole.OPERATOR)
