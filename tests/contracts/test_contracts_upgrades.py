"""Upgrades by vote: a protocol version or a system contract's code, scheduled for a block."""

import pytest

from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind
from contracts.compiler import compile_source
from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    OWN_PRECOMPILES,
    UPGRADE_SLOT,
    Role,
    parameter_slot,
)
from ledger.upgrade import scheduled_upgrade, upgrade_writes
from ledger.values import Address, keccak
from tests.contracts.contract_group import WINDOW_BLOCKS, Group, address, in_state, new_group
from tests.contracts.test_contracts_validators import declare, vote_in

SENDER = "data-admin"
STOP = bytes.fromhex("600060005360016000f3")
"""Creation code of a contract of one zero byte."""


@pytest.fixture
def alone() -> Group:
    """A group in which one organisation decides."""
    return new_group(threshold=1)


def carrier(group: Group) -> Address:
    made = group.do(SENDER, STOP).contract_address
    assert made is not None
    return Address(made)


def refused(group: Group, call: object) -> str | None:
    return group.send(SENDER, call).revert  # type: ignore[arg-type]


def test_a_version_is_scheduled_w_plus_1_blocks_before_it_is_in_force(group: Group) -> None:
    number = vote_in(group, accounts.propose_upgrade(2, 5, 100))
    change = group.ask(accounts.proposal(number))
    assert (change.kind, change.value, change.features) == (ProposalKind.UPGRADE_PROTOCOL, 2, 5)
    upgrade = scheduled_upgrade(group.state)
    assert upgrade is not None
    assert upgrade.at == change.at == 100 - WINDOW_BLOCKS - 1
    assert (upgrade.version, upgrade.features, upgrade.target) == (2, 5, None)


def test_code_is_scheduled_by_the_hash_of_what_a_carrier_has(group: Group) -> None:
    where = carrier(group)
    vote_in(group, accounts.propose_code(AGREEMENTS_CONTRACT, where, 60))
    upgrade = scheduled_upgrade(group.state)
    assert upgrade is not None
    assert (upgrade.at, upgrade.target, upgrade.code_hash, upgrade.version) == (
        60,
        AGREEMENTS_CONTRACT,
        keccak(bytes(1)),
        0,
    )
    written = upgrade_writes(group.state, upgrade)
    assert written.accounts[AGREEMENTS_CONTRACT].code_hash == keccak(bytes(1))


def test_the_gates_own_code_can_be_replaced_by_a_later_one(group: Group) -> None:
    """What a vote of the organisations is for: the very contract that counts the votes."""
    runtime = compile_source("system/gate.vy").runtime
    size = len(runtime).to_bytes(2)
    creation = b"\x61" + size + bytes.fromhex("80600a3d393df3") + runtime
    made = group.do(SENDER, creation).contract_address
    assert made is not None
    vote_in(group, accounts.propose_code(GATE_CONTRACT, Address(made), 60))
    upgrade = scheduled_upgrade(group.state)
    assert upgrade is not None
    assert upgrade.code_hash == keccak(runtime)


@pytest.mark.parametrize(
    ("version", "features", "begins", "words"),
    [
        (1, 0, 100, "the group speaks this version"),
        (0, 1, 100, "the group speaks a later version"),
        (2**32, 0, 100, "no such version or feature"),
        (2, 2**32, 100, "no such version or feature"),
        (2, 0, WINDOW_BLOCKS + 2, "the block is not ahead"),
        (2, 0, 0, "the block is not ahead"),
    ],
)
def test_versions_that_nobody_may_schedule(
    alone: Group, version: int, features: int, begins: int, words: str
) -> None:
    alone.mine(3)
    assert refused(alone, accounts.propose_upgrade(version, features, begins)) == words


def test_what_is_on_stays_on(alone: Group) -> None:
    in_state(
        alone,
        GATE_CONTRACT,
        {parameter_slot("protocol_version"): 3, parameter_slot("features"): 0b10},
    )
    assert refused(alone, accounts.propose_upgrade(4, 0b01, 100)) == "what is on stays on"
    assert refused(alone, accounts.propose_upgrade(2, 0b10, 100)) == (
        "the group speaks a later version"
    )
    alone.do(SENDER, accounts.propose_upgrade(3, 0b11, 100))


