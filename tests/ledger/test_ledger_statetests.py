"""A sample of Ethereum's GeneralStateTests through the ledger's own steps of a transaction.

Fees are charged around the engine here, since the ledger itself has none.
"""

import pytest

from ledger import pyevm
from ledger.ethereum.case import Case
from ledger.ethereum.on_pyevm import OpenGate, execution_context
from ledger.ethereum.outcome import Outcome, fault
from ledger.pyevm_state import FlatAccountDatabase
from tests.ethereum.ledger_transactions import price_of, transaction_of
from tests.ethereum.samples import CASES_MAX, NEEDS_SUITES, plain_cases, sample

ENGINE = pyevm.PyEvmEngine()


def outcome_of(case: Case) -> Outcome:
    state, block = case.before.state, case.block
    transaction, price = transaction_of(case), price_of(case)
    database = FlatAccountDatabase(state)
    evm = pyevm.GatedState(execution_context(block), database, OpenGate(), ENGINE.computation_class)
    assert transaction.gas >= transaction.intrinsic_gas
    evm.delta_balance(case.sender, -price * transaction.gas)
    outcome = pyevm._run(evm, transaction, case.sender, price)
    evm.delta_balance(case.sender, price * (transaction.gas - outcome.gas_used))
    evm.delta_balance(block.coinbase, (price - block.base_fee) * outcome.gas_used)
    evm.end_transaction()
    return Outcome(pyevm.block_writes(evm, state).root, pyevm.logs_of(outcome.computation))


@NEEDS_SUITES
@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
def test_a_sample_of_general_state_tests() -> None:
    checked, wrong = 0, []
    for case in plain_cases(sample(), CASES_MAX):
        checked += 1
        error = fault(case, outcome_of(case))
        if error:
            wrong.append((case.name, case.indexes, error))
    assert not wrong
    assert checked > 100
