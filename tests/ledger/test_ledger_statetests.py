"""A sample of Ethereum's GeneralStateTests: our database and transaction steps under py-evm.

Fees are charged around the engine here, since the ledger itself has none.
"""

import json
from pathlib import Path

import pytest
from eth.vm.execution_context import ExecutionContext

from ledger import pyevm
from ledger.commitment import commit
from ledger.gate import Permission
from ledger.pyevm_state import FlatAccountDatabase
from ledger.state import EMPTY_STATE, Account, Overlay
from ledger.suite import STANDARD
from ledger.transactions import Transaction
from ledger.validity import intrinsic_gas
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, ZERO_HASH, keccak

VECTORS = Path(__file__).resolve().parents[3] / "shared/vectors/ethereum/GeneralStateTests"
EVERY = 12
"""One file in so many is run; CASES_MAX bounds the cases of one file."""
CASES_MAX = 4
ALWAYS = ("Collision", "collision", "RevertInCreateInInit", "modexp", "OverwriteEmpty")
"""Where py-evm left alone would differ, or once did."""
SLOW = (
    "stTimeConsuming",
    "stQuadratic",
    "stMemoryStress",
    "stAttack",
    "stStaticCall/static_Call50000",
)


ENGINE = pyevm.PyEvmEngine()


class OpenGate:
    def permission(self, state, address):
        return Permission(roles=0xFFFF, frozen=False, organisation=0)

    def is_frozen(self, state, address):
        return False


def number(text):
    return int(text, 16) if text not in ("", "0x") else 0


def data(text):
    return bytes.fromhex(text.removeprefix("0x"))


def pre_state(pre):
    accounts, storage, codes = {}, {}, {}
    for text, entry in pre.items():
        address, code = data(text), data(entry["code"])
        code_hash = keccak(code) if code else EMPTY_CODE_HASH
        codes[code_hash] = code
        accounts[address] = Account(
            number(entry["nonce"]), number(entry["balance"]), EMPTY_TRIE_ROOT, code_hash
        )
        storage[address] = {number(k): number(v) for k, v in entry["storage"].items()}
    writes = commit(
        EMPTY_STATE, accounts=accounts, storage=storage, codes=codes, cleared=frozenset()
    )
    return Overlay(EMPTY_STATE, writes)


def transaction_of(tx, indexes):
    lists = tx.get("accessLists")
    access = (lists[indexes["data"]] if lists else None) or []
    price = number(tx.get("gasPrice", tx.get("maxFeePerGas", "0x0")))
    return Transaction(
        type=1,
        chain_id=1,
        nonce=number(tx["nonce"]),
        max_priority_fee_per_gas=number(tx.get("maxPriorityFeePerGas", hex(price))),
        max_fee_per_gas=price,
        gas=number(tx["gasLimit"][indexes["gas"]]),
        to=data(tx["to"]) or None,
        value=number(tx["value"][indexes["value"]]),
        data=data(tx["data"][indexes["data"]]),
        access_list=tuple(
            (data(entry["address"]), tuple(number(k) for k in entry["storageKeys"]))
            for entry in access
        ),
        v=0,
        y_parity=0,
        r=0,
        s=0,
        raw=b"",
    )


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
    paths = [p for p in sorted(VECTORS.rglob("*.json")) if not any(s in str(p) for s in SLOW)]
    always = [path for path in paths if any(name in path.name for name in ALWAYS)]
    for path in paths[::EVERY] + always:
        for name, case in json.loads(path.read_text()).items():
            if "maxFeePerBlobGas" in case["transaction"]:
                continue
            for post in case["post"].get("Cancun", [])[:CASES_MAX]:
                if "expectException" in post:
                    continue
                checked += 1
                if root_after(case, post["indexes"]) != data(post["hash"]):
                    wrong.append((path.name, name, post["indexes"]))
    assert not wrong
    assert checked > 100
