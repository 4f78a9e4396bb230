"""Every line of the permission matrix on both engines, as a Byzantine primary might order it."""

import pytest

from contracts.bindings import accounts
from contracts.permission_matrix import ACTS, STANDINGS, Act, Verdict
from contracts.roles import role_label
from contracts.system_alloc import AccountEntry
from ledger.gate import GATE_CONTRACT, Role
from ledger.reasons import Reason
from ledger.values import Address
from node.engines import engine_named, installed_engines
from tests.contracts.contract_group import CHAIN_ID, Group, Outcome, address, new_group
from tests.permission_attempts import (
    HOME,
    PREPARER,
    REGULATOR,
    STOP,
    Surroundings,
    attempt,
    load_verifying_key,
)

REFUSALS = {Reason.FROZEN, Reason.NO_PERMISSION, Reason.NOT_THE_GATE, Reason.NO_DEPLOY}


@pytest.fixture(scope="module")
def ground() -> tuple[Group, Surroundings]:
    """A group with an account in each standing, and two contracts."""
    entries = [
        AccountEntry(address(role_label(role)), HOME[role_label(role)], role) for role in Role
    ]
    entries += [
        AccountEntry(address(PREPARER), "market", Role.ADMIN),
        AccountEntry(address("tax-admin"), "tax", Role.ADMIN),
        AccountEntry(address("frozen"), "tax", Role.MEMBER),
    ]
    group = new_group(accounts=entries)
    group.do(REGULATOR, accounts.freeze(address("frozen")))
    contracts = [group.do("author", STOP).contract_address for _ in range(2)]
    assert all(contracts)
    around = Surroundings(
        CHAIN_ID,
        Address(contracts[0] or b""),
        Address(contracts[1] or b""),
        (address(PREPARER), address("tax-admin")),
        load_verifying_key(),
    )
    return group, around


def tried(group: Group, around: Surroundings, act: Act, standing: str, engine: str) -> Outcome:
    """The attempt and all before it on one engine; `group` is as that leaves it."""
    group.engine = engine_named(engine)
    made = attempt(act.name, standing, around)
    for sender, call in made.before:
        group.do(sender, call)
    number = group.ask(accounts.proposal_count())
    sender = f"nobody with {act.name}" if standing == "none" else standing
    return group.send(sender, made.call(number))


def verdict(outcome: Outcome) -> Verdict:
    if outcome.dropped is not None:
        assert outcome.dropped in REFUSALS
        return Verdict.REFUSED
    return Verdict.DONE if outcome.ok else Verdict.REVERTED


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_each_standing_may_what_the_matrix_says(
    ground: tuple[Group, Surroundings], act: Act
) -> None:
    """The same on every engine that is here, to the receipt and the contract's root."""
    start, around = ground
    for standing in STANDINGS:
        results = []
        for engine in installed_engines():
            group = start.copy()
            outcome = tried(group, around, act, standing, engine)
            assert verdict(outcome) is act.verdicts[standing], (standing, engine, outcome)
            results.append((outcome, group.state.account(GATE_CONTRACT)))
        assert all(result == results[0] for result in results)
