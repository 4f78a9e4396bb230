"""Accounts at a block: balance, nonce, code, storage, and Merkle proofs of them (EIP-1186)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ledger.state import Account, StateReader
from ledger.values import Address

from .context import Context
from .errors import invalid_parameters, limit_exceeded
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry, optional
from .selectors import BLOCK, LATEST, BlockSelector, resolve
from .values import (
    ADDRESS,
    DATA_SCHEMA,
    HASH_SCHEMA,
    QUANTITY_SCHEMA,
    SLOT,
    Kind,
    data,
    quantity,
    shown,
)

methods = Registry()
T = TypeVar("T")


async def _read(context: Context, selector: BlockSelector, look: Callable[[StateReader], T]) -> T:
    chain = context.group.chain
    return await context.read(lambda: look(chain.state_at(resolve(chain, selector))))


@methods.method(
    "eth_getBalance",
    P("address", ADDRESS),
    optional("block", BLOCK, LATEST),
    summary="The balance in wei",
    result=QUANTITY_SCHEMA,
)
async def get_balance(
    principal: Principal, context: Context, address: Address, selector: BlockSelector
) -> str:
    account = await _read(context, selector, lambda state: state.account(address))
    return quantity(0 if account is None else account.balance)


@methods.method(
    "eth_getTransactionCount",
    P("address", ADDRESS),
    optional("block", BLOCK, LATEST),
    summary="The next nonce; with `pending` after the transactions that wait in the pool",
    result=QUANTITY_SCHEMA,
)
async def get_transaction_count(
    principal: Principal, context: Context, address: Address, selector: BlockSelector
) -> str:
    account = await _read(context, selector, lambda state: state.account(address))
    nonce = 0 if account is None else account.nonce
    if selector.is_pending:
        nonce = context.group.pool.next_nonce(address, nonce)
    return quantity(nonce)


@methods.method(
    "eth_getCode",
    P("address", ADDRESS),
    optional("block", BLOCK, LATEST),
    summary="A contract's code, empty for any other account",
    result=DATA_SCHEMA,
)
async def get_code(
    principal: Principal, context: Context, address: Address, selector: BlockSelector
) -> str:
    return data(await _read(context, selector, lambda state: state.code(address)))


@methods.method(
    "eth_getStorageAt",
    P("address", ADDRESS),
    P("storageSlot", SLOT),
    optional("block", BLOCK, LATEST),
    summary="One word of a contract's storage",
    result=HASH_SCHEMA,
)
async def get_storage_at(
    principal: Principal, context: Context, address: Address, slot: int, selector: BlockSelector
) -> str:
    value = await _read(context, selector, lambda state: state.storage(address, slot))
    return data(value.to_bytes(32, "big"))


def _parse_slots(name: str, value: Any) -> list[tuple[str, int]]:
    """Slots with the text that asked for them: answers repeat it."""
    if not isinstance(value, list):
        raise invalid_parameters(f"{name}: expected an array of storage keys, got {shown(value)}")
    return [(str(key), SLOT.parse(f"{name}[{index}]", key)) for index, key in enumerate(value)]


SLOTS: Kind[list[tuple[str, int]]] = Kind(_parse_slots, {"type": "array", "items": SLOT.schema})


@methods.method(
    "eth_getProof",
    P("address", ADDRESS),
    P("storageKeys", SLOTS),
    optional("block", BLOCK, LATEST),
    summary="Merkle proof of an account and of words of its storage against the state root",
    result={"type": "object"},
)
async def get_proof(
    principal: Principal,
    context: Context,
    address: Address,
    slots: list[tuple[str, int]],
    selector: BlockSelector,
) -> dict[str, Any]:
    if len(slots) > context.limits.proof_slots_max:
        raise limit_exceeded(f"at most {context.limits.proof_slots_max} storage keys in one proof")
    chain = context.group.chain
    proof = await context.read(
        lambda: chain.proof(address, [s for _, s in slots], resolve(chain, selector))
    )
    account = proof.account or Account()
    return {
        "address": data(address),
        "accountProof": [data(node) for node in proof.nodes],
        "balance": quantity(account.balance),
        "codeHash": data(account.code_hash),
        "nonce": quantity(account.nonce),
        "storageHash": data(account.storage_root),
        "storageProof": [
            {
                "key": text,
                "value": quantity(slot.value),
                "proof": [data(node) for node in slot.nodes],
            }
            for (text, _), slot in zip(slots, proof.slots, strict=True)
        ],
    }
