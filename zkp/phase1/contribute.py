"""Powers of tau: the first ones, and those after one more contribution, secret or from a beacon.

Secrets live in this process's memory while a contribution is made, and Python cannot wipe them: a
contribution that matters is made on a machine that is switched off afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, repeat
from typing import TypeVar

from zkp.curve.fixed_base import multiples
from zkp.curve.g1 import G1
from zkp.curve.g2 import G2
from zkp.curve.group import Group
from zkp.field import R
from zkp.phase1.challenge import (
    Secrets,
    draw_secrets,
    first_challenge,
    next_challenge,
    prove_secrets,
    response_hash,
    response_state,
)
from zkp.snarkjs.contributions import HASH_BYTES, Beacon, ContributionNote
from zkp.snarkjs.points import encode_g1, encode_g2
from zkp.snarkjs.ptau import POWER_MIN, InvalidPowers, PowersContribution, PowersOfTau
from zkp.snarkjs.randomness import Randomness, from_beacon, from_system
from zkp.snarkjs.rows import g1_row, g2_row, pack_g1, pack_g2
from zkp.work import QUIET, Work, scaled

Point = TypeVar("Point")


def first_powers(power: int) -> PowersOfTau:
    """The powers of tau = 1, alpha = beta = 1: everybody knows them until somebody contributes."""
    assert power >= POWER_MIN, f"power {power}, at least {POWER_MIN}"
    size = 1 << power
    one1, one2 = encode_g1([G1.generator]), encode_g2([G2.generator])
    return PowersOfTau(
        power,
        power,
        g1_row(one1 * (2 * size - 1)),
        g2_row(one2 * size),
        g1_row(one1 * size),
        g1_row(one1 * size),
        G2.generator,
    )


def contribute(
    powers: PowersOfTau, *, name: str | None = None, entropy: str = "", work: Work = QUIET
) -> PowersOfTau:
    """The powers with secrets of this machine multiplied in; `entropy` is mixed in on top.

    What was prepared for phase 2 is dropped: it must be prepared again. Raises `InvalidPowers`.
    """
    return _contribute(powers, from_system(entropy), ContributionNote(name), work)


def apply_beacon(
    powers: PowersOfTau, beacon: Beacon, *, name: str | None = None, work: Work = QUIET
) -> PowersOfTau:
    """The powers with a public beacon's factors multiplied in, which anybody can repeat.

    A last contribution of this kind keeps the one before it from choosing the outcome.
    """
    return _contribute(powers, from_beacon(beacon), ContributionNote(name, beacon), work)


def _contribute(
    powers: PowersOfTau, random: Randomness, note: ContributionNote, work: Work
) -> PowersOfTau:
    if powers.power != powers.ceremony_power:
        raise InvalidPowers(
            f"these powers were cut from 2^{powers.ceremony_power} to 2^{powers.power}: "
            "contribute to the whole file"
        )
    last = powers.contributions[-1:]
    challenge = last[0].next_challenge if last else first_challenge(powers.power)
    secrets = draw_secrets(random)
    tau, alpha, beta = prove_secrets(secrets, challenge, random)
    made = _multiplied(powers, secrets, work)
    work.step("hashing the new powers")
    entry = PowersContribution(
        _finite(made.tau1[1]),
        _finite(made.tau2[1]),
        _finite(made.alpha1[0]),
        _finite(made.beta1[0]),
        made.beta2,
        tau,
        alpha,
        beta,
        response_state(challenge, made),
        bytes(HASH_BYTES),
        note,
    )
    entry = replace(entry, next_challenge=next_challenge(response_hash(entry), made))
    return replace(made, contributions=(*powers.contributions, entry))


def _multiplied(powers: PowersOfTau, secrets: Secrets, work: Work) -> PowersOfTau:
    """The powers for the old secrets times these, the history as it was."""
    # Not the transform's cached powers: what they were made of must be forgotten.
    steps = list(accumulate(repeat(secrets.tau, len(powers.tau1) - 1), _product, initial=1))
    # Before the first contribution all points are one, and one table serves them all.
    fresh = not powers.contributions

    def times(
        group: Group[Point], points: Sequence[Point | None], factor: int, what: str
    ) -> list[Point | None]:
        scalars = [step * factor % R for step in steps[: len(points)]]
        if fresh:
            work.progress(what, 0, len(points))
            return multiples(group, group.generator, scalars)
        return scaled(work, group, points, scalars, what)

    tau1 = times(G1, powers.tau1, 1, "tau in G1")
    tau2 = times(G2, powers.tau2, 1, "tau in G2")
    alpha1 = times(G1, powers.alpha1, secrets.alpha, "alpha in G1")
    beta1 = times(G1, powers.beta1, secrets.beta, "beta in G1")
    beta2 = G2.multiply(powers.beta2, secrets.beta)
    return PowersOfTau(
        powers.power,
        powers.ceremony_power,
        pack_g1(tau1),
        pack_g2(tau2),
        pack_g1(alpha1),
        pack_g1(beta1),
        _finite(beta2),
        powers.contributions,
    )


def _product(left: int, right: int) -> int:
    return left * right % R


def _finite(point: Point | None) -> Point:
    if point is None:
        raise InvalidPowers("a power is the identity: the file is damaged or was made to fail")
    return point
