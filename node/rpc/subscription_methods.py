"""`eth_subscribe` over WebSocket: newHeads, logs, newPendingTransactions."""

from __future__ import annotations

from typing import Any

from ledger.transactions import recover_sender

from .context import Context
from .errors import METHOD_NOT_SUPPORTED, RpcError, invalid_parameters
from .formats import header_json, transaction_json
from .log_methods import LOG_QUERY, LogQuery, find_logs
from .principal import Principal
from .registry import Parameter as P
from .registry import Registry, optional
from .values import BOOLEAN, QUANTITY_SCHEMA, TEXT, Kind, data, shown
from .view import GroupEvent, NewHead, NewPending
from .websocket import Connection, Render

methods = Registry()
TOPICS = ("newHeads", "logs", "newPendingTransactions")


def _parse_detail(name: str, value: Any) -> LogQuery | bool:
    """The second parameter: a filter for logs, or whether to send whole transactions."""
    return value if isinstance(value, bool) else LOG_QUERY.parse(name, value)


DETAIL: Kind[LogQuery | bool] = Kind(_parse_detail, {"oneOf": [LOG_QUERY.schema, BOOLEAN.schema]})


@methods.method(
    "eth_subscribe",
    P("subscriptionType", TEXT),
    optional("detail", DETAIL),
    summary="Notifications on this WebSocket: newHeads, logs or newPendingTransactions",
    result=QUANTITY_SCHEMA,
)
async def subscribe(
    principal: Principal, context: Context, topic: str, detail: LogQuery | bool | None
) -> str:
    connection = _connection(context)
    if topic == "newHeads":
        return connection.subscribe(_new_heads(context))
    if topic == "logs":
        if isinstance(detail, bool):
            raise invalid_parameters("detail: expected a filter object for logs")
        query = detail or LOG_QUERY.parse("detail", {})
        return connection.subscribe(_logs(context, query))
    if topic == "newPendingTransactions":
        return connection.subscribe(_pending(context, whole=detail is True))
    raise invalid_parameters(
        f"subscriptionType: expected one of {', '.join(TOPICS)}, got {shown(topic)}"
    )


@methods.method(
    "eth_unsubscribe",
    P("subscriptionId", TEXT),
    summary="End a subscription",
    result={"type": "boolean"},
)
async def unsubscribe(principal: Principal, context: Context, identifier: str) -> bool:
    return _connection(context).unsubscribe(identifier)


def _connection(context: Context) -> Connection:
    if context.connection is None:
        raise RpcError(
            METHOD_NOT_SUPPORTED,
            "subscriptions need a WebSocket: connect to the same path with ws://, "
            "or use eth_newFilter",
        )
    return context.connection


def _new_heads(context: Context) -> Render:
    async def render(event: GroupEvent) -> list[Any]:
        if not isinstance(event, NewHead):
            return []
        return [header_json(await context.read(context.group.chain.header, event.number))]

    return render


def _logs(context: Context, query: LogQuery) -> Render:
    async def render(event: GroupEvent) -> list[Any]:
        if not isinstance(event, NewHead):
            return []
        return await context.read(find_logs, context.group.chain, query, event.number, event.number)

    return render


def _pending(context: Context, *, whole: bool) -> Render:
    async def render(event: GroupEvent) -> list[Any]:
        if not isinstance(event, NewPending):
            return []
        if not whole:
            return [data(event.hash)]
        transaction = context.group.pool.get(event.hash)
        if transaction is None:
            return []
        sender = recover_sender(transaction, context.suite)
        return [transaction_json(transaction, sender, None)]

    return render
