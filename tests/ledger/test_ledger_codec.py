"""RLP: one item, one encoding; everything else is refused."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import DEPTH_MAX, InvalidEncoding, as_int, as_list, decode, encode

items = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=20
)


@given(items)
def test_what_is_encoded_decodes_and_equals_pyrlp(item):
    data = encode(item)
    assert data == rlp.encode(item)
    assert decode(data, bytes_max=len(data)) == item


@given(st.binary(max_size=70))
def test_what_decodes_encodes_to_the_same_bytes(data):
    try:
        item = decode(data, bytes_max=100)
    except InvalidEncoding:
        return
    assert encode(item) == data


@given(st.integers(0, 2**256 - 1))
def test_integers(value):
    assert as_int(decode(encode(value), bytes_max=40), "value", bits=256) == value


@pytest.mark.parametrize(
    "text",
    [
        "",  # nothing
        "8100",  # a byte with a needless prefix
        "817f",
        "b800",  # long form of a short string
        "b90001" + "00",
        "b9003a" + "00" * 58,  # a length with a leading zero
        "f9003a" + "00" * 58,
        "b8",  # a length that is cut off
        "83aabb",  # a string that is cut off
        "c3aabb",
        "c20000ff",  # trailing
        "8000",
        "f800",
        "f90000",
        "c1",
        "bfffffffffffffffff",
        "ffffffffffffffffff",
    ],
)
def test_other_encodings_are_refused(text):
    with pytest.raises(InvalidEncoding):
        decode(bytes.fromhex(text), bytes_max=100)


def test_bounds_are_kept():
    with pytest.raises(InvalidEncoding, match="at most 3 bytes"):
        decode(encode(b"abcd"), bytes_max=3)
    deep = bytes(0xC0 + depth for depth in range(DEPTH_MAX, -1, -1))
    with pytest.raises(InvalidEncoding, match="deeper"):
        decode(deep, bytes_max=100)
    assert decode(deep[1:], bytes_max=100)
    with pytest.raises(InvalidEncoding, match="at most 1 items"):
        as_list([b"", b""], "list", length_max=1)


@pytest.mark.parametrize("item", [b"\x00", b"\x00\x01", bytes(33), b"\x01" + bytes(8), []])
def test_integers_in_another_form_are_refused(item):
    with pytest.raises(InvalidEncoding):
        as_int(item, "value")
