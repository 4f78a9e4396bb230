"""Parameters by vote: who, which, within what bounds, one change at a time."""

import pytest

from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind
from ledger.gate import Role, contract_parameters
from ledger.parameters import VOTED
from tests.contracts.contract_group import PARAMETERS, WINDOW_BLOCKS, Group, address, new_group
from tests.contracts.test_contracts_validators import declare, vote_in

SENDER = "data-admin"
PENDING = "a change of validators or parameters is pending"


def refused(group: Group, name: str, value: int) -> str | None:
    return group.send(SENDER, accounts.propose_parameter(name, value)).revert


def test_the_contract_and_the_ledger_have_one_table(group: Group) -> None:
    for name, voted in VOTED.items():
        assert group.ask(accounts.parameter_bounds(name)) == (voted.least, voted.most)
        assert group.ask(accounts.parameter(name)) == getattr(PARAMETERS, name)
    beyond = max(voted.number for voted in VOTED.values()) + 1
    assert group.ask(accounts.gate().query("parameter_bounds", beyond)) == (0, 0)
    assert contract_parameters(group.state, PARAMETERS) == PARAMETERS


def test_enough_votes_change_a_parameter(group: Group) -> None:
    [proposed, _] = group.events(
        SENDER, accounts.propose_parameter("gas_limit", 9_000_000), accounts.gate()
    )
    number = proposed.arguments["proposal"]
    assert proposed.arguments["value"] == 9_000_000
    change = group.ask(accounts.proposal(number))
    assert (change.kind, change.parameter, change.value) == (
        ProposalKind.SET_PARAMETER,
        "gas_limit",
        9_000_000,
    )
    group.do("tax-admin", accounts.vote(number))
    assert contract_parameters(group.state, PARAMETERS) == PARAMETERS
    [_, changed] = group.events("audit-admin", accounts.vote(number), accounts.gate())
    assert changed.arguments["before"] == PARAMETERS.gas_limit
    assert changed.arguments["in_force_from"] == group.number + WINDOW_BLOCKS + 1
    assert contract_parameters(group.state, PARAMETERS).gas_limit == 9_000_000
    assert group.ask(accounts.pending_until()) == group.number + WINDOW_BLOCKS + 1


@pytest.mark.parametrize("name", VOTED)
def test_each_parameter_may_take_its_bounds_and_nothing_beyond(name: str) -> None:
    voted = VOTED[name]
    group = new_group(threshold=1)
    for other, value in (
        ("view_timeout_ms_max", 3_600_000),
        ("batch_bytes_max", VOTED["batch_bytes_max"].most),
        ("view_timeout_ms", 1_500),
        ("transaction_bytes_max", VOTED["transaction_bytes_max"].least),
    ):
        if other != name and group.ask(accounts.parameter(other)) != value:
            group.do(SENDER, accounts.propose_parameter(other, value))
            group.mine(WINDOW_BLOCKS + 1)
    for value in (voted.least, voted.most):
        if group.ask(accounts.parameter(name)) != value:
            group.do(SENDER, accounts.propose_parameter(name, value))
            group.mine(WINDOW_BLOCKS + 1)
        assert group.ask(accounts.parameter(name)) == value
    assert refused(group, name, voted.least - 1) == "value is below what a group can live with"
    assert refused(group, name, voted.most + 1) == "value is above what a group can live with"
    assert refused(group, name, voted.most) == "the parameter has this value"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("view_timeout_ms", 60_001, "view_timeout_ms would be above view_timeout_ms_max"),
        ("transaction_bytes_max", 2_097_153, "transaction_bytes_max would be above batch"),
    ],
)
def test_a_value_above_its_own_cap_is_refused(
    group: Group, name: str, value: int, words: str
) -> None:
    assert words in (refused(group, name, value) or "")


def test_a_cap_below_what_it_caps_is_refused() -> None:
    group = new_group(threshold=1)
    for name, value in (("view_timeout_ms", 20_000), ("transaction_bytes_max", 1_048_576)):
        group.do(SENDER, accounts.propose_parameter(name, value))
        group.mine(WINDOW_BLOCKS + 1)
    assert "would be below view_timeout_ms" in (refused(group, "view_timeout_ms_max", 19_999) or "")
    assert "would be below transaction_bytes_max" in (
        refused(group, "batch_bytes_max", 1_048_575) or ""
    )


def test_what_genesis_fixed_has_no_number(group: Group) -> None:
    for number in (0, 10, 2**255):
        call = accounts.gate().call("propose_parameter", number, 5)
        assert group.send(SENDER, call).revert == "no such parameter, or genesis fixed it for good"


def test_one_change_waits_for_the_other_whatever_it_is() -> None:
    group = new_group(threshold=1)
    declare(group, "data-2")
    group.do(SENDER, accounts.propose_parameter("heartbeat_ms", 2_000))
    add = accounts.propose_validator(ProposalKind.ADD_VALIDATOR, address("data-2"))
    group.do(SENDER, add)
    group.do(SENDER, accounts.propose_parameter("gas_limit", 9_000_000))
    assert group.ask(accounts.obstacle(2)) == group.ask(accounts.obstacle(3)) == PENDING
    assert group.send(SENDER, accounts.enact(3)).revert == PENDING
    group.mine(WINDOW_BLOCKS + 1)
    group.do(SENDER, accounts.enact(2))
    assert group.send(SENDER, accounts.enact(3)).revert == PENDING
    group.mine(WINDOW_BLOCKS + 1)
    group.do(SENDER, accounts.enact(3))
    assert group.ask(accounts.parameter("gas_limit")) == 9_000_000


def test_a_proposal_that_no_longer_fits_is_not_enacted() -> None:
    group = new_group(threshold=2)
    group.do(SENDER, accounts.propose_parameter("view_timeout_ms", 50_000))
    group.do(SENDER, accounts.propose_parameter("view_timeout_ms_max", 40_000))
    group.do("tax-admin", accounts.vote(2))
    group.mine(WINDOW_BLOCKS + 1)
    group.do("tax-admin", accounts.vote(1))
    assert "would be above" in group.ask(accounts.obstacle(1))
    assert group.ask(accounts.parameter("view_timeout_ms")) == PARAMETERS.view_timeout_ms


def test_a_security_administrator_has_no_say_in_parameters(group: Group) -> None:
    group.do("data-admin", accounts.set_account(address("guard"), Role.SECURITY_ADMINISTRATOR))
    call = accounts.propose_parameter("heartbeat_ms", 2_000)
    assert group.send("guard", call).revert == "sender lacks the role"
    vote_in(group, accounts.propose_parameter("heartbeat_ms", 2_000))
    group.do("tax-admin", accounts.propose_parameter("heartbeat_ms", 3_000))
    assert group.send("guard", accounts.vote(2)).revert == "sender lacks the role"
