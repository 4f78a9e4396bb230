# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Circuits: which keys count here, where each comes from, and whether a proof holds
@notice An author lays down a circuit: hashes of its source, of its constraint system and of the
        ceremony that made its key, and the key itself. It is active once authors of a threshold of
        organisations have approved it, and retired, for good, once as many have said so. An entry's
        id is the hash of all that it says: an approval names what was looked at, and who holds an
        id holds one key for ever. Proofs are verified by id; whether a statement was used is for
        the contract that asks (once.vy).
@license Apache-2.0
"""

from system import gate

INPUTS_MAX: constant(uint256) = 64
BATCH_MAX: constant(uint256) = 32
NAME_BYTES_MAX: constant(uint256) = 32

# A key as groth16_verify takes it: alpha, beta, gamma, delta and the IC points, one more than there
# are inputs. 16 words and 2 for each input; the points of inputs begin after the sixteenth.
KEY_BYTES: constant(uint256) = 512
KEY_INPUT_BYTES: constant(uint256) = 64
KEY_BYTES_MAX: constant(uint256) = 4_608
PROOF_BYTES: constant(uint256) = 256
INPUT_BYTES_MAX: constant(uint256) = 2_048

GROTH16_VERIFY: constant(address) = 0x0000000000000000000000000000000000007102
# Its price. It keeps all that it was given where something is malformed: never give it more.
VERIFY_GAS: constant(uint256) = 60_000
VERIFY_INPUT_GAS: constant(uint256) = 600

# Status of a circuit. 0 is none.
PROPOSED: constant(uint256) = 1
ACTIVE: constant(uint256) = 2
RETIRED: constant(uint256) = 3

struct Circuit:
    status: uint256
    name: String[NAME_BYTES_MAX]
    source: bytes32  # hash of what it was compiled from
    system: bytes32  # keccak-256 of the `.r1cs`
    transcript: bytes32  # hash of the ceremony's; zero: one party made the key
    key: bytes32  # keccak-256 of the key's words
    inputs: uint256
    key_at: address  # code that answers with the key's words

struct Statement:
    a: uint256[2]
    b: uint256[2][2]
    c: uint256[2]
    inputs: DynArray[uint256, INPUTS_MAX]

event CircuitProposed:
    entry: indexed(bytes32)
    system: indexed(bytes32)
    name: String[NAME_BYTES_MAX]
    source: bytes32
    transcript: bytes32
    key: bytes32
    inputs: uint256
    sender: indexed(address)

event CircuitApproved:
    entry: indexed(bytes32)
    organisation: uint256
    sender: indexed(address)

event CircuitActive:
    entry: indexed(bytes32)

event RetirementApproved:
    entry: indexed(bytes32)
    organisation: uint256
    sender: indexed(address)

event CircuitRetired:
    entry: indexed(bytes32)

circuits: public(HashMap[bytes32, Circuit])
# All entries in the order in which they were proposed.
count: public(uint256)
entries: public(HashMap[uint256, bytes32])
# Where the key of an active circuit stands, else nothing: the one word that a verification reads.
active_key: HashMap[bytes32, address]
# By entry and the status that is agreed to. Bit i: organisation i agrees.
approvals: public(HashMap[bytes32, HashMap[uint256, uint256]])
# What they weigh together.
approval_weights: public(HashMap[bytes32, HashMap[uint256, uint256]])


@external
def propose(
    name: String[NAME_BYTES_MAX],
    source: bytes32,
    system: bytes32,
    transcript: bytes32,
    key: Bytes[KEY_BYTES_MAX],
) -> bytes32:
    """
    @notice An author or admin lays down a circuit for approval.
    @param source Hash of the circuit's source, by whatever rule its authors publish.
    @param system keccak-256 of the `.r1cs`.
    @param transcript Hash of the ceremony's transcript; zero if one party made the key, which is
           refused where genesis says production.
    @param key The key's words.
    @return The entry's id: keccak256(abi.encode(name, source, system, transcript, keccak256(key))).
    """
    gate.organisation_of_author(msg.sender)
    assert len(name) > 0, "a circuit has a name"
    assert source != empty(bytes32) and system != empty(bytes32), "hash is zero"
    assert not (transcript == empty(bytes32) and gate.production()), (
        "key without a ceremony in a production group"
    )
    inputs: uint256 = self._checked_inputs(key)
    key_hash: bytes32 = keccak256(key)
    entry: bytes32 = keccak256(abi_encode(name, source, system, transcript, key_hash))
    assert self.circuits[entry].status == 0, "circuit is already laid down"
    self.circuits[entry] = Circuit(
        status=PROPOSED,
        name=name,
        source=source,
        system=system,
        transcript=transcript,
        key=key_hash,
        inputs=inputs,
        key_at=self._stored(key),
    )
    self.entries[self.count] = entry
    self.count += 1
    log CircuitProposed(
        entry=entry,
        system=system,
        name=name,
        source=source,
        transcript=transcript,
        key=key_hash,
        inputs=inputs,
        sender=msg.sender,
    )
    return entry


@external
def approve(entry: bytes32):
    """
    @notice An author or admin approves a proposed circuit for its organisation; enough approvals
            make it active.
    """
    assert self.circuits[entry].status == PROPOSED, "circuit is not proposed"
    organisation: uint256 = 0
    enough: bool = False
    organisation, enough = self._agree(entry, ACTIVE)
    log CircuitApproved(entry=entry, organisation=organisation, sender=msg.sender)
    if enough:
        self.circuits[entry].status = ACTIVE
        self.active_key[entry] = self.circuits[entry].key_at
        log CircuitActive(entry=entry)


@external
def retire(entry: bytes32):
    """
    @notice An author or admin says for its organisation that a circuit shall count no more, or
            never; enough of them retire it. No statement of it holds afterwards.
    """
    assert self.circuits[entry].status in [PROPOSED, ACTIVE], "circuit is not there to be retired"
    organisation: uint256 = 0
    enough: bool = False
    organisation, enough = self._agree(entry, RETIRED)
    log RetirementApproved(entry=entry, organisation=organisation, sender=msg.sender)
    if enough:
        self.circuits[entry].status = RETIRED
        self.active_key[entry] = empty(address)
        log CircuitRetired(entry=entry)


@external
@view
def verify(
    entry: bytes32,
    a: uint256[2],
    b: uint256[2][2],
    c: uint256[2],
    inputs: DynArray[uint256, INPUTS_MAX],
) -> bool:
    """
    @notice Whether the proof shows the statement with these inputs under an active circuit. All
            that is false, malformed or of no active circuit answers False.
    @param b G2 as the precompile takes it: x imaginary, x real, y imaginary, y real.
    @param inputs Public inputs in the circuit's order, each below r.
    """
    return self._holds(self._key_of(entry), abi_encode(a, b, c), inputs)


@external
@view
def verify_batch(entry: bytes32, statements: DynArray[Statement, BATCH_MAX]) -> bool:
    """
    @notice Whether all of these statements hold. No statements at all are not a true batch.
    """
    if len(statements) == 0:
        return False
    key: Bytes[KEY_BYTES_MAX] = self._key_of(entry)
    for one: Statement in statements:
        if not self._holds(key, abi_encode(one.a, one.b, one.c), one.inputs):
            return False
    return True


@external
@view
def key_of(entry: bytes32) -> Bytes[KEY_BYTES_MAX]:
    """
    @return The key's words, whatever the circuit's status; nothing if there is no such entry.
    """
    return self._words_at(self.circuits[entry].key_at)


@internal
@view
def _holds(
    key: Bytes[KEY_BYTES_MAX],
    proof: Bytes[PROOF_BYTES],
    inputs: DynArray[uint256, INPUTS_MAX],
) -> bool:
    # Without a key, and with another number of inputs than it is for.
    if len(key) != KEY_BYTES + KEY_INPUT_BYTES * len(inputs) or len(inputs) == 0:
        return False
    words: Bytes[INPUT_BYTES_MAX + 64] = abi_encode(inputs)
    understood: bool = False
    answer: Bytes[32] = b""
    understood, answer = self._ask(
        concat(key, proof, slice(words, 64, 32 * len(inputs))), len(inputs)
    )
    return understood and convert(answer, uint256) == 1


@internal
@view
def _ask(
    words: Bytes[KEY_BYTES_MAX + PROOF_BYTES + INPUT_BYTES_MAX + 64], inputs: uint256
) -> (bool, Bytes[32]):
    understood: bool = False
    answer: Bytes[32] = b""
    understood, answer = raw_call(
        GROTH16_VERIFY,
        words,
        max_outsize=32,
        gas=VERIFY_GAS + VERIFY_INPUT_GAS * inputs,
        is_static_call=True,
        revert_on_failure=False,
    )
    return understood and len(answer) == 32, answer


@internal
@view
def _key_of(entry: bytes32) -> Bytes[KEY_BYTES_MAX]:
    return self._words_at(self.active_key[entry])


@internal
@view
def _words_at(where: address) -> Bytes[KEY_BYTES_MAX]:
    if where == empty(address):
        return b""
    understood: bool = False
    words: Bytes[KEY_BYTES_MAX] = b""
    understood, words = raw_call(
        where, b"", max_outsize=KEY_BYTES_MAX, is_static_call=True, revert_on_failure=False
    )
    # A regulator may have frozen the key's code, as any other.
    if not understood:
        return b""
    return words


@internal
@view
def _checked_inputs(key: Bytes[KEY_BYTES_MAX]) -> uint256:
    """How many inputs a key is for; reverts unless it is one that can be relied on."""
    assert (
        len(key) > KEY_BYTES and (len(key) - KEY_BYTES) % KEY_INPUT_BYTES == 0
    ), "a key has 16 words and 2 for each of 1 to 64 inputs"
    inputs: uint256 = (len(key) - KEY_BYTES) // KEY_INPUT_BYTES
    for index: uint256 in range(inputs, bound=INPUTS_MAX):
        at: uint256 = KEY_BYTES + KEY_INPUT_BYTES * index
        bound: bool = (
            extract32(key, at) != empty(bytes32) or extract32(key, at + 32) != empty(bytes32)
        )
        assert bound, "a public input binds nothing: anybody could change it in a proof"
    # Any proof of points: the precompile fails if the key has a point that is none.
    zeros: DynArray[uint256, INPUTS_MAX] = []
    for _: uint256 in range(inputs, bound=INPUTS_MAX):
        zeros.append(0)
    words: Bytes[INPUT_BYTES_MAX + 64] = abi_encode(zeros)
    understood: bool = False
    answer: Bytes[32] = b""
    understood, answer = self._ask(
        concat(key, self._some_points(), slice(words, 64, 32 * inputs)), inputs
    )
    assert understood, "a point of the key lies off its curve or group"
    return inputs


@internal
@pure
def _some_points() -> Bytes[PROOF_BYTES]:
    """The generators of both groups in the place of a proof."""
    g1: uint256[2] = [1, 2]
    g2: uint256[2][2] = [
        [
            11559732032986387107991004021392285783925812861821192530917403151452391805634,
            10857046999023057135944570762232829481370756359578518086990519993285655852781,
        ],
        [
            4082367875863433681332203403145435568316851327593401208105741076214120093531,
            8495653923123431417604973247489272438418190587263600148770280649306958101930,
        ],
    ]
    return abi_encode(g1, g2, g1)


@internal
def _stored(key: Bytes[KEY_BYTES_MAX]) -> address:
    """Lays the key down as code: a fourth of what storage costs, and as immutable."""
    # Copies what follows these twelve bytes and returns it: once to create, once when asked.
    #   PUSH2 length, PUSH1 12, PUSH0, CODECOPY, PUSH2 length, PUSH0, RETURN
    whole: Bytes[2] = self._two_bytes(len(key) + 12)
    part: Bytes[2] = self._two_bytes(len(key))
    return raw_create(
        concat(
            x"61", whole, x"600c5f3961", whole, x"5ff3",
            x"61", part, x"600c5f3961", part, x"5ff3",
            key,
        )
    )


@internal
@pure
def _two_bytes(number: uint256) -> Bytes[2]:
    return slice(convert(number, bytes32), 30, 2)


@internal
def _agree(entry: bytes32, status: uint256) -> (uint256, bool):
    """The organisation that agrees, and whether those that do are enough now."""
    organisation: uint256 = gate.organisation_of_author(msg.sender)
    assert self.approvals[entry][status] & (1 << organisation) == 0, "organisation has agreed"
    self.approvals[entry][status] |= 1 << organisation
    weight: uint256 = self.approval_weights[entry][status] + gate.weight_of(organisation)
    self.approval_weights[entry][status] = weight
    return organisation, weight >= gate.threshold()
