"""`net_`, `web3_`, the list of accounts, and the OpenRPC document."""

from __future__ import annotations

from typing import Any

from ledger.values import keccak

from .context import Context
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry
from .values import DATA, DATA_SCHEMA, QUANTITY_SCHEMA, data, quantity

methods = Registry()


@methods.method("net_version", summary="The chain id in decimal", result={"type": "string"})
async def net_version(principal: Principal, context: Context) -> str:
    return str(context.group.genesis.parameters.chain_id)


@methods.method("net_listening", summary="Whether peers can connect", result={"type": "boolean"})
async def net_listening(principal: Principal, context: Context) -> bool:
    return True


@methods.method("net_peerCount", summary="How many peers are connected", result=QUANTITY_SCHEMA)
async def net_peer_count(principal: Principal, context: Context) -> str:
    return quantity(sum(1 for peer in context.node.peers() if peer["connected"]))


@methods.method(
    "web3_clientVersion", summary="This software and its engine", result={"type": "string"}
)
async def web3_client_version(principal: Principal, context: Context) -> str:
    return f"quorate/v{context.node.version}/{context.node.engine}"


@methods.method("web3_sha3", P("data", DATA), summary="Keccak-256 of data", result=DATA_SCHEMA)
async def web3_sha3(principal: Principal, context: Context, content: bytes) -> str:
    return data(keccak(content))


@methods.method(
    "eth_accounts",
    summary="Accounts that this node signs for: none",
    result={"type": "array", "items": {"type": "string"}},
)
async def accounts(principal: Principal, context: Context) -> list[str]:
    return []


@methods.method("rpc.discover", summary="This document", result={"type": "object"})
async def discover(principal: Principal, context: Context) -> dict[str, Any]:
    return context.registry.describe(context.node.version)
