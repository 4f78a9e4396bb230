"""The prover. A proof leaves only after it was verified.

A proving key does not hold matrix C, so a proof can be computed from a wrong witness and would be
rejected by everybody else. The constraint system, where the caller has it, is checked first.
"""

import secrets
from collections.abc import Callable, Sequence

from zkp.curve.g1 import G1
from zkp.curve.g2 import G2
from zkp.curve.msm import multi_scalar_multiply
from zkp.field import R
from zkp.groth16.keys import InvalidWitness, Proof, ProvingKey
from zkp.groth16.qap import quotient_values
from zkp.groth16.verify import verify
from zkp.r1cs import ConstraintSystem


def prove(
    key: ProvingKey,
    witness: Sequence[int],
    *,
    system: ConstraintSystem | None = None,
    randbelow: Callable[[int], int] = secrets.randbelow,
) -> tuple[Proof, tuple[int, ...]]:
    """A proof and its public signals. Raises `InvalidWitness` if the witness proves nothing.

    `randbelow` blinds the proof: a predictable one gives the witness away.
    """
    check_witness(key, witness, system)
    publics = key.verifying.publics
    r, s = randbelow(R), randbelow(R)
    alpha1, delta1 = key.verifying.alpha1, key.delta1
    a = G1.add(multi_scalar_multiply(G1, key.a, witness), alpha1)
    a = G1.add(a, G1.multiply(delta1, r))
    b1 = G1.add(multi_scalar_multiply(G1, key.b1, witness), key.beta1)
    b1 = G1.add(b1, G1.multiply(delta1, s))
    b = G2.add(multi_scalar_multiply(G2, key.b2, witness), key.verifying.beta2)
    b = G2.add(b, G2.multiply(key.verifying.delta2, s))
    quotient = quotient_values(key.coefficients, witness, key.domain)
    c = multi_scalar_multiply(
        G1,
        (*key.c, *key.h, a, b1, delta1),
        (*witness[publics + 1 :], *quotient, s, r, -r * s % R),
    )
    signals = tuple(witness[1 : publics + 1])
    if a is None or b is None or c is None or not verify(key.verifying, Proof(a, b, c), signals):
        raise unproven()
    return Proof(a, b, c), signals


def unproven() -> InvalidWitness:
    """What is raised when a finished proof does not verify."""
    return InvalidWitness(
        "the proof does not verify: the witness does not satisfy this key's circuit, "
        "or the key is damaged; compute the witness again with the circuit of the key"
    )


def check_witness(key: ProvingKey, witness: Sequence[int], system: ConstraintSystem | None) -> None:
    """Raises `InvalidWitness` unless the witness fits the key and satisfies the system."""
    if len(witness) != key.wires or (system is not None and system.wires != key.wires):
        raise InvalidWitness(
            f"{len(witness)} values for a key of {key.wires} wires: key and witness are of "
            "different circuits"
        )
    if not witness or witness[0] != 1:
        raise InvalidWitness("expected the witness to start with the constant 1")
    if not all(0 <= value < R for value in witness):
        raise InvalidWitness("a value of the witness is not reduced: expected numbers below r")
    broken = None if system is None else system.first_unsatisfied(witness)
    if broken is not None:
        raise InvalidWitness(f"the witness breaks constraint {broken} of the circuit")
