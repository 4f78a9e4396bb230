"""SHA-256 (FIPS 180-4) of a message of fixed length, one block or several.

Words are lists of 32 bits, lowest first; a message is bits in the order of the standard, the
highest bit of the first byte first. Constant bits (padding, initial state) cost nothing.
"""

from collections.abc import Sequence

from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.gadgets.booleans import differ
from zkp.gadgets.ranges import decompose, from_bits

WORD_BITS, BLOCK_BITS, ROUNDS = 32, 512, 64
MESSAGE_BLOCKS_MAX = 64

_MASK = (1 << WORD_BITS) - 1
_PRIMES_MAX = 311

Word = list[Bit]


def _primes() -> list[int]:
    """The first 64 primes."""
    return [n for n in range(2, _PRIMES_MAX + 1) if all(n % d for d in range(2, n))]


def _root_fraction(prime: int, degree: int) -> int:
    """The first 32 bits of the fraction of a prime's square or cube root, by bisection."""
    scaled, low, high = prime << (degree * WORD_BITS), 0, prime << WORD_BITS
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= scaled else (low, middle)
    return low & _MASK


INITIAL = tuple(_root_fraction(prime, 2) for prime in _primes()[:8])
ROUND_CONSTANTS = tuple(_root_fraction(prime, 3) for prime in _primes())


@gadget
def sha256(builder: Builder, message: Sequence[Bit], name: str) -> list[Bit]:
    """The 256 bits of the digest, highest bit of the first byte first."""
    whole = padded(message)
    blocks = [whole[start : start + BLOCK_BITS] for start in range(0, len(whole), BLOCK_BITS)]
    assert len(blocks) <= MESSAGE_BLOCKS_MAX, f"expected at most {MESSAGE_BLOCKS_MAX} blocks"
    state = [_constant_word(value) for value in INITIAL]
    for number, block in enumerate(blocks):
        state = compress(builder, state, block, f"{name}.block{number}")
    return [bit for word in state for bit in reversed(word)]


@gadget
def compress(
    builder: Builder,
    state: Sequence[Word],
    block: Sequence[Bit],
    name: str,
    rounds: int = ROUNDS,
) -> list[Word]:
    """The compression function. Fewer rounds than 64 are for tests."""
    schedule = [
        list(reversed(block[start : start + WORD_BITS]))
        for start in range(0, BLOCK_BITS, WORD_BITS)
    ]
    for index in range(16, rounds):
        small = [
            _shifted_sum(builder, schedule[index - 15], (7, 18), 3, f"{name}.s0.{index}"),
            _shifted_sum(builder, schedule[index - 2], (17, 19), 10, f"{name}.s1.{index}"),
        ]
        addends = [schedule[index - 16], small[0], schedule[index - 7], small[1]]
        schedule.append(_added(builder, addends, 0, f"{name}.w{index}"))
    words = list(state)
    for index in range(rounds):
        words = _round(builder, words, schedule[index], index, f"{name}.r{index}")
    return [
        _added(builder, [old, new], 0, f"{name}.out{index}")
        for index, (old, new) in enumerate(zip(state, words, strict=True))
    ]


def _round(
    builder: Builder, words: Sequence[Word], scheduled: Word, index: int, name: str
) -> list[Word]:
    a, b, c, d, e, f, g, h = words
    places = range(WORD_BITS)
    upper = _rotated_sum(builder, e, (6, 11, 25), f"{name}.S1")
    choice = [_choice(builder, e[i], f[i], g[i], f"{name}.ch{i}") for i in places]
    lower = _rotated_sum(builder, a, (2, 13, 22), f"{name}.S0")
    most = [_majority(builder, a[i], b[i], c[i], f"{name}.maj{i}") for i in places]
    first = [h, upper, choice, scheduled]
    new_e = _added(builder, [d, *first], ROUND_CONSTANTS[index], f"{name}.e")
    new_a = _added(builder, [*first, lower, most], ROUND_CONSTANTS[index], f"{name}.a")
    return [new_a, a, b, c, new_e, e, f, g]


def _rotated(word: Word, places: int) -> Word:
    return word[places:] + word[:places]


def _rotated_sum(builder: Builder, word: Word, places: tuple[int, int, int], name: str) -> Word:
    first, second, third = (_rotated(word, count) for count in places)
    return _parities(builder, first, second, third, name)


def _shifted_sum(
    builder: Builder, word: Word, places: tuple[int, int], shift: int, name: str
) -> Word:
    first, second = (_rotated(word, count) for count in places)
    third = word[shift:] + [_constant_bit(0)] * shift
    return _parities(builder, first, second, third, name)


def _parities(builder: Builder, first: Word, second: Word, third: Word, name: str) -> Word:
    """Bit by bit, whether an odd number of the three is 1."""
    pairs = [
        differ(builder, left, right, f"{name}.1.{i}")
        for i, (left, right) in enumerate(zip(first, second, strict=True))
    ]
    return [
        differ(builder, left, right, f"{name}.2.{i}")
        for i, (left, right) in enumerate(zip(pairs, third, strict=True))
    ]


def _choice(builder: Builder, choice: Bit, one: Bit, zero: Bit, name: str) -> Bit:
    """`one` where choice is 1, else `zero`."""
    return Bit((_times(builder, choice, Expression((one - zero).terms), name) + zero).terms)


def _majority(builder: Builder, first: Bit, second: Bit, third: Bit, name: str) -> Bit:
    """What at least two of them are: first·(second + third - 2·second·third) + second·third."""
    pair = _times(builder, second, Expression(third.terms), f"{name}.pair")
    odd = Expression(second.terms) + third - pair * 2
    return Bit((_times(builder, first, odd, name) + pair).terms)


def _times(builder: Builder, bit: Bit, other: Expression, name: str) -> Expression:
    for known, rest in ((bit.constant, other), (other.constant, Expression(bit.terms))):
        if known is not None:
            return rest * known
    return builder.multiply(Expression(bit.terms), other, name)


def _added(builder: Builder, words: Sequence[Word], addend: int, name: str) -> Word:
    """The sum modulo 2^32; the carry is decomposed with it and dropped."""
    total: Uint = constant(addend)
    for word in words:
        total = total + from_bits(word)
    bits = total.maximum.bit_length()
    return decompose(builder, total, bits, name, "expected a sum of words")[:WORD_BITS]


def _constant_word(value: int) -> Word:
    return [_constant_bit(value >> place & 1) for place in range(WORD_BITS)]


def _constant_bit(value: int) -> Bit:
    return Bit(constant(value).terms)


def padded(message: Sequence[Bit]) -> list[Bit]:
    """The message, a 1, zeros, and the length in 64 bits: whole blocks."""
    zeros = (BLOCK_BITS - 65 - len(message)) % BLOCK_BITS
    length = [_constant_bit(len(message) >> place & 1) for place in range(63, -1, -1)]
    return [*message, _constant_bit(1), *[_constant_bit(0)] * zeros, *length]
