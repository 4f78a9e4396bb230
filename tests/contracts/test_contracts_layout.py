"""Storage positions: Vyper's own layout, the ledger's gate, and the genesis allocation agree."""

import pytest

from contracts.bindings import accounts
from contracts.compiler import SOURCES, compile_source
from contracts.storage import value_slot
from contracts.system_alloc import (
    AccountEntry,
    InvalidAllocation,
    OrganisationEntry,
    ValidatorEntry,
)
from ledger import gate
from ledger.gate import Role, SystemGate, contract_validators
from ledger.parameters import VOTED, Parameters
from tests.contracts.contract_group import (
    ACCOUNTS,
    ORGANISATIONS,
    VALIDATORS,
    WINDOW_BLOCKS,
    Group,
    address,
    allocate,
    new_group,
)

FINAL_SLOTS = {
    "permissions": (0, 1),
    "validators": (1, 129),
    "changed_at": (130, 1),
    "window_blocks": (131, 1),
    "consensus_keys": (132, 1),
    "organisation_count": (133, 1),
    "organisations": (134, 1),
    "envelope_keys": (135, 1),
    "threshold": (136, 1),
    "production": (137, 1),
    "proposal_count": (138, 1),
    "proposals": (139, 1),
    "nodes": (140, 513),
    "weights": (653, 1),
    "holders": (654, 1),
    "administrator_of": (655, 1),
    "parameters": (656, 1),
    "upgrade": (657, 5),
}


def test_slots_are_final() -> None:
    layout = compile_source("system/accounts.vy").layout
    assert {name: (slot.slot, slot.slots) for name, slot in layout.items()} == FINAL_SLOTS


def test_a_modules_variables_are_laid_out_by_its_name() -> None:
    layout = compile_source("equity/equity_holdings.vy").layout
    assert layout["transfers.attestations"].slot == 0
    assert {"transfers.applications", "lots", "rests"} <= set(layout)


def test_ledger_gate_reads_where_vyper_writes() -> None:
    layout = compile_source("system/accounts.vy").layout
    assert layout["permissions"].slot == gate.PERMISSIONS_SLOT
    assert layout["validators"].slot == gate.VALIDATORS_SLOT
    assert layout["changed_at"].slot == gate.CHANGED_AT_SLOT
    assert layout["window_blocks"].slot == gate.WINDOW_BLOCKS_SLOT
    assert layout["validators"].slots == gate.VALIDATORS_MAX + 1
    assert layout["nodes"].slot == gate.NODES_SLOT
    assert layout["nodes"].slots == 1 + 2 * gate.NODES_MAX
    for name, slot in (
        ("consensus_keys", gate.CONSENSUS_KEYS_SLOT),
        ("organisations", gate.ORGANISATIONS_SLOT),
    ):
        assert layout[name].slot == slot
    assert layout["parameters"].slot == gate.PARAMETERS_SLOT
    assert layout["upgrade"].slot == gate.UPGRADE_SLOT
    for name, voted in VOTED.items():
        slot = value_slot(layout["parameters"].slot, voted.number)
        assert slot == gate.parameter_slot(name)
        assert gate.is_parameters_slot(slot)
    someone = address("applicant")
    slot = value_slot(layout["permissions"].slot, int.from_bytes(someone, "big"))
    assert slot == gate.permission_slot(someone)


def test_sources_name_the_addresses_of_the_ledger() -> None:
    for name, where in (
        ("system/gate.vy", gate.GATE_CONTRACT),
        ("equity/equity_transfer.vy", gate.AGREEMENTS_CONTRACT),
        ("equity/equity_transfer.vy", gate.KEYS_CONTRACT),
        ("equity/equity_transfer.vy", gate.GROTH16_CONTRACT),
        ("system/groth16.vy", gate.KEYS_CONTRACT),
    ):
        assert f"0x{where.hex()}" in (SOURCES / name).read_text()


def test_contract_reads_what_genesis_wrote(group: Group) -> None:
    for name, (organisation, role) in ACCOUNTS.items():
        permission = group.ask(accounts.permission(address(name)))
        assert permission.holds(role)
        assert ORGANISATIONS[permission.organisation - 1] == organisation
        assert SystemGate().permission(group.state, address(name)) == permission
    assert group.ask(accounts.organisation(4)) == accounts.Organisation("audit", 1, True)
    assert group.ask(accounts.organisation(1)) == accounts.Organisation("tax", 1, False)
    assert group.ask(accounts.organisation_count()) == 4
    assert set(group.ask(accounts.validator_set())) == {address(name) for name in VALIDATORS}
    assert set(contract_validators(group.state).members) == {address(name) for name in VALIDATORS}
    key = group.ask(accounts.gate().query("consensus_keys", address("data-1")))
    assert key == {
        "organisation": 3,
        "node": b"data-1".ljust(32, b"\0"),
        "ready": True,
        "retired": False,
    }
    assert group.ask(accounts.gate().query("threshold")) == 3
    assert group.ask(accounts.gate().query("window_blocks")) == WINDOW_BLOCKS
    assert group.ask(accounts.gate().query("production")) is False


def test_envelope_keys_can_stand_at_genesis() -> None:
    organisations = [OrganisationEntry("tax", bytes(range(32))), OrganisationEntry("market")]
    group = new_group(
        organisations=organisations,
        accounts=[],
        validators=[ValidatorEntry(address("tax-1"), "tax", "tax-1")],
    )
    assert group.ask(accounts.envelope_key(1)) == bytes(range(32))
    assert group.ask(accounts.envelope_key(2)) == bytes(32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"organisations": []}, "1 to 128 organisations"),
        ({"organisations": [OrganisationEntry("a"), OrganisationEntry("a")]}, "different names"),
        ({"threshold": 5}, "threshold of 1 to 4"),
        ({"threshold": 0}, "threshold of 1 to 4"),
        ({"parameters": Parameters(chain_id=1, window_blocks=0)}, "window of 1 to 1024"),
        ({"validators": []}, "1 to 128 validators"),
        (
            {"validators": [ValidatorEntry(address("applicant"), "tax", "x")]},
            "accounts and consensus keys are all distinct",
        ),
        (
            {"accounts": [AccountEntry(address("x"), "nobody", Role.MEMBER)]},
            "got organisation 'nobody'",
        ),
        (
            {"accounts": [AccountEntry(gate.GATE_CONTRACT, "tax", Role.MEMBER)]},
            "above 0xffff",
        ),
        ({"validators": [ValidatorEntry(address("x"), "tax", "n" * 33)]}, "1 to 32 bytes"),
    ],
)
def test_impossible_groups_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidAllocation, match=message):
        allocate(**changes)
