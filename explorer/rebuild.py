"""From Ethereum's JSON back to the ledger's values, and every derived field checked on the way.

What a block commits to is rebuilt from the answer's own fields, so that a root or a hash computed
here covers what was shown. Each fault is a short code and a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.light import InvalidAnswer
from ledger.codec import Encodable, InvalidEncoding, encode
from ledger.header import Header
from ledger.receipts import Log, Receipt, encode_receipt, union_bloom
from ledger.suite import Suite
from ledger.transactions import (
    ACCESS_LIST,
    DYNAMIC_FEE,
    LEGACY,
    InvalidTransaction,
    Transaction,
    decode_transaction,
    recover_sender,
)
from ledger.trie import ordered_root
from ledger.values import Address, Hash32, InvalidValue, from_hex, keccak

Fault = tuple[str, str]
"""A short code and a sentence."""
_CONSTANT: dict[str, list[Any]] = {"uncles": [], "withdrawals": []}


@dataclass(frozen=True)
class RebuiltTransaction:
    """A transaction as its JSON encodes it, with its sender."""

    transaction: Transaction
    sender: Address


def number(found: Mapping[str, Any], key: str) -> int:
    """A quantity of an answer; raises InvalidAnswer."""
    value = found.get(key)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidAnswer("form", f"{key}: expected a quantity, got {value!r:.40}")
    try:
        return int(value, 16)
    except ValueError as problem:
        raise InvalidAnswer("form", f"{key}: expected a quantity, got {value!r:.40}") from problem


def octets(found: Mapping[str, Any], key: str, size: int | None = None) -> bytes:
    """Data of an answer; raises InvalidAnswer."""
    try:
        return from_hex(found.get(key), size=size)  # type: ignore[arg-type]
    except InvalidValue as problem:
        raise InvalidAnswer("form", f"{key}: {problem}") from problem


def rebuild_header(found: Mapping[str, Any]) -> Header:
    """The header that a block's JSON describes; raises InvalidAnswer."""
    return Header(
        parent_hash=Hash32(octets(found, "parentHash", 32)),
        ommers_hash=Hash32(octets(found, "sha3Uncles", 32)),
        coinbase=Address(octets(found, "miner", 20)),
        state_root=Hash32(octets(found, "stateRoot", 32)),
        transactions_root=Hash32(octets(found, "transactionsRoot", 32)),
        receipts_root=Hash32(octets(found, "receiptsRoot", 32)),
        logs_bloom=octets(found, "logsBloom", 256),
        difficulty=number(found, "difficulty"),
        number=number(found, "number"),
        gas_limit=number(found, "gasLimit"),
        gas_used=number(found, "gasUsed"),
        timestamp=number(found, "timestamp"),
        extra_data=octets(found, "extraData"),
        prev_randao=Hash32(octets(found, "mixHash", 32)),
        nonce=octets(found, "nonce", 8),
        base_fee_per_gas=number(found, "baseFeePerGas"),
        withdrawals_root=Hash32(octets(found, "withdrawalsRoot", 32)),
        blob_gas_used=number(found, "blobGasUsed"),
        excess_blob_gas=number(found, "excessBlobGas"),
        parent_beacon_block_root=Hash32(octets(found, "parentBeaconBlockRoot", 32)),
    )


def rebuild_transaction(found: Mapping[str, Any], suite: Suite) -> RebuiltTransaction:
    """The signed transaction that its JSON describes; raises InvalidAnswer."""
    try:
        transaction = decode_transaction(_raw_transaction(found))
        return RebuiltTransaction(transaction, recover_sender(transaction, suite))
    except (InvalidTransaction, InvalidEncoding) as problem:
        raise InvalidAnswer("transaction", str(problem)) from problem


