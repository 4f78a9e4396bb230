"""From constraints to polynomials: the quadratic arithmetic program that Groth16 proves.

Row i of A, B, C gives values at the i-th power of a root of unity of order n. Below the
constraints stands one more row per public signal (and the constant), with that signal alone in A:
without it, a public signal that no constraint names could be changed in a finished proof.
"""

from collections.abc import Iterator, Sequence

from zkp import ntt
from zkp.field import R, invert_all, root_of_unity
from zkp.groth16.keys import Coefficient
from zkp.r1cs import ConstraintSystem

MATRIX_A, MATRIX_B = 0, 1


def domain_size(system: ConstraintSystem) -> int:
    """The power of two that holds all rows."""
    rows = len(system.constraints) + system.publics + 1
    return 1 << (rows - 1).bit_length()


def coefficients(system: ConstraintSystem) -> Iterator[Coefficient]:
    """The entries of A and B by row, with the rows of the public signals at the end.

    A row's terms come in the system's own order, as snarkjs takes them from a `.r1cs` file.
    """
    for row, constraint in enumerate(system.constraints):
        for matrix, terms in ((MATRIX_A, constraint.a), (MATRIX_B, constraint.b)):
            for wire, value in terms.items():
                yield Coefficient(matrix, row, wire, value)
    for wire in range(system.publics + 1):
        yield Coefficient(MATRIX_A, len(system.constraints) + wire, wire, 1)


def lagrange_at(point: int, size: int) -> list[int]:
    """The values at `point` of the polynomials that are 1 at one root of unity and 0 at others.

    `point` must not be a root of unity of order `size` itself.
    """
    roots = ntt.powers(root_of_unity(size), size)
    vanishing = (pow(point, size, R) - 1) * pow(size, -1, R) % R
    distances = invert_all([(point - root) % R for root in roots])
    return [
        vanishing * root % R * distance % R for root, distance in zip(roots, distances, strict=True)
    ]


def quotient_values(
    entries: Sequence[Coefficient], witness: Sequence[int], domain: int
) -> list[int]:
    """A·B - C at the odd powers of the root of order 2 · domain, C being A·B row by row.

    A·B - C vanishes at the even powers, so these values fix it: its value at the secret point is
    their sum weighed by the odd Lagrange polynomials, which is what the key's `h` points hold.
    """
    rows = ([0] * domain, [0] * domain)
    for matrix, row, wire, value in entries:
        rows[matrix][row] += value * witness[wire]
    a, b = ([value % R for value in row] for row in rows)
    c = [left * right % R for left, right in zip(a, b, strict=True)]
    shift = root_of_unity(2 * domain)
    a, b, c = (ntt.evaluate(ntt.shift(ntt.interpolate(row), shift)) for row in (a, b, c))
    return [(left * right - out) % R for left, right, out in zip(a, b, c, strict=True)]
