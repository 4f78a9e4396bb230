"""The registry of verification keys and rule versions, and the Groth16 verifier.

Points are read from snarkjs' JSON (numbers as decimal texts, G2 real part first) and leave as the
EVM's precompiles take them (imaginary part first).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from contracts.addresses import GROTH16, KEYS
from contracts.bindings.contract import Call, Contract, Query, contract_at
from contracts.compiler import compile_source
from ledger.values import Hash32, keccak

PUBLIC_INPUTS_MAX = 32
NUMBER_DIGITS_MAX = 78

G1 = tuple[int, int]
G2 = tuple[tuple[int, int], tuple[int, int]]


class InvalidKey(ValueError):
    """A verification key or proof that is not Groth16 over BN254 in snarkjs' JSON."""


@dataclass(frozen=True)
class VerificationKey:
    """A Groth16 key in the EVM's order; `ic` has one point more than there are public inputs."""

    alpha: G1
    beta: G2
    gamma: G2
    delta: G2
    ic: tuple[G1, ...]


@dataclass(frozen=True)
class Proof:
    """A Groth16 proof in the EVM's order."""

    a: G1
    b: G2
    c: G1


@cache
def registry() -> Contract:
    """The key registry at its fixed address."""
    return contract_at(KEYS, compile_source("system/keys.vy"))


@cache
def verifier() -> Contract:
    """The verifier at its fixed address."""
    return contract_at(GROTH16, compile_source("system/groth16.vy"))


def key_from_json(document: Mapping[str, Any]) -> VerificationKey:
    """A key of snarkjs' `verification_key.json`; raises InvalidKey."""
    _check_protocol(document)
    ic = document.get("IC")
    if not isinstance(ic, list) or not 2 <= len(ic) <= PUBLIC_INPUTS_MAX + 1:
        raise InvalidKey(f"expected IC to be a list of 2 to {PUBLIC_INPUTS_MAX + 1} points")
    return VerificationKey(
        alpha=_g1(document.get("vk_alpha_1")),
        beta=_g2(document.get("vk_beta_2")),
        gamma=_g2(document.get("vk_gamma_2")),
        delta=_g2(document.get("vk_delta_2")),
        ic=tuple(_g1(point) for point in ic),
    )


def proof_from_json(document: Mapping[str, Any]) -> Proof:
    """A proof of snarkjs' `proof.json`; raises InvalidKey."""
    _check_protocol(document)
    return Proof(_g1(document.get("pi_a")), _g2(document.get("pi_b")), _g1(document.get("pi_c")))


def register(circuit: Hash32, key: VerificationKey, *, test_only: bool) -> Call:
    """By an author or admin: lays down a key for approval."""
    return registry().call("register", *_registration(circuit, key, test_only))


def key_id(circuit: Hash32, key: VerificationKey, *, test_only: bool) -> Hash32:
    """The id under which `register` stores a key: what `approve_key` names."""
    return keccak(registry().encode_call("register", *_registration(circuit, key, test_only))[4:])


def approve_key(key: Hash32) -> Call:
    """By an admin: approves a registered key for its organisation."""
    return registry().call("approve_key", key)


def approve_rule(circuit: Hash32, rule: int, rate_bps: int) -> Call:
    """By an admin: approves a rule version and its rate for its organisation."""
    return registry().call("approve_rule", circuit, rule, rate_bps)


def approve_rule_end(circuit: Hash32, rule: int) -> Call:
    """By an admin: approves that a rule version ends."""
    return registry().call("approve_rule_end", circuit, rule)


def usable_key(circuit: Hash32) -> Query[bytes]:
    """Id of the key in force; zeros if there is none, or genesis rules it out."""
    return registry().query("usable_key", circuit)


def rule_input(circuit: Hash32, rule: int) -> Query[int]:
    """ruleId * 2^16 + rate_bps of a version in force, else 0."""
    return registry().query("rule_input", circuit, rule)


def verify(circuit: Hash32, proof: Proof, inputs: Sequence[int]) -> Query[bool]:
    """Whether a proof holds under the circuit's key in force."""
    return verifier().query("verify", circuit, proof.a, proof.b, proof.c, list(inputs))


def _registration(circuit: Hash32, key: VerificationKey, test_only: bool) -> tuple[object, ...]:
    return (circuit, test_only, key.alpha, key.beta, key.gamma, key.delta, list(key.ic))


def _check_protocol(document: Mapping[str, Any]) -> None:
    if not isinstance(document, Mapping):
        raise InvalidKey(f"expected a JSON object, got {type(document).__name__}")
    for name, expected in (("protocol", "groth16"), ("curve", "bn128")):
        if document.get(name) != expected:
            raise InvalidKey(f"expected {name} {expected!r}, got {document.get(name)!r:.40}")


def _number(text: object) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise InvalidKey(f"expected a number in decimal digits, got {text!r:.90}")
    if len(text) > NUMBER_DIGITS_MAX:
        raise InvalidKey(f"expected at most {NUMBER_DIGITS_MAX} digits, got {len(text)}")
    return int(text)


def _pair(pair: object) -> tuple[int, int]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise InvalidKey("expected two numbers")
    return _number(pair[0]), _number(pair[1])


def _g1(point: object) -> G1:
    """A point in projective coordinates with z = 1, or z = 0 for the point at infinity."""
    if not isinstance(point, list) or len(point) != 3:
        raise InvalidKey("expected a G1 point of three numbers")
    if point[2] == "0":
        return 0, 0
    if point[2] != "1":
        raise InvalidKey("expected a G1 point with z = 1")
    return _pair(point[:2])


def _g2(point: object) -> G2:
    if not isinstance(point, list) or len(point) != 3:
        raise InvalidKey("expected a G2 point of three pairs")
    if point[2] == ["0", "0"]:
        return (0, 0), (0, 0)
    if point[2] != ["1", "0"]:
        raise InvalidKey("expected a G2 point with z = 1")
    (x0, x1), (y0, y1) = _pair(point[0]), _pair(point[1])
    return (x1, x0), (y1, y0)