def _raw_transaction(found: Mapping[str, Any]) -> bytes:
    kind = number(found, "type")
    to = b"" if found.get("to") is None else octets(found, "to", 20)
    head: list[Encodable] = [number(found, "nonce")]
    if kind == DYNAMIC_FEE:
        head += [number(found, "maxPriorityFeePerGas"), number(found, "maxFeePerGas")]
    else:
        head.append(number(found, "gasPrice"))
    body: list[Encodable] = [
        number(found, "gas"), to, number(found, "value"), octets(found, "input"),
    ]  # fmt: skip
    signature: list[Encodable] = [number(found, "r"), number(found, "s")]
    if kind == LEGACY:
        return encode([*head, *body, number(found, "v"), *signature])
    if kind not in (ACCESS_LIST, DYNAMIC_FEE):
        raise InvalidAnswer("transaction", f"type {kind} is not carried here")
    access_list: list[Encodable] = [
        [octets(entry, "address", 20), [_word(key) for key in _array(entry, "storageKeys")]]
        for entry in _objects(found, "accessList")
    ]
    fields = [number(found, "chainId"), *head, *body, access_list, number(found, "yParity")]
    return bytes((kind,)) + encode([*fields, *signature])


def rebuild_receipt(found: Mapping[str, Any], gas_before: int) -> Receipt:
    """The receipt that its JSON describes; raises InvalidAnswer."""
    cumulative, kind = number(found, "cumulativeGasUsed"), number(found, "type")
    if kind not in (LEGACY, ACCESS_LIST, DYNAMIC_FEE):
        raise InvalidAnswer("receipts", f"no transaction has type {kind}")
    created = found.get("contractAddress")
    return Receipt(
        type=kind,
        status=number(found, "status"),
        cumulative_gas_used=cumulative,
        logs=tuple(rebuild_log(log) for log in _objects(found, "logs")),
        gas_used=cumulative - gas_before,
        contract_address=None if created is None else Address(octets(found, "contractAddress", 20)),
    )


def rebuild_log(found: Mapping[str, Any]) -> Log:
    """The log that its JSON describes; raises InvalidAnswer."""
    topics = tuple(_word(topic) for topic in _array(found, "topics"))
    return Log(Address(octets(found, "address", 20)), topics, octets(found, "data"))


def check_block(
    header: Header, block: Mapping[str, Any], suite: Suite
) -> tuple[list[RebuiltTransaction], list[Fault]]:
    """A block's JSON against its certified header: the header, each transaction, their root."""
    faults: list[Fault] = []
    rebuilt = rebuild_header(block)
    if rebuilt != header:
        names = [
            name
            for name in Header.__dataclass_fields__
            if getattr(rebuilt, name) != getattr(header, name)
        ]
        faults.append(("header", f"shown otherwise than certified: {', '.join(names)}"))
    faults += _differences("header", block, {"hash": _hex(header.hash), **_CONSTANT})
    transactions = []
    for index, found in enumerate(_objects(block, "transactions")):
        rebuilt_one = rebuild_transaction(found, suite)
        transactions.append(rebuilt_one)
        faults += check_transaction(found, rebuilt_one, header, index)
    root = ordered_root([entry.transaction.raw for entry in transactions])
    if root != header.transactions_root:
        faults.append(
            ("transactions", f"the {len(transactions)} transactions shown are not the block's")
        )
    return transactions, faults


def check_transaction(
    found: Mapping[str, Any], rebuilt: RebuiltTransaction, header: Header, index: int
) -> list[Fault]:
    """A transaction's derived fields: hash, sender, place."""
    transaction = rebuilt.transaction
    expected: dict[str, Any] = {
        "hash": _hex(transaction.hash),
        "from": _hex(rebuilt.sender),
        "blockHash": _hex(header.hash),
        "blockNumber": hex(header.number),
        "transactionIndex": hex(index),
        "v": hex(transaction.v),
        "gasPrice": hex(transaction.max_fee_per_gas),
    }
    if transaction.chain_id is not None:
        expected["chainId"] = hex(transaction.chain_id)
    if "blockTimestamp" in found:
        expected["blockTimestamp"] = hex(header.timestamp)
    return _differences("transactions", found, expected, f"transaction {index}: ")


