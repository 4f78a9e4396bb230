"""The equity transfer contract: both state machines by name, its calls, and the statement's ctx.

What it shares with the contract with holdings (`equity_holdings`) stands in `EquityContract`.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import ClassVar

from contracts.bindings.contract import Call, Contract, Query
from contracts.bindings.keys import proof_arguments
from contracts.compiler import deploy_data
from contracts.interface import load_abi
from ledger.values import Address, Hash32, keccak
from zkp.groth16.keys import Proof

SOURCE = "equity/equity_transfer.vy"
ID_BYTES = 16
REFUSALS_MAX = 3


class AttestationStatus(IntEnum):
    """Life of the tax bureau's record; AWAITING lacks the second officer."""

    ABSENT = 0
    AWAITING = 1
    ACTIVE = 2
    CONSUMED = 3
    SUPERSEDED = 4
    WITHDRAWN = 5
    REFUNDED = 6


class ApplicationStatus(IntEnum):
    """Life of a transfer."""

    ABSENT = 0
    PENDING = 1
    VERIFIED = 2
    REGISTERED = 3
    REFUSED = 4
    CANCELLED = 5
    REVOKED = 6


class AlarmCode(IntEnum):
    """Why an alarm was raised; E_ codes are refusals, in the order of examination.

    Those of lots and A_REST_VOID are of the contract with holdings alone.
    """

    E_AGREEMENT = 1
    E_NOT_ATTESTED = 2
    E_USED = 3
    E_STATUS = 4
    E_RULE_VERSION = 5
    E_LOT_NOT_ATTESTED = 7
    E_LOT_USED = 8
    E_LOT_STATUS = 9
    E_PROOF = 6
    E_REST = 10
    A_SUPERSEDED = 17
    A_WITHDRAWN = 18
    A_REFUNDED = 19
    A_REST_VOID = 20


@dataclass(frozen=True)
class Terms:
    """What the constructor fixes. Organisations are numbers, from 1, in genesis order."""

    genesis_hash: Hash32
    agreement: Hash32
    circuit: Hash32
    tax_organisation: int
    market_organisation: int


@dataclass(frozen=True)
class Attestation:
    """The tax bureau's record on chain. Empty ids are 16 zero bytes."""

    status: AttestationStatus
    commitment: int
    rule: int
    officer: Address
    countersigner: Address
    transfer: bytes
    replaces: bytes
    replaced_by: bytes


@dataclass(frozen=True)
class Application:
    """A transfer on chain."""

    status: ApplicationStatus
    commitment: int
    attestation: bytes
    registrar: Address
    prover: Address
    refusals: int
    envelopes: int


@dataclass(frozen=True)
class Refusal:
    """One refusal of a verification."""

    code: AlarmCode
    sender: Address


@dataclass(frozen=True)
class PublicInputs:
    """The statement's public inputs, in the verifier's order."""

    c_tax: int
    c_reg: int
    rule: int
    ctx: int


def transfer_deploy_data(terms: Terms) -> bytes:
    """Data of the transaction that deploys the contract."""
    return deploy_data(
        SOURCE,
        terms.genesis_hash,
        terms.agreement,
        terms.circuit,
        terms.tax_organisation,
        terms.market_organisation,
    )


def compute_context(
    chain_id: int, contract: Address, terms: Terms, transfer: bytes, attestation: bytes
) -> int:
    """keccak256(abi.encode(uint256, bytes32, address, bytes32, bytes32, bytes16, bytes16)) >> 8.

    Of chain id, genesis hash, contract, circuit id, agreement id, transfer id, attestation id.
    """
    assert len(transfer) == ID_BYTES
    assert len(attestation) == ID_BYTES
    words = (
        chain_id.to_bytes(32, "big"),
        terms.genesis_hash,
        contract.rjust(32, b"\0"),
        terms.circuit,
        terms.agreement,
        transfer.ljust(32, b"\0"),
        attestation.ljust(32, b"\0"),
    )
    return int.from_bytes(keccak(b"".join(words)), "big") >> 8


@dataclass(frozen=True)
class EquityContract:
    """What both transfer contracts have. Each method that acts says who may send it."""

    source: ClassVar[str]

    address: Address

    @cached_property
    def contract(self) -> Contract:
        """The general binding, for events and other names."""
        return Contract(self.address, load_abi(self.source))

    def withdraw(self, attestation: bytes) -> Call:
        """By a member of the tax bureau."""
        return self.contract.call("withdraw", attestation)

    def refund(self, attestation: bytes) -> Call:
        """By a member of the tax bureau."""
        return self.contract.call("refund", attestation)

    def apply(self, transfer: bytes, attestation: bytes, commitment: int, prover: Address) -> Call:
        """By a member of the registrar."""
        return self.contract.call("apply", transfer, attestation, commitment, prover)

    def confirm(self, transfer: bytes) -> Call:
        """By a member of the registrar."""
        return self.contract.call("confirm", transfer)

    def cancel(self, transfer: bytes) -> Call:
        """By a member of the registrar or the application's prover."""
        return self.contract.call("cancel", transfer)

    def revoke(self, transfer: bytes) -> Call:
        """By a member of the registrar."""
        return self.contract.call("revoke", transfer)

    def send_envelope(self, transfer: bytes, digest: bytes, receiver: int) -> Call:
        """By a member of one bureau; `receiver` is the other's organisation number."""
        return self.contract.call("send_envelope", transfer, digest, receiver)

    def accept_envelope(self, digest: bytes) -> Call:
        """By a member of the receiving bureau."""
        return self.contract.call("accept_envelope", digest)

    def attestation(self, attestation: bytes) -> Query[Attestation]:
        """An attestation; its status is ABSENT if there is none."""
        query = self.contract.query("attestations", attestation)
        return query.then(
            lambda fields: Attestation(**{**fields, "status": AttestationStatus(fields["status"])})
        )

    def application(self, transfer: bytes) -> Query[Application]:
        """An application; its status is ABSENT if there is none."""
        query = self.contract.query("applications", transfer)
        return query.then(
            lambda fields: Application(**{**fields, "status": ApplicationStatus(fields["status"])})
        )

    def refusal(self, transfer: bytes, index: int) -> Query[Refusal]:
        """Refusal number `index`, from 0, of an application that has that many."""
        query = self.contract.query("refusals", transfer, index)
        return query.then(lambda fields: Refusal(AlarmCode(fields["code"]), fields["sender"]))


@dataclass(frozen=True)
class EquityTransfer(EquityContract):
    """A deployed contract of statement `equity_v1`."""

    source: ClassVar[str] = SOURCE

    def attest(self, attestation: bytes, commitment: int, rule: int) -> Call:
        """By a member of the tax bureau."""
        return self.contract.call("attest", attestation, commitment, rule)

    def countersign(self, attestation: bytes, commitment: int, rule: int) -> Call:
        """By another member of the tax bureau, naming the same values."""
        return self.contract.call("countersign", attestation, commitment, rule)

    def correct(self, attestation: bytes, replacement: bytes, commitment: int, rule: int) -> Call:
        """By a member of the tax bureau; the replacement awaits its countersignature."""
        return self.contract.call("correct", attestation, replacement, commitment, rule)

    def verify(self, transfer: bytes, proof: Proof) -> Call:
        """By the prover that the application names."""
        return self.contract.call("verify", transfer, *proof_arguments(proof))

    def public_inputs(self, transfer: bytes) -> Query[PublicInputs]:
        """The inputs that `verify` would use now; 0 where something is missing."""
        return self.contract.query("public_inputs", transfer).then(
            lambda words: PublicInputs(*words)
        )
