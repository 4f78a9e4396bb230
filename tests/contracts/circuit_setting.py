"""A group with a registry of circuits, a circuit in it, and whatever else verifies its proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts.bindings import keys
from contracts.bindings.circuits import (
    NO_CEREMONY,
    CircuitRegistry,
    Draft,
    circuits_deploy_data,
)
from contracts.bindings.contract import Call, Contract, Query
from contracts.compiler import Compiled, compile_source, deploy_data
from ledger.values import Hash32, keccak
from tests.contracts.contract_group import Group, new_group
from tests.contracts.test_contracts_keys import approve
from tests.zkp.refusals import Honest, honest
from zkp.groth16.keys import Proof, VerifyingKey
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.verifier_contract import verifier_source

TAKER = Path(__file__).parent / "sources" / "taker.vy"
SOURCE_HASH = keccak(b"source of the circuit")
TRANSCRIPT = keccak(b"transcript of the ceremony")


def draft_of(it: Honest, *, name: str = "refusals", transcript: Hash32 = NO_CEREMONY) -> Draft:
    """What an author lays down of a statement's circuit."""
    system = Hash32(circuit_id(encode_r1cs(it.circuit.system)))
    return Draft(name, SOURCE_HASH, system, transcript, it.key)


@cache
def generated(key: VerifyingKey, name: str = "refusals") -> Compiled:
    """The verifier that is written from a key, compiled."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / f"{name}.vy"
        source.write_text(verifier_source(key, keccak(name.encode()), name))
        return compile_source(source)


def deployed(group: Group, data: bytes, abi: Compiled) -> Contract:
    """A contract of an author's."""
    where = group.do("author", data).contract_address
    assert where is not None
    return Contract(where, abi.abi)


def new_registry(group: Group) -> CircuitRegistry:
    """The registry, deployed by an author."""
    where = group.do("author", circuits_deploy_data()).contract_address
    assert where is not None
    return CircuitRegistry(where)


def activate(group: Group, registry: CircuitRegistry, draft: Draft) -> Hash32:
    """Lays a circuit down and has three of four organisations approve it."""
    group.do("author", registry.propose(draft))
    approve(group, registry.approve(draft.entry))
    return draft.entry


@dataclass
class Setting:
    """One circuit, known to the registry, the system's verifier and a generated one."""

    group: Group
    registry: CircuitRegistry
    entry: Hash32
    circuit: Hash32
    verifier: Contract
    taker: Contract

    def take(self, method: str, proof: Proof, publics: Sequence[int]) -> Call:
        """A transaction to the contract that takes a statement once."""
        return self.taker.call(method, keys.proof_arguments(proof), list(publics))

    def verify_generated(self, proof: Proof, publics: Sequence[int]) -> Query[bool]:
        """By the contract that was written from the key."""
        return self.verifier.query("verifyProof", *keys.proof_arguments(proof), list(publics))

    def verify_generated_batch(
        self, statements: Sequence[tuple[Proof, Sequence[int]]]
    ) -> Query[bool]:
        """By the same, several at once."""
        rows = [(*keys.proof_arguments(proof), list(publics)) for proof, publics in statements]
        return self.verifier.query("verifyBatch", rows)


@cache
def prepared() -> Setting:
    """To be copied by who changes its group."""
    group, it = new_group(), honest()
    registry = new_registry(group)
    draft = draft_of(it)
    entry = activate(group, registry, draft)
    group.do("author", keys.register(draft.system, it.key, test_only=True))
    approve(group, keys.approve_key(keys.key_id(draft.system, it.key, test_only=True)))
    code, taker = generated(it.key), compile_source(TAKER)
    return Setting(
        group,
        registry,
        entry,
        draft.system,
        deployed(group, deploy_data(code), code),
        deployed(group, deploy_data(taker, registry.address, entry), taker),
    )
