"""TransactionTests: bytes to hash, sender and intrinsic gas, or a refusal, as Cancun has them.

A ledger's own decoders know form only; what Ethereum refuses without looking at a state is added
here: `ledger.validity` has other rules (no fees, a chain id of its own). py-evm is left alone.
A test that does not name Cancun is judged by the newest fork it names.
"""

import json
from collections.abc import Callable
from typing import Any

from eth.exceptions import PyEVMError
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from ledger.ethereum.transaction import CHAIN_ID
from ledger.native import NativeEngine, is_available
from ledger.suite import STANDARD
from ledger.transactions import InvalidTransaction, Transaction, decode_transaction, recover_sender
from ledger.validity import INIT_CODE_BYTES_MAX, NONCE_MAX
from tests.ethereum.results import Results
from tests.ethereum.samples import SUITES

FORKS = ("Cancun", "Shanghai", "Paris", "London")
Meaning = tuple[str, str, int]
"""Hash and sender as hex digits, intrinsic gas."""


class _Refused(Exception):
    """The implementation does not take these bytes for a valid transaction."""


def _meaning(transaction: Transaction) -> Meaning:
    """Of what a ledger decoded, by Ethereum's stateless rules."""
    least = transaction.intrinsic_gas
    for rule, holds in {
        "gas": transaction.gas >= least,
        "nonce": transaction.nonce <= NONCE_MAX,
        "init code": transaction.to is not None or len(transaction.data) <= INIT_CODE_BYTES_MAX,
        "fees": transaction.max_priority_fee_per_gas <= transaction.max_fee_per_gas,
        "product": transaction.gas * transaction.max_fee_per_gas < 2**256,
        "chain id": transaction.chain_id in (None, CHAIN_ID),
    }.items():
        if not holds:
            raise _Refused(rule)
    try:
        return transaction.hash.hex(), recover_sender(transaction, STANDARD).hex(), least
    except InvalidTransaction as error:
        raise _Refused(str(error)) from error


def _in_python(raw: bytes) -> Meaning:
    try:
        return _meaning(decode_transaction(raw))
    except InvalidTransaction as error:
        raise _Refused(str(error)) from error


def _in_crate(raw: bytes) -> Meaning:
    [decoded] = NativeEngine().decode([raw])
    if isinstance(decoded, InvalidTransaction):
        raise _Refused(str(decoded))
    assert quorate_native.decode_transactions([raw], "standard") != [None], (
        "Python stood in for the crate"
    )
    return _meaning(decoded)


def _by_reference(raw: bytes) -> Meaning:
    try:
        transaction = CancunTransactionBuilder.decode(raw)
        transaction.validate()
        return transaction.hash.hex(), transaction.sender.hex(), transaction.intrinsic_gas
    except (ValidationError, RLPException, PyEVMError) as error:
        raise _Refused(str(error)) from error


_READERS: dict[str, Callable[[bytes], Meaning]] = {"python": _in_python, "reference": _by_reference}
if is_available():
    import quorate_native

    _READERS["crate"] = _in_crate


def transaction_tests(implementation: str) -> Results:
    """Every test by one implementation."""
    results = Results()
    for path in sorted((SUITES / "TransactionTests").rglob("*.json")):
        for name, test in json.loads(path.read_text(encoding="utf-8")).items():
            case = f"{path.parent.name}/{path.name} {name}"
            results.add(case, _fault(test, _READERS[implementation]))
    return results


def _fault(test: dict[str, Any], read: Callable[[bytes], Meaning]) -> str | None:
    expected = next(test["result"][fork] for fork in FORKS if fork in test["result"])
    try:
        found = read(bytes.fromhex(test["txbytes"].removeprefix("0x")))
    except _Refused as error:
        return None if "exception" in expected else f"refused: {error}"
    except Exception as error:
        return f"failed with {type(error).__name__}: {error}"
    if "exception" in expected:
        return f"expected a refusal ({expected['exception']})"
    wanted = (
        expected["hash"].removeprefix("0x"),
        expected["sender"].removeprefix("0x").lower(),
        int(expected["intrinsicGas"], 16),
    )
    return None if found == wanted else f"expected {wanted}, got {found}"
