"""How deep JSON text is nested, found without recursion.

py-evm raises Python's recursion limit far above what a thread's stack holds, so a parser that
recurses would end the process on a request of many brackets. This is asked first.
"""

from __future__ import annotations

import re

DEPTH_MAX = 64

# A string left open runs to the end, so the scan is linear whatever the text is.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def is_too_deep(text: bytes, depth_max: int = DEPTH_MAX) -> bool:
    """Whether arrays and objects are nested deeper than the bound.

    >>> is_too_deep(b'[["]]]]"]]', depth_max=2), is_too_deep(b"[[[]]]", depth_max=2)
    (False, True)
    """
    if text.count(b"[") + text.count(b"{") <= depth_max:
        return False
    depth = 0
    for token in _TOKENS.finditer(text):
        first = token[0][0]
        if first in b"[{":
            depth += 1
            if depth > depth_max:
                return True
        elif first in b"]}":
            depth -= 1
    return False
