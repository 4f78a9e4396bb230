"""A role for an account: at once, or by a proposal that the organisations vote on."""

from cli.failure import CommandFailed
from cli.proposals import Wish, proposal_row, proposal_sentence, propose
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, permission
from contracts.system_alloc import ADMINISTRATORS
from ledger.gate import Role
from ledger.values import Address, to_hex
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number


def give_role(
    desk: SetUpDesk, organisation: str, address: Address, role: Role, holder: bytes
) -> str:
    """Give it, or propose it; what to say of that: empty if the account has it now.

    holder: the digest of an administrator's pseudonym, zeros for none. Raises CommandFailed.
    """
    is_plain_admin = desk.ask(permission(desk.sender)).holds(Role.ADMIN)
    named = any(holder)
    if named and role not in (*ADMINISTRATORS, Role.ADMIN):
        raise CommandFailed("--holder is for administrators; of other accounts nobody keeps one")
    if role is not Role.ADMIN and not named and (is_plain_admin or role not in ADMINISTRATORS):
        step = f"account-{to_hex(address)}-{role.name.lower()}-{desk.client.block_number()}"
        if not desk.ask(permission(address)).holds(role):
            desk.act(step, accounts.set_account(address, role))
        return ""
    number = organisation_number(desk, organisation)
    change = propose(desk, Wish(ProposalKind.APPOINT, address, number, role, holder))
    return f", once agreed: {proposal_sentence(proposal_row(desk, change))}"
