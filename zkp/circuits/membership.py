"""Statement `membership`: the prover knows a record in a published set, and does not show which.

Public signals, in order: nullifier (an output), root, scope. A record is a member's secret id and a
nonce, both inside the leaf that the set's keeper puts into the tree; so the nullifier is one mark
for each record and scope, and a contract that refuses a mark it has seen refuses a second use.
"""

from functools import cache
from typing import NamedTuple

from zkp.builder import Builder, Circuit
from zkp.expressions import constant
from zkp.gadgets.merkle import PathSignals, merkle_root
from zkp.gadgets.nullifier import nullifier as nullifier_gadget
from zkp.gadgets.poseidon import poseidon as poseidon_gadget
from zkp.gadgets.ranges import decompose
from zkp.merkle import Path
from zkp.poseidon import poseidon

NAME = "membership"
DEPTH = 20
MEMBER_TAG = int.from_bytes(b"quorate membership leaf v1", "big")


class MemberRecord(NamedTuple):
    """What the keeper of the set attests: field elements. The nonce is random, 248 bits."""

    identity: int
    nonce: int


def member_leaf(record: MemberRecord) -> int:
    """The leaf of a record. The nonce hides it: it cannot be found by trying identities."""
    return poseidon(MEMBER_TAG, *record)


@cache
def build(depth: int = DEPTH) -> Circuit:
    """The circuit for sets of up to 2^depth records; another depth is another circuit."""
    builder = Builder(f"{NAME}_{depth}")
    mark = builder.output("nullifier")
    root, scope = builder.public("root"), builder.public("scope")
    identity, nonce = builder.private("identity"), builder.private("nonce")
    place = builder.private("place")
    siblings = [builder.private(f"sibling{level}") for level in range(depth)]
    digits = decompose(builder, place, depth, "place", f"expected a place below 2^{depth}")
    leaf = poseidon_gadget(builder, [constant(MEMBER_TAG), identity, nonce], "leaf")
    found = merkle_root(builder, leaf, PathSignals(digits, siblings), "tree")
    builder.equal(found, root, "root", "expected the record to be in the set of this root")
    value = nullifier_gadget(builder, scope, nonce, "mark")
    builder.expose(mark, value, "expected the nullifier of the record's nonce in this scope")
    return builder.build()


def inputs(root: int, scope: int, record: MemberRecord, path: Path) -> dict[str, int]:
    """The circuit's inputs by name."""
    return {
        **{"root": root, "scope": scope, "place": path.index},
        **record._asdict(),
        **{f"sibling{level}": value for level, value in enumerate(path.siblings)},
    }
