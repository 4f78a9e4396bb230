# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Individual equity transfer whose cost basis is drawn from attested holdings
@notice The transfer contract with statement `equity_v2`. A lot is a commitment to capital of one
        company in one hand and what it cost; two officers of the tax bureau attest it. An
        attestation names the seller's lots, 1 to 8; a verification consumes each of them and lets
        one lot with what remains stand in their place. So no cost is counted twice.

        CONSUMED is final. What a sale did to lots is never undone here: when its attestation ends,
        the lot that it left is void too, and the tax bureau attests anew what the seller holds.
@license Apache-2.0
"""

from circuits import circuits as registry_of_circuits
from equity import equity_transfer as transfers

initializes: transfers

exports: (
    transfers.genesis_hash,
    transfers.agreement,
    transfers.circuit,
    transfers.tax_organisation,
    transfers.market_organisation,
    transfers.attestations,
    transfers.applications,
    transfers.refusals,
    transfers.envelopes,
    transfers.apply,
    transfers.confirm,
    transfers.cancel,
    transfers.revoke,
    transfers.send_envelope,
    transfers.accept_envelope,
    transfers.context,
)

interface Circuits:
    def circuits(entry: bytes32) -> registry_of_circuits.Circuit: view
    def verify(
        entry: bytes32,
        a: uint256[2],
        b: uint256[2][2],
        c: uint256[2],
        inputs: DynArray[uint256, 64],
    ) -> bool: view

LOTS_MAX: constant(uint256) = 8
# C_tax, C_reg, rule, ctx, the lots, rest.
INPUTS: constant(uint256) = 13

# The status of a lot is one of AWAITING, ACTIVE, CONSUMED and WITHDRAWN, as an attestation's.

# Why else a verification is refused: lots after the rule version, in the attestation's order, then
# the proof, then what it would leave.
E_LOT_NOT_ATTESTED: constant(uint256) = 7
E_LOT_USED: constant(uint256) = 8
E_LOT_STATUS: constant(uint256) = 9
E_REST: constant(uint256) = 10
# A verified transfer drew on what a sale left whose attestation ends now.
A_REST_VOID: constant(uint256) = 20

# Data types of the trace: short labels in ASCII.
LOT: constant(bytes32) = 0x6c6f740000000000000000000000000000000000000000000000000000000000
LOT_COUNTERSIGNATURE: constant(bytes32) = (
    0x6c6f7420636f756e7465727369676e6174757265000000000000000000000000
)
LOT_WITHDRAWAL: constant(bytes32) = (
    0x6c6f74207769746864726177616c000000000000000000000000000000000000
)
LOTS: constant(bytes32) = 0x6c6f747300000000000000000000000000000000000000000000000000000000
LOT_CONSUMPTION: constant(bytes32) = (
    0x6c6f7420636f6e73756d7074696f6e0000000000000000000000000000000000
)
LOT_REST: constant(bytes32) = 0x6c6f742072657374000000000000000000000000000000000000000000000000

struct Lot:
    status: uint256
    officer: address  # nobody, if a sale left it
    countersigner: address
    source: bytes16  # the transfer that left it
    transfer: bytes16  # what consumed it; `rests` has what stands in its place

event LotAttested:
    lot: indexed(uint256)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event LotCountersigned:
    lot: indexed(uint256)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event LotWithdrawn:
    lot: indexed(uint256)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event LotsNamed:
    attestation: indexed(bytes16)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32
    lots: DynArray[uint256, LOTS_MAX]

event LotConsumed:
    transfer: indexed(bytes16)
    lot: indexed(uint256)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

event LotLeft:
    transfer: indexed(bytes16)
    lot: indexed(uint256)
    sender: indexed(address)
    receiver: uint256
    data_type: bytes32

# The registry of circuits and the entry of `equity_v2` in it, whose key no vote can replace.
registry: public(immutable(address))
entry: public(immutable(bytes32))

# By commitment.
lots: public(HashMap[uint256, Lot])
# The lot that a verified transfer left.
rests: public(HashMap[bytes16, uint256])
# By attestation.
named: HashMap[bytes16, DynArray[uint256, LOTS_MAX]]


@deploy
def __init__(
    genesis_hash_: bytes32,
    agreement_: bytes32,
    registry_: address,
    entry_: bytes32,
    tax_organisation_: uint256,
    market_organisation_: uint256,
):
    laid_down: registry_of_circuits.Circuit = staticcall Circuits(registry_).circuits(entry_)
    assert laid_down.status == registry_of_circuits.ACTIVE, "circuit is not active in the registry"
    assert laid_down.inputs == INPUTS, "circuit does not take the 13 inputs of equity_v2"
    registry = registry_
    entry = entry_
    # Rule versions are approved for a constraint system, whichever key it is proven under.
    transfers.__init__(
        genesis_hash_, agreement_, laid_down.system, tax_organisation_, market_organisation_
    )


# The tax bureau: lots


@external
def attest_lot(lot: uint256):
    """
    @notice A first officer signs that this holding and its cost are proven by vouchers.
    @param lot Its commitment, below r; with a fresh salt, so no two are equal.
    """
    transfers._check_tax_officer()
    transfers._check_agreement()
    assert 0 < lot and lot < transfers.R, "lot must be 1 to r - 1"
    assert self.lots[lot].status == 0, "lot is there already"
    self.lots[lot].status = transfers.AWAITING
    self.lots[lot].officer = msg.sender
    log LotAttested(
        lot=lot, sender=msg.sender, receiver=transfers.market_organisation, data_type=LOT
    )


@external
def countersign_lot(lot: uint256):
    """
    @notice A second officer signs the same: from now on sales can draw on the lot.
    """
    transfers._check_tax_officer()
    transfers._check_agreement()
    assert self.lots[lot].status == transfers.AWAITING, "lot does not await a countersignature"
    assert msg.sender != self.lots[lot].officer, "the second officer must be another account"
    self.lots[lot].status = transfers.ACTIVE
    self.lots[lot].countersigner = msg.sender
    log LotCountersigned(
        lot=lot,
        sender=msg.sender,
        receiver=transfers.market_organisation,
        data_type=LOT_COUNTERSIGNATURE,
    )


@external
def withdraw_lot(lot: uint256):
    """
    @notice Declares a lot void that no sale has drawn on. Of a consumed one, the attestation of the
            sale is what ends.
    """
    transfers._check_tax_officer()
    assert self.lots[lot].status in [transfers.AWAITING, transfers.ACTIVE], (
        "lot is absent, consumed or withdrawn"
    )
    self._void(lot)


# The tax bureau: attestations


@external
def attest(
    attestation: bytes16, commitment: uint256, rule: uint256, lots: DynArray[uint256, LOTS_MAX]
):
    """
    @notice A first officer signs that this record is assessed and its tax paid, and that these lots
            are all that the seller has in the company.
    @param attestation 128 random bits.
    @param commitment C_tax, below r; it binds the lots too.
    @param rule Rule id of a version in force.
    @param lots Commitments in the record's order. Whether they stand counts when the transfer is
           verified: a sale before may still have to leave one of them.
    """
    transfers._attest(attestation, commitment, rule)
    self._name(attestation, lots)


@external
def countersign(
    attestation: bytes16, commitment: uint256, rule: uint256, lots: DynArray[uint256, LOTS_MAX]
):
    """
    @notice A second officer signs the same: from now on the attestation is active.
    """
    transfers._countersign(attestation, commitment, rule)
    assert keccak256(abi_encode(lots)) == keccak256(abi_encode(self.named[attestation])), (
        "not the lots that were attested"
    )


@external
def correct(
    attestation: bytes16,
    replacement: bytes16,
    commitment: uint256,
    rule: uint256,
    lots: DynArray[uint256, LOTS_MAX],
):
    """
    @notice Supersedes an attestation at once by a new one, which awaits its countersignature.
    """
    transfers._correct(attestation, replacement, commitment, rule)
    self._void_rest(attestation)
    self._name(replacement, lots)


@external
def withdraw(attestation: bytes16):
    """
    @notice Declares an attestation void, and the lot that its sale left.
    """
    transfers._withdraw(attestation)
    self._void_rest(attestation)


@external
def refund(attestation: bytes16):
    """
    @notice Declares that the tax of an attestation was paid back; the lot that its sale left is
            void.
    """
    transfers._refund(attestation)
    self._void_rest(attestation)


# The applicant


@external
def verify(
    transfer: bytes16, rest: uint256, a: uint256[2], b: uint256[2][2], c: uint256[2]
) -> bool:
    """
    @notice Verifies `equity_v2` for a transfer, consumes its lots and lets `rest` stand in their
            place. Every other public input comes from storage.
    @param rest Commitment to what remains, which the proof shows to be just that.
    @param b G2 as the precompile takes it: x imaginary, x real, y imaginary, y real.
    @return Whether the transfer is verified now; if not, a refusal is stored and an alarm raised.
    """
    application: transfers.Application = transfers._application_of_prover(transfer)
    assert 0 < rest and rest < transfers.R, "rest must be 1 to r - 1"
    lots: DynArray[uint256, LOTS_MAX] = self.named[application.attestation]
    code: uint256 = self._judge(transfer, application, lots, rest, a, b, c)
    if code != 0:
        transfers._refuse(transfer, application, code)
        return False
    self._consume(transfer, lots, rest)
    transfers._accept(transfer, application)
    return True


# Views


@external
@view
def lots_of(attestation: bytes16) -> DynArray[uint256, LOTS_MAX]:
    """
    @return The lots that an attestation names, nothing if there is none of that id.
    """
    return self.named[attestation]


@external
@view
def public_inputs(transfer: bytes16) -> uint256[12]:
    """
    @return C_tax, C_reg, rule, ctx and eight lots as `verify` would use them; 0 where something is
            missing. The thirteenth is `rest`.
    """
    application: transfers.Application = transfers.applications[transfer]
    lots: DynArray[uint256, LOTS_MAX] = self.named[application.attestation]
    inputs: uint256[12] = empty(uint256[12])
    inputs[0] = transfers.attestations[application.attestation].commitment
    inputs[1] = application.commitment
    inputs[2] = transfers._rule_input(application.attestation)
    inputs[3] = transfers._context(transfer, application.attestation)
    for place: uint256 in range(len(lots), bound=LOTS_MAX):
        inputs[4 + place] = lots[place]
    return inputs


# Internals


@internal
def _name(attestation: bytes16, lots: DynArray[uint256, LOTS_MAX]):
    """Fixes the lots of an attestation that is new."""
    assert len(lots) > 0, "an attestation names 1 to 8 lots"
    for place: uint256 in range(len(lots), bound=LOTS_MAX):
        assert 0 < lots[place] and lots[place] < transfers.R, "lot must be 1 to r - 1"
        for earlier: uint256 in range(place, bound=LOTS_MAX):
            assert lots[earlier] != lots[place], "lot is named twice"
    self.named[attestation] = lots
    log LotsNamed(
        attestation=attestation,
        sender=msg.sender,
        receiver=transfers.market_organisation,
        data_type=LOTS,
        lots=lots,
    )


@internal
@view
def _judge(
    transfer: bytes16,
    application: transfers.Application,
    lots: DynArray[uint256, LOTS_MAX],
    rest: uint256,
    a: uint256[2],
    b: uint256[2][2],
    c: uint256[2],
) -> uint256:
    """The first reason to refuse, 0 if there is none."""
    code: uint256 = 0
    record: transfers.Attestation = empty(transfers.Attestation)
    rule: uint256 = 0
    code, record, rule = transfers._standing(application)
    if code != 0:
        return code
    inputs: DynArray[uint256, 64] = [
        record.commitment,
        application.commitment,
        rule,
        transfers._context(transfer, application.attestation),
    ]
    for lot: uint256 in lots:
        status: uint256 = self.lots[lot].status
        if status in [0, transfers.AWAITING]:
            return E_LOT_NOT_ATTESTED
        if status == transfers.CONSUMED:
            return E_LOT_USED
        if status != transfers.ACTIVE:
            return E_LOT_STATUS
        inputs.append(lot)
    for _: uint256 in range(LOTS_MAX - len(lots), bound=LOTS_MAX):
        inputs.append(0)
    inputs.append(rest)
    if not staticcall Circuits(registry).verify(entry, a, b, c, inputs):
        return self._why_unproven()
    if self.lots[rest].status != 0:
        return E_REST
    return 0


@internal
@view
def _why_unproven() -> uint256:
    """A retired circuit proves nothing: that is not the proof's fault."""
    laid_down: registry_of_circuits.Circuit = staticcall Circuits(registry).circuits(entry)
    if laid_down.status != registry_of_circuits.ACTIVE:
        return transfers.E_RULE_VERSION
    return transfers.E_PROOF


