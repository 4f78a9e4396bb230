"""Kinds of faults from reviews of public circuits are shown by two witnesses; gadgets have none."""

import pytest

from tests.zkp import gadget_circuits
from tests.zkp.faulty_circuits import CATALOGUE, built
from zkp.uniqueness.check import Answer, check


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_kind_of_fault_is_shown_by_two_witnesses(name: str) -> None:
    write, sample = CATALOGUE[name]
    circuit = built(write)
    verdict = check(circuit, [sample])
    assert verdict.answer is Answer.COUNTEREXAMPLE, verdict.undetermined
    assert verdict.witnesses is not None
    for witness in verdict.witnesses:
        circuit.check(witness)
    assert verdict.witnesses[0] != verdict.witnesses[1]


def test_every_gadget_has_a_circuit_of_its_own() -> None:
    assert set(gadget_circuits.gadget_names()) == gadget_circuits.CASES.keys()


SMALL = [name for name in gadget_circuits.CASES if name not in ("verify_signature", "sha256")]


@pytest.mark.parametrize("name", SMALL)
def test_a_gadget_takes_its_first_sample_and_leaves_nothing_to_choose(name: str) -> None:
    case = gadget_circuits.CASES[name]
    circuit = case.build()
    circuit.assign(case.samples[0])
    assert name in circuit.calls
    assert check(circuit).answer is Answer.UNIQUE
