"""A random constraint system with a witness: what interchange and fuzzing draw circuits from."""

from random import Random

from zkp.field import R, inverse
from zkp.r1cs import Constraint, ConstraintSystem, dot

OUTPUTS, PUBLICS, PRIVATES = 1, 3, 20
_TERMS_MAX = 5


def random_circuit(random: Random, rows: int) -> tuple[ConstraintSystem, tuple[int, ...]]:
    """`rows` constraints, each of which fixes one more wire; the last ones fix the outputs.

    Coefficients are ones, small ones, negative ones, and any; values are as the constraints say.
    """
    assert rows > OUTPUTS, f"{rows} rows, more than {OUTPUTS}"
    first = 1 + OUTPUTS + PUBLICS + PRIVATES
    wires = first + rows - OUTPUTS
    witness = [1] + [0] * (wires - 1)
    known = [0, *range(1 + OUTPUTS, first)]
    for wire in known[1:]:
        witness[wire] = random.choice((random.randrange(R), random.randrange(100), R - 1, 0))
    constraints = []
    for wire in [*range(first, wires), *range(1, 1 + OUTPUTS)]:
        a, b, rest = (_combination(random, known) for _ in range(3))
        factor = _coefficient(random)
        wanted = dot(a, witness) * dot(b, witness) - dot(rest, witness)
        witness[wire] = wanted * inverse(factor) % R
        constraints.append(Constraint(a, b, {**rest, wire: factor}))
        known.append(wire)
    system = ConstraintSystem(wires, OUTPUTS, PUBLICS, PRIVATES, tuple(constraints))
    return system, tuple(witness)


def _combination(random: Random, known: list[int]) -> dict[int, int]:
    wires = random.sample(known, random.randrange(_TERMS_MAX + 1))
    return {wire: _coefficient(random) for wire in wires}


def _coefficient(random: Random) -> int:
    kind = random.randrange(4)
    return (1, R - 1, random.randrange(1, 1 << 16), random.randrange(1, R))[kind]
