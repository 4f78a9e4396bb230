"""BLAKE-512 (the SHA-3 finalist of Aumasson, Henzen, Meier and Phan, 2010), not BLAKE2.

Here only because circomlib derives EdDSA keys and nonces with it. Whole messages, no salt.
"""

_MASK = (1 << 64) - 1
_BLOCK_BYTES = 128
_ROUNDS = 16

_INITIAL = (
    *(0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1),
    *(0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179),
)
# The first digits of pi.
_CONSTANTS = (
    *(0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
    *(0x452821E638D01377, 0xBE5466CF34E90C6C, 0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917),
    *(0x9216D5D98979FB1B, 0xD1310BA698DFB5AC, 0x2FFD72DBD01ADFB7, 0xB8E1AFED6A267E96),
    *(0xBA7C9045F12C7F99, 0x24A19947B3916CF7, 0x0801F2E2858EFC16, 0x636920D871574E69),
)
_ORDERS = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def blake512(message: bytes) -> bytes:
    """The 64 bytes of BLAKE-512.

    >>> blake512(b"").hex()[:16]
    'a8cfbbd73726062d'
    """
    bits = 8 * len(message)
    # A 1 bit, zeros, another 1 bit and the length; the two bits may share a byte.
    gap = (_BLOCK_BYTES - 17 - len(message)) % _BLOCK_BYTES
    padding = b"\x81" if gap == 0 else b"\x80" + bytes(gap - 1) + b"\x01"
    padded = message + padding + bits.to_bytes(16, "big")
    state = list(_INITIAL)
    for start in range(0, len(padded), _BLOCK_BYTES):
        # The counter is of message bits up to here, and 0 for a block of padding alone.
        counted = min(8 * (start + _BLOCK_BYTES), bits)
        counter = counted if counted > 8 * start else 0
        state = _compress(state, padded[start : start + _BLOCK_BYTES], counter)
    return b"".join(word.to_bytes(8, "big") for word in state)


def _compress(state: list[int], block: bytes, counter: int) -> list[int]:
    words = [int.from_bytes(block[start : start + 8], "big") for start in range(0, 128, 8)]
    low, high = counter & _MASK, counter >> 64
    v = [*state, *_CONSTANTS[:8]]
    for place, part in ((12, low), (13, low), (14, high), (15, high)):
        v[place] ^= part
    for number in range(_ROUNDS):
        order = _ORDERS[number % 10]
        for step, places in enumerate((*_COLUMNS, *_DIAGONALS)):
            first, second = order[2 * step], order[2 * step + 1]
            _mix(v, places, words[first] ^ _CONSTANTS[second], words[second] ^ _CONSTANTS[first])
    return [old ^ v[place] ^ v[place + 8] for place, old in enumerate(state)]


def _mix(v: list[int], places: tuple[int, ...], first: int, second: int) -> None:
    a, b, c, d = places
    for addend, d_turn, b_turn in ((first, 32, 25), (second, 16, 11)):
        v[a] = v[a] + v[b] + addend & _MASK
        v[d] = _rotated(v[d] ^ v[a], d_turn)
        v[c] = v[c] + v[d] & _MASK
        v[b] = _rotated(v[b] ^ v[c], b_turn)


def _rotated(word: int, places: int) -> int:
    return (word >> places | word << (64 - places)) & _MASK
