"""Merkle membership, and non-membership in an indexed tree, for the trees of `zkp.merkle`."""

from collections.abc import Sequence
from typing import NamedTuple

from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.gadgets.compare import at_most
from zkp.gadgets.poseidon import poseidon
from zkp.merkle import LEAF_TAG


class PathSignals(NamedTuple):
    """A place in a tree (bits, lowest first) and the neighbours on the way up, lowest first."""

    place: Sequence[Bit]
    siblings: Sequence[Expression]


class GapSignals(NamedTuple):
    """A leaf of an indexed tree: its key, the next greater key, and where it stands.

    `low` must be below 2^248 and `successor` at most 2^248 (`zkp.merkle.KEY_LIMIT`).
    """

    low: Uint
    successor: Uint
    path: PathSignals


@gadget
def merkle_root(builder: Builder, leaf: Expression, path: PathSignals, name: str) -> Expression:
    """The root of the tree where `leaf` stands at the path's place.

    A leaf should be a tagged hash: an inner node is a leaf of a shorter tree otherwise.
    """
    node = leaf
    for level, (is_right, sibling) in enumerate(zip(*path, strict=True)):
        across = Expression((sibling - node).terms)
        step = builder.multiply(Expression(is_right.terms), across, f"{name}.side{level}")
        node = poseidon(builder, [node + step, sibling - step], f"{name}.level{level}")
    return node


@gadget
def indexed_root(builder: Builder, gap: GapSignals, name: str) -> Expression:
    """The root of the indexed tree that has this leaf: `gap.low` is a member."""
    leaf = poseidon(builder, [constant(LEAF_TAG), gap.low, gap.successor], f"{name}.leaf")
    return merkle_root(builder, leaf, gap.path, name)


@gadget
def not_member(builder: Builder, key: Uint, gap: GapSignals, name: str) -> Expression:
    """The root of an indexed tree in which `key` is not, because low < key < successor.

    `key` must be below 2^248 like all keys.
    """
    message = "expected the key above the lower neighbour's"
    at_most(builder, gap.low + constant(1), key, f"{name}.above_low", message)
    message = "expected the key below the upper neighbour's"
    at_most(builder, key + constant(1), gap.successor, f"{name}.below_successor", message)
    return indexed_root(builder, gap, name)
