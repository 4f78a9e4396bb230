"""Sums of many multiples of points: Pippenger's buckets, filled by batched affine additions.

Time depends on the scalars. A prover on a machine shared with a stranger should not use this.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TypeVar

from zkp.curve.group import Group
from zkp.field import R

Point = TypeVar("Point")


def sum_lists(group: Group[Point], lists: Sequence[list[Point]]) -> list[Point | None]:
    """The sum of each list. All lists are halved together, so that inversions are shared."""
    rows = list(lists)
    while True:
        pairs: list[tuple[Point, Point]] = []
        owners: list[int] = []
        for index, row in enumerate(rows):
            half = len(row) // 2
            if half:
                pairs += zip(row[:half], row[half : 2 * half], strict=True)
                owners += [index] * half
                rows[index] = row[2 * half :]
        if not pairs:
            return [row[0] if row else None for row in rows]
        for index, total in zip(owners, group.add_all(pairs), strict=True):
            if total is not None:
                # A fresh list the first time: the caller's own lists stay as they are.
                rows[index].append(total)


def multi_scalar_multiply(
    group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
) -> Point | None:
    """The sum of scalar · point over both sequences, scalars in [0, r). Identities are skipped."""
    plain: list[Point] = []
    terms: list[tuple[Point, int]] = []
    for point, scalar in zip(points, scalars, strict=True):
        if point is None or not scalar:
            continue
        if scalar == 1:
            plain.append(point)
        else:
            terms.append((point, scalar))
    ones = sum_lists(group, [plain])[0]
    return group.add(ones, _pippenger(group, terms)) if terms else ones


def multiply_each(
    group: Group[Point], points: Sequence[Point | None], scalars: Sequence[int]
) -> list[Point | None]:
    """scalar · point place by place, scalars in [0, r): all double and add in step."""
    totals: list[Point | None] = [None] * len(points)
    longest = max(scalars, default=0).bit_length()
    for bit in range(longest - 1, -1, -1):
        totals = add_columns(group, totals, totals)
        taken = [
            point if scalar >> bit & 1 else None
            for point, scalar in zip(points, scalars, strict=True)
        ]
        totals = add_columns(group, totals, taken)
    return totals


def _pippenger(group: Group[Point], terms: Sequence[tuple[Point, int]]) -> Point | None:
    bits = _window_bits(len(terms))
    half = 1 << (bits - 1)
    windows = R.bit_length() // bits + 1
    # buckets[window · half + digit - 1]: points to be taken `digit` times in that window.
    buckets: list[list[Point]] = [[] for _ in range(windows * half)]
    mask = (1 << bits) - 1
    for point, scalar in terms:
        opposite = group.negate(point)
        rest, base = scalar, 0
        while rest:
            digit = rest & mask
            rest >>= bits
            if digit > half:
                buckets[base + mask - digit].append(opposite)
                rest += 1
            elif digit:
                buckets[base + digit - 1].append(point)
            base += half
    sums = sum_lists(group, buckets)
    total: Point | None = None
    weighed_sums: list[Point | None] = _weigh(group, sums, windows, half)
    for weighed in reversed(weighed_sums):
        for _ in range(bits):
            total = group.add(total, total)
        total = group.add(total, weighed)
    return total


def _weigh(
    group: Group[Point], sums: Sequence[Point | None], windows: int, half: int
) -> list[Point | None]:
    """For each window the sum of digit · bucket, by running sums from the highest digit down."""
    running: list[Point | None] = [None] * windows
    totals: list[Point | None] = [None] * windows
    for digit in range(half - 1, -1, -1):
        running = add_columns(group, running, sums[digit::half])
        totals = add_columns(group, totals, running)
    return totals


def combine(
    group: Group[Point],
    points: Sequence[Point | None],
    lists: Sequence[Sequence[tuple[int, int]]],
) -> list[Point | None]:
    """For each list of (place, number) the sum of number · points[place], numbers in [1, r)."""
    sums: list[list[Point]] = [[] for _ in lists]
    factors: list[tuple[Point, int]] = []
    owners: list[int] = []
    for owner, row in enumerate(lists):
        for place, number in row:
            point = points[place]
            if point is None:
                continue
            # Small numbers, also negative ones, are what most constraints hold.
            negative = number > R // 2
            signed, size = (group.negate(point), R - number) if negative else (point, number)
            if size == 1:
                sums[owner].append(signed)
            else:
                factors.append((signed, size))
                owners.append(owner)
    products = multiply_each(group, [point for point, _ in factors], [size for _, size in factors])
    for owner, product in zip(owners, products, strict=True):
        if product is not None:
            sums[owner].append(product)
    return sum_lists(group, sums)


def add_columns(
    group: Group[Point], left: Sequence[Point | None], right: Sequence[Point | None]
) -> list[Point | None]:
    """The sums of two rows of points, place by place; either may hold identities."""
    sums: list[Point | None] = []
    places: list[int] = []
    pairs: list[tuple[Point, Point]] = []
    for place, (one, other) in enumerate(zip_longest(left, right)):
        if one is None or other is None:
            sums.append(one if other is None else other)
        else:
            sums.append(None)
            places.append(place)
            pairs.append((one, other))
    for place, total in zip(places, group.add_all(pairs), strict=True):
        sums[place] = total
    return sums


def _window_bits(terms: int) -> int:
    """The width that needs the fewest additions: each window costs the terms and the buckets."""
    return min(range(2, 16), key=lambda bits: (R.bit_length() // bits + 1) * (terms + (1 << bits)))
