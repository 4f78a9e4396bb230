# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Individual equity transfer between a tax bureau and a market-regulation bureau
@notice The tax bureau attests a commitment to its record, two officers signing; the registrar
        applies with a commitment to the application; the applicant proves that both are about one
        deal and that its tax was computed by the rule and covered; the registrar confirms. No
        amount, name or stable identity ever stands here.

        Also a module: equity_holdings.vy is this contract with lots. What it shares stands below
        as internals, each with its own checks of who sends.

        A refusal for a business reason does not revert, or its alarm would vanish: it is stored
        and announced, consumes nothing, and the third one ends the application.
@license Apache-2.0
"""

from system import gate
from system import permission

interface Agreements:
    def binds(agreement: bytes32, organisation: uint256) -> bool: view

interface Keys:
    def rule_input(circuit: bytes32, rule: uint256) -> uint256: view
    def usable_key(circuit: bytes32) -> bytes32: view

interface Groth16:
    def verify(
        circuit: bytes32,
        a: uint256[2],
        b: uint256[2][2],
        c: uint256[2],
        inputs: DynArray[uint256, 32],
    ) -> bool: view

AGREEMENTS: constant(address) = 0x0000000000000000000000000000000000007002
KEYS: constant(address) = 0x0000000000000000000000000000000000007003
GROTH16: constant(address) = 0x0000000000000000000000000000000000007004
# Scalar field of BN254: commitments are its elements.
R: constant(uint256) = (
    21888242871839275222246405745257275088548364400416034343698204186575808495617
)
REFUSALS_MAX: constant(uint256) = 3
ENVELOPES_MAX: constant(uint256) = 16  # for one transfer

# Status of an attestation. AWAITING has one officer's signature and counts for nothing yet.
AWAITING: constant(uint256) = 1
ACTIVE: constant(uint256) = 2
CONSUMED: constant(uint256) = 3
SUPERSEDED: constant(uint256) = 4
WITHDRAWN: constant(uint256) = 5
REFUNDED: constant(uint256) = 6

# Status of an application.
PENDING: constant(uint256) = 1
VERIFIED: constant(uint256) = 2
REGISTERED: constant(uint256) = 3
REFUSED: constant(uint256) = 4
CANCELLED: constant(uint256) = 5
REVOKED: constant(uint256) = 6

# Why a verification is refused, in the order in which it is examined.
E_AGREEMENT: constant(uint256) = 1
E_NOT_ATTESTED: constant(uint256) = 2
E_USED: constant(uint256) = 3
E_STATUS: constant(uint256) = 4
E_RULE_VERSION: constant(uint256) = 5
E_PROOF: constant(uint256) = 6
# What else raises an alarm: an attestation ends after a verified transfer has consumed it.
A_SUPERSEDED: constant(uint256) = 17
A_WITHDRAWN: constant(uint256) = 18
A_REFUNDED: constant(uint256) = 19

# Data types of the trace: short labels in ASCII.
ATTESTATION: constant(bytes32) = 0x6174746573746174696f6e000000000000000000000000000000000000000000
COUNTERSIGNATURE: constant(bytes32) = 0x636f756e7465727369676e617475726500000000000000000000000000000000
CORRECTION: constant(bytes32) = 0x636f7272656374696f6e00000000000000000000000000000000000000000000
WITHDRAWAL: constant(bytes32) = 0x7769746864726177616c00000000000000000000000000000000000000000000
REFUND: constant(bytes32) = 0x726566756e640000000000000000000000000000000000000000000000000000
APPLICATION: constant(bytes32) = 0x6170706c69636174696f6e000000000000000000000000000000000000000000
VERIFICATION: constant(bytes32) = 0x766572696669636174696f6e0000000000000000000000000000000000000000
REGISTRATION: constant(bytes32) = 0x726567697374726174696f6e0000000000000000000000000000000000000000
CANCELLATION: constant(bytes32) = 0x63616e63656c6c6174696f6e0000000000000000000000000000000000000000
REVOCATION: constant(bytes32) = 0x7265766f636174696f6e00000000000000000000000000000000000000000000
ALARM: constant(bytes32) = 0x616c61726d000000000000000000000000000000000000000000000000000000
ENVELOPE: constant(bytes32) = 0x656e76656c6f7065000000000000000000000000000000000000000000000000
ACCEPTANCE: constant(bytes32) = 0x616363657074616e636500000000000000000000000000000000000000000000

struct Attestation:
    status: uint256
    commitment: uint256  # C_tax
    rule: uint256  # rule id; its rate stands in the key registry
    officer: address
    countersigner: address
    transfer: bytes16  # what consumed it
    replaces: bytes16
    replaced_by: bytes16

struct Application:
    status: uint256
    commitment: uint256  # C_reg
    attestation: bytes16
    registrar: address
    prover: address
    refusals: uint256
    envelopes: uint256

struct Refusal:
    code: uint256
    sender: address

struct Envelope:
    transfer: bytes16
    sender: uint256  # organisation
    receiver: uint256  # organisation
    accepted: bool

# Every event carries its sender (an account), its receiver (an organisation) and its data type.

event Attested:
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32
    commitment: uint256
    rule: uint256

event Countersigned:
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Superseded:
    attestation: indexed(bytes16)
    replacement: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Withdrawn:
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Refunded:
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Applied:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32
    commitment: uint256
    prover: address

event Verified:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32
    rule: uint256

event Alarm:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32
    code: uint256
    refusals: uint256  # of this application so far; 0 if the alarm is not about a refusal

event Registered:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Cancelled:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event Revoked:
    transfer: indexed(bytes16)
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event EnvelopeSent:
    transfer: indexed(bytes16)
    digest: indexed(bytes32)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event EnvelopeAccepted:
    transfer: indexed(bytes16)
    digest: indexed(bytes32)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

genesis_hash: public(immutable(bytes32))
agreement: public(immutable(bytes32))
circuit: public(immutable(bytes32))
tax_organisation: public(immutable(uint256))
market_organisation: public(immutable(uint256))

attestations: public(HashMap[bytes16, Attestation])
applications: public(HashMap[bytes16, Application])
# Refusals 0, 1 and 2 of a transfer.
refusals: public(HashMap[bytes16, HashMap[uint256, Refusal]])
envelopes: public(HashMap[bytes32, Envelope])


@deploy
def __init__(
    genesis_hash_: bytes32,
    agreement_: bytes32,
    circuit_: bytes32,
    tax_organisation_: uint256,
    market_organisation_: uint256,
):
    assert genesis_hash_ != empty(bytes32), "genesis hash is zero"
    assert agreement_ != empty(bytes32), "agreement id is zero"
    assert circuit_ != empty(bytes32), "circuit id is zero"
    assert tax_organisation_ != 0 and market_organisation_ != 0, "organisation is zero"
    assert tax_organisation_ != market_organisation_, "tax bureau and registrar must differ"
    genesis_hash = genesis_hash_
    agreement = agreement_
    circuit = circuit_
    tax_organisation = tax_organisation_
    market_organisation = market_organisation_


# The tax bureau


@external
def attest(attestation: bytes16, commitment: uint256, rule: uint256):
    """
    @notice A first officer signs that this record is assessed and its tax paid.
    @param attestation 128 random bits.
    @param commitment C_tax, below r.
    @param rule Rule id of a version in force.
    """
    self._attest(attestation, commitment, rule)


@external
def countersign(attestation: bytes16, commitment: uint256, rule: uint256):
    """
    @notice A second officer signs the same: from now on the attestation is active.
    """
    self._countersign(attestation, commitment, rule)


@external
def correct(attestation: bytes16, replacement: bytes16, commitment: uint256, rule: uint256):
    """
    @notice Supersedes an attestation at once by a new one, which awaits its countersignature.
    """
    self._correct(attestation, replacement, commitment, rule)


@external
def withdraw(attestation: bytes16):
    """
    @notice Declares an attestation void.
    """
    self._withdraw(attestation)


@external
def refund(attestation: bytes16):
    """
    @notice Declares that the tax of an attestation was paid back.
    """
    self._refund(attestation)


# The registrar


@external
def apply(transfer: bytes16, attestation: bytes16, commitment: uint256, prover: address):
    """
    @notice The registrar commits to an application that it received.
    @param transfer 128 random bits.
    @param attestation The tax evidence that the applicant names; it need not be there yet.
    @param commitment C_reg, below r.
    @param prover The only account that may call `verify` for this transfer.
    """
    self._check_registrar()
    self._check_agreement()
    assert transfer != empty(bytes16), "transfer id is zero"
    assert attestation != empty(bytes16), "attestation id is zero"
    assert self.applications[transfer].status == 0, "transfer id is taken"
    assert 0 < commitment and commitment < R, "commitment must be 1 to r - 1"
    assert self._may_prove(prover), "prover must be a member or gateway account"
    self.applications[transfer] = Application(
        status=PENDING,
        commitment=commitment,
        attestation=attestation,
        registrar=msg.sender,
        prover=prover,
        refusals=0,
        envelopes=0,
    )
    log Applied(
        transfer=transfer,
        attestation=attestation,
        sender=msg.sender,
        receiver=tax_organisation,
        data_type=APPLICATION,
        commitment=commitment,
        prover=prover,
    )


@external
def confirm(transfer: bytes16):
    """
    @notice The registrar's own act after verification. The attestation is checked again: it may
            have been withdrawn meanwhile.
    """
    self._check_registrar()
    self._check_agreement()
    application: Application = self.applications[transfer]
    assert application.status == VERIFIED, "application is not verified"
    record: Attestation = self.attestations[application.attestation]
    assert record.status == CONSUMED and record.transfer == transfer, "attestation has ended"
    self.applications[transfer].status = REGISTERED
    log Registered(
        transfer=transfer,
        attestation=application.attestation,
        sender=msg.sender,
        receiver=tax_organisation,
        data_type=REGISTRATION,
    )


@external
def cancel(transfer: bytes16):
    """
    @notice The application is taken back before registration, by the registrar or the applicant's
            account. A consumed attestation stays consumed: the tax bureau corrects or refunds it.
    """
    application: Application = self.applications[transfer]
    assert application.status in [PENDING, VERIFIED], "application is not pending or verified"
    if msg.sender == application.prover:
        assert self._may_prove(msg.sender), "sender lacks the role"
    else:
        self._check_registrar()
    self.applications[transfer].status = CANCELLED
    log Cancelled(
        transfer=transfer,
        attestation=application.attestation,
        sender=msg.sender,
        receiver=tax_organisation,
        data_type=CANCELLATION,
    )


@external
def revoke(transfer: bytes16):
    """
    @notice The registrar revokes a registration.
    """
    self._check_registrar()
    application: Application = self.applications[transfer]
    assert application.status == REGISTERED, "application is not registered"
    self.applications[transfer].status = REVOKED
    log Revoked(
        transfer=transfer,
        attestation=application.attestation,
        sender=msg.sender,
        receiver=tax_organisation,
        data_type=REVOCATION,
    )


# The applicant


@external
def verify(transfer: bytes16, a: uint256[2], b: uint256[2][2], c: uint256[2]) -> bool:
    """
    @notice Verifies `equity_v1` for a transfer. Every public input comes from storage.
    @param b G2 as the precompile takes it: x imaginary, x real, y imaginary, y real.
    @return Whether the transfer is verified now; if not, a refusal is stored and an alarm raised.
    """
    application: Application = self._application_of_prover(transfer)
    code: uint256 = self._judge(transfer, application, a, b, c)
    if code != 0:
        self._refuse(transfer, application, code)
        return False
    self._accept(transfer, application)
    return True


# Envelopes


@external
def send_envelope(transfer: bytes16, digest: bytes32, receiver: uint256):
    """
    @notice One bureau announces an envelope to the other, delivered off chain between their nodes.
    @param digest keccak-256 of the sealed envelope.
    """
    organisation: uint256 = gate.organisation_with(msg.sender, permission.MEMBER)
    assert organisation in [tax_organisation, market_organisation], "sender is not of a party"
    assert receiver in [tax_organisation, market_organisation], "receiver is not a party"
    assert organisation != receiver, "sender and receiver are one organisation"
    self._check_agreement()
    application: Application = self.applications[transfer]
    assert application.status in [REGISTERED, REVOKED], "transfer is not registered"
    assert application.envelopes < ENVELOPES_MAX, "no more than 16 envelopes for a transfer"
    assert digest != empty(bytes32), "digest is zero"
    assert self.envelopes[digest].sender == 0, "envelope is already announced"
    self.applications[transfer].envelopes += 1
    self.envelopes[digest] = Envelope(
        transfer=transfer, sender=organisation, receiver=receiver, accepted=False
    )
    log EnvelopeSent(
        transfer=transfer,
        digest=digest,
        sender=msg.sender,
        receiver=receiver,
        data_type=ENVELOPE,
    )


@external
def accept_envelope(digest: bytes32):
    """
    @notice The receiver acknowledges that it has the envelope and could open it.
    """
    envelope: Envelope = self.envelopes[digest]
    assert envelope.sender != 0, "no such envelope"
    organisation: uint256 = gate.organisation_with(msg.sender, permission.MEMBER)
    assert organisation == envelope.receiver, "sender is not of the receiving organisation"
    assert not envelope.accepted, "envelope is already accepted"
    self.envelopes[digest].accepted = True
    log EnvelopeAccepted(
        transfer=envelope.transfer,
        digest=digest,
        sender=msg.sender,
        receiver=envelope.sender,
        data_type=ACCEPTANCE,
    )


# Views


@external
@view
def context(transfer: bytes16) -> uint256:
    """
    @return The statement's ctx: keccak256(abi.encode(uint256 chain id, bytes32 genesis hash,
            address contract, bytes32 circuit id, bytes32 agreement id, bytes16 transfer id,
            bytes16 attestation id)) >> 8.
    """
    return self._context(transfer, self.applications[transfer].attestation)


@external
@view
def public_inputs(transfer: bytes16) -> uint256[4]:
    """
    @return C_tax, C_reg, rule and ctx as `verify` would use them; 0 where something is missing.
    """
    application: Application = self.applications[transfer]
    return [
        self.attestations[application.attestation].commitment,
        application.commitment,
        self._rule_input(application.attestation),
        self._context(transfer, application.attestation),
    ]


# Internals


@internal
@view
def _check_tax_officer():
    organisation: uint256 = gate.organisation_with(msg.sender, permission.MEMBER)
    assert organisation == tax_organisation, "sender is not an officer of the tax bureau"


@internal
@view
def _check_registrar():
    organisation: uint256 = gate.organisation_with(msg.sender, permission.MEMBER)
    assert organisation == market_organisation, "sender is not an officer of the registrar"


@internal
@view
def _may_prove(account: address) -> bool:
    return gate.organisation_with(account, permission.MEMBER | permission.GATEWAY) != 0


@internal
@view
def _is_agreed() -> bool:
    return (
        staticcall Agreements(AGREEMENTS).binds(agreement, tax_organisation)
        and staticcall Agreements(AGREEMENTS).binds(agreement, market_organisation)
    )


@internal
@view
def _check_agreement():
    assert self._is_agreed(), "E_AGREEMENT: agreement is not signed by both bureaus and active"


@internal
def _attest(attestation: bytes16, commitment: uint256, rule: uint256):
    self._check_tax_officer()
    self._check_agreement()
    self._write_attestation(attestation, commitment, rule, empty(bytes16))


@internal
def _write_attestation(
    attestation: bytes16, commitment: uint256, rule: uint256, replaces: bytes16
):
    assert attestation != empty(bytes16), "attestation id is zero"
    assert self.attestations[attestation].status == 0, "attestation id is taken"
    assert 0 < commitment and commitment < R, "commitment must be 1 to r - 1"
    known: uint256 = staticcall Keys(KEYS).rule_input(circuit, rule)
    assert known != 0, "E_RULE_VERSION: rule version is not in force"
    self.attestations[attestation] = Attestation(
        status=AWAITING,
        commitment=commitment,
        rule=rule,
        officer=msg.sender,
        countersigner=empty(address),
        transfer=empty(bytes16),
        replaces=replaces,
        replaced_by=empty(bytes16),
    )
    log Attested(
        attestation=attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=ATTESTATION,
        commitment=commitment,
        rule=rule,
    )


@internal
def _countersign(attestation: bytes16, commitment: uint256, rule: uint256):
    self._check_tax_officer()
    self._check_agreement()
    record: Attestation = self.attestations[attestation]
    assert record.status == AWAITING, "attestation does not await a countersignature"
    assert msg.sender != record.officer, "the second officer must be another account"
    assert commitment == record.commitment and rule == record.rule, "not what was attested"
    self.attestations[attestation].status = ACTIVE
    self.attestations[attestation].countersigner = msg.sender
    log Countersigned(
        attestation=attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=COUNTERSIGNATURE,
    )


@internal
def _correct(attestation: bytes16, replacement: bytes16, commitment: uint256, rule: uint256):
    self._check_tax_officer()
    self._check_agreement()
    self._end(attestation, SUPERSEDED, A_SUPERSEDED)
    self.attestations[attestation].replaced_by = replacement
    log Superseded(
        attestation=attestation,
        replacement=replacement,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=CORRECTION,
    )
    self._write_attestation(replacement, commitment, rule, attestation)


@internal
def _withdraw(attestation: bytes16):
    self._check_tax_officer()
    self._end(attestation, WITHDRAWN, A_WITHDRAWN)
    log Withdrawn(
        attestation=attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=WITHDRAWAL,
    )


@internal
def _refund(attestation: bytes16):
    self._check_tax_officer()
    assert self.attestations[attestation].status != AWAITING, "attestation is not active"
    self._end(attestation, REFUNDED, A_REFUNDED)
    log Refunded(
        attestation=attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=REFUND,
    )


@internal
def _end(attestation: bytes16, status: uint256, alarm: uint256):
    """Ends an attestation; who consumed it and has not been undone since is alarmed."""
    record: Attestation = self.attestations[attestation]
    assert record.status in [AWAITING, ACTIVE, CONSUMED], "attestation is absent or has ended"
    self.attestations[attestation].status = status
    if record.status != CONSUMED:
        return
    if self.applications[record.transfer].status in [VERIFIED, REGISTERED]:
        log Alarm(
            transfer=record.transfer,
            attestation=attestation,
            sender=msg.sender,
            receiver=market_organisation,
            data_type=ALARM,
            code=alarm,
            refusals=0,
        )


@internal
@view
def _rule_input(attestation: bytes16) -> uint256:
    return staticcall Keys(KEYS).rule_input(circuit, self.attestations[attestation].rule)


@internal
@view
def _context(transfer: bytes16, attestation: bytes16) -> uint256:
    digest: bytes32 = keccak256(
        abi_encode(chain.id, genesis_hash, self, circuit, agreement, transfer, attestation)
    )
    return convert(digest, uint256) >> 8


@internal
@view
def _application_of_prover(transfer: bytes16) -> Application:
    """The application, which the sender may try to have verified."""
    application: Application = self.applications[transfer]
    assert application.status != 0, "no such application"
    assert msg.sender == application.prover, "sender is not the prover that the application names"
    assert self._may_prove(msg.sender), "sender lacks the role"
    assert application.refusals < REFUSALS_MAX, "application was refused three times"
    return application


@internal
@view
def _judge(
    transfer: bytes16,
    application: Application,
    a: uint256[2],
    b: uint256[2][2],
    c: uint256[2],
) -> uint256:
    """The first reason to refuse, 0 if there is none."""
    code: uint256 = 0
    record: Attestation = empty(Attestation)
    rule: uint256 = 0
    code, record, rule = self._standing(application)
    if code != 0:
        return code
    if staticcall Keys(KEYS).usable_key(circuit) == empty(bytes32):
        return E_RULE_VERSION
    context: uint256 = self._context(transfer, application.attestation)
    if not staticcall Groth16(GROTH16).verify(
        circuit, a, b, c, [record.commitment, application.commitment, rule, context]
    ):
        return E_PROOF
    return 0


@internal
@view
def _standing(application: Application) -> (uint256, Attestation, uint256):
    """The first reason to refuse before any proof is looked at, 0 if there is none; the attestation
    and the statement's `rule`."""
    record: Attestation = self.attestations[application.attestation]
    rule: uint256 = 0
    if not self._is_agreed():
        return E_AGREEMENT, record, rule
    if record.status in [0, AWAITING]:
        return E_NOT_ATTESTED, record, rule
    if record.status == CONSUMED:
        return E_USED, record, rule
    if record.status != ACTIVE or application.status != PENDING:
        return E_STATUS, record, rule
    rule = self._rule_input(application.attestation)
    if rule == 0:
        return E_RULE_VERSION, record, rule
    return 0, record, rule


@internal
def _accept(transfer: bytes16, application: Application):
    """Consumes the attestation for this transfer, which is verified from now on."""
    self.applications[transfer].status = VERIFIED
    self.attestations[application.attestation].status = CONSUMED
    self.attestations[application.attestation].transfer = transfer
    log Verified(
        transfer=transfer,
        attestation=application.attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=VERIFICATION,
        rule=self._rule_input(application.attestation),
    )


@internal
def _refuse(transfer: bytes16, application: Application, code: uint256):
    self.refusals[transfer][application.refusals] = Refusal(code=code, sender=msg.sender)
    self.applications[transfer].refusals = application.refusals + 1
    # Later attempts on a verified or registered transfer are noted, and change nothing.
    if application.status == PENDING and application.refusals + 1 == REFUSALS_MAX:
        self.applications[transfer].status = REFUSED
    log Alarm(
        transfer=transfer,
        attestation=application.attestation,
        sender=msg.sender,
        receiver=market_organisation,
        data_type=ALARM,
        code=code,
        refusals=application.refusals + 1,
    )