@internal
def _consume(transfer: bytes16, lots: DynArray[uint256, LOTS_MAX], rest: uint256):
    """Takes lots that are active, and lets what remains stand in their place."""
    for lot: uint256 in lots:
        self.lots[lot].status = transfers.CONSUMED
        self.lots[lot].transfer = transfer
        log LotConsumed(
            transfer=transfer,
            lot=lot,
            sender=msg.sender,
            receiver=transfers.market_organisation,
            data_type=LOT_CONSUMPTION,
        )
    self.rests[transfer] = rest
    self.lots[rest].status = transfers.ACTIVE
    self.lots[rest].source = transfer
    log LotLeft(
        transfer=transfer,
        lot=rest,
        sender=msg.sender,
        receiver=transfers.market_organisation,
        data_type=LOT_REST,
    )


@internal
def _void_rest(attestation: bytes16):
    """What a sale left is not what remains, once its attestation has ended; who drew on it and has
    not been undone since is alarmed."""
    rest: uint256 = self.rests[transfers.attestations[attestation].transfer]
    if self.lots[rest].status == transfers.ACTIVE:
        self._void(rest)
    if self.lots[rest].status != transfers.CONSUMED:
        return
    transfer: bytes16 = self.lots[rest].transfer
    application: transfers.Application = transfers.applications[transfer]
    if application.status in [transfers.VERIFIED, transfers.REGISTERED]:
        log transfers.Alarm(
            transfer=transfer,
            attestation=application.attestation,
            sender=msg.sender,
            receiver=transfers.market_organisation,
            data_type=transfers.ALARM,
            code=A_REST_VOID,
            refusals=0,
        )


@internal
def _void(lot: uint256):
    self.lots[lot].status = transfers.WITHDRAWN
    log LotWithdrawn(
        lot=lot,
        sender=msg.sender,
        receiver=transfers.market_organisation,
        data_type=LOT_WITHDRAWAL,
    )
