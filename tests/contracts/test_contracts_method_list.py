"""A contract's own list of who may call a method, on both engines and through other contracts."""

from pathlib import Path

import pytest

from contracts.bindings import accounts
from contracts.bindings.contract import Call, Contract
from contracts.compiler import Compiled, compile_source, deploy_data
from ledger.gate import Role
from ledger.values import Address, keccak
from node.engines import engine_named, installed_engines
from tests.contracts.contract_group import DATA, MARKET, TAX, Group, address, new_group

RECORD = keccak(b"record(bytes32,bytes32)")[:4]
REFUSED = "caller is not on the method's list"
NAME, DIGEST = bytes([1]) * 32, bytes([2]) * 32
RELAY = """# pragma version ==0.4.3
# pragma evm-version cancun

interface Digests:
    def record(name: bytes32, digest: bytes32): nonpayable

@external
def relay(to: address, name: bytes32, digest: bytes32):
    extcall Digests(to).record(name, digest)
"""
FACTORY = """# pragma version ==0.4.3
# pragma evm-version cancun

@external
def make(code: Bytes[8192]) -> address:
    return raw_create(code)
"""


@pytest.fixture(params=installed_engines())
def group(request: pytest.FixtureRequest) -> Group:
    made = new_group()
    made.engine = engine_named(request.param)
    return made


@pytest.fixture
def digests(group: Group) -> Contract:
    source = compile_source("examples/digests.vy")
    where = group.do("author", deploy_data(source)).contract_address
    assert where is not None
    return Contract(where, source.abi)


@pytest.fixture
def relay(tmp_path: Path) -> Compiled:
    path = tmp_path / "relay.vy"
    path.write_text(RELAY)
    return compile_source(path)


def record(digests: Contract) -> Call:
    return digests.call("record", NAME, DIGEST)


def rule(digests: Contract, roles: int, organisations: int = 0) -> Call:
    return digests.call("set_method_rule", RECORD, roles, organisations)


def test_without_a_rule_a_method_is_open(group: Group, digests: Contract) -> None:
    for sender in ("registrar", "applicant", "tax-admin"):
        group.do(sender, record(digests))
    assert group.ask(digests.query("list_organisation")) == DATA


def test_roles_and_organisations_are_listed(group: Group, digests: Contract) -> None:
    group.do("author", rule(digests, 1 << Role.MEMBER, 1 << TAX | 1 << MARKET))
    for sender in ("tax-officer", "registrar"):
        group.do(sender, record(digests))
    for sender in ("applicant", "tax-admin", "author", "gateway"):
        assert group.send(sender, record(digests)).revert == REFUSED
        asked = digests.query("may_call", address(sender), RECORD)
        assert group.ask(asked) is False
    group.do("author", rule(digests, 1 << Role.MEMBER))
    group.do("applicant", record(digests))
    group.do("author", digests.call("clear_method_rule", RECORD))
    group.do("gateway", record(digests))


def test_a_role_that_is_lost_is_lost_here_too(group: Group, digests: Contract) -> None:
    group.do("author", rule(digests, 1 << Role.MEMBER))
    group.do("tax-officer", record(digests))
    group.do("tax-admin", accounts.set_account(address("tax-officer"), Role.GATEWAY))
    assert group.send("tax-officer", record(digests)).revert == REFUSED


def test_a_call_through_another_contract_is_that_contracts(
    group: Group, digests: Contract, relay: Compiled
) -> None:
    """Whoever sends: a listed officer's transaction opens nothing to a contract in between."""
    group.do("author", rule(digests, 1 << Role.MEMBER))
    where = group.do("author", deploy_data(relay)).contract_address
    assert where is not None
    through = Contract(where, relay.abi).call("relay", digests.address, NAME, DIGEST)
    assert group.send("tax-officer", through).revert == REFUSED
    assert group.ask(digests.query("digests", NAME)) == bytes(32)
    group.do("author", digests.call("set_method_caller", RECORD, where, True))
    group.do("applicant", through)
    assert group.ask(digests.query("digests", NAME)) == DIGEST
    group.do("author", digests.call("set_method_caller", RECORD, where, False))
    assert group.send("applicant", through).revert == REFUSED


def test_named_callers_alone(group: Group, digests: Contract) -> None:
    group.do("author", digests.call("set_method_caller", RECORD, address("gateway"), True))
    group.do("gateway", record(digests))
    assert group.send("tax-officer", record(digests)).revert == REFUSED


def test_only_authors_of_its_organisation_keep_the_list(group: Group, digests: Contract) -> None:
    group.do("tax-admin", accounts.set_account(address("tax-author"), Role.AUTHOR))
    for sender in ("tax-author", "tax-admin", "applicant", "gateway"):
        for call in (
            rule(digests, 1),
            digests.call("clear_method_rule", RECORD),
            digests.call("set_method_caller", RECORD, address(sender), True),
        ):
            refused = group.send(sender, call)
            assert refused.revert == "sender is no author of the list's organisation"
    group.do("data-admin", rule(digests, 1))


def test_a_factory_has_no_organisation_to_keep_the_list(group: Group, tmp_path: Path) -> None:
    path = tmp_path / "factory.vy"
    path.write_text(FACTORY)
    factory = compile_source(path)
    where = group.do("author", deploy_data(factory)).contract_address
    assert where is not None
    made = deploy_data(compile_source("examples/digests.vy"))
    refused = group.send("author", Contract(where, factory.abi).call("make", made))
    assert refused.revert == "an author deploys it, not a factory"


def test_an_unknown_list_lets_nobody_pass_by_its_number(group: Group, digests: Contract) -> None:
    """Organisation 0, which every stranger and contract has, is never listed."""
    group.do("author", rule(digests, 0xFFFF, 1))
    stranger = digests.query("may_call", Address(bytes([9]) * 20), RECORD)
    assert group.ask(stranger) is False
