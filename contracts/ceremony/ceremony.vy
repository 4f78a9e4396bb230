# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Phase 2 of one Groth16 set-up: a contribution by each organisation, in turn
@notice Says who contributes when, and to what: every contribution names the key that it was made
        of and carries the proof that its maker knew the secret. Checked here is what pairings can
        check. That the proof is bound to its place, and that the rest of the key followed, needs
        the key's file: whoever contributes next checks that first, and a majority of the
        participants can take the last contribution back. The beacon is the hash of a block
        whose height stands from the beginning; once it is there nobody contributes any more.
        One contract is one ceremony. `digest` is a hash over all that happened, in order.
@license Apache-2.0
"""

from system import gate
from system import permission

PARTICIPANTS_MAX: constant(uint256) = 32
STEPS_MAX: constant(uint256) = 33  # the participants' and the beacon's
TURN_S_MAX: constant(uint256) = 31_536_000
# The beacon is hashed 2^exponent times: what snarkjs takes, and what takes seconds at most.
BEACON_EXPONENT_MIN: constant(uint256) = 10
BEACON_EXPONENT_MAX: constant(uint256) = 24
HASHES_KEPT: constant(uint256) = 256  # how far back the EVM knows the hashes of blocks
CALLERS: constant(uint256) = (
    permission.MEMBER | permission.GATEWAY | permission.AUTHOR | permission.ADMIN
)
# Base field of BN254; EIP-197's precompile, its price for two pairings (EIP-1108), generators.
P: constant(uint256) = (
    21888242871839275222246405745257275088696311157297823662689037894645226208583
)
PAIRING: constant(address) = 0x0000000000000000000000000000000000000008
PAIRING_GAS: constant(uint256) = 113_000
G1: constant(uint256[2]) = [1, 2]
G2: constant(uint256[2][2]) = [
    [
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
    ],
    [
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
    ],
]

# What enters the digest.
STARTED: constant(uint256) = 1
MISSED: constant(uint256) = 2
CONTRIBUTED: constant(uint256) = 3
FINISHED: constant(uint256) = 4
OBJECTED: constant(uint256) = 5

struct Terms:
    circuit: bytes32  # keccak-256 of the `.r1cs` file, by which the circuit is known here
    constraints: bytes32  # SHA-256 of that file, by which it is fetched
    powers: bytes32  # SHA-256 of phase 1's `.ptau` file
    initial: bytes32  # SHA-256 of the initial `.zkey` file
    turn_s: uint256  # how long a participant has before the next one may go on without it
    beacon_block: uint256
    beacon_exponent: uint256  # the beacon is hashed 2^this times
    least: uint256  # contributions without which the ceremony comes to nothing

# G1 as x, y; G2 as the precompile takes it: x imaginary, x real, y imaginary, y real.
struct Points:
    delta1: uint256[2]
    delta2: uint256[2][2]
    g1_s: uint256[2]
    g1_sx: uint256[2]
    g2_sp: uint256[2][2]
    g2_spx: uint256[2][2]

struct Step:
    key: bytes32  # SHA-256 of the `.zkey` file
    place: uint256  # of the participant
    delta1: uint256[2]

event Started:
    terms: Terms
    participants: DynArray[address, PARTICIPANTS_MAX]

event Missed:
    place: indexed(uint256)

event Contributed:
    place: indexed(uint256)
    key: indexed(bytes32)
    parent: bytes32
    points: Points

event Finished:
    place: indexed(uint256)
    key: indexed(bytes32)
    parent: bytes32
    beacon: bytes32
    points: Points

event Objected:
    place: indexed(uint256)
    key: indexed(bytes32)
    taken_back: bool

terms: public(Terms)
participants: DynArray[address, PARTICIPANTS_MAX]
start_block: public(uint256)
digest: public(bytes32)
turn: public(uint256)  # the place of the participant whose turn it is
turn_began: public(uint256)
finished: public(bool)
steps: DynArray[Step, STEPS_MAX]
used: HashMap[bytes32, bool]
# Bit i: the participant at place i objects to this key.
objections: public(HashMap[bytes32, uint256])


@deploy
def __init__(terms: Terms, participants: DynArray[address, PARTICIPANTS_MAX]):
    assert terms.circuit != empty(bytes32), "circuit id is zero"
    assert terms.constraints != empty(bytes32), "constraints' hash is zero"
    assert terms.initial != empty(bytes32), "initial key's hash is zero"
    assert 0 < terms.turn_s and terms.turn_s <= TURN_S_MAX, "a turn has 1 second to a year"
    assert terms.beacon_block > block.number, "the beacon's block is there already"
    assert terms.beacon_exponent >= BEACON_EXPONENT_MIN, "beacon's exponent is below 10"
    assert terms.beacon_exponent <= BEACON_EXPONENT_MAX, "beacon's exponent is above 24"
    assert len(participants) >= 2, "nobody is to be trusted alone: name two or more"
    assert 0 < terms.least and terms.least <= len(participants), "least is 1 to all participants"
    organisations: uint256 = 0
    for account: address in participants:
        organisation: uint256 = gate.organisation_with(account, CALLERS)
        assert organisation != 0, "a participant has no account here that may call"
        assert organisations & (1 << organisation) == 0, "an organisation takes part twice"
        organisations |= 1 << organisation
    self.terms = terms
    self.participants = participants
    self.start_block = block.number
    self.turn_began = block.timestamp
    self.used[terms.initial] = True
    self._note(STARTED, keccak256(abi_encode(terms, participants)))
    log Started(terms=terms, participants=participants)


@external
def contribute(parent: bytes32, key: bytes32, points: Points):
    """
    @notice By the participant whose turn it is, or by a later one where all in between have let
            their time pass. A participant that is late may still contribute until another does.
    """
    assert not self.finished, "the ceremony is finished"
    assert block.number < self.terms.beacon_block, "the beacon's block is there"
    place: uint256 = self._place(msg.sender)
    assert place >= self.turn, "the sender's turn has passed"
    waited: uint256 = self.terms.turn_s * (place - self.turn)
    assert block.timestamp >= self.turn_began + waited, "it is not the sender's turn yet"
    for missing: uint256 in range(self.turn, place, bound=PARTICIPANTS_MAX):
        self._note(MISSED, convert(missing, bytes32))
        log Missed(place=missing)
    self.turn = place + 1
    self.turn_began = block.timestamp
    self._record(CONTRIBUTED, place, parent, key, empty(bytes32), points)
    log Contributed(place=place, key=key, parent=parent, points=points)


@external
def finish(parent: bytes32, key: bytes32, beacon: bytes32, points: Points):
    """
    @notice By a participant: the beacon's contribution, which is the same whoever computes it.
    @param beacon Hash of the beacon's block. Where the EVM still knows it, it is compared here;
           later it stands for others to compare with the ledger.
    """
    assert not self.finished, "the ceremony is finished"
    height: uint256 = self.terms.beacon_block
    assert block.number > height, "the beacon's block is not there yet"
    assert len(self.steps) >= self.terms.least, "fewer contributions than the terms ask for"
    if block.number <= height + HASHES_KEPT:
        assert beacon == blockhash(height), "the beacon is not that block's hash"
    place: uint256 = self._place(msg.sender)
    self.finished = True
    self._record(FINISHED, place, parent, key, beacon, points)
    log Finished(place=place, key=key, parent=parent, beacon=beacon, points=points)


@external
def object_to(key: bytes32):
    """
    @notice By a participant: the last contribution's file is missing or wrong. When more than half
            of the participants say so it is taken back, and the ceremony goes on from its parent
            with the turn where it is.
    """
    place: uint256 = self._place(msg.sender)
    assert len(self.steps) > 0, "there is no contribution"
    assert self.steps[len(self.steps) - 1].key == key, "it is not the last contribution"
    assert self.objections[key] >> place & 1 == 0, "the sender has objected"
    self.objections[key] |= 1 << place
    against: uint256 = 0
    for number: uint256 in range(PARTICIPANTS_MAX):
        against += self.objections[key] >> number & 1
    taken_back: bool = 2 * against > len(self.participants)
    if taken_back:
        self.steps.pop()
        self.finished = False
    self._note(OBJECTED, keccak256(abi_encode(place, key, taken_back)))
    log Objected(place=place, key=key, taken_back=taken_back)


@external
@view
def all_participants() -> DynArray[address, PARTICIPANTS_MAX]:
    return self.participants


@external
@view
def all_steps() -> DynArray[Step, STEPS_MAX]:
    """
    @notice The contributions that stand, in order.
    """
    return self.steps


@external
@view
def head() -> bytes32:
    """
    @notice SHA-256 of the key file that the next contribution is made of.
    """
    return self._head()


@external
@view
def final_key() -> bytes32:
    """
    @notice SHA-256 of the key that came of it; zero while the ceremony is not finished.
    """
    return self._head() if self.finished else empty(bytes32)


@internal
@view
def _head() -> bytes32:
    if len(self.steps) == 0:
        return self.terms.initial
    return self.steps[len(self.steps) - 1].key


@internal
@view
def _place(account: address) -> uint256:
    for place: uint256 in range(len(self.participants), bound=PARTICIPANTS_MAX):
        if self.participants[place] == account:
            return place
    raise "sender is no participant"


@internal
def _record(
    kind: uint256, place: uint256, parent: bytes32, key: bytes32, beacon: bytes32, points: Points
):
    assert parent == self._head(), "wrong parent: another key is the last one"
    delta: uint256[2] = G1
    if len(self.steps) > 0:
        delta = self.steps[len(self.steps) - 1].delta1
    self._check(points, delta)
    # A contribution that was taken back must not come again, under whatever name.
    proof: bytes32 = keccak256(abi_encode(points.g1_s, points.g1_sx))
    assert not self.used[key] and not self.used[proof], "replay: this contribution was made before"
    self.used[key] = True
    self.used[proof] = True
    self.steps.append(Step(key=key, place=place, delta1=points.delta1))
    self._note(kind, keccak256(abi_encode(place, parent, key, beacon, points)))


@internal
@view
def _check(points: Points, delta: uint256[2]):
    """That one who knew the factor multiplied delta by it, as far as pairings show it."""
    assert self._is_finite(points.g1_s) and self._is_finite(points.g1_sx), "a point is zero"
    assert points.g2_spx[0][0] != 0 or points.g2_spx[0][1] != 0, "a point is zero"
    assert self._same_ratio(
        points.g1_s, points.g1_sx, points.g2_sp, points.g2_spx
    ), "the proof of knowledge does not hold"
    assert self._same_ratio(
        delta, points.delta1, points.g2_sp, points.g2_spx
    ), "delta changed by another factor than the proven one"
    assert self._same_ratio(G1, points.delta1, G2, points.delta2), "delta is unequal in G1 and G2"


@internal
@pure
def _is_finite(point: uint256[2]) -> bool:
    return point[0] != 0 or point[1] != 0


@internal
@view
def _same_ratio(a: uint256[2], b: uint256[2], c: uint256[2][2], d: uint256[2][2]) -> bool:
    """Whether b is as many times a as d is times c: e(a, d) = e(b, c)."""
    if b[1] == 0 or b[1] >= P:
        return False
    success: bool = False
    output: Bytes[32] = b""
    success, output = raw_call(
        PAIRING,
        abi_encode(a, d, b[0], P - b[1], c),
        max_outsize=32,
        gas=PAIRING_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A failed call and an answer of 0 are two ways to be false; both must be excluded.
    return success and len(output) == 32 and convert(output, uint256) == 1


@internal
def _note(kind: uint256, content: bytes32):
    self.digest = keccak256(abi_encode(self.digest, kind, block.number, content))
