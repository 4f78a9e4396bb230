"""Recursive length prefix (Ethereum yellow paper, appendix B), strict and bounded.

One byte string has one decoding and one item has one encoding: anything longer than it need be,
trailing or over a bound is refused. The `as_` functions turn decoded items into checked values.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ledger.values import ADDRESS_BYTES, HASH_BYTES, Address, Hash32

Item: TypeAlias = "bytes | list[Item]"
Encodable: TypeAlias = "bytes | int | Sequence[Encodable]"

DEPTH_MAX = 16

_SMALL_INTEGER = (b"\x80", *(bytes((value,)) for value in range(1, 0x80)))


class InvalidEncoding(ValueError):
    """Bytes that are not the one canonical encoding of what was expected."""


def encode(item: Encodable) -> bytes:
    """The RLP of bytes, a non-negative integer, or a sequence of those."""
    if isinstance(item, bytes):
        size = len(item)
        if size == 1 and item[0] < 0x80:
            return item
        return (_STRING[size] if size < 0x100 else _long_prefix(0x80, size)) + item
    if isinstance(item, int):
        assert item >= 0, "RLP has no negative integers"
        return _SMALL_INTEGER[item] if item < 0x80 else encode(int_to_bytes(item))
    return encode_joined(
        [
            # Addresses, hashes, signatures and small numbers are most of what lists hold, and
            # encoding is in the hot path: they are spared a call.
            _STRING[len(part)] + part
            if type(part) is bytes and 1 < len(part) < 0x100
            else _SMALL_INTEGER[part]
            if type(part) is int and 0 <= part < 0x80
            else encode(part)
            for part in item
        ]
    )


def encode_joined(encodings: Iterable[bytes]) -> bytes:
    """The RLP of a sequence whose items are encoded already."""
    payload = b"".join(encodings)
    size = len(payload)
    return (_LIST[size] if size < 0x100 else _long_prefix(0xC0, size)) + payload


def _prefix(offset: int, size: int) -> bytes:
    return bytes((offset + size,)) if size < 56 else _long_prefix(offset, size)


def _long_prefix(offset: int, size: int) -> bytes:
    digits = int_to_bytes(size)
    return bytes((offset + 55 + len(digits),)) + digits


def int_to_bytes(value: int) -> bytes:
    """Big endian without leading zeros; zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8)


# Of nearly all that is encoded: made once.
_STRING = tuple(_prefix(0x80, size) for size in range(0x100))
_LIST = tuple(_prefix(0xC0, size) for size in range(0x100))


def decode(data: bytes, *, bytes_max: int) -> Item:
    """The item that `data` encodes; raises InvalidEncoding.

    Refuses more than `bytes_max` bytes, nesting deeper than DEPTH_MAX, trailing bytes and every
    non-canonical length.
    """
    if len(data) > bytes_max:
        raise InvalidEncoding(f"expected at most {bytes_max} bytes, got {len(data)}")
    is_list, start, end = _span(data, 0, len(data))
    if end != len(data):
        raise InvalidEncoding(f"{len(data) - end} bytes follow the end of the item")
    return _decode_list(data, start, end, 1) if is_list else data[start:end]


def decode_list(data: bytes, *, bytes_max: int) -> list[Item]:
    """As `decode`, for data whose outermost item has to be a list."""
    item = decode(data, bytes_max=bytes_max)
    if not isinstance(item, list):
        raise InvalidEncoding(f"expected a list, got a string of {len(item)} bytes")
    return item


def _decode_list(data: bytes, position: int, limit: int, depth: int) -> list[Item]:
    if depth > DEPTH_MAX:
        raise InvalidEncoding(f"lists are nested deeper than {DEPTH_MAX}")
    items: list[Item] = []
    append = items.append
    while position < limit:
        first = data[position]
        if first < 0x80:  # the two commonest forms, inlined: decoding is in the hot path
            position += 1
            append(data[position - 1 : position])
            continue
        if 0x81 < first < 0xB8 and (end := position + first - 0x7F) <= limit:
            append(data[position + 1 : end])
            position = end
            continue
        is_list, start, position = _span(data, position, limit)
        append(_decode_list(data, start, position, depth + 1) if is_list else data[start:position])
    return items


def _span(data: bytes, position: int, limit: int) -> tuple[bool, int, int]:
    """Whether the item at `position` is a list, and where its payload starts and ends."""
    if position >= limit:
        raise InvalidEncoding("expected an item, got the end of the data")
    first = data[position]
    if first < 0x80:
        return False, position, position + 1
    is_list = first >= 0xC0
    code = first - (0xC0 if is_list else 0x80)
    start = position + 1
    if code < 56:
        size = code
        if size == 1 and not is_list and start < limit and data[start] < 0x80:
            raise InvalidEncoding("a byte below 0x80 stands for itself, without a prefix")
    else:
        digits = code - 55
        if start + digits > limit:
            raise InvalidEncoding("a length runs over the end of the data")
        if data[start] == 0:
            raise InvalidEncoding("a length has a leading zero")
        size = int.from_bytes(data[start : start + digits])
        if size < 56:
            raise InvalidEncoding(f"a length of {size} is written in the long form")
        start += digits
    if start + size > limit:
        raise InvalidEncoding(f"an item of {size} bytes runs over the end of its container")
    return is_list, start, start + size


def as_list(
    item: Item, what: str, *, length: int | None = None, length_max: int | None = None
) -> list[Item]:
    """The item as a list of `length`, or of at most `length_max`, items."""
    if not isinstance(item, list):
        raise InvalidEncoding(f"{what}: expected a list, got a string")
    if length is not None and len(item) != length:
        raise InvalidEncoding(f"{what}: expected {length} items, got {len(item)}")
    if length_max is not None and len(item) > length_max:
        raise InvalidEncoding(f"{what}: expected at most {length_max} items, got {len(item)}")
    return item


def as_bytes(
    item: Item, what: str, *, size: int | None = None, bytes_max: int | None = None
) -> bytes:
    """The item as a string of `size`, or of at most `bytes_max`, bytes."""
    if not isinstance(item, bytes):
        raise InvalidEncoding(f"{what}: expected a string, got a list")
    if size is not None and len(item) != size:
        raise InvalidEncoding(f"{what}: expected {size} bytes, got {len(item)}")
    if bytes_max is not None and len(item) > bytes_max:
        raise InvalidEncoding(f"{what}: expected at most {bytes_max} bytes, got {len(item)}")
    return item


def as_int(item: Item, what: str, *, bits: int = 64) -> int:
    """The item as an integer below 2**bits without leading zeros."""
    if not isinstance(item, bytes):
        raise InvalidEncoding(f"{what}: expected an integer, got a list")
    if item[:1] == b"\x00":
        raise InvalidEncoding(f"{what}: an integer has a leading zero")
    if len(item) * 8 > bits + 7:
        raise InvalidEncoding(f"{what}: expected an integer of {bits} bits, got {len(item)} bytes")
    value = int.from_bytes(item)
    if value.bit_length() > bits:
        raise InvalidEncoding(f"{what}: expected {bits} bits, got {value.bit_length()}")
    return value


def as_address(item: Item, what: str) -> Address:
    """The item as 20 bytes."""
    return Address(as_bytes(item, what, size=ADDRESS_BYTES))


def as_hash(item: Item, what: str) -> Hash32:
    """The item as 32 bytes."""
    return Hash32(as_bytes(item, what, size=HASH_BYTES))
