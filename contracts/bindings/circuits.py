"""The registry of circuits: its calls, its entries, and what an entry's id is the hash of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from eth_abi.abi import encode

from contracts.bindings.contract import Call, Contract, Query
from contracts.bindings.keys import proof_arguments
from contracts.compiler import deploy_data
from contracts.interface import load_abi
from ledger.values import Address, Hash32, keccak
from zkp.groth16.keys import Proof, VerifyingKey
from zkp.key_words import encode_key, key_hash

SOURCE = "circuits/circuits.vy"
NAME_BYTES_MAX = 32
BATCH_MAX = 32
NO_CEREMONY = Hash32(bytes(32))
"""The transcript of a key that one party made alone; production groups refuse it."""


class InvalidCircuit(ValueError):
    """A circuit that the registry could not lay down."""


class CircuitStatus(IntEnum):
    """How far an entry is."""

    ABSENT = 0
    PROPOSED = 1
    ACTIVE = 2
    RETIRED = 3


@dataclass(frozen=True)
class CircuitEntry:
    """An entry as it stands: hashes, number of public inputs, where the key's words are."""

    status: CircuitStatus
    name: str
    source: Hash32
    system: Hash32
    transcript: Hash32
    key: Hash32
    inputs: int
    key_at: Address


@dataclass(frozen=True)
class Draft:
    """What an author lays down: `system` is the keccak-256 of the `.r1cs`."""

    name: str
    source: Hash32
    system: Hash32
    transcript: Hash32
    key: VerifyingKey

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.encode()) <= NAME_BYTES_MAX:
            raise InvalidCircuit(
                f"expected a name of 1 to {NAME_BYTES_MAX} bytes in UTF-8, got {self.name!r:.60}"
            )

    @property
    def entry(self) -> Hash32:
        """The id under which the registry will have it."""
        hashes = (self.source, self.system, self.transcript, key_hash(self.key))
        return keccak(encode(["string", *["bytes32"] * 4], [self.name, *hashes]))


Statement = tuple[Proof, Sequence[int]]


@dataclass(frozen=True)
class CircuitRegistry:
    """The contract at an address."""

    address: Address

    @cached_property
    def contract(self) -> Contract:
        """The general binding, for events and other names."""
        return Contract(self.address, load_abi(SOURCE))

    def propose(self, draft: Draft) -> Call:
        """By an author or admin: lays a circuit down for approval."""
        return self.contract.call(
            "propose",
            draft.name,
            draft.source,
            draft.system,
            draft.transcript,
            encode_key(draft.key),
        )

    def approve(self, entry: Hash32) -> Call:
        """By an author or admin: its organisation lets the circuit count."""
        return self.contract.call("approve", entry)

    def retire(self, entry: Hash32) -> Call:
        """By an author or admin: its organisation lets the circuit count no more."""
        return self.contract.call("retire", entry)

    def circuit(self, entry: Hash32) -> Query[CircuitEntry]:
        """An entry; its status is ABSENT where there is none."""
        return self.contract.query("circuits", entry).then(_entry)

    def count(self) -> Query[int]:
        """How many entries there are, retired ones too."""
        return self.contract.query("count")

    def entry_at(self, place: int) -> Query[Hash32]:
        """The id of an entry by its place, from 0, in the order in which they were laid down."""
        return self.contract.query("entries", place).then(Hash32)

    def key_words(self, entry: Hash32) -> Query[bytes]:
        """The words of an entry's key, whatever its status."""
        return self.contract.query("key_of", entry)

    def verify(self, entry: Hash32, proof: Proof, inputs: Sequence[int]) -> Query[bool]:
        """Whether a proof shows a statement of an active circuit."""
        return self.contract.query("verify", entry, *proof_arguments(proof), list(inputs))

    def verify_batch(self, entry: Hash32, statements: Sequence[Statement]) -> Query[bool]:
        """Whether all of these statements, at most 32, hold."""
        rows = [(*proof_arguments(proof), list(inputs)) for proof, inputs in statements]
        return self.contract.query("verify_batch", entry, rows)


def circuits_deploy_data() -> bytes:
    """Data of the transaction that deploys the registry."""
    return deploy_data(SOURCE)


def _entry(fields: Mapping[str, Any]) -> CircuitEntry:
    return CircuitEntry(**{**fields, "status": CircuitStatus(fields["status"])})
