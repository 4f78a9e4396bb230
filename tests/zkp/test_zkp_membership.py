"""Statement membership: a record of the set, unseen, and one nullifier for each scope."""

import pytest

from zkp.builder import UnsatisfiedConstraint
from zkp.circuits import membership
from zkp.circuits.membership import MemberRecord, member_leaf
from zkp.field import R
from zkp.merkle import MerkleTree
from zkp.nullifier import nullifier
from zkp.uniqueness.check import Answer, check

DEPTH = 3
RECORDS = [MemberRecord(100 + index, 2**240 + index) for index in range(5)]
TREE = MerkleTree(DEPTH, [member_leaf(record) for record in RECORDS])
CIRCUIT = membership.build(DEPTH)
SCOPE = 77


def values(member: int, **changes: int) -> dict[str, int]:
    honest = membership.inputs(TREE.root, SCOPE, RECORDS[member], TREE.path(member))
    return {**honest, **changes}


@pytest.mark.parametrize("place", range(len(RECORDS)))
def test_each_member_has_a_mark_of_its_own_in_each_scope(place: int) -> None:
    first = CIRCUIT.publics(CIRCUIT.assign(values(place)))
    assert first == (nullifier(SCOPE, RECORDS[place].nonce), TREE.root, SCOPE)
    again = CIRCUIT.publics(CIRCUIT.assign(values(place, scope=SCOPE + 1)))
    assert again[0] != first[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": 99},
        {"nonce": 5},
        {"nonce": RECORDS[1].nonce},
        {"place": 1},
        {"sibling0": 3},
        {"root": 3},
    ],
)
def test_who_is_not_in_the_set_proves_nothing(changes: dict[str, int]) -> None:
    with pytest.raises(UnsatisfiedConstraint, match="in the set of this root"):
        CIRCUIT.assign(values(0, **changes))


def test_an_inner_node_is_no_member() -> None:
    # A shorter path from the node above two leaves: its hash has no tag, so no record opens it.
    inner = TREE.path(2).siblings[1]
    with pytest.raises(UnsatisfiedConstraint):
        CIRCUIT.assign(values(0, identity=inner))


def test_the_nullifier_is_nobodys_choice() -> None:
    lies = {"nullifier": nullifier(SCOPE, 1)}
    with pytest.raises(UnsatisfiedConstraint, match="nullifier of the record's nonce"):
        CIRCUIT.check(CIRCUIT.solve(values(0), lies))


@pytest.mark.parametrize("place", [2**DEPTH, R - 1])
def test_a_place_outside_the_tree_is_refused(place: int) -> None:
    with pytest.raises(UnsatisfiedConstraint, match="place below"):
        CIRCUIT.assign(values(0, place=place))


def test_the_inputs_determine_every_signal() -> None:
    verdict = check(CIRCUIT)
    assert verdict.answer is Answer.UNIQUE
    assert not verdict.unused


def test_what_it_costs() -> None:
    costs = [len(membership.build(depth).system.constraints) for depth in (3, 4)]
    assert costs[1] - costs[0] == 240 + 1 + 1
    assert costs[0] == 3 * 242 + 1 + 258 + 258 + 1 + 1
