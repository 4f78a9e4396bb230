"""Whether the contributions to powers of tau follow from one another, by what a file keeps of them.

Each must prove that it knows its three factors, in answer to the challenge before it, and must
have multiplied the first powers by just these.
"""

from dataclasses import dataclass

from zkp.curve.ate import g2_is_valid
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.phase1.challenge import (
    Factor,
    draw_secrets,
    first_challenge,
    proof_base,
    prove_secrets,
)
from zkp.snarkjs.ptau import InvalidPowers, PowersContribution, PowersOfTau, SecretProof
from zkp.snarkjs.randomness import from_beacon
from zkp.work import Work, same_ratio


@dataclass(frozen=True)
class Standing:
    """The first powers after a contribution, and the challenge that the next one answers."""

    tau1: G1Point
    tau2: G2Point
    alpha1: G1Point
    beta1: G1Point
    beta2: G2Point
    challenge: bytes


def verify_history(powers: PowersOfTau, work: Work) -> tuple[Standing, Standing]:
    """How things stood before the last contribution, and after it. Raises `InvalidPowers`."""
    if not powers.contributions:
        raise InvalidPowers(
            "nobody has contributed to these powers, so everybody knows their secrets: "
            "contribute first"
        )
    one1, one2 = G1.generator, G2.generator
    work.step(f"hashing the first challenge, of 2^{powers.ceremony_power} powers")
    challenge = first_challenge(powers.ceremony_power)
    before = after = Standing(one1, one2, one1, one1, one2, challenge)
    for number, made in enumerate(powers.contributions, 1):
        work.progress("contributions", number - 1, len(powers.contributions))
        before, after = after, _standing(made)
        try:
            _check(work, before, made)
        except InvalidPowers as error:
            raise InvalidPowers(f"contribution {number}: {error}") from None
    work.progress("contributions", len(powers.contributions), len(powers.contributions))
    return before, after


def _standing(made: PowersContribution) -> Standing:
    return Standing(made.tau1, made.tau2, made.alpha1, made.beta1, made.beta2, made.next_challenge)


def _check(work: Work, before: Standing, made: PowersContribution) -> None:
    proofs = (made.tau, made.alpha, made.beta)
    if not all(map(g2_is_valid, (made.tau2, made.beta2, *(proof.g2_spx for proof in proofs)))):
        raise InvalidPowers("a point lies outside of G2")
    if made.note.beacon is not None:
        random = from_beacon(made.note.beacon)
        drawn = draw_secrets(random)
        if prove_secrets(drawn, before.challenge, random) != proofs:
            raise InvalidPowers("its factors are not the beacon's")
    _check_factor(work, Factor.TAU, made.tau, (before.tau1, made.tau1), before.challenge)
    _check_factor(work, Factor.ALPHA, made.alpha, (before.alpha1, made.alpha1), before.challenge)
    _check_factor(work, Factor.BETA, made.beta, (before.beta1, made.beta1), before.challenge)
    for name, proof, step in (
        ("tau", made.tau, (before.tau2, made.tau2)),
        ("beta", made.beta, (before.beta2, made.beta2)),
    ):
        if not same_ratio(work, (proof.g1_s, proof.g1_sx), step):
            raise InvalidPowers(f"{name} in G2 was not multiplied by what is proven")


def _check_factor(
    work: Work, factor: Factor, proof: SecretProof, step: tuple[G1Point, G1Point], challenge: bytes
) -> None:
    name = factor.name.lower()
    base = proof_base(factor, challenge, proof.g1_s, proof.g1_sx)
    if not same_ratio(work, (proof.g1_s, proof.g1_sx), (base, proof.g2_spx)):
        raise InvalidPowers(f"its proof for {name} is wrong, or answers another challenge")
    if not same_ratio(work, step, (base, proof.g2_spx)):
        raise InvalidPowers(f"{name} in G1 was not multiplied by what is proven")
