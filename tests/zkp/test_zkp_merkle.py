"""Merkle membership, non-membership in an indexed tree, nullifiers: numbers and circuits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.field import InvalidElement, R
from zkp.gadgets.merkle import GapSignals, PathSignals, indexed_root, merkle_root, not_member
from zkp.gadgets.nullifier import nullifier as nullifier_gadget
from zkp.gadgets.ranges import decompose, in_bits
from zkp.merkle import KEY_BITS, KEY_LIMIT, Gap, IndexedTree, InvalidKey, MerkleTree, Path, root_of
from zkp.nullifier import nullifier
from zkp.poseidon import poseidon
from zkp.uniqueness.check import Answer, check

DEPTH = 3
# Of three inputs, the first being a constant tag.
POSEIDON_OF_TWO, POSEIDON_OF_THREE = 240, 258


def _path(builder: Builder) -> PathSignals:
    place = builder.private("place")
    siblings = [builder.private(f"sibling{level}") for level in range(DEPTH)]
    digits = decompose(builder, place, DEPTH, "place", "expected a place in the tree")
    return PathSignals(digits, siblings)


def membership() -> Circuit:
    builder = Builder("membership")
    root, leaf = builder.output("root"), builder.private("leaf")
    builder.expose(root, merkle_root(builder, leaf, _path(builder), "tree"), "expected the root")
    return builder.build()


def indexed(*, is_member: bool) -> Circuit:
    builder = Builder("indexed")
    root = builder.output("root")
    key, low, successor = (builder.private(name) for name in ("key", "low", "successor"))
    path = _path(builder)
    gap = GapSignals(
        in_bits(builder, low, KEY_BITS, "low"),
        in_bits(builder, successor, KEY_BITS + 1, "successor"),
        path,
    )
    bounded = in_bits(builder, key, KEY_BITS, "key")
    if is_member:
        builder.equal(gap.low, bounded, "member", "expected the key itself")
        found = indexed_root(builder, gap, "tree")
    else:
        found = not_member(builder, bounded, gap, "tree")
    builder.expose(root, found, "expected the root")
    return builder.build()


MEMBER, NOT_IN, IN = membership(), indexed(is_member=False), indexed(is_member=True)
KEYS = (5, 9, 2**200, KEY_LIMIT - 1)


def path_values(path: Path) -> dict[str, int]:
    siblings = {f"sibling{level}": value for level, value in enumerate(path.siblings)}
    return {"place": path.index, **siblings}


def gap_values(key: int, gap: Gap) -> dict[str, int]:
    return {"key": key, "low": gap.low, "successor": gap.successor, **path_values(gap.path)}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, R - 1), min_size=8, max_size=8), st.integers(0, 7))
def test_each_leaf_is_in_the_tree(leaves: list[int], place: int) -> None:
    tree = MerkleTree(DEPTH, leaves)
    level = leaves
    while len(level) > 1:
        level = [poseidon(*level[index : index + 2]) for index in range(0, len(level), 2)]
    assert tree.root == level[0]
    path = tree.path(place)
    assert root_of(leaves[place], path) == tree.root
    witness = MEMBER.assign({"leaf": leaves[place], **path_values(path)})
    assert MEMBER.publics(witness) == (tree.root,)


def test_another_leaf_place_or_sibling_gives_another_root() -> None:
    tree = MerkleTree(DEPTH, [11, 12, 13])
    honest = {"leaf": 12, **path_values(tree.path(1))}
    for name, value in honest.items():
        changed = {**honest, name: value ^ 1}
        assert MEMBER.publics(MEMBER.assign(changed)) != (tree.root,)
    for place in (8, R - 1):
        with pytest.raises(UnsatisfiedConstraint, match="place in the tree"):
            MEMBER.assign({**honest, "place": place})


def test_a_side_that_is_no_bit_is_refused() -> None:
    tree = MerkleTree(DEPTH, [11, 12])
    honest = {"leaf": 11, **path_values(tree.path(0))}
    witness = MEMBER.solve(honest, {"place.bit0": 2, "place.bit1": R - 1})
    with pytest.raises(UnsatisfiedConstraint, match="0 or 1"):
        MEMBER.check(witness)


@pytest.mark.parametrize("place", [-1, 8])
def test_a_place_outside_the_tree_is_refused(place: int) -> None:
    with pytest.raises(InvalidKey, match="deeper tree"):
        MerkleTree(DEPTH).put(place, 1)


@pytest.mark.parametrize("key", [1, 4, 6, 8, 10, 2**200 - 1, 2**200 + 1, KEY_LIMIT - 2])
def test_keys_that_are_not_in_are_shown_not_to_be(key: int) -> None:
    tree = IndexedTree(DEPTH, KEYS)
    witness = NOT_IN.assign(gap_values(key, tree.gap(key)))
    assert NOT_IN.publics(witness) == (tree.root,)


@pytest.mark.parametrize("key", KEYS)
def test_keys_that_are_in_are_shown_to_be_and_not_the_reverse(key: int) -> None:
    tree = IndexedTree(DEPTH, KEYS)
    member = tree.member(key)
    assert IN.publics(IN.assign(gap_values(key, member))) == (tree.root,)
    with pytest.raises(InvalidKey, match="in the tree"):
        tree.gap(key)
    # Every leaf of the tree is tried as the gap of a key that is in: its own, and its neighbours'.
    for other in (0, *KEYS):
        leaf = tree.member(other)
        with pytest.raises(UnsatisfiedConstraint, match="neighbour"):
            NOT_IN.assign(gap_values(key, leaf))


def test_the_empty_set_has_no_key() -> None:
    tree = IndexedTree(DEPTH)
    for key in (1, KEY_LIMIT - 1):
        assert NOT_IN.publics(NOT_IN.assign(gap_values(key, tree.gap(key)))) == (tree.root,)
    with pytest.raises(InvalidKey, match="not in the tree"):
        tree.member(3)


@pytest.mark.parametrize("key", [0, KEY_LIMIT, -1])
def test_keys_out_of_range_are_refused(key: int) -> None:
    with pytest.raises(InvalidKey, match=r"1 to 2\^248"):
        IndexedTree(DEPTH).gap(key)
    with pytest.raises(InvalidKey):
        IndexedTree(DEPTH).add(key)


def test_a_key_above_its_range_is_no_gap() -> None:
    gap = IndexedTree(DEPTH, KEYS).gap(7)
    for key in (KEY_LIMIT + 7, R - 1):
        with pytest.raises(UnsatisfiedConstraint):
            NOT_IN.assign({**gap_values(7, gap), "key": key})


def test_a_made_up_leaf_gives_another_root() -> None:
    tree = IndexedTree(DEPTH, KEYS)
    gap = tree.gap(7)
    made_up = {**gap_values(9, gap), "successor": 10}
    assert NOT_IN.publics(NOT_IN.assign(made_up)) != (tree.root,)


def test_a_full_tree_says_so() -> None:
    tree = IndexedTree(1, [1])
    with pytest.raises(InvalidKey, match="deeper tree"):
        tree.add(2)


@pytest.mark.parametrize("circuit", [MEMBER, NOT_IN, IN], ids=["member", "not in", "in"])
def test_the_inputs_determine_every_signal(circuit: Circuit) -> None:
    verdict = check(circuit)
    assert verdict.answer is Answer.UNIQUE
    assert not verdict.unused


def test_what_the_gadgets_cost() -> None:
    totals = {row.gadget: row.total for row in NOT_IN.gadget_counts()}
    tree = DEPTH * (POSEIDON_OF_TWO + 1)
    assert totals["merkle_root"] == tree
    assert totals["indexed_root"] == tree + POSEIDON_OF_THREE
    comparison = KEY_BITS + 1 + 1  # digits of up to 2^248, and their sum
    assert totals["not_member"] == tree + POSEIDON_OF_THREE + 2 * comparison


def test_a_nullifier_is_one_mark_of_scope_and_nonce() -> None:
    builder = Builder("nullifier")
    out, scope = builder.output("mark"), builder.public("scope")
    mark = nullifier_gadget(builder, scope, builder.private("nonce"), "mark_hash")
    builder.expose(out, mark, "expected the mark")
    circuit = builder.build()
    witness = circuit.assign({"scope": 3, "nonce": 2**240})
    assert circuit.publics(witness) == (nullifier(3, 2**240), 3)
    assert nullifier(4, 2**240) != nullifier(3, 2**240) != nullifier(3, 2**240 + 1)
    assert check(circuit).answer is Answer.UNIQUE
    with pytest.raises(InvalidElement):
        nullifier(3, 2**240 + R)
