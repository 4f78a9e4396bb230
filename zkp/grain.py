"""Poseidon's public constants, generated as its paper says (eprint 2019/458, appendices E and F).

A Grain LFSR, seeded by the field and the shape of the permutation, gives the round constants by
rejection and then the MDS matrix as a Cauchy matrix. circomlib uses the same procedure.
"""

from collections.abc import Iterator
from functools import cache
from itertools import compress
from typing import NamedTuple

from zkp.field import R, invert_all

FULL_ROUNDS = 8
# Partial rounds for a state of 2, 3, … 17 elements: the values that circomlib fixes for 128 bits
# of security and x^5 over BN254's scalar field.
PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
WIDTH_MIN, WIDTH_MAX = 2, 17

_FIELD_BITS = 254
_STATE_BITS = 80
_TAPS = (62, 51, 38, 23, 13, 0)
# The newest tap lies 18 places behind the bit it feeds, so 18 bits can be made in one step.
_STEP_BITS = 18
_DISCARDED_BITS = 160


class Parameters(NamedTuple):
    """One permutation: `width` elements, its rounds, and its constants.

    `constants[round][i]` is added to element i; `matrix[i][j]` is what element j gives to i.
    """

    width: int
    partial_rounds: int
    constants: tuple[tuple[int, ...], ...]
    matrix: tuple[tuple[int, ...], ...]


def _seed(width: int, partial_rounds: int) -> int:
    """The LFSR's first 80 bits, oldest bit lowest: prime field, x^alpha, n, t, R_F, R_P, ones."""
    fields = ((1, 2), (0, 4), (_FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10))
    bits = "".join(f"{value:0{size}b}" for value, size in (*fields, (partial_rounds, 10)))
    return int((bits + "1" * 30)[::-1], 2)


def _raw_bits(state: int) -> Iterator[str]:
    """The LFSR's output after the seed, in pieces of 18 bits as text, oldest first."""
    mask = (1 << _STEP_BITS) - 1
    while True:
        new = 0
        for tap in _TAPS:
            new ^= state >> tap
        new &= mask
        state = state >> _STEP_BITS | new << (_STATE_BITS - _STEP_BITS)
        yield f"{new:018b}"[::-1]


def _samples(width: int, partial_rounds: int) -> Iterator[int]:
    """Numbers of 254 bits. Of each pair of raw bits the second counts if the first is 1."""
    raw = _raw_bits(_seed(width, partial_rounds))
    pending, kept = "", ""
    skipped = 0
    while True:
        while len(kept) < _FIELD_BITS:
            pending += "".join(next(raw) for _ in range(64))
            if skipped < _DISCARDED_BITS:
                pending, skipped = pending[_DISCARDED_BITS:], _DISCARDED_BITS
            even = len(pending) & ~1
            kept += "".join(compress(pending[1:even:2], map(int, pending[:even:2])))
            pending = pending[even:]
        yield int(kept[:_FIELD_BITS], 2)
        kept = kept[_FIELD_BITS:]


@cache
def parameters(width: int) -> Parameters:
    """The parameters for a state of `width` elements (2 to 17: one to sixteen inputs)."""
    assert WIDTH_MIN <= width <= WIDTH_MAX, f"width {width} is not in {WIDTH_MIN}…{WIDTH_MAX}"
    partial_rounds = PARTIAL_ROUNDS[width - WIDTH_MIN]
    samples = _samples(width, partial_rounds)
    elements = (sample for sample in samples if sample < R)
    constants = tuple(
        tuple(next(elements) for _ in range(width)) for _ in range(FULL_ROUNDS + partial_rounds)
    )
    # Unlike the constants, the matrix's points are reduced rather than rejected.
    points = [next(samples) % R for _ in range(2 * width)]
    assert len(set(points)) == 2 * width, "a Cauchy matrix needs distinct points"
    columns = points[width:]
    inverses = invert_all([x + y for x in points[:width] for y in columns])
    matrix = tuple(tuple(inverses[row * width : (row + 1) * width]) for row in range(width))
    return Parameters(width, partial_rounds, constants, matrix)
