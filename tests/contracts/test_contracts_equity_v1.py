"""A real `equity_v1` proof through the contract, and the gas that a transfer costs."""

from pathlib import Path

import pytest

from contracts.bindings import keys
from contracts.bindings.contract import Call
from contracts.bindings.equity import (
    AlarmCode,
    ApplicationStatus,
    EquityTransfer,
    PublicInputs,
    Terms,
    compute_context,
)
from ledger.values import Hash32, keccak
from tests.contracts.contract_group import CHAIN_ID, MARKET, TAX, Group, address, new_group
from tests.contracts.test_contracts_keys import approve
from tests.contracts.transfer_setting import (
    AGREEMENT,
    ATTESTATION,
    GENESIS,
    OTHER_TRANSFER,
    TRANSFER,
    deployed,
    sign_agreement,
)
from zkp.circuits import equity_v1
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.groth16.keys import Proof
from zkp.groth16.prove import prove
from zkp.keys import CircuitKey, load_test_key

KEYS = Path(__file__).parents[2] / "build" / "keys"
SALTS = {"salt_tax": 2**200 + 1, "salt_reg": 2**201 + 1}
RULE, RATE_BPS = 1, 2000
VERIFY_GAS_MAX = 450_000

# A gain of 9,999.5 yuan: 15,000,000.00 less basis and fees, 20 percent paid.
RECORD = EquityRecord(
    EquityCore(7, 8, 9, 30_000, 100_000, 1_500_000_000, 10),
    EquityFinancials(0, 0, 0, 0, 1_000_000_000, 50_000, 0, 99_990_000, RULE),
)


@pytest.fixture(scope="module")
def key() -> CircuitKey:
    return load_test_key(equity_v1.build(), KEYS)


@pytest.fixture(scope="module")
def equity(key: CircuitKey) -> tuple[Group, EquityTransfer, Terms, dict[str, int]]:
    """A group with a transfer that awaits its proof, and the gas of every step."""
    group, gas = new_group(), {}
    terms = Terms(GENESIS, AGREEMENT, Hash32(key.circuit_id), TAX, MARKET)
    sign_agreement(group)
    register = keys.register(terms.circuit, key.proving.verifying, test_only=key.test_only)
    gas["register key"] = group.do("author", register).gas_used
    name = keys.key_id(terms.circuit, key.proving.verifying, test_only=key.test_only)
    approve(group, keys.approve_key(name))
    approve(group, keys.approve_rule(terms.circuit, RULE, RATE_BPS))
    contract = deployed(group, terms)
    statement = equity_v1.public_inputs(RECORD, **SALTS, rate_bps=RATE_BPS, ctx=0)
    steps: tuple[tuple[str, str, Call], ...] = (
        ("attest", "tax-officer", contract.attest(ATTESTATION, statement.c_tax, RULE)),
        ("countersign", "tax-reviewer", contract.countersign(ATTESTATION, statement.c_tax, RULE)),
        (
            "apply",
            "registrar",
            contract.apply(TRANSFER, ATTESTATION, statement.c_reg, address("applicant")),
        ),
    )
    for step, sender, call in steps:
        gas[step] = group.do(sender, call).gas_used
    return group, contract, terms, gas


@pytest.fixture(scope="module")
def proof(key: CircuitKey, equity: tuple[Group, EquityTransfer, Terms, dict[str, int]]) -> Proof:
    """What the applicant makes off chain, from both openings and public data."""
    _, contract, terms, _ = equity
    ctx = compute_context(CHAIN_ID, contract.address, terms, TRANSFER, ATTESTATION)
    statement = equity_v1.public_inputs(RECORD, **SALTS, rate_bps=RATE_BPS, ctx=ctx)
    made, signals = prove(key.proving, equity_v1.assign(statement, RECORD, **SALTS))
    assert signals == tuple(statement)
    return made


