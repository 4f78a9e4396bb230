# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Groth16 over BN254, for any registered circuit
@notice Jens Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016), by the
        precompiles of EIP-196 and EIP-197. A false proof, a point off its curve or group, an
        input not below r, a wrong number of inputs, and a missing key all answer False.
        Has no storage: keys come from the registry. Stands at 0x…7004.
@license Apache-2.0
"""

INPUTS_MAX: constant(uint256) = 32
IC_MAX: constant(uint256) = 33
KEYS: constant(address) = 0x0000000000000000000000000000000000007003
ADD: constant(address) = 0x0000000000000000000000000000000000000006
MULTIPLY: constant(address) = 0x0000000000000000000000000000000000000007
PAIRING: constant(address) = 0x0000000000000000000000000000000000000008
# Prices of EIP-1108. A precompile that fails keeps all gas that it was given: without a bound, a
# malformed proof would leave its caller too little to record the refusal.
ADD_GAS: constant(uint256) = 150
MULTIPLY_GAS: constant(uint256) = 6_000
PAIRING_GAS: constant(uint256) = 181_000  # 45,000 and 34,000 for each of four pairs

# Base field p and scalar field r of BN254.
P: constant(uint256) = (
    21888242871839275222246405745257275088696311157297823662689037894645226208583
)
R: constant(uint256) = (
    21888242871839275222246405745257275088548364400416034343698204186575808495617
)

struct Key:
    alpha: uint256[2]
    beta: uint256[2][2]
    gamma: uint256[2][2]
    delta: uint256[2][2]
    ic: DynArray[uint256[2], IC_MAX]

interface Keys:
    def usable_key(circuit: bytes32) -> bytes32: view
    def key_of(key: bytes32) -> Key: view


@external
@view
def verify(
    circuit: bytes32,
    a: uint256[2],
    b: uint256[2][2],
    c: uint256[2],
    inputs: DynArray[uint256, INPUTS_MAX],
) -> bool:
    """
    @notice Whether e(A, B) = e(alpha, beta) e(sum of inputs, gamma) e(C, delta).
    @param a G1: x, y
    @param b G2 as the precompile takes it: x imaginary, x real, y imaginary, y real.
    @param inputs Public inputs in the circuit's order, each below r: a verifier that took input
           + r for the same statement would accept one proof under two names.
    """
    name: bytes32 = staticcall Keys(KEYS).usable_key(circuit)
    if name == empty(bytes32):
        return False
    key: Key = staticcall Keys(KEYS).key_of(name)
    if len(key.ic) != len(inputs) + 1:
        return False
    # A is negated below, where a coordinate from p on would slip back into the field.
    if a[0] >= P or a[1] >= P:
        return False
    total: uint256[2] = key.ic[0]
    ok: bool = True
    index: uint256 = 1
    for value: uint256 in inputs:
        if value >= R:
            return False
        term: uint256[2] = empty(uint256[2])
        ok, term = self._multiply(key.ic[index], value)
        if not ok:
            return False
        ok, total = self._add(total, term)
        if not ok:
            return False
        index += 1
    negated: uint256[2] = a
    if a[1] != 0:
        negated[1] = P - a[1]
    return self._pairing_is_one(
        concat(
            abi_encode(negated, b),
            abi_encode(key.alpha, key.beta),
            abi_encode(total, key.gamma),
            abi_encode(c, key.delta),
        )
    )


@internal
@view
def _multiply(point: uint256[2], scalar: uint256) -> (bool, uint256[2]):
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
def _add(left: uint256[2], right: uint256[2]) -> (bool, uint256[2]):
    success: bool = False
    output: Bytes[64] = b""
    success, output = raw_call(
        ADD,
        abi_encode(left, right),
        max_outsize=64,
        gas=ADD_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(output) != 64:
        return False, empty(uint256[2])
    return True, abi_decode(output, uint256[2])


@internal
@view
def _pairing_is_one(pairs: Bytes[768]) -> bool:
    success: bool = False
    output: Bytes[32] = b""
    success, output = raw_call(
        PAIRING,
        pairs,
        max_outsize=32,
        gas=PAIRING_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A failed call and an answer of 0 are two ways to be false; both must be excluded.
    return success and len(output) == 32 and convert(output, uint256) == 1
