"""Writes a verification key as a Vyper contract: what any EVM chain with BN254's precompiles runs.

The text follows from key, circuit and name alone. It needs nothing of ours on chain; where our own
precompile stands, the registry of circuits verifies for less (docs/reference/proof-gas.md).
"""

import re
from string import Template

from zkp.groth16.keys import InvalidKey, VerifyingKey
from zkp.key_words import key_hash
from zkp.snarkjs.calldata import G1Words, G2Words, key_words

INPUTS_MAX = 64
BATCH_MAX = 32
NAME_CHARS_MAX = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class InvalidName(ValueError):
    """A name that does not belong into the text of a source."""


def verifier_source(key: VerifyingKey, circuit: bytes, name: str) -> str:
    """The Vyper source of a verifier of proofs under this key.

    `circuit` is the keccak-256 of the `.r1cs`. Raises `InvalidKey` for a key that no contract can
    trust, or with a number of public inputs other than 1 to 64, and `InvalidName`.
    """
    assert len(circuit) == 32, "a circuit's id has 32 bytes"
    if len(name) > NAME_CHARS_MAX or not _NAME.fullmatch(name):
        raise InvalidName(
            f"expected a name of at most {NAME_CHARS_MAX} letters, digits and underscores, "
            f"a letter first; got {name!r:.80}"
        )
    key.check()
    if not 1 <= key.publics <= INPUTS_MAX:
        raise InvalidKey(f"{key.publics} public inputs: a contract takes 1 to {INPUTS_MAX}")
    free = [place for place, point in enumerate(key.ic[1:]) if point is None]
    if free:
        raise InvalidKey(f"public inputs {free} bind nothing: anybody could change them in a proof")
    words = key_words(key)
    return _SOURCE.substitute(
        name=name,
        count=key.publics,
        batch_max=BATCH_MAX,
        pair_words=6 * BATCH_MAX,
        pair_bytes=192 * (BATCH_MAX + 3),
        circuit=circuit.hex(),
        key=key_hash(key).hex(),
        alpha=_g1_literal(words.alpha),
        beta=_g2_literal(words.beta),
        gamma=_g2_literal(words.gamma),
        delta=_g2_literal(words.delta),
        ic="\n".join(
            f"IC_{place}: constant(uint256[2]) = {_g1_literal(point)}"
            for place, point in enumerate(words.ic)
        ),
        sum="\n".join(
            f"    total = self._plus(total, IC_{place}, inputs[{place - 1}])"
            for place in range(1, len(words.ic))
        ),
    )


def _g1_literal(point: G1Words) -> str:
    return "[\n" + "".join(f"    {word},\n" for word in point) + "]"


def _g2_literal(point: G2Words) -> str:
    rows = (point[:2], point[2:])
    lines = (f"    [\n        {first},\n        {second},\n    ],\n" for first, second in rows)
    return "[\n" + "".join(lines) + "]"


