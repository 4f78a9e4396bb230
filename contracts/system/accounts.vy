# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title The gate: who may send, deploy, freeze, vote and validate in this group
@notice Stands at 0x…7001 from block 0; its storage is written at genesis, its constructor never
        runs. The ledger reads `permissions`, `validators`, `changed_at`, `window_blocks`,
        `parameters` and `upgrade` from the slots directly, so the order of the state variables
        below is final: new ones go last.
@license Apache-2.0
"""

from system import permission

VALIDATORS_MIN: constant(uint256) = 4
VALIDATORS_MAX: constant(uint256) = 128
NODES_MAX: constant(uint256) = 256
PROPOSAL_SECONDS_MAX: constant(uint256) = 30 * 24 * 3600
# Precompiles and system contracts: freezing the gate itself could never be lifted.
RESERVED_ADDRESS_MAX: constant(uint256) = 65535
READY_TAG: constant(bytes32) = keccak256("quorate/consensus-key/ready/1")

ADD_VALIDATOR: constant(uint256) = 1
REMOVE_VALIDATOR: constant(uint256) = 2
APPOINT: constant(uint256) = 3
DISMISS: constant(uint256) = 4
LIFT: constant(uint256) = 5
SET_PARAMETER: constant(uint256) = 6
REPLACE_CODE: constant(uint256) = 7
UPGRADE_PROTOCOL: constant(uint256) = 8
CANCEL_UPGRADE: constant(uint256) = 9

# Where system contracts stand; what is above are precompiles.
SYSTEM_ADDRESS_MIN: constant(uint256) = 28673
SYSTEM_ADDRESS_MAX: constant(uint256) = 28927

# The parameters that a vote may change, by number; the ledger's own table is the same.
GAS_LIMIT: constant(uint256) = 1
BLOCK_EXECUTION_MS_MAX: constant(uint256) = 2
HEARTBEAT_MS: constant(uint256) = 3
CLOCK_TOLERANCE_MS: constant(uint256) = 4
VIEW_TIMEOUT_MS: constant(uint256) = 5
VIEW_TIMEOUT_MS_MAX: constant(uint256) = 6
TRANSACTION_BYTES_MAX: constant(uint256) = 7
BATCH_TRANSACTIONS_MAX: constant(uint256) = 8
BATCH_BYTES_MAX: constant(uint256) = 9
# Set by an upgrade alone, never by SET_PARAMETER.
PROTOCOL_VERSION: constant(uint256) = 10
FEATURES: constant(uint256) = 11
VERSION_MAX: constant(uint256) = 4294967295

struct Organisation:
    name: bytes32  # UTF-8, padded with zeros
    admins: uint256  # accounts that vote on accounts: admins and security administrators
    supervisory: bool  # may have regulators

struct ConsensusKey:
    organisation: uint256
    node: bytes32  # the node's name within its organisation, UTF-8
    ready: bool
    retired: bool  # left a set once: its votes are promised to be over, it never returns

struct Node:
    organisation: uint256
    name: bytes32  # within its organisation, UTF-8

struct Proposal:
    kind: uint256
    subject: address  # a consensus key, an account, for LIFT and REPLACE_CODE a contract, or none
    organisation: uint256  # APPOINT only
    votes: uint256  # bit i: organisation i agrees
    weight: uint256  # of the organisations that agree, together
    expires_at: uint256  # seconds
    enacted: bool
    roles: uint256  # APPOINT only: the bit of the role
    holder: bytes32  # APPOINT only: the person's pseudonym
    parameter: uint256  # SET_PARAMETER only: its number
    value: uint256  # SET_PARAMETER, and UPGRADE_PROTOCOL's version
    features: uint256  # UPGRADE_PROTOCOL only: bit i: feature i is on from then
    code_hash: bytes32  # REPLACE_CODE only
    at: uint256  # REPLACE_CODE and UPGRADE_PROTOCOL: the block at whose start it is applied

struct Upgrade:
    at: uint256  # the block at whose start the ledger applies it and clears this, 0 for none
    target: address  # whose code is replaced, zero for none
    code_hash: bytes32
    version: uint256  # of the protocol, 0 for none
    features: uint256

event AccountSet:
    account: indexed(address)
    organisation: indexed(uint256)
    roles: uint256
    sender: indexed(address)

event AccountRemoved:
    account: indexed(address)
    organisation: indexed(uint256)
    sender: indexed(address)

event Frozen:
    target: indexed(address)
    organisation: indexed(uint256)  # the regulator's
    sender: indexed(address)

event Lifted:
    target: indexed(address)
    proposal: indexed(uint256)
    sender: indexed(address)  # the last voter

event Ready:
    key: indexed(address)
    organisation: indexed(uint256)
    node: bytes32
    sender: indexed(address)

event Proposed:
    proposal: indexed(uint256)
    kind: uint256
    subject: indexed(address)
    organisation: uint256  # APPOINT: the account's organisation
    roles: uint256  # APPOINT: the bit of the role
    parameter: uint256  # SET_PARAMETER: its number
    value: uint256  # SET_PARAMETER, and UPGRADE_PROTOCOL's version
    features: uint256  # UPGRADE_PROTOCOL
    code_hash: bytes32  # REPLACE_CODE
    at: uint256  # REPLACE_CODE and UPGRADE_PROTOCOL
    expires_at: uint256
    sender: indexed(address)

event Voted:
    proposal: indexed(uint256)
    organisation: indexed(uint256)
    sender: indexed(address)

event ValidatorsChanged:
    proposal: indexed(uint256)
    kind: uint256
    key: indexed(address)
    size: uint256
    in_force_from: uint256  # the first block that the new set certifies

event ParameterChanged:
    proposal: indexed(uint256)
    parameter: indexed(uint256)
    before: uint256
    value: uint256
    in_force_from: uint256  # the first block under the new value

event UpgradeScheduled:
    proposal: indexed(uint256)
    at: uint256  # the block at whose start it is applied
    target: indexed(address)
    code_hash: bytes32
    version: uint256
    features: uint256
    in_force_from: uint256  # the first block under another protocol version or feature

event UpgradeCancelled:
    proposal: indexed(uint256)
    sender: indexed(address)

event NodeAdmitted:
    organisation: indexed(uint256)
    node: bytes32
    sender: indexed(address)

event NodeDismissed:
    organisation: indexed(uint256)
    node: bytes32
    sender: indexed(address)

event EnvelopeKeySet:
    organisation: indexed(uint256)
    key: bytes32
    sender: indexed(address)

permissions: public(HashMap[address, uint256])
# The list after this block. The set that certifies block h is the list after block h - W - 1.
validators: DynArray[address, VALIDATORS_MAX]
# Block of the latest change, 0 if there was none or a recovery epoch cleared it.
changed_at: public(uint256)
window_blocks: public(uint256)
consensus_keys: public(HashMap[address, ConsensusKey])
organisation_count: public(uint256)
organisations: public(HashMap[uint256, Organisation])
# X25519 public keys for envelopes (RFC 9180), by organisation.
envelope_keys: public(HashMap[uint256, bytes32])
# What the organisations that agree to a proposal must weigh together.
threshold: public(uint256)
production: public(bool)
proposal_count: public(uint256)
proposals: public(HashMap[uint256, Proposal])
# Whom the group's frames reach besides the validators in force: each may follow the group.
nodes: DynArray[Node, NODES_MAX]
# An organisation's votes where genesis gives it other than one.
weights: HashMap[uint256, uint256]
# Who an administrator is: a pseudonym of a person, chosen outside; zero where none was given.
holders: public(HashMap[address, bytes32])
# The one administrator's account of a person.
administrator_of: public(HashMap[bytes32, address])
# The group's parameters after this block, by number. Block h has those after block h - W - 1.
parameters: public(HashMap[uint256, uint256])
# What the ledger will do at a block's start; it reads and clears these slots itself.
upgrade: public(Upgrade)


# Accounts


@external
def set_account(account: address, role: uint256):
    """
    @notice A security administrator gives an account of its own organisation its one role; an
            admin, whom local networks have, appoints administrators too.
    @param role The role's bit number, 0 (member) to 7 (gateway).
    """
    organisation: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    assert role <= permission.ROLE_INDEX_MAX, "role must be 0 to 7"
    self._check_account(account, organisation)
    roles: uint256 = 1 << role
    self._check_by_vote(self.permissions[account] | roles)
    self._check_role(roles)
    if roles == permission.REGULATOR:
        assert self.organisations[organisation].supervisory, "organisation is not supervisory"
    assert not self._is_last_voter(account, roles), "last admin of its organisation"
    self._set_account(account, organisation, roles)


@external
def remove_account(account: address):
    """
    @notice A security administrator removes an account of its own organisation. A frozen one
            stays frozen, so that removing and adding is no way around a regulator.
    """
    organisation: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    word: uint256 = self.permissions[account]
    assert permission.organisation_of(word) == organisation, "account of another organisation"
    self._check_by_vote(word)
    assert not self._is_last_voter(account, 0), "last admin of its organisation"
    self._remove_account(account)


@external
def freeze(target: address):
    """
    @notice A regulator stops an account or a contract. Who votes on lifting is out of its reach:
            a regulator that could freeze them all could not be undone.
    """
    organisation: uint256 = self._sender_organisation(permission.REGULATOR)
    assert convert(target, uint256) > RESERVED_ADDRESS_MAX, "system addresses cannot be frozen"
    word: uint256 = self.permissions[target]
    assert not permission.is_frozen(word), "already frozen"
    assert word & permission.ACCOUNT_ROLES == 0, "who votes on lifting is dismissed, not frozen"
    self.permissions[target] = word | permission.FROZEN
    log Frozen(target=target, organisation=organisation, sender=msg.sender)


@external
def set_envelope_key(key: bytes32):
    """
    @notice A security administrator registers the X25519 key to which envelopes for its
            organisation are sealed.
    """
    organisation: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    assert key != empty(bytes32), "key is zero"
    self.envelope_keys[organisation] = key
    log EnvelopeKeySet(organisation=organisation, key=key, sender=msg.sender)


# Nodes


@external
def admit_node(node: bytes32):
    """
    @notice A system administrator lets a node of its own organisation follow the group. What
            the organisation may read it may read on any node of its own.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    assert node != empty(bytes32), "node name is empty"
    assert self._node_position(organisation, node) == len(self.nodes), "node is admitted already"
    assert len(self.nodes) < NODES_MAX, "no more than 256 nodes"
    self.nodes.append(Node(organisation=organisation, name=node))
    log NodeAdmitted(organisation=organisation, node=node, sender=msg.sender)


