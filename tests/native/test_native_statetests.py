"""Ethereum's GeneralStateTests through the native engine's own steps of a transaction.

A sample always, all of Cancun on demand. Fees are charged around the engine here, since the ledger
itself has none.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ledger.commitment import commit
from ledger.engine import Environment
from ledger.ethereum.case import Case
from ledger.ethereum.outcome import Outcome, ancestor_hash, fault
from ledger.native import (
    NativeEngine,
    NativeWrites,
    environment_fields,
    is_available,
)
from ledger.receipts import Log
from ledger.state import Account, Overlay, StateReader
from ledger.values import Address
from tests.ethereum.ledger_transactions import price_of, transaction_of
from tests.ethereum.samples import CASES_MAX, NEEDS_SUITES, everything, plain_cases, sample

pytestmark = [
    pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    NEEDS_SUITES,
]


def charged(state: StateReader, amounts: dict[Address, int]) -> StateReader:
    """The state after adding amounts of wei, perhaps negative, to accounts."""
    accounts = {}
    for address, amount in amounts.items():
        account = accounts.get(address) or state.account(address) or Account()
        changed = replace(account, balance=account.balance + amount)
        accounts[address] = None if changed.is_empty else changed
    writes = commit(state, accounts=accounts, storage={}, codes={}, cleared=frozenset())
    return Overlay(state, writes)


def outcome_of(engine: NativeEngine, case: Case) -> Outcome:
    block, transaction, price = case.block, transaction_of(case), price_of(case)
    environment = environment_fields(
        Environment(
            number=block.number,
            timestamp=block.timestamp,
            coinbase=block.coinbase,
            gas_limit=block.gas_limit,
            chain_id=1,
            ancestor_hash=ancestor_hash,
        ),
        base_fee=block.base_fee,
        prev_randao=block.prev_randao,
        excess_blob_gas=block.excess_blob_gas,
    )
    state = charged(case.before.state, {case.sender: -price * transaction.gas})
    entry = (0, transaction.raw, case.sender)
    found = engine._engine.execute_block(environment, [entry], state, False)
    [(_, gas_used, logs, _)] = found.receipts()
    refund, tip = price * (transaction.gas - gas_used), (price - block.base_fee) * gas_used
    amounts = {case.sender: refund, block.coinbase: tip}
    if case.sender == block.coinbase:
        amounts = {case.sender: refund + tip}
    state = charged(Overlay(state, NativeWrites(found)), amounts)
    return Outcome(state.root, [Log(*log) for log in logs])


def faults(chosen: Iterator[Case]) -> tuple[int, list[str]]:
    engine, checked, wrong = NativeEngine(), 0, []
    for case in chosen:
        checked += 1
        error = fault(case, outcome_of(engine, case))
        if error:
            wrong.append(f"{case.name} {case.indexes}: {error}")
    return checked, wrong


def test_a_sample_of_general_state_tests() -> None:
    checked, wrong = faults(plain_cases(sample(), CASES_MAX))
    assert not wrong
    assert checked > 100


@pytest.mark.vectors
@pytest.mark.timeout(3600)
def test_all_general_state_tests_of_cancun() -> None:
    checked, wrong = faults(plain_cases(everything()))
    print(f"{checked} cases of Cancun through the native engine's own steps")
    assert not wrong
    assert checked > 8_000
