"""Ethereum's GeneralStateTests as values: the cases of Cancun that this ledger can run.

Blob transactions and transactions that must be refused are none of them.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ledger.commitment import commit
from ledger.gate import Permission
from ledger.state import EMPTY_STATE, Account, Overlay
from ledger.transactions import Transaction
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, keccak

VECTORS = Path(__file__).resolve().parents[3] / "shared/vectors/ethereum/GeneralStateTests"
EVERY = 12
"""One file in so many is in the sample; CASES_MAX bounds the cases of one file."""
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


class OpenGate:
    def permission(self, state, address):
        return Permission(roles=0xFFFF, frozen=False, organisation=0)

    def is_frozen(self, state, address):
        return False


def sample() -> list[Path]:
    """Some files, those where engines once differed among them."""
    paths = [p for p in sorted(VECTORS.rglob("*.json")) if not any(s in str(p) for s in SLOW)]
    return paths[::EVERY] + [path for path in paths if any(name in path.name for name in ALWAYS)]


def cases(paths: Sequence[Path], cases_max: int | None = None) -> Iterator[tuple[str, dict, dict]]:
    """Label, case and post state of each; at most `cases_max` of one case's post states."""
    for path in paths:
        for name, case in json.loads(path.read_text()).items():
            if "maxFeePerBlobGas" in case["transaction"]:
                continue
            for post in case["post"].get("Cancun", [])[:cases_max]:
                if "expectException" not in post:
                    yield f"{path.name} {name} {post['indexes']}", case, post


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
