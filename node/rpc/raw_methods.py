"""`debug_getRaw*` of execution-apis: headers, blocks, receipts and transactions as their bytes."""

from __future__ import annotations

from ledger.header import encode_header
from ledger.receipts import encode_receipt
from ledger.values import Hash32

from .context import Context
from .formats import raw_block
from .principal import Principal
from .reading import find_transaction, load_block
from .registry import Parameter as P
from .registry import Registry
from .selectors import BLOCK, BlockSelector, resolve
from .values import DATA_SCHEMA, HASH, data

methods = Registry()


@methods.method(
    "debug_getRawHeader", P("block", BLOCK), summary="A header's RLP", result=DATA_SCHEMA
)
async def get_raw_header(principal: Principal, context: Context, selector: BlockSelector) -> str:
    chain = context.group.chain
    header = await context.read(lambda: chain.header(resolve(chain, selector)))
    return data(encode_header(header))


@methods.method(
    "debug_getRawBlock",
    P("block", BLOCK),
    summary="A block's RLP as Ethereum encodes it",
    result=DATA_SCHEMA,
)
async def get_raw_block(principal: Principal, context: Context, selector: BlockSelector) -> str:
    chain = context.group.chain
    block = await context.read(lambda: load_block(chain, resolve(chain, selector)))
    return data(raw_block(block.header, block.transactions))


@methods.method(
    "debug_getRawReceipts",
    P("block", BLOCK),
    summary="A block's receipts as the receipts trie holds them",
    result={"type": "array", "items": DATA_SCHEMA},
)
async def get_raw_receipts(
    principal: Principal, context: Context, selector: BlockSelector
) -> list[str]:
    chain = context.group.chain
    block = await context.read(lambda: load_block(chain, resolve(chain, selector)))
    return [data(encode_receipt(receipt)) for receipt in block.outcome.receipts]


@methods.method(
    "debug_getRawTransaction",
    P("transactionHash", HASH),
    summary="A transaction's bytes as they were signed, null if unknown",
    result={"oneOf": [DATA_SCHEMA, {"type": "null"}]},
)
async def get_raw_transaction(
    principal: Principal, context: Context, transaction_hash: bytes
) -> str | None:
    wanted = Hash32(transaction_hash)
    found = await context.read(find_transaction, context.group.chain, wanted)
    if found is not None:
        return data(found.transaction.raw)
    waiting = context.group.pool.get(wanted)
    return None if waiting is None else data(waiting.raw)