@external
def dismiss_node(node: bytes32):
    """
    @notice A system administrator takes a node of its own organisation out of the group. Who
            validates is voted out first: its frames are still needed.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    position: uint256 = self._node_position(organisation, node)
    assert position < len(self.nodes), "no such node in this group"
    for validator: address in self.validators:
        key: ConsensusKey = self.consensus_keys[validator]
        assert key.organisation != organisation or key.node != node, "node holds a validator's key"
    last: Node = self.nodes.pop()
    if position < len(self.nodes):
        self.nodes[position] = last
    log NodeDismissed(organisation=organisation, node=node, sender=msg.sender)


# Validators


@external
def ready(key: address, node: bytes32, v: uint256, r: uint256, s: uint256):
    """
    @notice Declares that a node of the sender's organisation holds this consensus key and is in
            step. The signature is the new key's own, over `ready_digest`: nobody can bring in a
            key that it does not hold, nor one under another organisation's name.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    assert key != empty(address), "key is zero"
    assert node != empty(bytes32), "node name is empty"
    owner: uint256 = permission.organisation_of(self.permissions[key])
    assert owner == 0, "an account's key cannot be a consensus key"
    known: ConsensusKey = self.consensus_keys[key]
    assert not known.retired, "key has left a validator set, make a new one"
    assert known.organisation in [0, organisation], "key of another organisation"
    assert self._position(key) == len(self.validators), "key is a validator's already"
    digest: bytes32 = self._ready_digest(key, organisation, node)
    assert ecrecover(digest, v, r, s) == key, "signature is not the consensus key's"
    assert self._node_position(organisation, node) < len(self.nodes), "admit the node first"
    self.consensus_keys[key] = ConsensusKey(
        organisation=organisation, node=node, ready=True, retired=False
    )
    log Ready(key=key, organisation=organisation, node=node, sender=msg.sender)


