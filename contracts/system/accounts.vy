# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title The gate: who may send, deploy, freeze, vote and validate in this group
@notice Stands at 0x…7001 from block 0; its storage is written at genesis, its constructor never
        runs. The ledger reads `permissions`, `validators`, `changed_at` and `window_blocks` from
        the slots directly, so the order of the state variables below is final: new ones go last.
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
    subject: address  # a consensus key, an account, or for LIFT a contract too
    organisation: uint256  # APPOINT only
    votes: uint256  # bit i: organisation i agrees
    weight: uint256  # of the organisations that agree, together
    expires_at: uint256  # seconds
    enacted: bool
    roles: uint256  # APPOINT only: the bit of the role
    holder: bytes32  # APPOINT only: the person's pseudonym

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
    return self._propose(kind, key, 0, 0, empty(bytes32), organisation)


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
    return self._propose(APPOINT, account, organisation, roles, holder, voter)


@external
def propose_dismissal(account: address) -> uint256:
    """
    @notice A security administrator proposes that an administrator or regulator, of whatever
            organisation, loses its role.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    return self._propose(DISMISS, account, 0, 0, empty(bytes32), voter)


@external
def propose_lift(target: address) -> uint256:
    """
    @notice A security administrator proposes to end a freezing.
    """
    voter: uint256 = self._sender_organisation(permission.ACCOUNT_ROLES)
    assert permission.is_frozen(self.permissions[target]), "not frozen"
    return self._propose(LIFT, target, 0, 0, empty(bytes32), voter)


# Votes


@external
def vote(proposal: uint256):
    """
    @notice The administrator whom the kind concerns agrees for its organisation: on validators the
            system administrator, on the rest the security administrator. The last vote needed
            enacts the proposal, unless something is in the way (a pending change, a key that is
            not ready): then `enact` later.
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
    if kind in [ADD_VALIDATOR, REMOVE_VALIDATOR]:
        return permission.NODE_ROLES
    return permission.ACCOUNT_ROLES


@internal
@view
def _ready_digest(key: address, organisation: uint256, node: bytes32) -> bytes32:
    return keccak256(abi_encode(READY_TAG, chain.id, self, organisation, node, key))


@internal
def _propose(
    kind: uint256,
    subject: address,
    organisation: uint256,
    roles: uint256,
    holder: bytes32,
    voter: uint256,
) -> uint256:
    self.proposal_count += 1
    proposal: uint256 = self.proposal_count
    expires_at: uint256 = block.timestamp + PROPOSAL_SECONDS_MAX
    self.proposals[proposal] = Proposal(
        kind=kind,
        subject=subject,
        organisation=organisation,
        votes=0,
        weight=0,
        expires_at=expires_at,
        enacted=False,
        roles=roles,
        holder=holder,
    )
    log Proposed(
        proposal=proposal,
        kind=kind,
        subject=subject,
        organisation=organisation,
        roles=roles,
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
    if self._is_pending():
        return "a validator change is pending"
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
