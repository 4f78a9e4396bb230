"""Blocks, transactions, receipts and logs in the JSON forms of execution-apis.

Pure functions of ledger values; every number is a quantity, every byte string is data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.codec import encode
from ledger.header import Header, encode_header
from ledger.receipts import Log
from ledger.store import Outcome
from ledger.transactions import DYNAMIC_FEE, LEGACY, Transaction
from ledger.values import Address, Hash32

from .values import data, quantity


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction stands: its block and its index in it."""

    header: Header
    index: int


def header_json(header: Header) -> dict[str, Any]:
    """A header, as `newHeads` sends it."""
    return {
        "number": quantity(header.number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.ommers_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.logs_bloom),
        "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.prev_randao),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
    }


def block_json(header: Header, outcome: Outcome, *, full: bool) -> dict[str, Any]:
    """A block with its transactions, whole or by hash."""
    listed: list[Any] = [
        transaction_json(entry.transaction, entry.sender, Place(header, index))
        if full
        else data(entry.transaction.hash)
        for index, entry in enumerate(outcome.included)
    ]
    transactions = [entry.transaction for entry in outcome.included]
    return {
        **header_json(header),
        "size": quantity(len(raw_block(header, transactions))),
        "transactions": listed,
        "uncles": [],
        "withdrawals": [],
    }


def raw_block(header: Header, transactions: Iterable[Transaction]) -> bytes:
    """A block as Ethereum encodes it: header, transactions, ommers, withdrawals (EIP-4895)."""
    # Legacy transactions are lists inside the block, typed ones byte strings (EIP-2718); splicing
    # the raw bytes keeps a signed transaction exactly as it was sent.
    listed = b"".join(
        transaction.raw if transaction.type == LEGACY else encode(transaction.raw)
        for transaction in transactions
    )
    parts = encode_header(header) + _list(listed) + encode([]) + encode([])
    return _list(parts)


def _list(payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes((0xC0 + len(payload),)) + payload
    size = len(payload).to_bytes((len(payload).bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(size),)) + size + payload


def transaction_json(
    transaction: Transaction, sender: Address, place: Place | None
) -> dict[str, Any]:
    """A transaction; one that waits in the pool has no place."""
    header = None if place is None else place.header
    answer: dict[str, Any] = {
        "type": quantity(transaction.type),
        "hash": data(transaction.hash),
        "nonce": quantity(transaction.nonce),
        "from": data(sender),
        "to": None if transaction.to is None else data(transaction.to),
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(transaction.max_fee_per_gas),
        "input": data(transaction.data),
        "blockHash": None if header is None else data(header.hash),
        "blockNumber": None if header is None else quantity(header.number),
        "blockTimestamp": None if header is None else quantity(header.timestamp),
        "transactionIndex": None if place is None else quantity(place.index),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.chain_id is not None:
        answer["chainId"] = quantity(transaction.chain_id)
    if transaction.type == LEGACY:
        return answer
    answer["yParity"] = quantity(transaction.y_parity)
    answer["accessList"] = [
        {
            "address": data(address),
            "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots],
        }
        for address, slots in transaction.access_list
    ]
    if transaction.type == DYNAMIC_FEE:
        answer["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        answer["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return answer


def receipts_json(header: Header, outcome: Outcome) -> list[dict[str, Any]]:
    """All receipts of a block; log indices count through the block."""
    answers = []
    first_log = 0
    pairs = zip(outcome.included, outcome.receipts, strict=True)
    for index, (entry, receipt) in enumerate(pairs):
        transaction, created = entry.transaction, receipt.contract_address
        place = Place(header, index)
        logs = [
            log_json(log, place, transaction.hash, first_log + offset)
            for offset, log in enumerate(receipt.logs)
        ]
        answer = {
            "type": quantity(receipt.type),
            "status": quantity(receipt.status),
            "transactionHash": data(transaction.hash),
            "transactionIndex": quantity(index),
            "blockHash": data(header.hash),
            "blockNumber": quantity(header.number),
            "from": data(entry.sender),
            "to": None if transaction.to is None else data(transaction.to),
            "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
            "gasUsed": quantity(receipt.gas_used),
            "contractAddress": None if created is None else data(created),
            "logs": logs,
            "logsBloom": data(receipt.bloom),
            "effectiveGasPrice": quantity(0),
        }
        answers.append(answer)
        first_log += len(receipt.logs)
    return answers


def log_json(log: Log, place: Place, transaction_hash: Hash32, index: int) -> dict[str, Any]:
    """A log; `index` counts through its block."""
    return {
        "removed": False,
        "logIndex": quantity(index),
        "transactionIndex": quantity(place.index),
        "transactionHash": data(transaction_hash),
        "blockHash": data(place.header.hash),
        "blockNumber": quantity(place.header.number),
        "blockTimestamp": quantity(place.header.timestamp),
        "address": data(log.address),
        "data": data(log.data),
        "topics": [data(topic) for topic in log.topics],
    }
