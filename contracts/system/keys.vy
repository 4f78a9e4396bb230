# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Verification keys and rule versions
@notice A circuit's Groth16 key and the rates of a rule's versions come into force when a threshold
        of organisations has approved them: whoever sets a key alone could forge every proof under
        it. Keys are registered by their content, so an approval names exactly what was looked at.
        Stands at 0x…7003.
@license Apache-2.0
"""

from system import gate
from system import permission

IC_MAX: constant(uint256) = 33
RULE_MAX: constant(uint256) = 2 ** 32 - 1
RATE_BPS_MAX: constant(uint256) = 10_000
# Base field of BN254, over which the points' coordinates are.
FIELD: constant(uint256) = (
    21888242871839275222246405745257275088696311157297823662689037894645226208583
)

struct Key:
    alpha: uint256[2]  # G1: x, y
    beta: uint256[2][2]  # G2 as the precompile takes it: x imaginary, x real, y imaginary, y real
    gamma: uint256[2][2]
    delta: uint256[2][2]
    ic: DynArray[uint256[2], IC_MAX]  # G1, one more than public inputs

struct Registered:
    circuit: bytes32
    test_only: bool

struct Rule:
    rate_bps: uint256
    in_force: bool
    ended: bool

event KeyRegistered:
    circuit: indexed(bytes32)
    key: indexed(bytes32)
    test_only: bool
    sender: indexed(address)

event KeyApproved:
    circuit: indexed(bytes32)
    key: indexed(bytes32)
    organisation: uint256
    sender: indexed(address)

event KeyInForce:
    circuit: indexed(bytes32)
    key: indexed(bytes32)

event RuleApproved:
    circuit: indexed(bytes32)
    rule: indexed(uint256)
    rate_bps: uint256
    organisation: uint256
    sender: indexed(address)

event RuleInForce:
    circuit: indexed(bytes32)
    rule: indexed(uint256)
    rate_bps: uint256

event RuleEndApproved:
    circuit: indexed(bytes32)
    rule: indexed(uint256)
    organisation: uint256
    sender: indexed(address)

event RuleEnded:
    circuit: indexed(bytes32)
    rule: indexed(uint256)

keys: HashMap[bytes32, Key]
registered: public(HashMap[bytes32, Registered])
key_in_force: public(HashMap[bytes32, bytes32])
rules: public(HashMap[bytes32, HashMap[uint256, Rule]])
# Bit i: organisation i approves this subject.
approvals: public(HashMap[bytes32, uint256])
# What they weigh together.
approval_weights: public(HashMap[bytes32, uint256])


@external
def register(
    circuit: bytes32,
    test_only: bool,
    alpha: uint256[2],
    beta: uint256[2][2],
    gamma: uint256[2][2],
    delta: uint256[2][2],
    ic: DynArray[uint256[2], IC_MAX],
) -> bytes32:
    """
    @notice An author or admin lays down a circuit's key for approval.
    @param circuit keccak-256 of the circuit's `.r1cs` file.
    @param test_only The set-up was made by one party: refused where genesis says production.
    @return The key's id, keccak256(abi.encode(the seven arguments)).
    """
    sender: uint256 = gate.organisation_with(msg.sender, permission.AUTHOR | permission.ADMIN)
    assert sender != 0, "sender is not an author or admin"
    assert circuit != empty(bytes32), "circuit id is zero"
    assert not (test_only and gate.production()), "test-only key in a production group"
    assert len(ic) >= 2, "a key has one point more than public inputs, at least two"
    self._check_point(alpha)
    for point: uint256[2] in ic:
        self._check_point(point)
    for index: uint256 in range(2):
        self._check_point(beta[index])
        self._check_point(gamma[index])
        self._check_point(delta[index])
    key: bytes32 = keccak256(abi_encode(circuit, test_only, alpha, beta, gamma, delta, ic))
    assert self.registered[key].circuit == empty(bytes32), "key is already registered"
    self.keys[key] = Key(alpha=alpha, beta=beta, gamma=gamma, delta=delta, ic=ic)
    self.registered[key] = Registered(circuit=circuit, test_only=test_only)
    log KeyRegistered(circuit=circuit, key=key, test_only=test_only, sender=msg.sender)
    return key


@external
def approve_key(key: bytes32):
    """
    @notice A security administrator approves a registered key for its organisation; enough
            approvals put it in force, in the place of the circuit's former one.
    """
    circuit: bytes32 = self.registered[key].circuit
    assert circuit != empty(bytes32), "no such key"
    organisation: uint256 = 0
    in_force: bool = False
    organisation, in_force = self._approve(key)
    log KeyApproved(circuit=circuit, key=key, organisation=organisation, sender=msg.sender)
    if in_force:
        self.key_in_force[circuit] = key
        log KeyInForce(circuit=circuit, key=key)


@external
def approve_rule(circuit: bytes32, rule: uint256, rate_bps: uint256):
    """
    @notice A security administrator approves a rule version and its rate for its organisation. A
            version's rate never changes once in force: another rate is another version.
    """
    assert circuit != empty(bytes32), "circuit id is zero"
    assert 0 < rule and rule <= RULE_MAX, "rule id must be 1 to 2^32 - 1"
    assert rate_bps <= RATE_BPS_MAX, "rate must be 0 to 10000 basis points"
    assert not self.rules[circuit][rule].in_force, "rule version is in force"
    assert not self.rules[circuit][rule].ended, "rule version has ended"
    subject: bytes32 = keccak256(abi_encode(convert("rule", Bytes[8]), circuit, rule, rate_bps))
    organisation: uint256 = 0
    in_force: bool = False
    organisation, in_force = self._approve(subject)
    log RuleApproved(
        circuit=circuit,
        rule=rule,
        rate_bps=rate_bps,
        organisation=organisation,
        sender=msg.sender,
    )
    if in_force:
        self.rules[circuit][rule] = Rule(rate_bps=rate_bps, in_force=True, ended=False)
        log RuleInForce(circuit=circuit, rule=rule, rate_bps=rate_bps)


@external
def approve_rule_end(circuit: bytes32, rule: uint256):
    """
    @notice A security administrator approves that a rule version ends, for instance one with a
            wrong rate: nothing attested under it verifies afterwards.
    """
    assert self.rules[circuit][rule].in_force, "rule version is not in force"
    subject: bytes32 = keccak256(abi_encode(convert("rule end", Bytes[8]), circuit, rule))
    organisation: uint256 = 0
    in_force: bool = False
    organisation, in_force = self._approve(subject)
    log RuleEndApproved(
        circuit=circuit, rule=rule, organisation=organisation, sender=msg.sender
    )
    if in_force:
        self.rules[circuit][rule].in_force = False
        self.rules[circuit][rule].ended = True
        log RuleEnded(circuit=circuit, rule=rule)


@external
@view
def usable_key(circuit: bytes32) -> bytes32:
    """
    @return Id of the circuit's key in force, zero if there is none or genesis rules it out.
    """
    key: bytes32 = self.key_in_force[circuit]
    if self.registered[key].test_only and gate.production():
        return empty(bytes32)
    return key


@external
@view
def key_of(key: bytes32) -> Key:
    """
    @return A registered key's points; all zero and without IC if there is none of this id.
    """
    return self.keys[key]


@external
@view
def rule_input(circuit: bytes32, rule: uint256) -> uint256:
    """
    @return ruleId * 2^16 + rate_bps of a version in force, else 0.
    """
    version: Rule = self.rules[circuit][rule]
    if not version.in_force:
        return 0
    return (rule << 16) | version.rate_bps


@internal
@pure
def _check_point(coordinates: uint256[2]):
    assert coordinates[0] < FIELD and coordinates[1] < FIELD, "coordinate is not in the field"


@internal
def _approve(subject: bytes32) -> (uint256, bool):
    """The approving organisation, and whether its approval is the one that was still needed."""
    organisation: uint256 = gate.organisation_with(msg.sender, permission.ACCOUNT_ROLES)
    assert organisation != 0, "sender is not an admin"
    assert self.approvals[subject] & (1 << organisation) == 0, "organisation has approved"
    self.approvals[subject] |= 1 << organisation
    before: uint256 = self.approval_weights[subject]
    after: uint256 = before + gate.weight_of(organisation)
    self.approval_weights[subject] = after
    needed: uint256 = gate.threshold()
    return organisation, before < needed and needed <= after
