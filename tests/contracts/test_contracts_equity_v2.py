"""Real `equity_v2` proofs through the contract: a holding is sold in two sales, no fen twice."""

from pathlib import Path

import pytest

from contracts.bindings.equity import AlarmCode, ApplicationStatus, compute_context
from contracts.bindings.equity_holdings import LotStatus
from ledger.values import Hash32
from tests.contracts.contract_group import CHAIN_ID, address
from tests.contracts.holdings_setting import Setting, set_up
from tests.contracts.transfer_setting import ATTESTATION, OTHER_TRANSFER, RATE_BPS, RULE, TRANSFER
from zkp.backend import prove
from zkp.circuits import equity_v2
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.circuits.equity_holdings import HoldingLot, lot_after
from zkp.circuits.equity_v2 import Secrets, Statement
from zkp.groth16.keys import Proof
from zkp.keys import CircuitKey, load_test_key

KEYS = Path(__file__).parents[2] / "build" / "keys"
SECOND_ATTESTATION = bytes([0xA3]) * 16
VERIFY_GAS_MAX = 450_000

# 100,000 fen of capital, bought in two lots for 333,335 fen: what is sold first costs 100,000.5.
FOUNDED, BOUGHT = HoldingLot(70_000, 200_000, 2**199 + 1), HoldingLot(30_000, 133_335, 2**198 + 1)
FIRST = EquityRecord(
    EquityCore(7, 8, 9, 30_000, 100_000, 600_000, 10),
    EquityFinancials(0, 0, 0, 0, 100_000, 0, 0, 100_000, RULE),
)
FIRST_SECRETS = Secrets((FOUNDED, BOUGHT), 2**200 + 1, 2**201 + 1)
# All that remains: the other 70,000, and every fen of cost that the first sale left.
LEFT = lot_after(30_000, (FOUNDED, BOUGHT), FIRST_SECRETS.salt_tax)
SECOND = EquityRecord(
    EquityCore(7, 8, 11, 70_000, 100_000, 333_335, 12),
    EquityFinancials(0, 0, 0, 0, 233_335, 0, 0, 20_000, RULE),
)
SECOND_SECRETS = Secrets((LEFT,), 2**200 + 3, 2**201 + 3)


@pytest.fixture(scope="session")
def key() -> CircuitKey:
    return load_test_key(equity_v2.build(), KEYS)


@pytest.fixture(scope="module")
def ready(key: CircuitKey) -> Setting:
    return set_up(key.proving.verifying, Hash32(key.circuit_id))


def statement(
    it: Setting, record: EquityRecord, secrets: Secrets, transfer: bytes, attestation: bytes
) -> Statement:
    where, terms = it.equity.address, it.terms.terms
    ctx = compute_context(CHAIN_ID, where, terms, transfer, attestation)
    return equity_v2.public_inputs(record, secrets, rate_bps=RATE_BPS, ctx=ctx)


def open_sale(
    it: Setting, record: EquityRecord, secrets: Secrets, transfer: bytes, attestation: bytes
) -> Statement:
    """A sale up to its proof, as both bureaus lay it down."""
    stated = statement(it, record, secrets, transfer, attestation)
    values = (attestation, stated.c_tax, RULE, stated.lots[: len(secrets.lots)])
    it.do("tax-officer", it.equity.attest(*values))
    it.do("tax-reviewer", it.equity.countersign(*values))
    call = it.equity.apply(transfer, attestation, stated.c_reg, address("applicant"))
    it.do("registrar", call)
    return stated


def proof(key: CircuitKey, stated: Statement, record: EquityRecord, secrets: Secrets) -> Proof:
    witness = equity_v2.assign(stated, record, secrets)
    made, signals = prove(key.proving, witness, system=key.circuit.system)
    assert signals == stated.signals
    return made


def test_two_sales_take_what_there_is(ready: Setting, key: CircuitKey) -> None:
    it = ready.copy()
    first = open_sale(it, FIRST, FIRST_SECRETS, TRANSFER, ATTESTATION)
    it.attest_lots(*first.lots[:2])
    shown = it.group.ask(it.equity.public_inputs(TRANSFER))
    assert (shown.c_tax, shown.c_reg, shown.rule, shown.ctx, *shown.lots) == first.signals[:-1]
    made = proof(key, first, FIRST, FIRST_SECRETS)
    spent = it.group.do("applicant", it.equity.verify(TRANSFER, first.rest, made)).gas_used
    assert it.application_status() is ApplicationStatus.VERIFIED
    assert [it.lot_status(lot) for lot in (*first.lots[:2], first.rest)] == [
        LotStatus.CONSUMED,
        LotStatus.CONSUMED,
        LotStatus.ACTIVE,
    ]
    print(f"\nverify with two lots {spent:,} gas")
    assert spent < VERIFY_GAS_MAX

    second = open_sale(it, SECOND, SECOND_SECRETS, OTHER_TRANSFER, SECOND_ATTESTATION)
    assert second.lots[0] == first.rest
    # the first sale's proof is none of the second
    assert it.refusal(second.signals, made, OTHER_TRANSFER) is AlarmCode.E_PROOF
    last = proof(key, second, SECOND, SECOND_SECRETS)
    it.do("applicant", it.equity.verify(OTHER_TRANSFER, second.rest, last))
    assert it.application_status(OTHER_TRANSFER) is ApplicationStatus.VERIFIED
    assert it.lot_status(first.rest) is LotStatus.CONSUMED
    nothing = lot_after(70_000, (LEFT,), SECOND_SECRETS.salt_tax)
    assert (nothing.capital, nothing.basis) == (0, 0)
    assert FIRST.financials.basis + SECOND.financials.basis == FOUNDED.basis + BOUGHT.basis


def test_a_holding_sold_twice_is_refused(ready: Setting, key: CircuitKey) -> None:
    """Both sales are attested from the same lots and each has a true proof: one of them counts."""
    it = ready.copy()
    first = open_sale(it, FIRST, FIRST_SECRETS, TRANSFER, ATTESTATION)
    again = Secrets(FIRST_SECRETS.lots, 2**200 + 5, FIRST_SECRETS.salt_reg)
    second = open_sale(it, FIRST, again, OTHER_TRANSFER, SECOND_ATTESTATION)
    it.attest_lots(*first.lots[:2])
    made = [
        proof(key, stated, FIRST, secrets)
        for stated, secrets in ((first, FIRST_SECRETS), (second, again))
    ]
    other_way = it.copy()
    other_way.do("applicant", other_way.equity.verify(OTHER_TRANSFER, second.rest, made[1]))
    assert other_way.application_status(OTHER_TRANSFER) is ApplicationStatus.VERIFIED
    it.do("applicant", it.equity.verify(TRANSFER, first.rest, made[0]))
    assert it.refusal(second.signals, made[1], OTHER_TRANSFER) is AlarmCode.E_LOT_USED


def test_a_forged_rest_is_refused(ready: Setting, key: CircuitKey) -> None:
    """A prover who would keep more than remains names another rest, or changes one bit."""
    it = ready.copy()
    first = open_sale(it, FIRST, FIRST_SECRETS, TRANSFER, ATTESTATION)
    it.attest_lots(*first.lots[:2])
    made = proof(key, first, FIRST, FIRST_SECRETS)
    assert it.refusal((*first.signals[:-1], first.rest + 1), made) is AlarmCode.E_PROOF
    x, y = made.c
    assert it.refusal(first.signals, made._replace(c=(x ^ 1, y))) is AlarmCode.E_PROOF
    it.do("applicant", it.equity.verify(TRANSFER, first.rest, made))
    assert it.application_status() is ApplicationStatus.VERIFIED