def check_receipts(
    header: Header, transactions: Sequence[RebuiltTransaction], answers: Sequence[Any]
) -> tuple[list[Receipt], list[Fault]]:
    """All receipts of a block against its certified header and its transactions."""
    faults: list[Fault] = []
    receipts: list[Receipt] = []
    log_index = gas_before = 0
    if len(answers) != len(transactions):
        faults.append(("receipts", f"expected {len(transactions)} receipts, got {len(answers)}"))
    for index, found in enumerate(answers):
        if not isinstance(found, Mapping):
            raise InvalidAnswer("form", f"receipt {index}: expected an object")
        receipt = rebuild_receipt(found, gas_before)
        receipts.append(receipt)
        if index < len(transactions):
            faults += _check_receipt(found, receipt, transactions[index], header, index)
        for offset, log in enumerate(_objects(found, "logs")):
            place = {"logIndex": hex(log_index + offset), "transactionIndex": hex(index)}
            faults += _check_log_place(log, header, place, found.get("transactionHash"))
        log_index += len(receipt.logs)
        gas_before = receipt.cumulative_gas_used
    if ordered_root([encode_receipt(receipt) for receipt in receipts]) != header.receipts_root:
        faults.append(("receipts", "the receipts shown are not the block's"))
    elif union_bloom(receipts) != header.logs_bloom:
        faults.append(("receipts", "the header's bloom is not that of its logs"))
    return receipts, faults


def _check_receipt(
    found: Mapping[str, Any],
    receipt: Receipt,
    rebuilt: RebuiltTransaction,
    header: Header,
    index: int,
) -> list[Fault]:
    transaction = rebuilt.transaction
    created = None
    if transaction.to is None and receipt.status:
        created = _hex(keccak(encode([rebuilt.sender, transaction.nonce]))[12:])
    expected = {
        "type": hex(transaction.type),
        "transactionHash": _hex(transaction.hash),
        "transactionIndex": hex(index),
        "blockHash": _hex(header.hash),
        "blockNumber": hex(header.number),
        "from": _hex(rebuilt.sender),
        "to": None if transaction.to is None else _hex(transaction.to),
        "gasUsed": hex(receipt.gas_used),
        "contractAddress": created,
        "logsBloom": _hex(receipt.bloom),
        "effectiveGasPrice": "0x0",
    }
    return _differences("receipts", found, expected, f"receipt {index}: ")


def _check_log_place(
    log: Mapping[str, Any], header: Header, place: Mapping[str, Any], transaction_hash: Any
) -> list[Fault]:
    expected = {
        **place,
        "removed": False,
        "transactionHash": transaction_hash,
        "blockHash": _hex(header.hash),
        "blockNumber": hex(header.number),
    }
    if "blockTimestamp" in log:
        expected["blockTimestamp"] = hex(header.timestamp)
    return _differences("receipts", log, expected, f"log {place['logIndex']}: ")


def check_logs(receipts: Sequence[Mapping[str, Any]], logs: Sequence[Any]) -> list[Fault]:
    """What `eth_getLogs` gives of a block against its receipts: each log, none left out."""
    expected = [log for receipt in receipts for log in receipt.get("logs") or []]
    if len(expected) != len(logs):
        return [("logs", f"expected {len(expected)} logs, eth_getLogs gave {len(logs)}")]
    for index, (ours, theirs) in enumerate(zip(expected, logs, strict=True)):
        if not _equal(ours, theirs):
            return [("logs", f"log {index}: eth_getLogs gives another than the receipt")]
    return []


def same_answer(what: str, ours: Any, theirs: Any) -> Iterator[Fault]:
    """Whether a second way of asking gives what the first gave."""
    if not _equal(ours, theirs):
        yield what, "two methods answer differently about it"


def _array(found: Mapping[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    if not isinstance(value, list):
        raise InvalidAnswer("form", f"{key}: expected an array, got {value!r:.40}")
    return value


def _objects(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    values = _array(found, key)
    for value in values:
        if not isinstance(value, Mapping):
            raise InvalidAnswer("form", f"{key}: expected objects, got {value!r:.40}")
    return values


def _word(value: Any) -> Hash32:
    try:
        return Hash32(from_hex(value, size=32))
    except InvalidValue as problem:
        raise InvalidAnswer("form", str(problem)) from problem


def _differences(
    what: str, found: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = ""
) -> list[Fault]:
    return [
        (what, f"{prefix}{key}: expected {value!r:.80}, the node says {found.get(key)!r:.80}")
        for key, value in expected.items()
        if not _equal(found.get(key), value)
    ]


def _equal(ours: Any, theirs: Any) -> bool:
    """Equal up to the letter case of hexadecimal."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours.lower() == theirs.lower()
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return ours.keys() == theirs.keys() and all(_equal(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
