"""Transactions and receipts by hash, and by block and index."""

from __future__ import annotations

from typing import Any

from ledger.transactions import recover_sender
from ledger.values import Hash32

from .context import Context
from .formats import Place, receipts_json, transaction_json
from .principal import Principal
from .reading import find_transaction, load_block
from .registry import Parameter as P
from .registry import Registry
from .selectors import NUMBER_OR_TAG, BlockSelector, find
from .values import HASH, QUANTITY

methods = Registry()
TRANSACTION_SCHEMA: dict[str, Any] = {
    "oneOf": [{"title": "transaction", "type": "object"}, {"type": "null"}]
}
RECEIPT_SCHEMA: dict[str, Any] = {
    "oneOf": [{"title": "receipt", "type": "object"}, {"type": "null"}]
}


@methods.method(
    "eth_getTransactionByHash",
    P("transactionHash", HASH),
    summary="A transaction of a stable block or of the pool",
    result=TRANSACTION_SCHEMA,
)
async def get_transaction_by_hash(
    principal: Principal, context: Context, transaction_hash: bytes
) -> dict[str, Any] | None:
    wanted = Hash32(transaction_hash)
    found = await context.read(find_transaction, context.group.chain, wanted)
    if found is not None:
        place = Place(found.block.header, found.index)
        return transaction_json(found.transaction, found.sender, place)
    waiting = context.group.pool.get(wanted)
    if waiting is None:
        return None
    return transaction_json(waiting, recover_sender(waiting, context.suite), None)


async def _by_index(context: Context, selector: BlockSelector, index: int) -> dict[str, Any] | None:
    chain = context.group.chain

    def load() -> dict[str, Any] | None:
        number = find(chain, selector)
        if number is None:
            return None
        block = load_block(chain, number)
        if index >= len(block.outcome.included):
            return None
        entry = block.outcome.included[index]
        return transaction_json(entry.transaction, entry.sender, Place(block.header, index))

    return await context.read(load)


@methods.method(
    "eth_getTransactionByBlockNumberAndIndex",
    P("block", NUMBER_OR_TAG),
    P("transactionIndex", QUANTITY),
    summary="A transaction by its place",
    result=TRANSACTION_SCHEMA,
)
async def get_by_number_and_index(
    principal: Principal, context: Context, selector: BlockSelector, index: int
) -> dict[str, Any] | None:
    return await _by_index(context, selector, index)


@methods.method(
    "eth_getTransactionByBlockHashAndIndex",
    P("blockHash", HASH),
    P("transactionIndex", QUANTITY),
    summary="A transaction by its place",
    result=TRANSACTION_SCHEMA,
)
async def get_by_hash_and_index(
    principal: Principal, context: Context, block_hash: bytes, index: int
) -> dict[str, Any] | None:
    return await _by_index(context, BlockSelector(hash=Hash32(block_hash)), index)


@methods.method(
    "eth_getTransactionReceipt",
    P("transactionHash", HASH),
    summary="A receipt, null until the block is stable",
    result=RECEIPT_SCHEMA,
)
async def get_transaction_receipt(
    principal: Principal, context: Context, transaction_hash: bytes
) -> dict[str, Any] | None:
    chain = context.group.chain

    def load() -> dict[str, Any] | None:
        found = find_transaction(chain, Hash32(transaction_hash))
        if found is None:
            return None
        return receipts_json(found.block.header, found.block.outcome)[found.index]

    return await context.read(load)
