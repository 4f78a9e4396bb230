# pragma version ==0.4.3
# Hashes and verifies through the two precompiles of a Quorate group. The key is the contract's own:
# who calls brings the proof alone, and the two numbers that it is about.

POSEIDON: constant(address) = 0x0000000000000000000000000000000000007101
GROTH16_VERIFY: constant(address) = 0x0000000000000000000000000000000000007102

# What a verification with two public inputs costs; a malformed proof takes no more than this.
VERIFY_GAS: constant(uint256) = 61_200

# alpha, beta, gamma, delta and the three IC points: 20 words.
KEY: immutable(Bytes[640])


@deploy
def __init__(key: Bytes[640]):
    assert len(key) == 640, "a key for two public inputs has 20 words"
    KEY = key


@external
@view
def hash_of(left: uint256, right: uint256) -> uint256:
    answer: Bytes[32] = raw_call(
        POSEIDON,
        concat(convert(left, bytes32), convert(right, bytes32)),
        max_outsize=32,
        gas=540,
        is_static_call=True,
    )
    return convert(answer, uint256)


@external
@view
def holds(proof: Bytes[256], first: uint256, second: uint256) -> bool:
    assert len(proof) == 256, "a proof has 8 words"
    understood: bool = False
    answer: Bytes[32] = b""
    understood, answer = raw_call(
        GROTH16_VERIFY,
        concat(KEY, proof, convert(first, bytes32), convert(second, bytes32)),
        max_outsize=32,
        gas=VERIFY_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return understood and convert(answer, uint256) == 1
