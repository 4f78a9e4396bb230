"""Blocks by number and by hash, their counts, their receipts; the head; the chain's id."""

from __future__ import annotations

from typing import Any

from ledger.values import Hash32

from .context import Context
from .formats import block_json, receipts_json
from .principal import Principal
from .reading import StoredBlock, load_block
from .registry import Parameter as P
from .registry import Registry, optional
from .selectors import BLOCK, NUMBER_OR_TAG, BlockSelector, find
from .values import BOOLEAN, HASH, QUANTITY_SCHEMA, quantity

methods = Registry()
BLOCK_SCHEMA: dict[str, Any] = {"oneOf": [{"title": "block", "type": "object"}, {"type": "null"}]}
COUNT_SCHEMA: dict[str, Any] = {"oneOf": [QUANTITY_SCHEMA, {"type": "null"}]}


@methods.method("eth_chainId", summary="The group's chain id", result=QUANTITY_SCHEMA)
async def chain_id(principal: Principal, context: Context) -> str:
    return quantity(context.group.genesis.parameters.chain_id)


@methods.method(
    "eth_blockNumber", summary="The number of the last stable block", result=QUANTITY_SCHEMA
)
async def block_number(principal: Principal, context: Context) -> str:
    return quantity(context.group.chain.head.number)


@methods.method(
    "eth_syncing",
    summary="False, or how far this node has come in catching up",
    result={"oneOf": [{"type": "boolean"}, {"type": "object"}]},
)
async def syncing(principal: Principal, context: Context) -> bool | dict[str, str]:
    status = context.group.status()
    if not status.get("syncing"):
        return False
    head = context.group.chain.head.number
    return {
        "startingBlock": quantity(0),
        "currentBlock": quantity(head),
        "highestBlock": quantity(max(head, int(status["sequence"]))),
    }


async def _find_block(context: Context, selector: BlockSelector) -> StoredBlock | None:
    chain = context.group.chain

    def load() -> StoredBlock | None:
        number = find(chain, selector)
        return None if number is None else load_block(chain, number)

    return await context.read(load)


async def _block(context: Context, selector: BlockSelector, full: bool) -> dict[str, Any] | None:
    block = await _find_block(context, selector)
    if block is None:
        return None
    return await context.read(block_json, block.header, block.outcome, full=full)


@methods.method(
    "eth_getBlockByNumber",
    P("block", NUMBER_OR_TAG),
    optional("hydratedTransactions", BOOLEAN, False),
    summary="A block, its transactions whole or by hash",
    result=BLOCK_SCHEMA,
)
async def get_block_by_number(
    principal: Principal, context: Context, selector: BlockSelector, full: bool
) -> dict[str, Any] | None:
    return await _block(context, selector, full)


@methods.method(
    "eth_getBlockByHash",
    P("blockHash", HASH),
    optional("hydratedTransactions", BOOLEAN, False),
    summary="A block, its transactions whole or by hash",
    result=BLOCK_SCHEMA,
)
async def get_block_by_hash(
    principal: Principal, context: Context, block_hash: bytes, full: bool
) -> dict[str, Any] | None:
    return await _block(context, BlockSelector(hash=Hash32(block_hash)), full)


@methods.method(
    "eth_getBlockTransactionCountByNumber",
    P("block", NUMBER_OR_TAG),
    summary="How many transactions a block holds",
    result=COUNT_SCHEMA,
)
async def count_by_number(
    principal: Principal, context: Context, selector: BlockSelector
) -> str | None:
    block = await _find_block(context, selector)
    return None if block is None else quantity(len(block.outcome.included))


@methods.method(
    "eth_getBlockTransactionCountByHash",
    P("blockHash", HASH),
    summary="How many transactions a block holds",
    result=COUNT_SCHEMA,
)
async def count_by_hash(principal: Principal, context: Context, block_hash: bytes) -> str | None:
    block = await _find_block(context, BlockSelector(hash=Hash32(block_hash)))
    return None if block is None else quantity(len(block.outcome.included))


@methods.method(
    "eth_getUncleCountByBlockNumber",
    P("block", NUMBER_OR_TAG),
    summary="Zero: there are no uncles",
    result=COUNT_SCHEMA,
)
async def uncles_by_number(
    principal: Principal, context: Context, selector: BlockSelector
) -> str | None:
    return None if find(context.group.chain, selector) is None else quantity(0)


@methods.method(
    "eth_getUncleCountByBlockHash",
    P("blockHash", HASH),
    summary="Zero: there are no uncles",
    result=COUNT_SCHEMA,
)
async def uncles_by_hash(principal: Principal, context: Context, block_hash: bytes) -> str | None:
    selector = BlockSelector(hash=Hash32(block_hash))
    return None if find(context.group.chain, selector) is None else quantity(0)


@methods.method(
    "eth_getBlockReceipts",
    P("block", BLOCK),
    summary="All receipts of a block",
    result={"oneOf": [{"type": "array"}, {"type": "null"}]},
)
async def get_block_receipts(
    principal: Principal, context: Context, selector: BlockSelector
) -> list[dict[str, Any]] | None:
    block = await _find_block(context, selector)
    if block is None:
        return None
    return await context.read(receipts_json, block.header, block.outcome)
