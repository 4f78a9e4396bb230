"""The scalar field of BN254 on plain integers: the field in which circuits are written.

An element is an `int` in [0, R). Nothing here wraps it in a class: a proof multiplies millions of
them. The curve's own coordinates live in another field, see `zkp.curve`.
"""

from collections.abc import Sequence

# The prime order of BN254's groups (EIP-196 names it n; circom calls it bn128's prime).
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617

# R - 1 = 2^28 * odd, so there are roots of unity of every order 2^k for k up to 28.
TWO_ADICITY = 28
# The smallest quadratic non-residue; snarkjs derives its roots of unity from it as well.
_NON_RESIDUE = 5

ELEMENT_BYTES = 32


class InvalidElement(ValueError):
    """A number that is not a canonical field element."""


def check_element(value: int, what: str) -> int:
    """Returns `value` if it is in [0, R), else raises `InvalidElement` naming `what`."""
    if not 0 <= value < R:
        raise InvalidElement(
            f"{what}: expected an integer from 0 to r-1, got one of {value.bit_length()} bits"
            f"{' below zero' if value < 0 else ''}; reduce nothing, correct the source of the value"
        )
    return value


def inverse(value: int, modulus: int = R) -> int:
    """1/value modulo a prime. Zero has none: `ZeroDivisionError`."""
    if value % modulus == 0:
        raise ZeroDivisionError("zero has no inverse in a field")
    return pow(value, -1, modulus)


def invert_all(values: Sequence[int], modulus: int = R) -> list[int]:
    """Inverses of many non-zero elements at the price of one inversion (Montgomery's trick)."""
    prefixes = []
    product = 1
    for value in values:
        prefixes.append(product)
        product = product * value % modulus
    suffix = inverse(product, modulus) if values else 1
    inverses = [0] * len(values)
    for index in range(len(values) - 1, -1, -1):
        inverses[index] = suffix * prefixes[index] % modulus
        suffix = suffix * values[index] % modulus
    return inverses


def root_of_unity(order: int) -> int:
    """The primitive root of unity of `order` (a power of two up to 2^28) that snarkjs uses."""
    assert order.bit_count() == 1, f"order {order} is not a power of two"
    assert order <= 1 << TWO_ADICITY, f"order {order} exceeds 2^{TWO_ADICITY}"
    return pow(_NON_RESIDUE, (R - 1) // order, R)