@external
def propose_validator(kind: uint256, key: address) -> uint256:
    """
    @notice A system administrator proposes to add (1) or remove (2) a consensus key; its
            organisation's vote is counted at once.
    @return The proposal's number.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    assert kind in [ADD_VALIDATOR, REMOVE_VALIDATOR], "kind must be 1 (add) or 2 (remove)"
    assert key != empty(address), "key is zero"
    change: Proposal = empty(Proposal)
    change.kind = kind
    change.subject = key
    return self._propose(change, organisation)


@external
def propose_parameter(parameter: uint256, setting: uint256) -> uint256:
    """
    @notice A system administrator proposes another value for one of the group's parameters. It
            comes into force as a change of validators does, and one change waits for the other.
    @param parameter Its number, see `parameter_bounds`.
    @return The proposal's number.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    obstacle: String[64] = self._obstacle_to_value(parameter, setting)
    assert len(obstacle) == 0, obstacle
    change: Proposal = empty(Proposal)
    change.kind = SET_PARAMETER
    change.parameter = parameter
    change.value = setting
    return self._propose(change, organisation)


# Upgrades


@external
def propose_upgrade(version: uint256, features: uint256, in_force_from: uint256) -> uint256:
    """
    @notice A system administrator proposes a version of the protocol and features that are on from
            a block on. A node whose build does not know them stops before that block.
    @param features All that are on then, those that are on now among them.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    assert in_force_from > self.window_blocks + 1, "the block is not ahead"
    change: Proposal = empty(Proposal)
    change.kind = UPGRADE_PROTOCOL
    change.value = version
    change.features = features
    change.at = in_force_from - self.window_blocks - 1
    obstacle: String[64] = self._obstacle_to_protocol(change)
    assert len(obstacle) == 0, obstacle
    return self._propose(change, organisation)


@external
def propose_code(target: address, carrier: address, at: uint256) -> uint256:
    """
    @notice A security administrator proposes another code for a system contract: new code can
            give any power. Its storage stays.
    @param carrier A contract that has this code; anyone may read there what is voted on.
    @param at The block at whose start the code is replaced.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    place: uint256 = convert(target, uint256)
    assert SYSTEM_ADDRESS_MIN <= place and place <= SYSTEM_ADDRESS_MAX, "not a system contract"
    assert carrier.is_contract, "the carrier has no code"
    change: Proposal = empty(Proposal)
    change.kind = REPLACE_CODE
    change.subject = target
    change.code_hash = carrier.codehash
    change.at = at
    obstacle: String[64] = self._obstacle_to_code(change)
    assert len(obstacle) == 0, obstacle
    return self._propose(change, voter)


