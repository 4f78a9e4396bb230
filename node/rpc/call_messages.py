"""The transaction object of `eth_call` and `eth_estimateGas`, parsed.

Fees other than zero are refused as they are in transactions, so that a call and the transaction
it stands for behave alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.values import ZERO_ADDRESS, AccessList, Address

from .errors import TRANSACTION_REJECTED, RpcError, invalid_parameters
from .values import (
    ADDRESS_SCHEMA,
    DATA_SCHEMA,
    QUANTITY_SCHEMA,
    Kind,
    parse_data,
    parse_fixed,
    parse_quantity,
    shown,
)

_FEES = ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
_FIELDS = frozenset(
    {"from", "to", "gas", "value", "data", "input", "nonce", "type", "chainId", "accessList"}
    | set(_FEES)
)
_UNSUPPORTED = ("blobVersionedHashes", "maxFeePerBlobGas", "authorizationList", "blobs")


@dataclass(frozen=True)
class CallRequest:
    """What is to be executed. `to` None creates a contract; `gas` None takes the block's limit."""

    sender: Address
    to: Address | None
    gas: int | None
    value: int
    data: bytes
    access_list: AccessList
    chain_id: int | None


def _parse_call(name: str, value: Any) -> CallRequest:
    if not isinstance(value, dict):
        raise invalid_parameters(f"{name}: expected an object, got {shown(value)}")
    given = {key: part for key, part in value.items() if part is not None}
    for field in _UNSUPPORTED:
        if field in given:
            raise invalid_parameters(
                f"{name}.{field}: blob and set-code transactions are not carried here"
            )
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise invalid_parameters(f"{name}: no field {unknown[0]!r} in a transaction object")
    for field in _FEES:
        if field in given and parse_quantity(f"{name}.{field}", given[field]) != 0:
            raise RpcError(
                TRANSACTION_REJECTED,
                f"{name}.{field}: gas costs nothing here; leave it out or set it to 0x0",
                {"reason": "FEE_NOT_ZERO"},
            )
    for field in ("nonce", "type"):
        if field in given:
            parse_quantity(f"{name}.{field}", given[field], bits_max=64)
    return CallRequest(
        sender=Address(parse_fixed(f"{name}.from", given["from"], 20))
        if "from" in given
        else ZERO_ADDRESS,
        to=Address(parse_fixed(f"{name}.to", given["to"], 20)) if given.get("to") else None,
        gas=parse_quantity(f"{name}.gas", given["gas"], bits_max=64) if "gas" in given else None,
        value=parse_quantity(f"{name}.value", given.get("value", "0x0")),
        data=_parse_input(name, given),
        access_list=_parse_access_list(f"{name}.accessList", given.get("accessList", [])),
        chain_id=parse_quantity(f"{name}.chainId", given["chainId"])
        if "chainId" in given
        else None,
    )


def _parse_input(name: str, given: dict[str, Any]) -> bytes:
    content = parse_data(f"{name}.input", given["input"]) if "input" in given else None
    if "data" not in given:
        return content or b""
    older = parse_data(f"{name}.data", given["data"])
    if content is not None and content != older:
        raise invalid_parameters(f"{name}: data and input differ; send one of them")
    return older


def _parse_access_list(name: str, value: Any) -> AccessList:
    if not isinstance(value, list):
        raise invalid_parameters(f"{name}: expected an array, got {shown(value)}")
    entries = []
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(entry.get("storageKeys"), list):
            raise invalid_parameters(
                f"{name}: expected objects with address and storageKeys (EIP-2930)"
            )
        address = Address(parse_fixed(f"{name}.address", entry.get("address"), 20))
        slots = [parse_fixed(f"{name}.storageKeys", key, 32) for key in entry["storageKeys"]]
        entries.append((address, tuple(int.from_bytes(slot, "big") for slot in slots)))
    return tuple(entries)


CALL: Kind[CallRequest] = Kind(
    _parse_call,
    {
        "title": "transaction",
        "type": "object",
        "properties": {
            "from": ADDRESS_SCHEMA,
            "to": ADDRESS_SCHEMA,
            "gas": QUANTITY_SCHEMA,
            "value": QUANTITY_SCHEMA,
            "input": DATA_SCHEMA,
            "data": DATA_SCHEMA,
        },
    },
)
