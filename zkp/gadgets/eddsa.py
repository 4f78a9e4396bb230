"""A signature of EdDSA-Poseidon checked in a circuit: what `zkp.eddsa.verify` says.

Stricter than circomlib's EdDSAPoseidonVerifier, which leaves it to the caller that both points lie
on the curve.
"""

from typing import NamedTuple

from zkp.babyjubjub import BASE, SUBGROUP_ORDER
from zkp.builder import Builder, gadget
from zkp.expressions import Expression, constant
from zkp.gadgets.canonical import canonical_bits
from zkp.gadgets.compare import at_most
from zkp.gadgets.edwards import add_points, double_point, fixed_multiple, multiple, on_curve
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import decompose, from_bits, nonzero


class SignatureSignals(NamedTuple):
    """A signature in a circuit: the commitment point's coordinates and the scalar."""

    r8_x: Expression
    r8_y: Expression
    s: Expression


ORDER_BITS = SUBGROUP_ORDER.bit_length()


@gadget
def verify_signature(
    builder: Builder,
    public_key: tuple[Expression, Expression],
    message: Expression,
    signature: SignatureSignals,
    name: str,
) -> None:
    """Demands a signature of `message` by `public_key` (affine coordinates).

    The message is one field element: a tagged hash of what was signed.
    """
    *r8, s = signature
    key = on_curve(builder, public_key[0], public_key[1], f"{name}.key")
    commitment = on_curve(builder, r8[0], r8[1], f"{name}.r8")
    expectation = "expected s below the order of Baby Jubjub's subgroup"
    digits = decompose(builder, s, ORDER_BITS, f"{name}.s", expectation)
    limit = constant(SUBGROUP_ORDER - 1)
    at_most(builder, from_bits(digits), limit, f"{name}.s_in_order", expectation)
    hashed = poseidon(builder, [*r8, *public_key, message], f"{name}.challenge")
    challenge = canonical_bits(builder, hashed, f"{name}.challenge")
    for step in range(3):
        key = double_point(builder, key, f"{name}.cofactor{step}")
    nonzero(builder, key.x, f"{name}.key_order", "expected a key that is not of small order")
    left = fixed_multiple(builder, BASE, digits, f"{name}.left")
    signed = multiple(builder, key, challenge, f"{name}.signed")
    right = add_points(builder, commitment, signed, f"{name}.right")
    message_text = "expected a signature of this message by this key"
    builder.equal(left.x, right.x, f"{name}.x", message_text)
    builder.equal(left.y, right.y, f"{name}.y", message_text)