@external
def propose_cancellation() -> uint256:
    """
    @notice A system administrator proposes that the upgrade that is due is not applied.
    """
    organisation: uint256 = self._sender_organisation(permission.NODE_ROLES)
    assert self.upgrade.at != 0, "no upgrade is due"
    change: Proposal = empty(Proposal)
    change.kind = CANCEL_UPGRADE
    change.at = self.upgrade.at
    return self._propose(change, organisation)


# Powers over others


@external
def propose_administrator(
    account: address, organisation: uint256, role: uint256, holder: bytes32
) -> uint256:
    """
    @notice A security administrator proposes an administrator for any organisation, for instance
            one that lost its own.
    @param role The role's bit number, 3 (admin) to 6 (audit administrator).
    @param holder The person's pseudonym: who has an administrator's account gets no second one.
            That a person has one pseudonym only is for the organisations to see to.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    assert 0 < organisation and organisation <= self.organisation_count, "no such organisation"
    assert role <= permission.ROLE_INDEX_MAX, "role must be 0 to 7"
    roles: uint256 = 1 << role
    assert roles & permission.ADMINISTRATORS != 0, "not an administrator's role"
    assert holder != empty(bytes32) or not self.production, "holder is zero"
    self._check_role(roles)
    self._check_account(account, organisation)
    change: Proposal = empty(Proposal)
    change.kind = APPOINT
    change.subject = account
    change.organisation = organisation
    change.roles = roles
    change.holder = holder
    return self._propose(change, voter)


@external
def propose_dismissal(account: address) -> uint256:
    """
    @notice A security administrator proposes that an administrator or regulator, of whatever
            organisation, loses its role.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    change: Proposal = empty(Proposal)
    change.kind = DISMISS
    change.subject = account
    return self._propose(change, voter)


