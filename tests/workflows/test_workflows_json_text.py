"""JSON from elsewhere is refused before it can hurt."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.json_text import InvalidJson, decode_json, depth_max

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(values)
def test_ordinary_values_are_read(value: Any) -> None:
    assert decode_json(json.dumps(value).encode(), bytes_max=10_000) == value


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"":'])
def test_deep_nesting_is_refused_whatever_the_recursion_limit(opening: bytes) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 200_000))
    try:
        with pytest.raises(InvalidJson, match="levels"):
            decode_json(opening * 100_000, bytes_max=1_000_000)
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_inside_texts_do_not_count() -> None:
    text = "[" * 100 + '\\"'
    assert decode_json(json.dumps([text]).encode(), bytes_max=1000) == [text]


def test_the_deepest_that_is_taken() -> None:
    data = b"[" * depth_max + b"]" * depth_max
    decode_json(data, bytes_max=1000)
    with pytest.raises(InvalidJson):
        decode_json(b"[" + data + b"]", bytes_max=1000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b'{"a":1,"a":2}',
        b'{"a":"\\ud800"}',
        b'{"\\ud800":1}',
        b"1" * 5000,
        b'"' + b"a" * 100,
        b" " * 10_001,
    ],
)
def test_what_is_no_bounded_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        decode_json(data, bytes_max=10_000)
