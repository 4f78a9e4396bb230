"""证明: the applicant shows that both records are of one deal and its tax is covered, no more.

Whatever would make the proof impossible is named in words first. Nothing is sent.
"""

from dataclasses import dataclass
from pathlib import Path

from contracts.bindings.equity import ApplicationStatus, AttestationStatus
from workflows.equity_transfer.declare import check_opening
from workflows.equity_transfer.desk import (
    Desk,
    StepRefused,
    application_here,
    ask,
    attestation_here,
    market_opening,
    rule_in_force,
    tax_opening,
)
from workflows.equity_transfer.ids import show_id
from workflows.equity_transfer.opening import (
    MarketOpening,
    TaxOpening,
    first_difference,
    open_record,
)
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.workspace import read_bounded, write_private
from zkp.backend import prove as groth16_prove
from zkp.backend import verify
from zkp.circuits.equity_commitments import RATE_BITS
from zkp.circuits.equity_v1 import Statement, assign, build
from zkp.groth16 import ProvingKey, VerifyingKey
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.texts import (
    InvalidText,
    decode_proof,
    decode_publics,
    encode_proof,
    encode_publics,
)
from zkp.snarkjs.zkey import decode_zkey


@dataclass(frozen=True)
class Proved:
    """Where the proof and its public signals are, in snarkjs' JSON."""

    id: str
    proof: Path
    public: Path


def prove(desk: Desk, transfer: bytes) -> Proved:
    """Make the proof of a transfer from both openings. Raises `Refusal` naming what fails.

    A proof that is there already and proves the same statement is kept.
    """
    application = application_here(desk, transfer)
    if application.status is not ApplicationStatus.PENDING:
        raise StepRefused(
            f"prove: the application is {application.status.name}, a proof is for a pending one; "
            "look with `transfer show`"
        )
    attested = attestation_here(desk, application.attestation)
    if attested.status not in (AttestationStatus.AWAITING, AttestationStatus.ACTIVE):
        raise StepRefused(
            f"prove: the attestation is {attested.status.name}; ask the tax bureau for one in force"
        )
    tax = tax_opening(desk, application.attestation)
    market = market_opening(desk, transfer)
    _check_openings(tax, market)
    open_record(tax, attested.commitment)
    open_record(market, application.commitment)
    statement = _statement(desk, tax, market, attested.rule)
    publics = ask(desk, desk.deployment.contract.public_inputs(transfer))
    if (publics.c_tax, publics.c_reg, publics.rule, publics.ctx) != tuple(statement):
        raise StepRefused(
            "the contract on chain would verify another statement than this deployment file says; "
            "get the file of the contract in use"
        )
    return _keep_proof(desk, transfer, tax, market, statement)


def _check_openings(tax: TaxOpening, market: MarketOpening) -> None:
    field = first_difference(tax.deal, market.deal)
    if field is not None:
        raise Refusal(
            RefusalCode.MISMATCH,
            "the tax bureau and the registrar were told different deals; have the wrong one "
            "corrected",
            field,
        )


def _statement(desk: Desk, tax: TaxOpening, market: MarketOpening, rule_id: int) -> Statement:
    """The public inputs by these openings, once every rule that they must keep is kept."""
    if tax.financials.rule_id != rule_id:
        raise Refusal(
            RefusalCode.RULE_VERSION,
            "the record was computed by another rule version than the one attested; ask the tax "
            "bureau to correct it",
        )
    word = rule_in_force(desk, rule_id)
    check_opening(tax, word & ((1 << RATE_BITS) - 1))
    ctx = desk.deployment.context(market.id, tax.id)
    return Statement(tax.commitment, market.commitment, word, ctx)


def _keep_proof(
    desk: Desk, transfer: bytes, tax: TaxOpening, market: MarketOpening, statement: Statement
) -> Proved:
    proved = Proved(
        show_id(transfer), proof_path(desk, transfer), desk.folder(transfer) / "public.json"
    )
    key = _proving_key(desk)
    if not _is_proved(proved, key.verifying, statement):
        witness = assign(statement, tax.record, salt_tax=tax.salt, salt_reg=market.salt)
        proof, signals = groth16_prove(key, witness, system=build().system)
        assert signals == tuple(statement), "the circuit's public signals are the statement"
        write_private(proved.proof, encode_proof(proof).encode())
        write_private(proved.public, encode_publics(signals).encode())
    return proved


def proof_path(desk: Desk, transfer: bytes) -> Path:
    """Where `prove` leaves the proof of a transfer and `verify` takes it from."""
    return desk.folder(transfer) / "proof.json"


def _proving_key(desk: Desk) -> ProvingKey:
    if circuit_id(encode_r1cs(build().system)) != desk.deployment.terms.circuit:
        raise StepRefused(
            "this program's equity_v1 is not the circuit that the contract verifies; use the "
            "version of the program that the group agreed on"
        )
    if desk.proving_key is None:
        raise StepRefused("no proving key; name the .zkey of equity_v1 that the group uses")
    return decode_zkey(desk.proving_key.read_bytes())


def _is_proved(proved: Proved, key: VerifyingKey, statement: Statement) -> bool:
    if not (proved.proof.exists() and proved.public.exists()):
        return False
    try:
        proof = decode_proof(read_bounded(proved.proof))
        signals = decode_publics(read_bounded(proved.public))
    except InvalidText:
        return False
    return signals == tuple(statement) and verify(key, proof, signals)
