# pragma version ==0.4.3
# Takes whatever holds, once: what the refusal table is tried on.

from circuits import once

initializes: once

CIRCUITS: immutable(address)
ENTRY: immutable(bytes32)

taken: public(uint256)


@deploy
def __init__(circuits: address, entry: bytes32):
    CIRCUITS = circuits
    ENTRY = entry


@external
def take_statement(proof: once.Proof, inputs: DynArray[uint256, 64]):
    once.take_statement(CIRCUITS, ENTRY, proof, inputs)
    self.taken += 1


@external
def take_nullifier(proof: once.Proof, inputs: DynArray[uint256, 64]):
    once.take_nullifier(CIRCUITS, ENTRY, proof, inputs, 0)
    self.taken += 1
