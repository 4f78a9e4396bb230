"""Which block a request means: a tag, a number, a hash, or an EIP-1898 object.

`latest`, `safe`, `finalized` and `pending` are all the last stable block: nothing here can be
undone, and a pending block has no state of its own (only the pool's nonces count, elsewhere).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.chain import Chain
from ledger.values import Hash32

from .errors import invalid_parameters, not_found
from .values import HASH_SCHEMA, QUANTITY_SCHEMA, Kind, parse_fixed, parse_quantity, shown

TAGS = ("latest", "safe", "finalized", "pending", "earliest")
NUMBER_BITS_MAX = 64


@dataclass(frozen=True, slots=True)
class BlockSelector:
    """Exactly one of the three is set."""

    tag: str | None = None
    number: int | None = None
    hash: Hash32 | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the pool's transactions count."""
        return self.tag == "pending"


LATEST = BlockSelector(tag="latest")
EARLIEST = BlockSelector(tag="earliest")


def resolve(chain: Chain, selector: BlockSelector) -> int:
    """The number of a stored block; raises RpcError when it is not on this node."""
    number = find(chain, selector)
    if number is None:
        named = (
            f"block {selector.number}"
            if selector.hash is None
            else f"block with hash 0x{selector.hash.hex()}"
        )
        raise not_found(f"{named} not found: the last stable one is {chain.head.number}")
    return number


def find(chain: Chain, selector: BlockSelector) -> int | None:
    """As `resolve`, None for a block that is not there."""
    head = chain.head.number
    if selector.hash is not None:
        return chain.number_of(selector.hash)
    if selector.number is not None:
        return selector.number if selector.number <= head else None
    return 0 if selector.tag == "earliest" else head


def _parse_number_or_tag(name: str, value: Any) -> BlockSelector:
    if isinstance(value, str) and value in TAGS:
        return BlockSelector(tag=value)
    if isinstance(value, str) and value.startswith("0x"):
        return BlockSelector(number=parse_quantity(name, value, bits_max=NUMBER_BITS_MAX))
    raise invalid_parameters(
        f"{name}: expected a block number as a quantity, or one of {', '.join(TAGS)}; "
        f"got {shown(value)}"
    )


def _parse_block(name: str, value: Any) -> BlockSelector:
    if isinstance(value, dict):
        return _parse_object(name, value)
    if isinstance(value, str) and len(value) == 66:
        return BlockSelector(hash=Hash32(parse_fixed(name, value, 32)))
    return _parse_number_or_tag(name, value)


def _parse_object(name: str, value: dict[str, Any]) -> BlockSelector:
    """EIP-1898. `requireCanonical` is checked for form: every block here is canonical."""
    unknown = set(value) - {"blockNumber", "blockHash", "requireCanonical"}
    if unknown or ("blockNumber" in value) == ("blockHash" in value):
        raise invalid_parameters(
            f"{name}: expected an object with either blockNumber or blockHash (EIP-1898), "
            f"got {shown(value)}"
        )
    if not isinstance(value.get("requireCanonical", False), bool):
        raise invalid_parameters(f"{name}.requireCanonical: expected true or false")
    if "blockHash" in value:
        return BlockSelector(hash=Hash32(parse_fixed(f"{name}.blockHash", value["blockHash"], 32)))
    return _parse_number_or_tag(f"{name}.blockNumber", value["blockNumber"])


_NUMBER_OR_TAG_SCHEMA: dict[str, Any] = {"oneOf": [{"enum": list(TAGS)}, QUANTITY_SCHEMA]}

NUMBER_OR_TAG: Kind[BlockSelector] = Kind(_parse_number_or_tag, _NUMBER_OR_TAG_SCHEMA)
BLOCK: Kind[BlockSelector] = Kind(
    _parse_block,
    {
        "oneOf": [
            {"enum": list(TAGS)},
            QUANTITY_SCHEMA,
            HASH_SCHEMA,
            {
                "title": "EIP-1898",
                "type": "object",
                "properties": {
                    "blockNumber": _NUMBER_OR_TAG_SCHEMA,
                    "blockHash": HASH_SCHEMA,
                    "requireCanonical": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
        ]
    },
)
