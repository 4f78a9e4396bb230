# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Data-sharing agreements: who signed which rule file, and whether it is in force
@notice An agreement's id is the keccak-256 of its rule file. Each party names one signatory, and
        it binds nobody before every one of them has sent `sign` with that very hash. A party that
        sees something wrong suspends it, and only that party resumes it. Stands at 0x…7002.
@license Apache-2.0
"""

from system import gate
from system import permission

PARTIES_MIN: constant(uint256) = 2
PARTIES_MAX: constant(uint256) = 16

UNKNOWN: constant(uint256) = 0
PROPOSED: constant(uint256) = 1
ACTIVE: constant(uint256) = 2
SUSPENDED: constant(uint256) = 3

struct Agreement:
    status: uint256
    proposer: address
    parties: uint256  # bit i: organisation i is a party
    signed: uint256  # bit i: organisation i has signed
    suspended_by: uint256  # organisation

event AgreementProposed:
    agreement: indexed(bytes32)
    sender: indexed(address)
    data_type: bytes32
    signatories: DynArray[address, PARTIES_MAX]

event AgreementSigned:
    agreement: indexed(bytes32)
    sender: indexed(address)
    organisation: indexed(uint256)
    data_type: bytes32

event AgreementActive:
    agreement: indexed(bytes32)
    sender: indexed(address)
    data_type: bytes32

event AgreementSuspended:
    agreement: indexed(bytes32)
    sender: indexed(address)
    organisation: indexed(uint256)
    data_type: bytes32
    reason: bytes32

event AgreementResumed:
    agreement: indexed(bytes32)
    sender: indexed(address)
    organisation: indexed(uint256)
    data_type: bytes32

DATA_TYPE: constant(bytes32) = 0x61677265656d656e740000000000000000000000000000000000000000000000

agreements: public(HashMap[bytes32, Agreement])
# Organisation that this account signs for, 0 if it is no signatory.
signatories: public(HashMap[bytes32, HashMap[address, uint256]])


@external
def propose(agreement: bytes32, signatories: DynArray[address, PARTIES_MAX]):
    """
    @notice An author or admin puts a rule file's hash up for signature.
    @param signatories One account per party; its organisation is the party.
    """
    sender: uint256 = gate.organisation_with(msg.sender, permission.AUTHOR | permission.ADMIN)
    assert sender != 0, "sender is not an author or admin"
    assert agreement != empty(bytes32), "agreement hash is zero"
    assert self.agreements[agreement].status == UNKNOWN, "agreement is already proposed"
    assert len(signatories) >= PARTIES_MIN, "an agreement has two to sixteen parties"
    parties: uint256 = 0
    for signatory: address in signatories:
        organisation: uint256 = permission.organisation_of(gate.word_of(signatory))
        assert organisation != 0, "signatory has no organisation"
        assert parties & (1 << organisation) == 0, "one signatory per organisation"
        parties |= 1 << organisation
        self.signatories[agreement][signatory] = organisation
    self.agreements[agreement] = Agreement(
        status=PROPOSED, proposer=msg.sender, parties=parties, signed=0, suspended_by=0
    )
    log AgreementProposed(
        agreement=agreement, sender=msg.sender, data_type=DATA_TYPE, signatories=signatories
    )


@external
def sign(agreement: bytes32):
    """
    @notice A party's signatory signs the hash. The last signature makes the agreement active.
    """
    organisation: uint256 = self._signatory(agreement)
    terms: Agreement = self.agreements[agreement]
    assert terms.status == PROPOSED, "agreement is not up for signature"
    assert terms.signed & (1 << organisation) == 0, "party has signed"
    terms.signed |= 1 << organisation
    log AgreementSigned(
        agreement=agreement, sender=msg.sender, organisation=organisation, data_type=DATA_TYPE
    )
    if terms.signed == terms.parties:
        terms.status = ACTIVE
        log AgreementActive(agreement=agreement, sender=msg.sender, data_type=DATA_TYPE)
    self.agreements[agreement] = terms


@external
def suspend(agreement: bytes32, reason: bytes32):
    """
    @notice A party's signatory stops an active agreement: nothing is shared under it from here on.
    @param reason A short label or a digest, never anything about a person.
    """
    organisation: uint256 = self._signatory(agreement)
    assert self.agreements[agreement].status == ACTIVE, "agreement is not active"
    self.agreements[agreement].status = SUSPENDED
    self.agreements[agreement].suspended_by = organisation
    log AgreementSuspended(
        agreement=agreement,
        sender=msg.sender,
        organisation=organisation,
        data_type=DATA_TYPE,
        reason=reason,
    )


@external
def resume(agreement: bytes32):
    """
    @notice The party that suspended an agreement puts it back in force.
    """
    organisation: uint256 = self._signatory(agreement)
    assert self.agreements[agreement].status == SUSPENDED, "agreement is not suspended"
    assert self.agreements[agreement].suspended_by == organisation, "suspended by another party"
    self.agreements[agreement].status = ACTIVE
    self.agreements[agreement].suspended_by = 0
    log AgreementResumed(
        agreement=agreement, sender=msg.sender, organisation=organisation, data_type=DATA_TYPE
    )


@external
@view
def binds(agreement: bytes32, organisation: uint256) -> bool:
    """
    @return Whether the agreement is active and the organisation is one of its parties.
    """
    if self.agreements[agreement].status != ACTIVE or organisation == 0 or organisation > 255:
        return False
    return self.agreements[agreement].parties & (1 << organisation) != 0


@internal
@view
def _signatory(agreement: bytes32) -> uint256:
    organisation: uint256 = self.signatories[agreement][msg.sender]
    assert organisation != 0, "sender is not a signatory"
    # The account may have left its organisation, or been frozen, since the proposal.
    holder: uint256 = gate.organisation_with(msg.sender, permission.ROLES)
    assert holder == organisation, "signatory has left its organisation"
    return organisation
