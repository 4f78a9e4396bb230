"""Ethereum's GeneralStateTests on the native engine: a sample always, all of Cancun on demand.

Fees are charged around the engine here, since the ledger itself has none.
"""

from dataclasses import replace

import pytest

from ledger.commitment import commit
from ledger.engine import Environment, Message
from ledger.native import NativeEngine, environment_fields, is_available, message_fields, writes_of
from ledger.state import Account, Overlay
from ledger.suite import STANDARD
from ledger.values import ZERO_HASH, keccak
from tests.ledger.state_tests import (
    CASES_MAX,
    VECTORS,
    cases,
    data,
    number,
    pre_state,
    sample,
    transaction_of,
)

pytestmark = [
    pytest.mark.skipif(not is_available(), reason="quorate_native is not built"),
    pytest.mark.skipif(not VECTORS.exists(), reason="no ../shared/vectors/ethereum here"),
]


def charged(state, amounts):
    """The state after adding amounts of wei, perhaps negative, to accounts."""
    accounts = {}
    for address, amount in amounts.items():
        account = accounts.get(address) or state.account(address) or Account()
        changed = replace(account, balance=account.balance + amount)
        accounts[address] = None if changed.is_empty else changed
    writes = commit(state, accounts=accounts, storage={}, codes={}, cleared=frozenset())
    return Overlay(state, writes)


def root_after(engine, case, indexes):
    env, state = case["env"], pre_state(case["pre"])
    base_fee, coinbase = number(env["currentBaseFee"]), data(env["currentCoinbase"])
    transaction = transaction_of(case["transaction"], indexes)
    sender = STANDARD.address_of(data(case["transaction"]["secretKey"]))
    price = min(transaction.max_fee_per_gas, base_fee + transaction.max_priority_fee_per_gas)
    environment = environment_fields(
        Environment(
            number=number(env["currentNumber"]),
            timestamp=number(env["currentTimestamp"]),
            coinbase=coinbase,
            gas_limit=min(number(env["currentGasLimit"]), 2**64 - 1),
            chain_id=1,
            ancestor_hash=lambda ancestor: keccak(str(ancestor).encode()),
        ),
        base_fee=base_fee,
        prev_randao=data(env["currentRandom"]) if "currentRandom" in env else ZERO_HASH,
        excess_blob_gas=number(env.get("currentExcessBlobGas", "0x0")),
    )
    message = Message(
        sender,
        transaction.to,
        transaction.data,
        transaction.gas,
        transaction.value,
        transaction.access_list,
    )
    fields = message_fields(message, transaction.nonce, price)
    state = charged(state, {sender: -price * transaction.gas})
    [outcome], writes = engine._engine.execute_block(environment, [fields], state, False)
    state = Overlay(state, writes_of(writes))
    refund, tip = price * (transaction.gas - outcome[1]), (price - base_fee) * outcome[1]
    amounts = {sender: refund + tip} if sender == coinbase else {sender: refund, coinbase: tip}
    return charged(state, amounts).root


def wrong_among(chosen):
    engine, checked, wrong = NativeEngine(), 0, []
    for label, case, post in chosen:
        checked += 1
        if root_after(engine, case, post["indexes"]) != data(post["hash"]):
            wrong.append(label)
    return checked, wrong


def test_a_sample_of_general_state_tests():
    checked, wrong = wrong_among(cases(sample(), CASES_MAX))
    assert not wrong
    assert checked > 100


@pytest.mark.vectors
@pytest.mark.timeout(3600)
def test_all_general_state_tests_of_cancun():
    checked, wrong = wrong_among(cases(sorted(VECTORS.rglob("*.json"))))
    print(f"{checked} cases of Cancun on the native engine")
    assert not wrong
    assert checked > 8_000
