"""BLAKE2b-512 (RFC 7693) whose state can be written down and taken up again.

`.ptau` files keep such a state of each contribution's hash, 216 bytes, so that the hash over a
response of gigabytes can be finished without it. Python's own BLAKE2b does not give its state.
"""

from blake2b import compress

STATE_BYTES = 216

_BLOCK_BYTES = 128
_WORDS = 8
_ROUNDS = 12
# The first bits of the square roots' fractions of the first eight primes, as in SHA-512.
_START = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
# Digests of 64 bytes, no key, no tree: the only parameters that differ from zero.
_PARAMETERS = 0x0101_0040


class InvalidState(ValueError):
    """Bytes that are no state of a hash."""


class ResumableBlake2b:
    """Like `hashlib.blake2b()`, with `state` and `from_state`."""

    def __init__(self) -> None:
        self._words = [_START[0] ^ _PARAMETERS, *_START[1:]]
        self._tail = b""
        self._hashed = 0

    @classmethod
    def from_state(cls, state: bytes) -> "ResumableBlake2b":
        """Goes on where `state` was taken. Raises `InvalidState`."""
        if len(state) != STATE_BYTES:
            raise InvalidState(f"a hash's state of {len(state)} bytes: expected {STATE_BYTES}")
        words = _numbers(state[_BLOCK_BYTES:])
        hashed, filled = words[_WORDS], words[_WORDS + 1]
        if filled > _BLOCK_BYTES or hashed % _BLOCK_BYTES:
            raise InvalidState(f"a hash's state with {filled} bytes after {hashed}")
        made = cls()
        made._words, made._hashed = words[:_WORDS], hashed
        made._tail = state[:filled]
        return made

    def state(self) -> bytes:
        """The last block as far as it is filled, the chained words, bytes before it and in it."""
        numbers = (*self._words, self._hashed, len(self._tail), 0)
        return self._tail.ljust(_BLOCK_BYTES, b"\0") + b"".join(
            number.to_bytes(8, "little") for number in numbers
        )

    def update(self, data: bytes | memoryview) -> None:
        """Takes more bytes in. The last block, even a full one, waits: it may be the final one."""
        data = self._tail + bytes(data)
        place = 0
        while len(data) - place > _BLOCK_BYTES:
            self._hashed += _BLOCK_BYTES
            block = data[place : place + _BLOCK_BYTES]
            self._words = _numbers(compress(_ROUNDS, self._words, _numbers(block), *self._end()))
            place += _BLOCK_BYTES
        self._tail = data[place:]

    def digest(self) -> bytes:
        """The hash of 64 bytes."""
        block = _numbers(self._tail.ljust(_BLOCK_BYTES, b"\0"))
        length = [(self._hashed + len(self._tail)) % (1 << 64), 0]
        return bytes(compress(_ROUNDS, self._words, block, length, True))

    def _end(self) -> tuple[list[int], bool]:
        return [self._hashed % (1 << 64), 0], False


def _numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[start : start + 8], "little") for start in range(0, len(data), 8)]