@external
def propose_lift(target: address) -> uint256:
    """
    @notice A security administrator proposes to end a freezing.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    assert permission.is_frozen(self.permissions[target]), "not frozen"
    change: Proposal = empty(Proposal)
    change.kind = LIFT
    change.subject = target
    return self._propose(change, voter)


# Votes


@external
def vote(proposal: uint256):
    """
    @notice The administrator whom the kind concerns agrees for its organisation: on validators and
            parameters the system administrator, on the rest the security administrator. The last
            vote needed enacts the proposal, unless something is in the way (a pending change, a
            key that is not ready): then `enact` later.
    """
    change: Proposal = self.proposals[proposal]
    organisation: uint256 = self._sender_organisation(self._voters(change.kind))
    self._check_open(change)
    assert change.votes & (1 << organisation) == 0, "organisation has voted"
    self._count_vote(proposal, organisation)
    self._enact_if_possible(proposal)


@external
def enact(proposal: uint256):
    """
    @notice Who may vote on it enacts a proposal that has its votes.
    """
    change: Proposal = self.proposals[proposal]
    self._sender_organisation(self._voters(change.kind))
    self._check_open(change)
    obstacle: String[64] = self._obstacle(change)
    assert len(obstacle) == 0, obstacle
    self._enact(proposal)


# Views


@external
@view
def validator_set() -> DynArray[address, VALIDATORS_MAX]:
    return self.validators


@external
@view
def node_list() -> DynArray[Node, NODES_MAX]:
    return self.nodes


@external
@view
def weight_of(organisation: uint256) -> uint256:
    """
    @return What the organisation's vote weighs.
    """
    return self._weight_of(organisation)


@external
@view
def pending_until() -> uint256:
    """
    @return The first block in which the next change is taken, 0 if it may be now.
    """
    if not self._is_pending():
        return 0
    return self.changed_at + self.window_blocks + 1


@external
@view
def parameter_bounds(parameter: uint256) -> (uint256, uint256):
    """
    @return The least and the greatest value that is taken, zeros for what no vote changes.
    """
    return self._bounds(parameter)


@external
@view
def ready_digest(key: address, organisation: uint256, node: bytes32) -> bytes32:
    """
    @return keccak256(abi.encode(bytes32 tag, uint256 chain id, address gate,
            uint256 organisation, bytes32 node, address key)), which the new consensus key signs.
    """
    return self._ready_digest(key, organisation, node)


@external
@view
def obstacle(proposal: uint256) -> String[64]:
    """
    @return Why this proposal cannot be enacted now, empty if it can.
    """
    return self._obstacle(self.proposals[proposal])


# Internals


@internal
@view
def _sender_organisation(roles: uint256) -> uint256:
    word: uint256 = self.permissions[msg.sender]
    assert permission.holds(word, roles), "sender lacks the role"
    return permission.organisation_of(word)


@internal
@view
def _check_account(account: address, organisation: uint256):
    assert convert(account, uint256) > RESERVED_ADDRESS_MAX, "reserved address"
    key: ConsensusKey = self.consensus_keys[account]
    assert key.organisation == 0, "a consensus key cannot be an account"
    owner: uint256 = permission.organisation_of(self.permissions[account])
    assert owner in [0, organisation], "account of another organisation"


@internal
@view
def _check_by_vote(word: uint256):
    """Only the admin of a local network makes or unmakes administrators alone."""
    if word & permission.ADMINISTRATORS != 0:
        assert self.permissions[msg.sender] & permission.ADMIN != 0, "administrators need a vote"


@internal
@view
def _check_role(roles: uint256):
    assert roles != permission.ADMIN or not self.production, "no plain admin in production"


@internal
@view
def _is_last_voter(account: address, roles: uint256) -> bool:
    """Whether the account's organisation would have nobody to vote on accounts, were these its
    roles."""
    word: uint256 = self.permissions[account]
    if word & permission.ACCOUNT_ROLES == 0 or roles & permission.ACCOUNT_ROLES != 0:
        return False
    return self.organisations[permission.organisation_of(word)].admins <= 1


@internal
def _set_account(account: address, organisation: uint256, roles: uint256):
    word: uint256 = self.permissions[account]
    self._release(account, word)
    if roles & permission.ACCOUNT_ROLES != 0:
        self.organisations[organisation].admins += 1
    self.permissions[account] = permission.pack(roles, organisation) | (word & permission.FROZEN)
    log AccountSet(account=account, organisation=organisation, roles=roles, sender=msg.sender)


@internal
def _remove_account(account: address):
    word: uint256 = self.permissions[account]
    self._release(account, word)
    self.permissions[account] = word & permission.FROZEN
    log AccountRemoved(
        account=account, organisation=permission.organisation_of(word), sender=msg.sender
    )


@internal
def _release(account: address, word: uint256):
    """Takes back what its role gave: the organisation's count of voters, the person's one post."""
    if word & permission.ACCOUNT_ROLES != 0:
        self.organisations[permission.organisation_of(word)].admins -= 1
    holder: bytes32 = self.holders[account]
    if holder != empty(bytes32):
        self.administrator_of[holder] = empty(address)
        self.holders[account] = empty(bytes32)


@internal
@view
def _weight_of(organisation: uint256) -> uint256:
    return max(self.weights[organisation], 1)


@internal
@pure
def _voters(kind: uint256) -> uint256:
    if kind in [ADD_VALIDATOR, REMOVE_VALIDATOR, SET_PARAMETER, UPGRADE_PROTOCOL, CANCEL_UPGRADE]:
        return permission.NODE_ROLES
    return permission.ACCOUNT_ROLES


@internal
@view
def _ready_digest(key: address, organisation: uint256, node: bytes32) -> bytes32:
    return keccak256(abi_encode(READY_TAG, chain.id, self, organisation, node, key))


@internal
def _propose(change: Proposal, voter: uint256) -> uint256:
    self.proposal_count += 1
    proposal: uint256 = self.proposal_count
    expires_at: uint256 = block.timestamp + PROPOSAL_SECONDS_MAX
    opened: Proposal = change
    opened.expires_at = expires_at
    self.proposals[proposal] = opened
    log Proposed(
        proposal=proposal,
        kind=change.kind,
        subject=change.subject,
        organisation=change.organisation,
        roles=change.roles,
        parameter=change.parameter,
        value=change.value,
        features=change.features,
        code_hash=change.code_hash,
        at=change.at,
        expires_at=expires_at,
        sender=msg.sender,
    )
    self._count_vote(proposal, voter)
    self._enact_if_possible(proposal)
    return proposal


@internal
@view
def _check_open(change: Proposal):
    assert change.kind != 0, "no such proposal"
    assert not change.enacted, "proposal is enacted"
    assert block.timestamp <= change.expires_at, "proposal has expired"


@internal
def _count_vote(proposal: uint256, organisation: uint256):
    self.proposals[proposal].votes |= 1 << organisation
    self.proposals[proposal].weight += self._weight_of(organisation)
    log Voted(proposal=proposal, organisation=organisation, sender=msg.sender)


@internal
def _enact_if_possible(proposal: uint256):
    if len(self._obstacle(self.proposals[proposal])) == 0:
        self._enact(proposal)


@internal
@view
def _is_pending() -> bool:
    return self.changed_at != 0 and block.number < self.changed_at + self.window_blocks + 1


@internal
@view
def _position(key: address) -> uint256:
    """The key's index in the list, or the list's length."""
    index: uint256 = 0
    for validator: address in self.validators:
        if validator == key:
            break
        index += 1
    return index


@internal
@view
def _node_position(organisation: uint256, name: bytes32) -> uint256:
    """The node's index in the list, or the list's length."""
    index: uint256 = 0
    for node: Node in self.nodes:
        if node.organisation == organisation and node.name == name:
            break
        index += 1
    return index


@internal
@view
def _obstacle(change: Proposal) -> String[64]:
    if change.weight < self.threshold:
        return "too few organisations agree"
    if change.kind == LIFT:
        if not permission.is_frozen(self.permissions[change.subject]):
            return "not frozen"
        return ""
    if change.kind == DISMISS:
        if self.permissions[change.subject] & permission.POWERS == 0:
            return "not an administrator or regulator"
        if self._is_last_voter(change.subject, 0):
            return "last admin of its organisation"
        return ""
    if change.kind == APPOINT:
        return self._obstacle_to_appointing(change)
    if change.kind == REPLACE_CODE:
        return self._obstacle_to_code(change)
    if change.kind == UPGRADE_PROTOCOL:
        return self._obstacle_to_protocol(change)
    if change.kind == CANCEL_UPGRADE:
        if self.upgrade.at == 0 or self.upgrade.at != change.at:
            return "no upgrade is due at that block"
        return ""
    if self._is_pending():
        return "a change of validators or parameters is pending"
    if self._is_protocol_due():
        return "a change of the protocol is about to begin"
    if change.kind == SET_PARAMETER:
        return self._obstacle_to_value(change.parameter, change.value)
    return self._obstacle_to_validators(change)


@internal
@view
def _obstacle_to_appointing(change: Proposal) -> String[64]:
    owner: uint256 = permission.organisation_of(self.permissions[change.subject])
    if owner not in [0, change.organisation]:
        return "account of another organisation"
    if self.consensus_keys[change.subject].organisation != 0:
        return "a consensus key cannot be an account"
    if self._is_last_voter(change.subject, change.roles):
        return "last admin of its organisation"
    if self.administrator_of[change.holder] not in [empty(address), change.subject]:
        return "holder has an administrator's account"
    return ""


@internal
@view
def _obstacle_to_validators(change: Proposal) -> String[64]:
    size: uint256 = len(self.validators)
    listed: bool = self._position(change.subject) < size
    if change.kind == ADD_VALIDATOR:
        if listed:
            return "already a validator"
        if not self.consensus_keys[change.subject].ready:
            return "key is not ready"
        if size >= VALIDATORS_MAX:
            return "no more than 128 validators"
        return ""
    if not listed:
        return "not a validator"
    if size <= VALIDATORS_MIN:
        return "no fewer than 4 validators"
    return ""


@internal
@view
def _is_protocol_due() -> bool:
    """Whether a change now would still be pending when the protocol's own begins."""
    if self.upgrade.version == 0:
        return False
    return block.number + self.window_blocks + 1 > self.upgrade.at


