"""A sample of Ethereum's GeneralStateTests: our database and transaction steps under py-evm.

Fees are charged around the engine here, since the ledger itself has none.
"""

import pytest
from eth.vm.execution_context import ExecutionContext

from ledger import pyevm
from ledger.pyevm_state import FlatAccountDatabase
from ledger.suite import STANDARD
from ledger.validity import intrinsic_gas
from ledger.values import ZERO_HASH, keccak
from tests.ledger.state_tests import (
    CASES_MAX,
    VECTORS,
    OpenGate,
    cases,
    data,
    number,
    pre_state,
    sample,
    transaction_of,
)

ENGINE = pyevm.PyEvmEngine()


def root_after(case, indexes):
    env, state = case["env"], pre_state(case["pre"])
    base_fee = number(env["currentBaseFee"])
    coinbase = data(env["currentCoinbase"])
    transaction = transaction_of(case["transaction"], indexes)
    sender = STANDARD.address_of(data(case["transaction"]["secretKey"]))
    price = min(transaction.max_fee_per_gas, base_fee + transaction.max_priority_fee_per_gas)
    context = ExecutionContext(
        coinbase=coinbase,
        timestamp=number(env["currentTimestamp"]),
        block_number=number(env["currentNumber"]),
        difficulty=0,
        mix_hash=data(env["currentRandom"]) if "currentRandom" in env else ZERO_HASH,
        gas_limit=number(env["currentGasLimit"]),
        prev_hashes=[keccak(str(number(env["currentNumber"]) - 1).encode())],
        chain_id=1,
        base_fee_per_gas=base_fee,
        excess_blob_gas=number(env.get("currentExcessBlobGas", "0x0")),
    )
    database = FlatAccountDatabase(state)
    evm = pyevm.GatedState(context, database, OpenGate(), ENGINE._computation_class)
    assert transaction.gas >= intrinsic_gas(transaction)
    evm.delta_balance(sender, -price * transaction.gas)
    outcome = pyevm._run(evm, transaction, sender, price)
    evm.delta_balance(sender, price * (transaction.gas - outcome.gas_used))
    evm.delta_balance(coinbase, (price - base_fee) * outcome.gas_used)
    evm.end_transaction()
    return pyevm._writes(evm, state).root


@pytest.mark.skipif(not VECTORS.exists(), reason="no ../shared/vectors/ethereum here")
@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
def test_a_sample_of_general_state_tests():
    checked, wrong = 0, []
    for label, case, post in cases(sample(), CASES_MAX):
        checked += 1
        if root_after(case, post["indexes"]) != data(post["hash"]):
            wrong.append(label)
    assert not wrong
    assert checked > 100
