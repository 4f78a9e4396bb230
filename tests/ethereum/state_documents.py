"""State tests of our own, whose outcome is plain arithmetic: what is paid, and to whom."""

import json
from typing import Any

from ledger.codec import encode
from ledger.ethereum.case import Holding, PreState
from ledger.values import address_from_hex, keccak, to_hex

KEY = "0x45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8"
SENDER = "0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b"
COINBASE = "0x2adc25665018aa1fe0e6bc666dac8fc2697ff9ba"
LOGGING = "0x1000000000000000000000000000000000000000"
LOG_CODE = "0x5f5fa0"  # PUSH0 PUSH0 LOG0
GAS = 21_000 + 2 + 2 + 375
WEALTH = 10**18
BASE_FEE = 10
NO_LOGS = to_hex(keccak(encode([])))
ONE_LOG = to_hex(keccak(encode([[address_from_hex(LOGGING), [], b""]])))
BLOB_HASH = "0x01" + "00" * 31
BLOB_GAS = 131_072

ENVIRONMENT = {
    "currentBaseFee": hex(BASE_FEE),
    "currentCoinbase": COINBASE,
    "currentDifficulty": "0x00",
    "currentExcessBlobGas": "0x00",
    "currentGasLimit": "0x01000000",
    "currentNumber": "0x01",
    "currentRandom": "0x00",
    "currentTimestamp": "0x03e8",
}


def root_of(sender_balance: int, nonce: int, coinbase_balance: int) -> str:
    """The state in which only these two have changed."""
    holdings = {
        SENDER: Holding(nonce, sender_balance, b"", {}),
        LOGGING: Holding(1, 0, bytes.fromhex(LOG_CODE[2:]), {}),
        COINBASE: Holding(0, coinbase_balance, b"", {}),
    }
    if not coinbase_balance:
        del holdings[COINBASE]
    state = PreState({address_from_hex(a): holding for a, holding in holdings.items()}).state
    return to_hex(state.root)


def ran(price: int, tip: int, *, gas: int = GAS, blob_fees: int = 0) -> dict[str, Any]:
    """The post state after a transaction that paid `price` a unit of gas, `tip` of it to the
    coinbase."""
    root = root_of(WEALTH - price * gas - blob_fees, 1, tip * gas)
    return {"hash": root, "logs": ONE_LOG, "indexes": {"data": 0, "gas": 0, "value": 0}}


def refused(exception: str = "TransactionException.SOME") -> dict[str, Any]:
    """The state before, after a transaction that must not run."""
    return ran(0, 0) | {
        "hash": root_of(WEALTH, 0, 0),
        "logs": NO_LOGS,
        "expectException": exception,
    }


def state_test(*posts: dict[str, Any], **transaction: Any) -> dict[str, Any]:
    """A call of the logging contract by Cancun's rules; keywords change the transaction, where
    None takes a field out."""
    fields = {
        "data": ["0x"],
        "gasLimit": ["0x0186a0"],
        "gasPrice": "0x0c",
        "nonce": "0x00",
        "secretKey": KEY,
        "sender": SENDER,
        "to": LOGGING,
        "value": ["0x00"],
        **transaction,
    }
    return {
        "env": ENVIRONMENT,
        "pre": {
            SENDER: {"balance": hex(WEALTH), "code": "0x", "nonce": "0x00", "storage": {}},
            LOGGING: {"balance": "0x00", "code": LOG_CODE, "nonce": "0x01", "storage": {}},
        },
        "transaction": {name: value for name, value in fields.items() if value is not None},
        "post": {"London": [ran(0, 0)], "Cancun": list(posts)},
    }


def document(**tests: dict[str, Any]) -> bytes:
    """The file that holds these tests."""
    return json.dumps(tests).encode()
