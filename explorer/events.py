"""Events and calls in words, by the ABIs of our contracts.

A log or a call that no known ABI explains stays as it is: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from contracts.bindings.accounts import gate
from contracts.bindings.agreements import registry
from contracts.bindings.contract import Contract, Event, InvalidResult
from contracts.bindings.equity import SOURCE as TRANSFER
from contracts.bindings.equity_holdings import SOURCE as HOLDINGS
from contracts.interface import Abi, load_abi
from ledger.gate import AGREEMENTS_CONTRACT, GATE_CONTRACT
from ledger.receipts import Log
from ledger.values import Address, to_hex

from .rebuild import rebuild_log
from .values import EventView

INTEGER_BITS_MAX = 53
"""Integers beyond a double's precision travel as text."""

# Commitments by which people ask for a lot: shown as they would type them.
_LOTS = frozenset({"lot", "lots"})


def event_view(log: Mapping[str, Any]) -> EventView:
    """A log of Ethereum's JSON."""
    plain = rebuild_log(log)
    event = decode_event(plain)
    return EventView(
        contract=to_hex(plain.address),
        name=None if event is None else event.name,
        arguments={} if event is None else shown_arguments(event.arguments),
        topics=tuple(to_hex(topic) for topic in plain.topics),
        data=to_hex(plain.data),
    )


def decode_event(log: Log) -> Event | None:
    """The event that our contracts' ABIs make of a log, None if they make nothing of it."""
    try:
        (event,) = known_contract(log.address).decode_events([log])
    except (InvalidResult, ValueError):
        return None
    return event


def method_name(to: Address | None, data: bytes) -> str | None:
    """The method that a transaction's data calls, where a known ABI has it."""
    if to is None:
        return None
    try:
        return known_contract(to).decode_call(data)[0]
    except (InvalidResult, ValueError):
        return None


def known_contract(address: Address) -> Contract:
    """The ABI that may explain what stands at an address."""
    if address == GATE_CONTRACT:
        return gate()
    if address == AGREEMENTS_CONTRACT:
        return registry()
    return Contract(address, _transfer_abi())


@cache
def _transfer_abi() -> Abi:
    """Events and methods of both transfer contracts: what one alone has is not in the other."""
    first, second = load_abi(TRANSFER), load_abi(HOLDINGS)
    return (*first, *(item for item in second if item not in first))


def shown_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON has them: bytes as hex, labels as text, large integers as text."""
    return {name: _shown(name, value) for name, value in arguments.items()}


def _shown(name: str, value: Any) -> Any:
    if name == "data_type" and isinstance(value, bytes):
        return value.rstrip(b"\0").decode("ascii", "replace")
    if isinstance(value, bytes):
        return to_hex(value)
    if name in _LOTS and isinstance(value, int):
        return f"0x{value:064x}"
    if isinstance(value, tuple | list):
        return [_shown(name, item) for item in value]
    if isinstance(value, int) and value.bit_length() > INTEGER_BITS_MAX:
        return str(value)
    return value
