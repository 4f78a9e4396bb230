"""JSON from elsewhere: bounded in length and depth, no name twice, no half characters.

The EVM and pairing libraries raise this interpreter's recursion limit so far that a parser can run
over the end of its stack: nesting is therefore counted before anything is parsed.
"""

import json
import re
from typing import Any

depth_max = 32

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")


class InvalidJson(ValueError):
    """Bytes that are not one bounded JSON value. The message shows none of them."""


def decode_json(data: bytes, *, bytes_max: int) -> Any:
    """The JSON value in `data`. Raises `InvalidJson`."""
    if len(data) > bytes_max:
        raise InvalidJson(f"expected at most {bytes_max} bytes, got {len(data)}")
    depth = 0
    for token in _TOKEN.finditer(data):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > depth_max:
            raise InvalidJson(f"expected at most {depth_max} levels, one in another")
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_refuse)
    except InvalidJson:
        raise
    except ValueError as error:  # not JSON, not UTF-8, or a number of too many digits
        raise InvalidJson(f"expected JSON in UTF-8 ({type(error).__name__})") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("a name stands twice in one object; keep the right one")
    for key, value in pairs:
        if _HALF.search(key) or (isinstance(value, str) and _HALF.search(value)):
            raise InvalidJson("a text holds half of a character")
    return found


def _refuse(name: str) -> Any:
    raise InvalidJson(f"{name} is no JSON")
