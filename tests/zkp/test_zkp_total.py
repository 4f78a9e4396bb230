"""Statement total: satisfiable exactly if the committed values add up to the total."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkp.backend import Backend
from zkp.builder import UnsatisfiedConstraint
from zkp.circuits import total
from zkp.circuits.total import NO_VALUE, InvalidValues, SaltedValue, commit_value
from zkp.field import R
from zkp.groth16.setup import setup
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.uniqueness.check import Answer, check

PLACES, SERIES = 3, 202611
CIRCUIT = total.build(PLACES)
VALUES = (SaltedValue(1_000, 2**247 + 1), SaltedValue(2**64 - 1, 2**246 + 3))

amounts = st.one_of(
    st.sampled_from([0, 1, 2**64 - 2, 2**64 - 1, 2**64, R - 1]), st.integers(0, 2**64 - 1)
)


def values_of(amounts: list[int]) -> list[SaltedValue]:
    return [SaltedValue(amount, 2**240 + index) for index, amount in enumerate(amounts)]


def refused(inputs: dict[str, int]) -> str:
    with pytest.raises(UnsatisfiedConstraint) as caught:
        CIRCUIT.assign(inputs)
    return caught.value.constraint


@settings(max_examples=40, deadline=None)
@given(st.lists(amounts, max_size=PLACES), st.sampled_from([0, 0, 1, -1, 2**64, R - 1]))
def test_satisfiable_exactly_if_the_values_add_up(amounts: list[int], error: int) -> None:
    values = values_of(amounts)
    claimed, *rest = total.public_inputs(SERIES, values, PLACES)
    claimed = (claimed + error) % R
    is_lawful = all(amount < 2**64 for amount in amounts) and claimed == sum(amounts)
    inputs = total.inputs((claimed, *rest), values)
    try:
        CIRCUIT.assign(inputs)
    except UnsatisfiedConstraint:
        assert not is_lawful
    else:
        assert is_lawful


def test_what_is_refused_and_by_which_rule() -> None:
    honest = total.inputs(total.public_inputs(SERIES, VALUES, PLACES), VALUES)
    CIRCUIT.assign(honest)
    assert refused({**honest, "total": honest["total"] + 1}) == "total"
    assert refused({**honest, "series": SERIES + 1}) == "opened0"
    assert refused({**honest, "salt1": 5}) == "opened1"
    assert refused({**honest, "value1": 2**64}) == "value1"
    assert refused({**honest, "value2": 7, "total": honest["total"] + 7}) == "value2_of_none"


def test_a_negative_value_takes_nothing_away() -> None:
    negative = [SaltedValue(1_000, 1), SaltedValue(R - 400, 2)]
    publics = (600, *total.public_inputs(SERIES, negative, PLACES)[1:])
    assert refused(total.inputs(publics, negative)) == "value1"


def test_a_value_of_another_series_does_not_count() -> None:
    publics = list(total.public_inputs(SERIES, VALUES, PLACES))
    publics[2] = commit_value(SERIES + 1, VALUES[0])
    assert refused(total.inputs(publics, VALUES)) == "opened0"


@pytest.mark.parametrize(
    "lies",
    [
        {"is_absent0": 1, "is_absent0.inverse": 0},
        {"is_absent2": 0},
        {"value0.bit0": 2, "value0.bit3": R - 1},
    ],
)
def test_a_dishonest_prover_is_refused(lies: dict[str, int]) -> None:
    honest = total.inputs(total.public_inputs(SERIES, VALUES, PLACES), VALUES)
    with pytest.raises(UnsatisfiedConstraint):
        CIRCUIT.check(CIRCUIT.solve(honest, lies))


def test_more_values_than_places_are_refused_by_name() -> None:
    with pytest.raises(InvalidValues, match="at most 3"):
        total.public_inputs(SERIES, values_of([1, 2, 3, 4]), PLACES)
    assert total.public_inputs(SERIES, []) == (0, SERIES, *[NO_VALUE] * total.VALUES_MAX)


def test_the_inputs_determine_every_signal() -> None:
    verdict = check(total.build())
    assert verdict.answer is Answer.UNIQUE
    assert not verdict.unused
    assert not verdict.arguments


def test_proven_and_verified_on_both_backends(backend: Backend) -> None:
    circuit, values = total.build(1), VALUES[:1]
    publics = total.public_inputs(SERIES, values, 1)
    key = setup(circuit.system)
    proof, shown = backend.prove(key, circuit.assign(total.inputs(publics, values)))
    assert shown == publics
    assert backend.verify(key.verifying, proof, publics)
    assert not backend.verify(key.verifying, proof, (publics[0] + 1, *publics[1:]))


def test_what_it_costs_and_its_identity() -> None:
    costs = [len(total.build(places).system.constraints) for places in (1, 2, 3)]
    # Digits and their sum, presence, no value of none, the hash, its opening; once the total.
    assert costs[0] - 1 == 65 + 3 + 1 + 294 + 1
    assert {later - earlier for earlier, later in pairwise(costs)} == {costs[0] - 1}
    identity = circuit_id(encode_r1cs(total.build().system)).hex()
    assert identity == "9b36499188d228c890a5923385699e29baf50f6a0eb977449a39fb963764eef2"
