"""The gate: accounts by organisation and role, freezing, envelope keys."""

import pytest

from contracts.bindings import accounts
from contracts.bindings.contract import Call
from contracts.bindings.equity import EquityTransfer
from contracts.compiler import deploy_data
from ledger.gate import GATE_CONTRACT, Role
from ledger.reasons import Reason
from ledger.values import Address
from tests.contracts.contract_group import DATA, Group, address

ADMINS_ONLY = (
    accounts.set_account(address("new"), Role.MEMBER),
    accounts.remove_account(address("applicant")),
    accounts.propose_lift(address("applicant")),
    accounts.set_envelope_key(bytes([1]) * 32),
    accounts.propose_validator(accounts.ProposalKind.ADD_VALIDATOR, address("data-2")),
    accounts.propose_administrator(address("new"), DATA, Role.ADMIN),
    accounts.propose_dismissal(address("auditor")),
    accounts.vote(1),
    accounts.enact(1),
    accounts.ready(address("data-2"), "data-2", bytes(64) + b"\0"),
)


@pytest.mark.parametrize("call", ADMINS_ONLY, ids=lambda call: call.data[:4].hex())
@pytest.mark.parametrize("sender", ["applicant", "author", "gateway"])
def test_only_admins_govern(group: Group, sender: str, call: Call) -> None:
    assert group.send(sender, call).revert == "sender lacks the role"


def test_a_stranger_is_dropped_before_execution(group: Group) -> None:
    assert group.send("stranger", ADMINS_ONLY[0]).dropped is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in (Role.REGULATOR,)], ids=lambda role: role.name
)
def test_admin_gives_its_own_accounts_one_role(group: Group, role: Role) -> None:
    [event] = group.events(
        "data-admin", accounts.set_account(address("new"), role), accounts.gate()
    )
    assert (event.name, event.arguments["organisation"]) == ("AccountSet", DATA)
    assert event.arguments["sender"] == address("data-admin")
    permission = group.ask(accounts.permission(address("new")))
    assert (permission.roles, permission.organisation) == (1 << role, DATA)


def test_a_role_replaces_the_former(group: Group) -> None:
    group.do("data-admin", accounts.set_account(address("applicant"), Role.AUTHOR))
    assert group.ask(accounts.permission(address("applicant"))).roles == 1 << Role.AUTHOR


def test_regulators_belong_to_supervisory_organisations(group: Group) -> None:
    call = accounts.set_account(address("new"), Role.REGULATOR)
    assert group.send("data-admin", call).revert == "organisation is not supervisory"
    group.do("audit-admin", call)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (accounts.set_account(address("registrar"), Role.MEMBER), "account of another"),
        (accounts.remove_account(address("registrar")), "account of another"),
        (accounts.set_account(GATE_CONTRACT, Role.MEMBER), "reserved address"),
        (accounts.set_account(address("data-1"), Role.MEMBER), "a consensus key cannot be"),
        (accounts.gate().call("set_account", address("new"), 8), "role must be 0 to 7"),
        (accounts.remove_account(address("data-admin")), "last admin"),
        (accounts.set_account(address("data-admin"), Role.MEMBER), "last admin"),
        (accounts.propose_lift(address("applicant")), "not frozen"),
        (accounts.set_envelope_key(bytes(32)), "key is zero"),
    ],
)
def test_what_an_admin_may_not(group: Group, call: Call, message: str) -> None:
    before = group.state.account(GATE_CONTRACT)
    outcome = group.send("data-admin", call)
    assert not outcome.ok
    assert message in outcome.revert
    assert group.state.account(GATE_CONTRACT) == before


def test_an_admin_can_go_when_there_is_another(group: Group) -> None:
    group.do("data-admin", accounts.set_account(address("applicant"), Role.ADMIN))
    group.do("data-admin", accounts.remove_account(address("data-admin")))
    assert group.ask(accounts.organisation(DATA)).admins == 1
    assert group.send("data-admin", ADMINS_ONLY[0]).dropped is Reason.NO_PERMISSION


def test_a_removed_account_cannot_send(group: Group) -> None:
    group.do("data-admin", accounts.remove_account(address("applicant")))
    assert group.ask(accounts.permission(address("applicant"))).organisation == 0
    assert group.send("applicant", ADMINS_ONLY[0]).dropped is Reason.NO_PERMISSION


def lift(group: Group, target: Address) -> None:
    """Three of four organisations agree."""
    proposal = group.ask(accounts.proposal_count()) + 1
    group.do("data-admin", accounts.propose_lift(target))
    group.do("tax-admin", accounts.vote(proposal))
    [voted, lifted] = group.events("market-admin", accounts.vote(proposal), accounts.gate())
    assert (voted.name, lifted.name) == ("Voted", "Lifted")
    assert lifted.arguments["target"] == target
    assert lifted.arguments["proposal"] == proposal


def test_a_regulator_freezes_and_organisations_lift(group: Group) -> None:
    [frozen] = group.events("auditor", accounts.freeze(address("applicant")), accounts.gate())
    assert (frozen.name, frozen.arguments["target"]) == ("Frozen", address("applicant"))
    assert group.ask(accounts.permission(address("applicant"))).frozen
    assert group.send("applicant", ADMINS_ONLY[0]).dropped is Reason.FROZEN
    again = group.send("auditor", accounts.freeze(address("applicant")))
    assert again.revert == "already frozen"
    lift(group, address("applicant"))
    assert group.send("applicant", ADMINS_ONLY[0]).dropped is None


def test_removing_and_adding_is_no_way_around_a_freezing(group: Group) -> None:
    group.do("auditor", accounts.freeze(address("applicant")))
    group.do("data-admin", accounts.remove_account(address("applicant")))
    group.do("data-admin", accounts.set_account(address("applicant"), Role.MEMBER))
    assert group.ask(accounts.permission(address("applicant"))).frozen


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (GATE_CONTRACT, "system addresses cannot be frozen"),
        (address("tax-admin"), "who votes on lifting is dismissed, not frozen"),
    ],
)
def test_what_cannot_be_frozen(group: Group, target: bytes, message: str) -> None:
    assert group.send("auditor", accounts.freeze(target)).revert == message  # type: ignore[arg-type]


def test_only_regulators_freeze(group: Group) -> None:
    for sender in ("applicant", "data-admin", "author"):
        assert group.send(sender, accounts.freeze(address("registrar"))).revert == (
            "sender lacks the role"
        )


def test_a_frozen_contract_is_dead_until_lifted(group: Group) -> None:
    terms = (bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32, 1, 2)
    where = group.do("author", deploy_data("equity/equity_transfer.vy", *terms)).contract_address
    assert where is not None
    circuit = EquityTransfer(where).contract.query("circuit")
    assert group.ask(circuit) == bytes([3]) * 32
    group.do("auditor", accounts.freeze(where))
    outcome = group.send("applicant", Call(where, circuit.data))
    assert not outcome.ok
    assert outcome.receipt is not None
    lift(group, where)
    assert group.ask(circuit) == bytes([3]) * 32


def test_envelope_keys(group: Group) -> None:
    key = bytes(range(32))
    [event] = group.events("tax-admin", accounts.set_envelope_key(key), accounts.gate())
    assert (event.name, event.arguments["key"]) == ("EnvelopeKeySet", key)
    assert group.ask(accounts.envelope_key(1)) == key
    assert group.ask(accounts.envelope_key(2)) == bytes(32)
