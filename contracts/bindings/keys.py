"""The registry of verification keys and rule versions, and the Groth16 verifier.

Keys and proofs are `zkp`'s values; they leave in the order in which the EVM takes them.
"""

from collections.abc import Sequence
from functools import cache

from contracts.bindings.contract import Call, Contract, Query
from contracts.interface import load_abi
from ledger.gate import GROTH16_CONTRACT, KEYS_CONTRACT
from ledger.values import Hash32, keccak
from zkp.groth16.keys import Proof, VerifyingKey
from zkp.snarkjs.calldata import G1Words, G2Words, key_words, proof_words

G2Rows = tuple[tuple[int, int], tuple[int, int]]


@cache
def registry() -> Contract:
    """The key registry at its fixed address."""
    return Contract(KEYS_CONTRACT, load_abi("system/keys.vy"))


@cache
def verifier() -> Contract:
    """The verifier at its fixed address."""
    return Contract(GROTH16_CONTRACT, load_abi("system/groth16.vy"))


def register(circuit: Hash32, key: VerifyingKey, *, test_only: bool) -> Call:
    """By an author or admin: lays down a key for approval."""
    return registry().call("register", *_registration(circuit, key, test_only))


def key_id(circuit: Hash32, key: VerifyingKey, *, test_only: bool) -> Hash32:
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
    return verifier().query("verify", circuit, *proof_arguments(proof), list(inputs))


def proof_arguments(proof: Proof) -> tuple[G1Words, G2Rows, G1Words]:
    """The arguments `uint256[2] a, uint256[2][2] b, uint256[2] c` of a contract that verifies."""
    words = proof_words(proof)
    return words.a, _rows(words.b), words.c


def _registration(circuit: Hash32, key: VerifyingKey, test_only: bool) -> tuple[object, ...]:
    words = key_words(key)
    twisted = (_rows(words.beta), _rows(words.gamma), _rows(words.delta))
    return (circuit, test_only, words.alpha, *twisted, list(words.ic))


def _rows(words: G2Words) -> G2Rows:
    return words[:2], words[2:]
