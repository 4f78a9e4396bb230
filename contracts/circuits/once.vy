# pragma version ==0.4.3
# What a contract lets count once: a module that the contract imports. What was used stands in the
# contract's own storage, so one contract's use is none of another's. Never by the proof's bytes:
# whoever sees a proof makes another one of the same statement from it.

INPUTS_MAX: constant(uint256) = 64

struct Proof:
    a: uint256[2]
    b: uint256[2][2]
    c: uint256[2]

interface Circuits:
    def verify(
        entry: bytes32,
        a: uint256[2],
        b: uint256[2][2],
        c: uint256[2],
        inputs: DynArray[uint256, INPUTS_MAX],
    ) -> bool: view

# By the hash of a statement or of a nullifier.
used: public(HashMap[bytes32, bool])


@internal
def take_statement(
    circuits: address, entry: bytes32, proof: Proof, inputs: DynArray[uint256, INPUTS_MAX]
):
    """
    Takes a true statement: one circuit and its inputs, once. Reverts with the reason.
    """
    self._take(keccak256(abi_encode(entry, inputs)), circuits, entry, proof, inputs)


@internal
def take_nullifier(
    circuits: address,
    entry: bytes32,
    proof: Proof,
    inputs: DynArray[uint256, INPUTS_MAX],
    position: uint256,
):
    """
    Takes a true statement whose input at this position is a nullifier: each nullifier once,
    whatever else the statement says and under whichever key. Reverts with the reason.
    """
    assert position < len(inputs), "no input at the nullifier's position"
    self._take(keccak256(abi_encode(inputs[position])), circuits, entry, proof, inputs)


@internal
def _take(
    name: bytes32,
    circuits: address,
    entry: bytes32,
    proof: Proof,
    inputs: DynArray[uint256, INPUTS_MAX],
):
    assert not self.used[name], "statement is used"
    # An input from r on, a second name of the same statement, does not hold.
    assert staticcall Circuits(circuits).verify(entry, proof.a, proof.b, proof.c, inputs), (
        "proof does not hold"
    )
    self.used[name] = True
