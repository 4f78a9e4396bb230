"""RLPTests: items encode to the given bytes, and those decode to them; invalid bytes are refused.

The crate hands no RLP to Python: how it reads and writes it is judged by TransactionTests, by the
roots of the state tests and by the header's lists, which both engines compute.
"""

import json
from collections.abc import Callable
from typing import Any

import rlp

from ledger.codec import InvalidEncoding, decode, encode
from tests.ethereum.results import Results
from tests.ethereum.samples import SUITES

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]
_CODECS: dict[str, tuple[Encode, Decode]] = {
    "python": (encode, lambda data: decode(data, bytes_max=len(data))),
    "reference": (rlp.encode, rlp.decode),
}


def rlp_tests(implementation: str) -> Results:
    """Every test by one implementation."""
    encode_, decode_ = _CODECS[implementation]
    results = Results()
    for path in sorted((SUITES / "RLPTests").rglob("*.json")):
        for name, test in json.loads(path.read_text(encoding="utf-8")).items():
            results.add(f"{path.name} {name}", _fault(test, encode_, decode_))
    return results


def _fault(test: dict[str, Any], encode_: Encode, decode_: Decode) -> str | None:
    data = bytes.fromhex(test["out"].removeprefix("0x"))
    is_item = test["in"] not in ("VALID", "INVALID")
    if is_item and encode_(_item(test["in"])) != data:
        return "encodes to other bytes"
    try:
        decoded = decode_(data)
    except (InvalidEncoding, rlp.DecodingError) as error:
        return None if test["in"] == "INVALID" else f"refused: {error}"
    if test["in"] == "INVALID":
        return "decodes what is invalid"
    return None if encode_(decoded) == data else "decodes to another item"


def _item(value: Any) -> Any:
    if isinstance(value, list):
        return [_item(part) for part in value]
    if isinstance(value, str):
        return int(value[1:]) if value.startswith("#") else value.encode()
    return value