@internal
@view
def _obstacle_to_height(at: uint256) -> String[64]:
    if self.upgrade.at != 0:
        return "another upgrade is due"
    if at <= block.number:
        return "the block is not ahead"
    return ""


@internal
@view
def _obstacle_to_code(change: Proposal) -> String[64]:
    if change.subject.codehash == change.code_hash:
        return "the contract has this code"
    return self._obstacle_to_height(change.at)


@internal
@view
def _obstacle_to_protocol(change: Proposal) -> String[64]:
    version: uint256 = max(self.parameters[PROTOCOL_VERSION], 1)
    features: uint256 = self.parameters[FEATURES]
    if change.value < version:
        return "the group speaks a later version"
    if change.features & features != features:
        return "what is on stays on"
    if change.value == version and change.features == features:
        return "the group speaks this version"
    if max(change.value, change.features) > VERSION_MAX:
        return "no such version or feature"
    if self._is_pending() and change.at < self.changed_at + self.window_blocks + 1:
        return "a change of validators or parameters is pending"
    return self._obstacle_to_height(change.at)


@internal
@pure
def _bounds(parameter: uint256) -> (uint256, uint256):
    """Within these a group goes on: blocks have room for the votes that change it back."""
    if parameter == GAS_LIMIT:
        return 5_000_000, 2_000_000_000
    if parameter == BLOCK_EXECUTION_MS_MAX:
        return 1_000, 600_000
    if parameter == HEARTBEAT_MS:
        return 500, 3_600_000
    if parameter == CLOCK_TOLERANCE_MS:
        return 1_000, 600_000
    if parameter == VIEW_TIMEOUT_MS:
        return 1_000, 600_000
    if parameter == VIEW_TIMEOUT_MS_MAX:
        return 10_000, 3_600_000
    if parameter == TRANSACTION_BYTES_MAX:
        return 65_536, 4_194_304
    if parameter == BATCH_TRANSACTIONS_MAX:
        return 16, 16_384
    if parameter == BATCH_BYTES_MAX:
        return 262_144, 7_340_032
    return 0, 0


