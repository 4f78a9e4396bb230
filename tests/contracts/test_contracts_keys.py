"""Verification keys and rule versions: registered by content, in force by approvals."""

from pathlib import Path

import pytest

from contracts.bindings import keys
from contracts.bindings.contract import Call
from contracts.compiler import compile_source
from ledger.gate import GATE_CONTRACT
from ledger.values import Hash32
from tests.contracts.contract_group import Group, in_state, new_group, production_staff
from zkp.groth16.keys import VerifyingKey
from zkp.snarkjs.texts import decode_verifying_key

VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"
CIRCUIT = Hash32(bytes([5]) * 32)
OTHER = Hash32(bytes([6]) * 32)


@pytest.fixture(scope="module")
def key() -> VerifyingKey:
    return decode_verifying_key((VECTORS / "m500.vkey.json").read_text())


def approve(group: Group, call: Call) -> None:
    for name in ("tax", "market", "data"):
        group.do(f"{name}-admin", call)


def test_a_key_comes_into_force_by_three_of_four(group: Group, key: VerifyingKey) -> None:
    name = keys.key_id(CIRCUIT, key, test_only=True)
    [event] = group.events("author", keys.register(CIRCUIT, key, test_only=True), keys.registry())
    assert (event.arguments["circuit"], event.arguments["key"]) == (CIRCUIT, name)
    assert event.arguments["test_only"] is True
    for admin in ("tax-admin", "market-admin"):
        group.do(admin, keys.approve_key(name))
        assert group.ask(keys.usable_key(CIRCUIT)) == bytes(32)
    assert group.send("tax-admin", keys.approve_key(name)).revert == "organisation has approved"
    events = group.events("audit-admin", keys.approve_key(name), keys.registry())
    assert [event.name for event in events] == ["KeyApproved", "KeyInForce"]
    assert group.ask(keys.usable_key(CIRCUIT)) == name
    assert group.ask(keys.usable_key(OTHER)) == bytes(32)
    # a late approval changes nothing
    group.do("data-admin", keys.approve_key(name))
    stored = group.ask(keys.registry().query("key_of", name))
    assert len(stored["ic"]) == len(key.ic)
    assert stored["alpha"] == key.alpha1


def test_a_second_key_replaces_the_first(group: Group, key: VerifyingKey) -> None:
    for test_only in (True, False):
        group.do("author", keys.register(CIRCUIT, key, test_only=test_only))
        approve(group, keys.approve_key(keys.key_id(CIRCUIT, key, test_only=test_only)))
    assert group.ask(keys.usable_key(CIRCUIT)) == keys.key_id(CIRCUIT, key, test_only=False)


def test_production_refuses_test_keys(key: VerifyingKey) -> None:
    group = new_group(production=True, accounts=production_staff())
    refused = group.send("author", keys.register(CIRCUIT, key, test_only=True))
    assert refused.revert == "test-only key in a production group"
    group.do("author", keys.register(CIRCUIT, key, test_only=False))


def test_production_answers_no_test_key_even_if_one_is_stored(key: VerifyingKey) -> None:
    group = new_group()
    group.do("author", keys.register(CIRCUIT, key, test_only=True))
    approve(group, keys.approve_key(keys.key_id(CIRCUIT, key, test_only=True)))
    assert group.ask(keys.usable_key(CIRCUIT)) != bytes(32)
    slot = compile_source("system/accounts.vy").layout["production"].slot
    in_state(group, GATE_CONTRACT, {slot: 1})
    assert group.ask(keys.usable_key(CIRCUIT)) == bytes(32)


def test_who_registers_and_approves(group: Group, key: VerifyingKey) -> None:
    register = keys.register(CIRCUIT, key, test_only=True)
    name = keys.key_id(CIRCUIT, key, test_only=True)
    assert group.send("applicant", register).revert == "sender is not an author or admin"
    assert group.send("tax-admin", keys.approve_key(name)).revert == "no such key"
    group.do("tax-admin", register)
    assert group.send("author", register).revert == "key is already registered"
    assert group.send("author", keys.approve_key(name)).revert == "sender is not an admin"
    zero = keys.register(Hash32(bytes(32)), key, test_only=True)
    assert group.send("author", zero).revert == "circuit id is zero"


def test_a_key_needs_points_in_the_field(group: Group, key: VerifyingKey) -> None:
    p = 21888242871839275222246405745257275088696311157297823662689037894645226208583
    x, y = key.alpha1
    damaged = VerifyingKey((x + p, y), key.beta2, key.gamma2, key.delta2, key.ic)
    refused = group.send("author", keys.register(CIRCUIT, damaged, test_only=True))
    assert refused.revert == "coordinate is not in the field"
    (x0, x1), twisted_y = key.gamma2
    damaged = VerifyingKey(key.alpha1, key.beta2, ((x0 + p, x1), twisted_y), key.delta2, key.ic)
    refused = group.send("author", keys.register(CIRCUIT, damaged, test_only=True))
    assert refused.revert == "coordinate is not in the field"
    short = VerifyingKey(key.alpha1, key.beta2, key.gamma2, key.delta2, key.ic[:1])
    refused = group.send("author", keys.register(CIRCUIT, short, test_only=True))
    assert "at least two" in refused.revert


def test_a_rule_version_and_its_end(group: Group) -> None:
    call = keys.approve_rule(CIRCUIT, 7, 2000)
    group.do("tax-admin", call)
    group.do("market-admin", call)
    # a vote for another rate is a vote for something else
    group.do("data-admin", keys.approve_rule(CIRCUIT, 7, 1000))
    assert group.ask(keys.rule_input(CIRCUIT, 7)) == 0
    assert group.send("tax-admin", call).revert == "organisation has approved"
    group.do("audit-admin", call)
    assert group.ask(keys.rule_input(CIRCUIT, 7)) == 7 * 2**16 + 2000
    assert group.ask(keys.rule_input(OTHER, 7)) == 0
    assert group.ask(keys.rule_input(CIRCUIT, 8)) == 0
    assert group.send("data-admin", call).revert == "rule version is in force"
    approve(group, keys.approve_rule_end(CIRCUIT, 7))
    assert group.ask(keys.rule_input(CIRCUIT, 7)) == 0
    assert group.send("data-admin", call).revert == "rule version has ended"
    ended = group.send("data-admin", keys.approve_rule_end(CIRCUIT, 7))
    assert ended.revert == "rule version is not in force"


@pytest.mark.parametrize(
    ("sender", "arguments", "message"),
    [
        ("author", (CIRCUIT, 1, 2000), "sender is not an admin"),
        ("tax-admin", (CIRCUIT, 0, 2000), "rule id must be"),
        ("tax-admin", (CIRCUIT, 2**32, 2000), "rule id must be"),
        ("tax-admin", (CIRCUIT, 1, 10_001), "rate must be"),
        ("tax-admin", (Hash32(bytes(32)), 1, 2000), "circuit id is zero"),
    ],
)
def test_rules_within_bounds(
    group: Group, sender: str, arguments: tuple[Hash32, int, int], message: str
) -> None:
    assert message in group.send(sender, keys.approve_rule(*arguments)).revert


def test_key_ids_name_all_of_a_key(key: VerifyingKey) -> None:
    names = {
        keys.key_id(circuit, key, test_only=test_only)
        for circuit in (CIRCUIT, OTHER)
        for test_only in (True, False)
    }
    assert len(names) == 4
