"""Statement credential: satisfiable exactly if a registered issuer signed what meets conditions."""

import random
from dataclasses import replace

import pytest

from tests.zkp.credential_cases import (
    CREDENTIAL,
    DEPTH,
    ISSUERS,
    KEYS,
    SECRET,
    conditions,
    holding,
    is_met,
    random_case,
)
from zkp import eddsa, native, reference
from zkp.babyjubjub import IDENTITY, SUBGROUP_ORDER, InvalidPoint, Point
from zkp.builder import UnsatisfiedConstraint
from zkp.circuits import credential
from zkp.circuits.credential import Conditions, Holding, credential_hash, inputs, issuer_leaf
from zkp.eddsa import Signature
from zkp.field import R
from zkp.gadgets.edwards import COMPLETENESS
from zkp.groth16.setup import setup
from zkp.nullifier import nullifier
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.uniqueness.check import Answer, check

CIRCUIT = credential.build(DEPTH)


def attempt(asked: Conditions, held: Holding, **changes: int) -> UnsatisfiedConstraint | None:
    try:
        CIRCUIT.assign({**inputs(asked, held), **changes})
    except UnsatisfiedConstraint as error:
        return error
    return None


def refused(asked: Conditions, held: Holding, **changes: int) -> str:
    error = attempt(asked, held, **changes)
    assert error is not None
    return error.constraint


@pytest.mark.parametrize("issuer", range(len(ISSUERS)))
def test_a_holder_shows_one_attribute_and_a_mark(issuer: int) -> None:
    for attribute, value in enumerate(CREDENTIAL.attributes):
        asked = conditions(attribute=attribute)
        publics = CIRCUIT.publics(CIRCUIT.assign(inputs(asked, holding(issuer=issuer))))
        assert publics == (nullifier(asked.scope, SECRET), value, *asked)


@pytest.mark.parametrize("seed", range(20))
def test_satisfiable_exactly_if_the_conditions_are_met(seed: int) -> None:
    asked, held = random_case(random.Random(seed))
    assert (attempt(asked, holding(held)) is None) == is_met(asked, held), (asked, held)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"born_by": 33_000}, None),
        ({"born_by": 32_999}, "condition/age"),
        ({"today": 46_500}, None),
        ({"today": 46_501}, "condition/valid"),
        ({"band_low": 7, "band_high": 7}, None),
        ({"band_low": 8}, "condition/band_from"),
        ({"band_high": 6}, "condition/band_to"),
        ({"attribute": 4}, "attribute.at.in_range"),
        ({"attribute": R - 1}, "attribute.at.in_range"),
        ({"born_by": R - 1}, "condition/born_by"),
        ({"issuers": 3}, "issuers"),
    ],
)
def test_the_lines_of_the_conditions(changes: dict[str, int], constraint: str | None) -> None:
    error = attempt(conditions(**changes), holding())
    assert (error and error.constraint) == constraint


def test_taxes_count_only_where_they_are_asked_about() -> None:
    owing = holding(replace(CREDENTIAL, tax_clear=0))
    assert attempt(conditions(needs_tax_clear=0), owing) is None
    assert refused(conditions(), owing) == "condition/taxes"


@pytest.mark.parametrize("name", ["born", "band", "tax_clear", "valid_until", "attribute0"])
def test_what_was_not_signed_is_refused(name: str) -> None:
    own = {"tax_clear": 0, "attribute0": 5}
    now = {"born": 32_000, "band": 6, "valid_until": 46_700, **own}
    error = refused(conditions(needs_tax_clear=0), holding(), **{name: now[name]})
    assert error.startswith("signature.")


def test_another_secret_or_another_issuer_is_refused() -> None:
    assert refused(conditions(), holding(), secret=SECRET + 1).startswith("signature.")
    stranger = bytes(31) + b"\x09"
    signed = eddsa.sign(stranger, credential_hash(CREDENTIAL))
    outside = holding()._replace(signature=signed, issuer=eddsa.public_key(stranger))
    assert refused(conditions(), outside) == "issuers"
    other_key = holding()._replace(issuer=KEYS[0])
    assert refused(conditions(), other_key).startswith("signature.")


def test_second_writings_of_a_signature_are_refused() -> None:
    r8, s = holding().signature
    for signature in (
        Signature(r8, s + SUBGROUP_ORDER),
        Signature(r8, s ^ 1),
        Signature(Point(R - r8.x, r8.y), s),
    ):
        error = refused(conditions(), holding()._replace(signature=signature))
        assert error.startswith("signature.")


def test_the_outputs_are_nobodys_choice() -> None:
    given = inputs(conditions(), holding())
    for lies in ({"nullifier": nullifier(5, 1)}, {"shown": 11}, {"attribute.at.2": 0}):
        with pytest.raises(UnsatisfiedConstraint):
            CIRCUIT.check(CIRCUIT.solve(given, lies))


def test_a_registry_takes_keys_of_the_subgroup_only() -> None:
    with pytest.raises(InvalidPoint):
        issuer_leaf(IDENTITY)


def test_the_inputs_determine_every_signal() -> None:
    verdict = check(credential.build())
    assert verdict.answer is Answer.UNIQUE
    assert verdict.arguments == (COMPLETENESS,)
    assert not verdict.unused


def test_what_it_costs_and_its_identity() -> None:
    costs = [len(credential.build(depth).system.constraints) for depth in (2, 3)]
    assert costs[1] - costs[0] == 240 + 1 + 1
    identity = circuit_id(encode_r1cs(credential.build().system)).hex()
    assert identity == "aad83472a6434c10c744724ee2b7b2c17233683e1900d65b9ad79caaf97cce61"


def test_a_proof_is_verified_by_both_backends() -> None:
    key = setup(CIRCUIT.system)
    proof, publics = native.prove(key, CIRCUIT.assign(inputs(conditions(), holding())))
    for backend in (native, reference):
        assert backend.verify(key.verifying, proof, publics)
        assert not backend.verify(key.verifying, proof, (publics[0], 33 + 1, *publics[2:]))
