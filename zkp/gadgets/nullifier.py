"""A nullifier in a circuit. The nonce must be the very signal that the attested record opens to."""

from zkp.builder import Builder, gadget
from zkp.expressions import Expression, constant
from zkp.gadgets.poseidon import poseidon
from zkp.nullifier import NULLIFIER_TAG


@gadget
def nullifier(builder: Builder, scope: Expression, nonce: Expression, name: str) -> Expression:
    """What `zkp.nullifier.nullifier` computes."""
    return poseidon(builder, [constant(NULLIFIER_TAG), scope, nonce], name)
