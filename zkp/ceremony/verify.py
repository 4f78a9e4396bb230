"""Whether a key is what its history says: the initial one, times secrets that somebody knew.

A verifier needs the two files and nothing else. Rows of points are compared by a combination with
fresh coefficients of 128 bits: a false row passes with a chance of one in 2^128.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from zkp.backend import Backend
from zkp.ceremony.key_file import CeremonyKey
from zkp.ceremony.transcript import transcript_of
from zkp.curve import jacobian
from zkp.curve.ate import g1_is_valid, g2_is_valid
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.snarkjs.contributions import Contribution
from zkp.snarkjs.randomness import (
    BEACON_EXPONENT_MAX,
    BEACON_EXPONENT_MIN,
    from_beacon,
    hash_to_g2,
)
from zkp.work import QUIET, Work, same_ratio

_COEFFICIENT_BITS = 128


class InvalidContribution(ValueError):
    """A key that does not follow from the one before it, or from the initial one."""


def verify_contribution(
    parent: CeremonyKey,
    child: CeremonyKey,
    work: Work = QUIET,
) -> Contribution:
    """The one contribution that makes `child` of `parent`. Raises `InvalidContribution`.

    That `parent` itself is sound is not looked at: see `verify_history`.
    """
    *before, made = child.history.contributions or (None,)
    if made is None or replace(child.history, contributions=tuple(before)) != parent.history:
        raise InvalidContribution(
            "the key is no child of this parent: expected the parent's history and one "
            "contribution more; fetch the parent that the ledger names"
        )
    _check_proof(child, len(before), parent.delta1, work)
    _check_change(parent, child, work)
    return made


def verify_history(
    initial: CeremonyKey,
    key: CeremonyKey,
    work: Work = QUIET,
) -> tuple[Contribution, ...]:
    """The contributions that make `key` of `initial`. Raises `InvalidContribution`.

    The initial key has delta 1 and no history, as set-ups from a phase 1 make it.
    """
    if initial.history.contributions or (initial.delta1, initial.delta2) != (
        G1.generator,
        G2.generator,
    ):
        raise InvalidContribution(
            "the initial key has been contributed to: expected one that was made from the circuit "
            "and phase 1, with delta 1"
        )
    if key.history.circuit_hash != initial.history.circuit_hash:
        raise InvalidContribution("the key is of another circuit or phase 1 than the initial one")
    made = key.history.contributions
    delta = initial.delta1
    for place, one in enumerate(made):
        work.progress("contributions", place, len(made))
        _check_proof(key, place, delta, work)
        delta = one.delta_after
    work.progress("contributions", len(made), len(made))
    _check_change(initial, key, work)
    return made


def _check_proof(key: CeremonyKey, place: int, delta: G1Point, work: Work) -> None:
    """The contribution at `place`: bound to its place, by one who knew the factor of delta."""
    history = key.history
    made, name = history.contributions[place], f"contribution {place + 1}"
    points = (made.delta_after, made.g1_s, made.g1_sx)
    if not all(map(g1_is_valid, points)) or not g2_is_valid(made.g2_spx):
        raise InvalidContribution(f"{name}: a point is not in its group")
    before = history.contributions[:place]
    expected = transcript_of(history.circuit_hash, before, made.g1_s, made.g1_sx)
    if made.transcript != expected:
        raise InvalidContribution(
            f"{name}: it is bound to another history than the one before it here"
        )
    g2_sp = hash_to_g2(made.transcript)
    if not same_ratio(work, (made.g1_s, made.g1_sx), (g2_sp, made.g2_spx)):
        raise InvalidContribution(f"{name}: the proof of knowledge does not hold")
    if not same_ratio(work, (delta, made.delta_after), (g2_sp, made.g2_spx)):
        raise InvalidContribution(f"{name}: delta changed by another factor than the proven one")
    if made.note.beacon is not None:
        _check_beacon(made, name)


def _check_beacon(made: Contribution, name: str) -> None:
    beacon = made.note.beacon
    assert beacon is not None
    if not BEACON_EXPONENT_MIN <= beacon.iterations_exponent <= BEACON_EXPONENT_MAX:
        raise InvalidContribution(
            f"{name}: a beacon of 2^{beacon.iterations_exponent} rounds: expected "
            f"2^{BEACON_EXPONENT_MIN} to 2^{BEACON_EXPONENT_MAX}"
        )
    drawn = from_beacon(beacon)
    secret, g1_s = drawn.scalar(), drawn.g1()
    if (made.g1_s, made.g1_sx) != (g1_s, jacobian.multiply(g1_s, secret)):
        raise InvalidContribution(f"{name}: its points are not those that the beacon gives")


def _check_change(parent: CeremonyKey, child: CeremonyKey, work: Work) -> None:
    """The child's key against the parent's: delta, L and H changed as one, nothing else did."""
    if (child.before_delta, child.kept) != (parent.before_delta, parent.kept):
        raise InvalidContribution(
            "a part of the key changed that no contribution may change: it is of another circuit "
            "or phase 1, or was altered"
        )
    made = child.history.contributions
    if child.delta1 != (made[-1].delta_after if made else G1.generator):
        raise InvalidContribution("the key's delta is not that of its last contribution")
    if not same_ratio(work, (G1.generator, child.delta1), (G2.generator, child.delta2)):
        raise InvalidContribution("delta is unequal in G1 and G2")
    rows = (("L", parent.l, child.l), ("H", parent.h, child.h))
    for place, (name, old, new) in enumerate(rows):
        work.progress("rows of points", place, len(rows))
        if not _is_divided(work.backend, (old, parent.delta2), (new, child.delta2)):
            raise InvalidContribution(f"{name} was altered: it is not what delta makes of it")
    work.progress("rows of points", len(rows), len(rows))


Row = tuple[Sequence[G1Point | None], G2Point]


def _is_divided(by: Backend, old: Row, new: Row) -> bool:
    """Whether each new point times the new delta is the old point times the old delta."""
    if len(old[0]) != len(new[0]):
        return False
    coefficients = [secrets.randbits(_COEFFICIENT_BITS) for _ in old[0]]
    before = by.multi_scalar_multiply(G1, old[0], coefficients)
    after = by.multi_scalar_multiply(G1, new[0], coefficients)
    opposite = None if after is None else G1.negate(after)
    return by.pairing_product_is_one([(before, old[1]), (opposite, new[1])])
