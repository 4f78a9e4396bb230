# pragma version ==0.4.3
# Reads recursive length prefix (yellow paper, appendix B) out of bytes that a hash already binds: what
# an honest node encoded is canonical, so that it is not checked here again. No storage, no state.

BYTES_MAX: constant(uint256) = 8_192
LENGTH_BYTES_MAX: constant(uint256) = 2
NUMBER_BYTES_MAX: constant(uint256) = 8


@internal
@pure
def item(data: Bytes[BYTES_MAX], at: uint256) -> (bool, uint256, uint256):
    """Whether the item at `at` is a list, and where its payload starts and ends."""
    assert at < len(data), "RLP ends before an item"
    first: uint256 = convert(slice(data, at, 1), uint256)
    if first < 128:
        return False, at, at + 1
    is_list: bool = first >= 192
    size: uint256 = first - (192 if is_list else 128)
    start: uint256 = at + 1
    if size > 55:
        digits: uint256 = size - 55
        assert digits <= LENGTH_BYTES_MAX, "RLP item is too long"
        assert start + digits <= len(data), "RLP ends within a length"
        size = self.number(data, start, start + digits)
        start += digits
    assert start + size <= len(data), "RLP ends within an item"
    return is_list, start, start + size


@internal
@pure
def number(data: Bytes[BYTES_MAX], start: uint256, end: uint256) -> uint256:
    """The big-endian number in bytes `start` to `end`."""
    assert end - start <= NUMBER_BYTES_MAX, "number has more than 64 bits"
    value: uint256 = 0
    for offset: uint256 in range(end - start, bound=NUMBER_BYTES_MAX):
        value = (value << 8) | convert(slice(data, start + offset, 1), uint256)
    return value


@internal
@pure
def word(data: Bytes[BYTES_MAX], at: uint256) -> bytes32:
    """The payload of the item at `at`, which must be a string of 32 bytes."""
    is_list: bool = False
    start: uint256 = 0
    end: uint256 = 0
    is_list, start, end = self.item(data, at)
    assert not is_list and end - start == 32, "expected a hash"
    return extract32(data, start)
