"""RLPTests: items encode to the given bytes, and those decode to them; invalid bytes are refused.

The crate encodes only: how it reads RLP is judged by TransactionTests.
"""

import json
from collections.abc import Callable
from typing import Any

import rlp

from ledger.codec import InvalidEncoding, decode, encode_in_python
from ledger.native import is_available
from tests.ethereum.results import Results
from tests.ethereum.samples import SUITES

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]
_CODECS: dict[str, tuple[Encode, Decode | None]] = {
    "python": (encode_in_python, lambda data: decode(data, bytes_max=len(data))),
    "reference": (rlp.encode, rlp.decode),
}
if is_available():
    import quorate_native

    _CODECS["crate"] = (quorate_native.rlp_encode, None)


def rlp_tests(implementation: str) -> Results:
    """Every test by one implementation."""
    encode, decode_ = _CODECS[implementation]
    results = Results()
    for path in sorted((SUITES / "RLPTests").rglob("*.json")):
        for name, test in json.loads(path.read_text(encoding="utf-8")).items():
            results.add(f"{path.name} {name}", _fault(test, encode, decode_))
    return results


def _fault(test: dict[str, Any], encode: Encode, decode_: Decode | None) -> str | None:
    data = bytes.fromhex(test["out"].removeprefix("0x"))
    is_item = test["in"] not in ("VALID", "INVALID")
    if is_item and encode(_item(test["in"])) != data:
        return "encodes to other bytes"
    if decode_ is None:
        return None if is_item else "does not decode"
    try:
        decoded = decode_(data)
    except (InvalidEncoding, rlp.DecodingError) as error:
        return None if test["in"] == "INVALID" else f"refused: {error}"
    if test["in"] == "INVALID":
        return "decodes what is invalid"
    return None if encode(decoded) == data else "decodes to another item"


def _item(value: Any) -> Any:
    if isinstance(value, list):
        return [_item(part) for part in value]
    if isinstance(value, str):
        return int(value[1:]) if value.startswith("#") else value.encode()
    return value