def test_the_contract_loads_what_the_circuit_states(
    equity: tuple[Group, EquityTransfer, Terms, dict[str, int]],
) -> None:
    group, contract, terms, _ = equity
    ctx = compute_context(CHAIN_ID, contract.address, terms, TRANSFER, ATTESTATION)
    statement = equity_v1.public_inputs(RECORD, **SALTS, rate_bps=RATE_BPS, ctx=ctx)
    assert group.ask(contract.public_inputs(TRANSFER)) == PublicInputs(*statement)


def test_a_real_proof_registers_a_transfer(
    equity: tuple[Group, EquityTransfer, Terms, dict[str, int]], proof: Proof
) -> None:
    base, contract, _, gas = equity
    group, gas = base.copy(), dict(gas)
    gas["verify"] = group.do("applicant", contract.verify(TRANSFER, proof)).gas_used
    gas["confirm"] = group.do("registrar", contract.confirm(TRANSFER)).gas_used
    digest = keccak(b"sealed")
    envelope = contract.send_envelope(TRANSFER, digest, TAX)
    gas["send_envelope"] = group.do("registrar", envelope).gas_used
    accept = contract.accept_envelope(digest)
    gas["accept_envelope"] = group.do("tax-officer", accept).gas_used
    state = group.ask(contract.application(TRANSFER))
    assert state.status is ApplicationStatus.REGISTERED
    print("\n" + "\n".join(f"{step:16}{used:>10,} gas" for step, used in gas.items()))
    assert gas["verify"] < VERIFY_GAS_MAX


def test_one_changed_bit_is_refused(
    equity: tuple[Group, EquityTransfer, Terms, dict[str, int]], proof: Proof
) -> None:
    base, contract, _, _ = equity
    group = base.copy()
    x, y = proof.c
    group.do("applicant", contract.verify(TRANSFER, proof._replace(c=(x ^ 1, y))))
    assert group.ask(contract.refusal(TRANSFER, 0)).code is AlarmCode.E_PROOF
    group.do("applicant", contract.verify(TRANSFER, proof))
    assert group.ask(contract.application(TRANSFER)).status is ApplicationStatus.VERIFIED


def test_a_proof_of_one_transfer_is_none_of_another(
    equity: tuple[Group, EquityTransfer, Terms, dict[str, int]], proof: Proof
) -> None:
    base, contract, _, _ = equity
    group = base.copy()
    commitment = group.ask(contract.application(TRANSFER)).commitment
    apply = contract.apply(OTHER_TRANSFER, ATTESTATION, commitment, address("applicant"))
    group.do("registrar", apply)
    group.do("applicant", contract.verify(OTHER_TRANSFER, proof))
    assert group.ask(contract.refusal(OTHER_TRANSFER, 0)).code is AlarmCode.E_PROOF


def test_a_registrars_other_price_is_refused(
    equity: tuple[Group, EquityTransfer, Terms, dict[str, int]], key: CircuitKey
) -> None:
    """The registrar committed to another price: no proof exists, and that of the truth fails."""
    base, contract, terms, _ = equity
    group = base.copy()
    other = EquityCore(7, 8, 9, 30_000, 100_000, 1_400_000_000, 10)
    record = EquityRecord(other, RECORD.financials)
    wrong = equity_v1.public_inputs(record, **SALTS, rate_bps=RATE_BPS, ctx=0).c_reg
    apply = contract.apply(OTHER_TRANSFER, ATTESTATION, wrong, address("applicant"))
    group.do("registrar", apply)
    ctx = compute_context(CHAIN_ID, contract.address, terms, OTHER_TRANSFER, ATTESTATION)
    truth = equity_v1.public_inputs(RECORD, **SALTS, rate_bps=RATE_BPS, ctx=ctx)
    made, _ = prove(key.proving, equity_v1.assign(truth, RECORD, **SALTS))
    group.do("applicant", contract.verify(OTHER_TRANSFER, made))
    assert group.ask(contract.refusal(OTHER_TRANSFER, 0)).code is AlarmCode.E_PROOF
