"""Linear equations modulo r over integers with known bounds.

The one idea: if a sum of bounded terms can reach only one multiple of r, the equation holds over
the integers as well, and there bounds can be reasoned about. Variables stand for integers in
(-r/2, r/2); a variable without bounds may be any field element.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

from zkp.expressions import ONE
from zkp.field import R

HALF = R // 2
# Rescaling an equation by the inverse of one of its coefficients is tried for this many of them.
SCALES_MAX = 4
# Coefficients of more bits than this are worth rescaling: bounded values never fit beside them.
COEFFICIENT_BITS_MAX = 200

Interval = tuple[int, int]
Form = tuple[tuple[int, int], ...]
Bounds = MutableMapping[int, Interval]


class Impossible(Exception):
    """The equations and bounds contradict each other."""


class Equation(NamedTuple):
    """sum of coefficient · variable + constant = 0 modulo r; all of them in (-r/2, r/2)."""

    terms: tuple[tuple[int, int], ...]
    constant: int


def signed(value: int) -> int:
    """The representative of a residue in (-r/2, r/2]."""
    value %= R
    return value - R if value > HALF else value


def combine(*weighed: tuple[int, Mapping[int, int]]) -> dict[int, int]:
    """The sum of factor · linear combination, without zero coefficients."""
    total: dict[int, int] = {}
    for factor, terms in weighed:
        for wire, coefficient in terms.items():
            total[wire] = (total.get(wire, 0) + factor * coefficient) % R
    return {wire: coefficient for wire, coefficient in total.items() if coefficient}


def equation(terms: Mapping[int, int]) -> Equation:
    """The equation `terms` = 0, scaled so that its coefficients are small integers if they can."""
    items = [(wire, value) for wire, value in terms.items() if wire != ONE]
    best = _scaled(items, terms.get(ONE, 0), 1)
    if _size(best) > COEFFICIENT_BITS_MAX:
        for _, coefficient in items[:SCALES_MAX]:
            other = _scaled(items, terms.get(ONE, 0), pow(coefficient, -1, R))
            if _size(other) < _size(best):
                best = other
    return best


def normalised(terms: Mapping[int, int]) -> Form:
    """A linear combination up to a factor: the same for a form and its multiples."""
    if not terms:
        return ()
    first = min(terms)
    factor = pow(terms[first], -1, R)
    return tuple(sorted((wire, value * factor % R) for wire, value in terms.items()))


def tighten(bounds: Bounds, item: Equation) -> list[int]:
    """Narrows the bounds by an equation; gives the variables whose bounds became narrower.

    Raises `Impossible` if no values within the bounds satisfy it.
    """
    low = high = item.constant
    unbounded = 0
    parts: list[tuple[int, int, Interval | None]] = []
    for variable, coefficient in item.terms:
        interval = bounds.get(variable)
        parts.append((variable, coefficient, interval))
        if interval is None:
            unbounded += 1
            if unbounded > 1:
                return []
            continue
        reached = _times(interval, coefficient)
        low, high = low + reached[0], high + reached[1]
    if unbounded:
        return _bound_the_last(bounds, parts, low, high)
    multiple = -(-low // R)
    if multiple * R > high:
        raise Impossible
    if (multiple + 1) * R <= high:
        return []
    return _narrow(bounds, parts, low - multiple * R, high - multiple * R)


def is_injective(terms: Sequence[tuple[int, int]], width: Callable[[int], int | None]) -> bool:
    """Whether a sum of coefficient · variable determines each of its variables.

    `width` gives the greatest difference of two values of a variable, None if it is unbounded. Like
    the digits of a number: each weight exceeds all that the smaller ones reach, and nothing wraps.
    """
    reach = 0
    for variable, coefficient in sorted(terms, key=lambda term: abs(term[1])):
        span = width(variable)
        if span is None or abs(coefficient) <= reach:
            return len(terms) == 1
        reach += abs(coefficient) * span
    return reach < R or len(terms) == 1


def _scaled(items: list[tuple[int, int]], constant: int, factor: int) -> Equation:
    scaled = tuple((wire, signed(value * factor)) for wire, value in items)
    return Equation(scaled, signed(constant * factor))


def _size(item: Equation) -> int:
    return max((abs(coefficient).bit_length() for _, coefficient in item.terms), default=0)


def _times(interval: Interval, factor: int) -> Interval:
    low, high = interval[0] * factor, interval[1] * factor
    return (low, high) if factor >= 0 else (high, low)


def _bound_the_last(
    bounds: Bounds, parts: list[tuple[int, int, Interval | None]], low: int, high: int
) -> list[int]:
    """Bounds for the one variable that has none, if the others leave it less than the field."""
    variable, coefficient = next((v, c) for v, c, interval in parts if interval is None)
    if low == high:
        value = signed(-low * pow(coefficient, -1, R))
        bounds[variable] = (value, value)
        return [variable]
    if abs(coefficient) != 1:
        return []
    found = (-high, -low) if coefficient == 1 else (low, high)
    if found[0] < -HALF or found[1] > HALF:
        return []
    bounds[variable] = found
    return [variable]


def _narrow(
    bounds: Bounds, parts: list[tuple[int, int, Interval | None]], low: int, high: int
) -> list[int]:
    """Each term is minus the sum of the others, over the integers."""
    changed = []
    for variable, coefficient, interval in parts:
        assert interval is not None
        own = _times(interval, coefficient)
        least, most = -(high - own[1]), -(low - own[0])
        if coefficient < 0:
            least, most = -most, -least
        step = abs(coefficient)
        narrower = (max(interval[0], -(-least // step)), min(interval[1], most // step))
        if narrower[0] > narrower[1]:
            raise Impossible
        if narrower != interval:
            bounds[variable] = narrower
            changed.append(variable)
    return changed
