"""Sending: a signed transaction into the node's journal and pool.

The answer is the hash, given once the transaction survives a crash of this node.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.transactions import DECODABLE_BYTES_MAX, InvalidTransaction
from ledger.values import Hash32

from .context import Context
from .errors import RESOURCE_UNAVAILABLE, TRANSACTION_REJECTED, RpcError
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry
from .values import DATA_SCHEMA, HASH_SCHEMA, Kind, data, parse_data
from .view import Unavailable

methods = Registry()

RAW: Kind[bytes] = Kind(
    lambda name, value: parse_data(name, value, bytes_max=DECODABLE_BYTES_MAX), DATA_SCHEMA
)


def rejected(problem: InvalidTransaction) -> RpcError:
    """A refusal by the ledger or the pool: the sentence for people, the code for machines."""
    return RpcError(TRANSACTION_REJECTED, str(problem), {"reason": str(problem.code)})


def _shown(answer: Hash32 | InvalidTransaction | Unavailable) -> str | RpcError:
    if isinstance(answer, InvalidTransaction):
        return rejected(answer)
    if isinstance(answer, Unavailable):
        return RpcError(RESOURCE_UNAVAILABLE, str(answer))
    return data(answer)


@methods.method(
    "eth_sendRawTransaction",
    P("transaction", RAW),
    summary="Journal, pool and gossip a signed transaction; answers its hash",
    result=HASH_SCHEMA,
)
async def send_raw_transaction(principal: Principal, context: Context, raw: bytes) -> str:
    [answer] = await context.group.submit_batch([raw])
    shown = _shown(answer)
    if isinstance(shown, RpcError):
        raise shown
    return shown


@methods.together("eth_sendRawTransaction")
async def send_raw_transactions(
    principal: Principal, context: Context, calls: Sequence[Sequence[bytes]]
) -> list[str | RpcError]:
    """Many calls of one JSON-RPC batch: decoded, checked and synced together."""
    return [_shown(answer) for answer in await context.group.submit_batch([r for [r] in calls])]
