# pragma version ==0.4.3
# Counts members of a published set who come forward, each once for each question, and learns of
# none of them who it is. The circuit and the set's root stand here, never with the caller. Proofs
# are of the circuit `membership`: nullifier, root, scope; the question is the scope.

from circuits import once

initializes: once

exports: once.used

event Counted:
    question: indexed(uint256)
    count: uint256

CIRCUITS: public(immutable(address))
ENTRY: public(immutable(bytes32))
ROOT: public(immutable(uint256))

NULLIFIER_POSITION: constant(uint256) = 0

count: public(HashMap[uint256, uint256])


@deploy
def __init__(circuits: address, entry: bytes32, root: uint256):
    CIRCUITS = circuits
    ENTRY = entry
    ROOT = root


@external
def come_forward(question: uint256, nullifier: uint256, proof: once.Proof):
    once.take_nullifier(CIRCUITS, ENTRY, proof, [nullifier, ROOT, question], NULLIFIER_POSITION)
    self.count[question] += 1
    log Counted(question=question, count=self.count[question])
