"""What a dishonest prover of any circuit tries first, written for all of its signals at once.

Each attempt is a list of lies about computed signals; the program computes what follows from them.
"""

import re
from collections.abc import Iterator, Mapping

from zkp.circuit import Circuit
from zkp.field import R

Attempt = tuple[str, dict[str, int]]

# A hash's inner signals are thousands, all alike; a digit has the one constraint that it is one.
_ALIKE = re.compile(r"\.r\d+\.|\.bit\d+$")


def attempts(circuit: Circuit, inputs: Mapping[str, int]) -> Iterator[Attempt]:
    """The kind of a forgery, and its lies."""
    witness = circuit.solve(inputs)
    values = dict(zip(circuit.signals, witness, strict=True))
    computed = [circuit.signals[wire] for wire, _ in circuit.program]
    yield from _other_divisions(values, computed)
    yield from _wrapped_digits(values, computed)
    yield from _swapped(values, "gain/taxable", "gain/loss")
    for name in computed:
        if values[name] and not _ALIKE.search(name):
            yield "r - x", {name: R - values[name]}


def _other_divisions(values: Mapping[str, int], computed: list[str]) -> Iterator[Attempt]:
    """One less or more in the quotient, with the remainder left, and with it made to fit."""
    for name in computed:
        if not name.endswith(".quotient"):
            continue
        base = name.removesuffix(".quotient")
        quotient, remainder = values[name], values[f"{base}.remainder"]
        for step in (-1, 1):
            yield f"quotient {step:+}", {name: (quotient + step) % R}
        held = sum(value for each, value in values.items() if re.fullmatch(r"capital\d", each))
        for divisor in (20_000, held):
            fitting = {name: (quotient - 1) % R, f"{base}.remainder": remainder + divisor}
            yield "quotient - 1, remainder + divisor", fitting
        dividend = 20_000 * quotient + remainder
        in_field = {name: dividend * pow(20_000, -1, R) % R, f"{base}.remainder": 0}
        if in_field[name] != quotient:
            yield "the field's quotient", in_field


def _wrapped_digits(values: Mapping[str, int], computed: list[str]) -> Iterator[Attempt]:
    """The digits of x + r in the place of those of x, as far as there is room for them."""
    for name in computed:
        if not name.endswith(".bit0"):
            continue
        base = name.removesuffix("0")
        count = next(place for place in range(len(values)) if f"{base}{place}" not in values)
        number = sum(values[f"{base}{place}"] << place for place in range(count)) + R
        yield "digits of x + r", {f"{base}{place}": number >> place & 1 for place in range(count)}


def _swapped(values: Mapping[str, int], first: str, second: str) -> Iterator[Attempt]:
    if first in values and values[first] != values[second]:
        yield f"{first} and {second} swapped", {first: values[second], second: values[first]}


def unrefused(circuit: Circuit, inputs: Mapping[str, int]) -> list[tuple[str, list[str]]]:
    """Kinds and signals of the attempts that satisfy every constraint."""
    return [
        (kind, sorted(lies)[:3])
        for kind, lies in attempts(circuit, inputs)
        if circuit.system.first_unsatisfied(circuit.solve(inputs, lies)) is None
    ]
