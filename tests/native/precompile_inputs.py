"""What random programs call precompiles with: mostly input that gets an answer, some not."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

from ledger.gate import GROTH16_PRECOMPILE, POSEIDON_PRECOMPILE
from ledger.suite import STANDARD
from ledger.values import Address, keccak
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.snarkjs.calldata import statement_words
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

InputMaker = Callable[[Random], bytes]

_POINT_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_BLS_INFINITY = b"\xc0" + bytes(47)
_G1_POINTS = tuple(G1.multiply(G1.generator, k) for k in (1, 2, 3, R - 1))
_G2_POINTS = tuple(G2.multiply(G2.generator, k) for k in (1, 2, R - 1))
_VECTORS = Path(__file__).parents[1] / "vectors" / "snarkjs"


def word(value: int) -> bytes:
    """32 bytes, big endian."""
    return value.to_bytes(32)


def scalar(random: Random) -> int:
    """A number of 256 bits: small, at the edges of the field, or anything."""
    return random.choice((0, 1, 2, R - 1, R, P, 2**256 - 1, random.getrandbits(256)))


def g1(random: Random) -> bytes:
    """A point of G1, rarely one that is none."""
    if random.random() < 0.1:
        return random.choice((bytes(64), word(1) + word(3), word(P) + word(2), word(1) + word(P)))
    x, y = random.choice(_G1_POINTS) or (0, 0)
    return word(x) + word(y)


def g2(random: Random) -> bytes:
    """A point of G2, rarely one that is none."""
    if random.random() < 0.1:
        return random.choice((bytes(128), word(1) * 4, random.randbytes(128)))
    (x0, x1), (y0, y1) = random.choice(_G2_POINTS) or ((0, 0), (0, 0))
    return word(x1) + word(x0) + word(y1) + word(y0)


def _recovery(random: Random) -> bytes:
    digest = keccak(random.randbytes(4))
    made = STANDARD.sign(digest, keccak(b"some key"))
    parity = random.choice((27, 27, 28, 0, 29)) if random.random() < 0.3 else 27 + made[64]
    return digest + word(parity) + made[:64]


def _bytes(random: Random) -> bytes:
    return random.randbytes(random.choice((0, 1, 31, 32, 33, 64, 100)))


def _modexp(random: Random) -> bytes:
    sizes = [random.choice((0, 1, 2, 31, 32, 33)) for _ in range(3)]
    numbers = b"".join(random.randbytes(size) for size in sizes)
    return b"".join(map(word, sizes)) + numbers


def _sum(random: Random) -> bytes:
    return g1(random) + g1(random)


def _multiple(random: Random) -> bytes:
    return g1(random) + word(scalar(random))


def _pairing(random: Random) -> bytes:
    if random.random() < 0.3:  # of a point and its negative: the product is one
        x, y = random.choice(_G1_POINTS) or (0, 0)
        second = g2(random)
        return word(x) + word(y) + second + word(x) + word(-y % P) + second
    return b"".join(g1(random) + g2(random) for _ in range(random.randrange(3)))


def _blake(random: Random) -> bytes:
    last = random.choice((0, 1, 1, 2))
    return random.randrange(20).to_bytes(4) + random.randbytes(64 + 128 + 16) + bytes((last,))


def _point_evaluation(random: Random) -> bytes:
    """Of the zero polynomial, whose commitment and proofs are infinity: its value is 0 anywhere."""
    versioned = b"\x01" + sha256(_BLS_INFINITY).digest()[1:]
    at = random.choice((0, 1, random.randrange(_POINT_MODULUS), _POINT_MODULUS))
    value = random.choice((0, 0, 0, 1))
    return versioned + word(at) + word(value) + _BLS_INFINITY + _BLS_INFINITY


_CANCUN: dict[Address, InputMaker] = {
    Address(number.to_bytes(20)): make
    for number, make in enumerate(
        (
            _recovery,
            _bytes,
            _bytes,
            _bytes,
            _modexp,
            _sum,
            _multiple,
            _pairing,
            _blake,
            _point_evaluation,
        ),
        start=1,
    )
}

_STATEMENT = b"".join(
    map(
        word,
        statement_words(
            decode_verifying_key((_VECTORS / "m500.vkey.json").read_text()),
            decode_proof((_VECTORS / "m500.proof.json").read_text()),
            decode_publics((_VECTORS / "m500.public.json").read_text()),
        ),
    )
)


def _poseidon(random: Random) -> bytes:
    words = b"".join(word(random.randrange(R)) for _ in range(random.randint(2, 6)))
    return _spoilt(random, words)


def _groth16(random: Random) -> bytes:
    return _spoilt(random, _STATEMENT)


def _spoilt(random: Random, data: bytes) -> bytes:
    """In two of five cases another number in some word, or another length."""
    if random.random() < 0.6:
        return data
    if random.random() < 0.3:
        return data[: random.randrange(len(data))]
    place = 32 * random.randrange(len(data) // 32)
    other = random.choice((bytes(32), b"\xff" * 32, word(1), data[-32:]))
    return data[:place] + other + data[place + 32 :]


PRECOMPILE_INPUTS: dict[Address, InputMaker] = {
    **_CANCUN,
    POSEIDON_PRECOMPILE: _poseidon,
    GROTH16_PRECOMPILE: _groth16,
}