@internal
@view
def _obstacle_to_value(parameter: uint256, setting: uint256) -> String[64]:
    least: uint256 = 0
    most: uint256 = 0
    least, most = self._bounds(parameter)
    if most == 0:
        return "no such parameter, or genesis fixed it for good"
    if setting < least:
        return "value is below what a group can live with"
    if setting > most:
        return "value is above what a group can live with"
    if setting == self.parameters[parameter]:
        return "the parameter has this value"
    if parameter == VIEW_TIMEOUT_MS and setting > self.parameters[VIEW_TIMEOUT_MS_MAX]:
        return "view_timeout_ms would be above view_timeout_ms_max"
    if parameter == VIEW_TIMEOUT_MS_MAX and setting < self.parameters[VIEW_TIMEOUT_MS]:
        return "view_timeout_ms_max would be below view_timeout_ms"
    if parameter == TRANSACTION_BYTES_MAX and setting > self.parameters[BATCH_BYTES_MAX]:
        return "transaction_bytes_max would be above batch_bytes_max"
    if parameter == BATCH_BYTES_MAX and setting < self.parameters[TRANSACTION_BYTES_MAX]:
        return "batch_bytes_max would be below transaction_bytes_max"
    return ""


@internal
def _schedule(proposal: uint256, change: Proposal):
    version: uint256 = 0
    in_force_from: uint256 = change.at
    if change.kind == UPGRADE_PROTOCOL:
        version = change.value
        in_force_from += self.window_blocks + 1
    self.upgrade = Upgrade(
        at=change.at,
        target=change.subject,
        code_hash=change.code_hash,
        version=version,
        features=change.features,
    )
    log UpgradeScheduled(
        proposal=proposal,
        at=change.at,
        target=change.subject,
        code_hash=change.code_hash,
        version=version,
        features=change.features,
        in_force_from=in_force_from,
    )