_SOURCE = Template('''\
# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Verifier of Groth16 proofs of $name
@notice Written from a verification key by `quorate zk export --vyper`: the same key, circuit and
        name give the same text. No storage and no owner: the key is part of the code.

        circuit  0x$circuit
                 keccak-256 of its .r1cs
        key      0x$key
                 keccak-256 of its words, as groth16_verify takes them
        inputs   $count

        A false proof, a point off its curve or group, a coordinate that is not reduced, a zero
        point and an input not below r answer False. A true answer says nothing about who brings the
        proof or whether it was used: that is for the contract that asks.
@dev `verifyProof` has the name and the arguments of the verifier that snarkjs writes. Points of G2
     are as EIP-197 has them: x imaginary, x real, y imaginary, y real.
@license Apache-2.0
"""

INPUTS: constant(uint256) = $count
BATCH_MAX: constant(uint256) = $batch_max
PAIR_WORDS: constant(uint256) = $pair_words  # of a full batch: six for each proof
PAIR_BYTES: constant(uint256) = $pair_bytes

# EIP-196 and EIP-197, and their prices of EIP-1108. A precompile that fails keeps all gas that it
# was given: without a bound, a malformed proof would leave its caller nothing to go on with.
ADD: constant(address) = 0x0000000000000000000000000000000000000006
MULTIPLY: constant(address) = 0x0000000000000000000000000000000000000007
PAIRING: constant(address) = 0x0000000000000000000000000000000000000008
ADD_GAS: constant(uint256) = 150
MULTIPLY_GAS: constant(uint256) = 6_000
PAIRING_GAS: constant(uint256) = 45_000
PAIR_GAS: constant(uint256) = 34_000

# BN254: the field of the coordinates, and the field of the inputs.
Q: constant(uint256) = (
    21888242871839275222246405745257275088696311157297823662689037894645226208583
)
R: constant(uint256) = (
    21888242871839275222246405745257275088548364400416034343698204186575808495617
)

CIRCUIT: public(constant(bytes32)) = (
    0x$circuit
)
KEY: public(constant(bytes32)) = (
    0x$key
)

ALPHA: constant(uint256[2]) = $alpha
BETA: constant(uint256[2][2]) = $beta
GAMMA: constant(uint256[2][2]) = $gamma
DELTA: constant(uint256[2][2]) = $delta
$ic

struct Statement:
    a: uint256[2]
    b: uint256[2][2]
    c: uint256[2]
    inputs: uint256[INPUTS]


@external
@view
def verifyProof(
    a: uint256[2], b: uint256[2][2], c: uint256[2], inputs: uint256[INPUTS]
) -> bool:
    """
    @notice Whether e(A, B) = e(alpha, beta) e(sum of inputs, gamma) e(C, delta).
    @param inputs Public inputs in the circuit's order, each below r.
    """
    if not self._is_well_formed(Statement(a=a, b=b, c=c, inputs=inputs)):
        return False
    return self._product_is_one(
        concat(
            abi_encode(self._negated(a), b),
            abi_encode(ALPHA, BETA),
            abi_encode(self._sum(1, inputs), GAMMA),
            abi_encode(c, DELTA),
        ),
        4,
    )


@external
@view
def verifyBatch(statements: DynArray[Statement, BATCH_MAX]) -> bool:
    """
    @notice Whether all of the statements hold: their equations, each multiplied by a number that
            follows from the hash of the key and of everything that was given, hold as one. A false
            statement passes by chance of 2^-128. No statements at all are not a true batch.
    """
    if len(statements) == 0:
        return False
    seed: bytes32 = keccak256(abi_encode(KEY, statements))
    pairs: uint256[PAIR_WORDS] = empty(uint256[PAIR_WORDS])
    c_sum: uint256[2] = empty(uint256[2])
    weights: uint256 = 0
    inputs: uint256[INPUTS] = empty(uint256[INPUTS])
    place: uint256 = 0
    for statement: Statement in statements:
        if not self._is_well_formed(statement):
            return False
        weight: uint256 = convert(keccak256(abi_encode(seed, place)), uint256) >> 128
        understood: bool = False
        a: uint256[2] = empty(uint256[2])
        c: uint256[2] = empty(uint256[2])
        understood, a = self._multiply(self._negated(statement.a), weight)
        if not understood:
            return False
        understood, c = self._multiply(statement.c, weight)
        if not understood:
            return False
        pairs[6 * place] = a[0]
        pairs[6 * place + 1] = a[1]
        pairs[6 * place + 2] = statement.b[0][0]
        pairs[6 * place + 3] = statement.b[0][1]
        pairs[6 * place + 4] = statement.b[1][0]
        pairs[6 * place + 5] = statement.b[1][1]
        c_sum = self._add(c_sum, c)
        weights = uint256_addmod(weights, weight, R)
        for index: uint256 in range(INPUTS):
            inputs[index] = uint256_addmod(
                inputs[index], uint256_mulmod(weight, statement.inputs[index], R), R
            )
        place += 1
    return self._product_is_one(
        concat(
            slice(abi_encode(pairs), 0, 192 * place),
            abi_encode(self._plus(empty(uint256[2]), ALPHA, weights), BETA),
            abi_encode(self._sum(weights, inputs), GAMMA),
            abi_encode(c_sum, DELTA),
        ),
        place + 3,
    )


@internal
@pure
def _is_well_formed(statement: Statement) -> bool:
    """Nothing that the precompiles would take in another sense, or as the identity."""
    for value: uint256 in statement.inputs:
        # Input + r is the same number to them: one statement would have two names.
        if value >= R:
            return False
    # A is negated, where a coordinate from q on would slip back into the field.
    if statement.a[0] >= Q or statement.a[1] >= Q:
        return False
    return not (
        self._is_zero(statement.a)
        or self._is_zero(statement.c)
        or (self._is_zero(statement.b[0]) and self._is_zero(statement.b[1]))
    )


@internal
@pure
def _is_zero(words: uint256[2]) -> bool:
    return words[0] == 0 and words[1] == 0


@internal
@pure
def _negated(point: uint256[2]) -> uint256[2]:
    return [point[0], Q - point[1]]


@internal
@view
def _sum(one: uint256, inputs: uint256[INPUTS]) -> uint256[2]:
    """IC_0 times the first number, plus each input times its point."""
    total: uint256[2] = IC_0
    if one != 1:
        total = self._plus(empty(uint256[2]), IC_0, one)
$sum
    return total


@internal
@view
def _plus(total: uint256[2], point: uint256[2], scalar: uint256) -> uint256[2]:
    """`total` and a multiple of one of the key's points, which cannot fail."""
    term: Bytes[64] = raw_call(
        MULTIPLY,
        abi_encode(point, scalar),
        max_outsize=64,
        gas=MULTIPLY_GAS,
        is_static_call=True,
    )
    return self._add(total, abi_decode(term, uint256[2]))


@internal
@view
def _add(left: uint256[2], right: uint256[2]) -> uint256[2]:
    """The sum of two points that came from the key or from the precompile."""
    total: Bytes[64] = raw_call(
        ADD, abi_encode(left, right), max_outsize=64, gas=ADD_GAS, is_static_call=True
    )
    return abi_decode(total, uint256[2])


@internal
@view
def _multiply(point: uint256[2], scalar: uint256) -> (bool, uint256[2]):
    """A multiple of a point that a caller gave; False if it is none."""
    success: bool = False
    output: Bytes[64] = b""
    success, output = raw_call(
        MULTIPLY,
        abi_encode(point, scalar),
        max_outsize=64,
        gas=MULTIPLY_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(output) != 64:
        return False, empty(uint256[2])
    return True, abi_decode(output, uint256[2])


@internal
@view
def _product_is_one(pairs: Bytes[PAIR_BYTES], count: uint256) -> bool:
    success: bool = False
    output: Bytes[32] = b""
    success, output = raw_call(
        PAIRING,
        pairs,
        max_outsize=32,
        gas=PAIRING_GAS + PAIR_GAS * count,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A failed call and an answer of 0 are two ways to be false; both must be excluded.
    return success and len(output) == 32 and convert(output, uint256) == 1
''')