def test_code_that_nobody_may_schedule(alone: Group) -> None:
    where = carrier(alone)
    for target in (0x7000, OWN_PRECOMPILES.start, 0x10000):
        call = accounts.propose_code(Address(target.to_bytes(20)), where, 60)
        assert refused(alone, call) == "not a system contract"
    call = accounts.propose_code(AGREEMENTS_CONTRACT, address("nobody"), 60)
    assert refused(alone, call) == "the carrier has no code"
    same = accounts.propose_code(AGREEMENTS_CONTRACT, AGREEMENTS_CONTRACT, 60)
    assert refused(alone, same) == "the contract has this code"
    past = accounts.propose_code(AGREEMENTS_CONTRACT, where, alone.number)
    assert refused(alone, past) == "the block is not ahead"


def test_one_upgrade_at_a_time_and_a_vote_cancels_it(alone: Group) -> None:
    alone.do(SENDER, accounts.propose_upgrade(2, 0, 100))
    assert refused(alone, accounts.propose_upgrade(3, 0, 200)) == "another upgrade is due"
    where = carrier(alone)
    code = accounts.propose_code(AGREEMENTS_CONTRACT, where, 60)
    assert refused(alone, code) == "another upgrade is due"
    alone.do(SENDER, accounts.propose_cancellation())
    assert scheduled_upgrade(alone.state) is None
    assert refused(alone, accounts.propose_cancellation()) == "no upgrade is due"
    alone.do(SENDER, code)


def test_a_cancellation_is_of_the_upgrade_that_was_due_then() -> None:
    group = new_group(threshold=2)
    for number in (1, 3):
        group.do(SENDER, accounts.propose_upgrade(2, 0, 100 + number))
        group.do("tax-admin", accounts.vote(number))
        if number == 1:
            group.do(SENDER, accounts.propose_cancellation())  # proposal 2, one vote
            in_state(group, GATE_CONTRACT, {UPGRADE_SLOT + word: 0 for word in range(5)})
    group.do("tax-admin", accounts.vote(2))
    assert group.ask(accounts.obstacle(2)) == "no upgrade is due at that block"
    assert scheduled_upgrade(group.state) is not None


def test_no_other_change_is_pending_when_the_protocol_changes(alone: Group) -> None:
    """Changes that would still be pending at the block of the upgrade are refused before it."""
    declare(alone, "data-2")
    at = alone.number + 12
    alone.do(SENDER, accounts.propose_upgrade(2, 0, at + WINDOW_BLOCKS + 1))
    alone.mine(at - WINDOW_BLOCKS - 1 - alone.number - 1)
    heartbeat = accounts.propose_parameter("heartbeat_ms", 2_000)
    alone.do(SENDER, heartbeat)  # in force from `at` on: the last that is in time
    alone.do(SENDER, accounts.propose_parameter("heartbeat_ms", 3_000))
    assert "pending" in alone.ask(accounts.obstacle(3))
    alone.mine(WINDOW_BLOCKS - 1)
    assert alone.number == at - 1
    add = accounts.propose_validator(ProposalKind.ADD_VALIDATOR, address("data-2"))
    alone.do(SENDER, add)
    assert alone.ask(accounts.obstacle(4)) == "a change of the protocol is about to begin"


def test_a_pending_change_refuses_an_upgrade_before_its_end(alone: Group) -> None:
    alone.do(SENDER, accounts.propose_parameter("heartbeat_ms", 2_000))
    begins = alone.number + 2 * (WINDOW_BLOCKS + 1)
    early = accounts.propose_upgrade(2, 0, begins - 1)
    assert "pending" in (refused(alone, early) or "")
    alone.do(SENDER, accounts.propose_upgrade(2, 0, begins))


def test_nodes_and_powers_are_voted_on_by_their_own_administrators(group: Group) -> None:
    group.do(SENDER, accounts.set_account(address("guard"), Role.SECURITY_ADMINISTRATOR))
    group.do(SENDER, accounts.set_account(address("ops"), Role.SYSTEM_ADMINISTRATOR))
    where = carrier(group)
    upgrade = accounts.propose_upgrade(2, 0, 100)
    code = accounts.propose_code(AGREEMENTS_CONTRACT, where, 60)
    assert group.send("guard", upgrade).revert == "sender lacks the role"
    assert group.send("ops", code).revert == "sender lacks the role"
    group.do("ops", upgrade)
    group.do("guard", code)