@internal
def _enact(proposal: uint256):
    change: Proposal = self.proposals[proposal]
    self.proposals[proposal].enacted = True
    if change.kind == LIFT:
        self.permissions[change.subject] ^= permission.FROZEN
        log Lifted(target=change.subject, proposal=proposal, sender=msg.sender)
        return
    if change.kind == DISMISS:
        self._remove_account(change.subject)
        return
    if change.kind == APPOINT:
        self._set_account(change.subject, change.organisation, change.roles)
        if change.holder != empty(bytes32):
            self.holders[change.subject] = change.holder
            self.administrator_of[change.holder] = change.subject
        return
    if change.kind == SET_PARAMETER:
        before: uint256 = self.parameters[change.parameter]
        self.parameters[change.parameter] = change.value
        self.changed_at = block.number
        log ParameterChanged(
            proposal=proposal,
            parameter=change.parameter,
            before=before,
            value=change.value,
            in_force_from=block.number + self.window_blocks + 1,
        )
        return
    if change.kind == CANCEL_UPGRADE:
        self.upgrade = empty(Upgrade)
        log UpgradeCancelled(proposal=proposal, sender=msg.sender)
        return
    if change.kind in [REPLACE_CODE, UPGRADE_PROTOCOL]:
        self._schedule(proposal, change)
        return
    if change.kind == ADD_VALIDATOR:
        self.validators.append(change.subject)
    else:
        last: address = self.validators.pop()
        if last != change.subject:
            self.validators[self._position(change.subject)] = last
        self.consensus_keys[change.subject].ready = False
        self.consensus_keys[change.subject].retired = True
    self.changed_at = block.number
    log ValidatorsChanged(
        proposal=proposal,
        kind=change.kind,
        key=change.subject,
        size=len(self.validators),
        in_force_from=block.number + self.window_blocks + 1,
    )
