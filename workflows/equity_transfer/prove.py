"""证明: the applicant shows that both records are of one deal and its tax is covered, no more.

Whatever would make the proof impossible is named in words first. Nothing is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.bindings.equity import ApplicationStatus, AttestationStatus, EquityTransfer
from contracts.bindings.equity_holdings import LotStatus
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
from workflows.equity_transfer.holdings import lot_of
from workflows.equity_transfer.ids import show_id
from workflows.equity_transfer.opening import (
    MarketOpening,
    TaxOpening,
    first_difference,
    open_record,
)
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.workspace import read_plain, write_private
from zkp.backend import decode_zkey, verify
from zkp.backend import prove as groth16_prove
from zkp.builder import Circuit
from zkp.circuits import equity_v1, equity_v2
from zkp.circuits.equity_commitments import RATE_BITS
from zkp.groth16 import ProvingKey, VerifyingKey
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.texts import (
    InvalidText,
    decode_proof,
    decode_publics,
    encode_proof,
    encode_publics,
)


@dataclass(frozen=True)
class Proved:
    """Where the proof and its public signals are, in snarkjs' JSON."""

    id: str
    proof: Path
    public: Path


@dataclass(frozen=True)
class _Claim:
    """What is to be proven: the circuit, its public signals, and what makes the witness."""

    circuit: Circuit
    signals: tuple[int, ...]
    assign: Callable[[], tuple[int, ...]]


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
    claim = _claim(desk, tax, market, attested.rule)
    stored = _stored_signals(desk, transfer)
    if stored != claim.signals[: len(stored)]:
        raise StepRefused(
            "the contract on chain would verify another statement than this deployment file says; "
            "get the file of the contract in use"
        )
    _check_lots(desk, tax)
    return _keep_proof(desk, transfer, claim)


def _check_openings(tax: TaxOpening, market: MarketOpening) -> None:
    field = first_difference(tax.deal, market.deal)
    if field is not None:
        raise Refusal(
            RefusalCode.MISMATCH,
            "the tax bureau and the registrar were told different deals; have the wrong one "
            "corrected",
            field,
        )


def _check_lots(desk: Desk, tax: TaxOpening) -> None:
    """A proof from lots that are gone would be refused on chain; some may still be to come."""
    for lot in tax.lot_commitments:
        status = lot_of(desk, lot).status
        if status in (LotStatus.CONSUMED, LotStatus.WITHDRAWN):
            raise StepRefused(
                f"prove: the lot 0x{lot:064x} is {status.name}; ask the tax bureau to correct the "
                "attestation"
            )


def _stored_signals(desk: Desk, transfer: bytes) -> tuple[int, ...]:
    """The public inputs that the contract has in storage: with holdings all but `rest`."""
    contract = desk.deployment.contract
    if isinstance(contract, EquityTransfer):
        stored = ask(desk, contract.public_inputs(transfer))
        return stored.c_tax, stored.c_reg, stored.rule, stored.ctx
    found = ask(desk, contract.public_inputs(transfer))
    return found.c_tax, found.c_reg, found.rule, found.ctx, *found.lots


def _claim(desk: Desk, tax: TaxOpening, market: MarketOpening, rule_id: int) -> _Claim:
    """What these openings prove, once every rule that they must keep is kept."""
    if tax.financials.rule_id != rule_id:
        raise Refusal(
            RefusalCode.RULE_VERSION,
            "the record was computed by another rule version than the one attested; ask the tax "
            "bureau to correct it",
        )
    word = rule_in_force(desk, rule_id)
    check_opening(tax, word & ((1 << RATE_BITS) - 1))
    ctx = desk.deployment.context(market.id, tax.id)
    record = tax.record
    if not tax.lots:
        stated = equity_v1.Statement(tax.commitment, market.commitment, word, ctx)
        salts = {"salt_tax": tax.salt, "salt_reg": market.salt}
        return _Claim(
            equity_v1.build(), tuple(stated), lambda: equity_v1.assign(stated, record, **salts)
        )
    secrets = equity_v2.Secrets(tax.lots, tax.salt, market.salt)
    rate_bps = word & ((1 << RATE_BITS) - 1)
    drawn = equity_v2.public_inputs(record, secrets, rate_bps=rate_bps, ctx=ctx)
    return _Claim(
        equity_v2.build(), drawn.signals, lambda: equity_v2.assign(drawn, record, secrets)
    )


def _keep_proof(desk: Desk, transfer: bytes, claim: _Claim) -> Proved:
    proved = Proved(show_id(transfer), proof_path(desk, transfer), public_path(desk, transfer))
    key = _proving_key(desk, claim.circuit)
    if not _is_proved(proved, key.verifying, claim.signals):
        proof, signals = groth16_prove(key, claim.assign(), system=claim.circuit.system)
        assert signals == claim.signals, "the circuit's public signals are the statement"
        write_private(proved.proof, encode_proof(proof).encode())
        write_private(proved.public, encode_publics(signals).encode())
    return proved


def proof_path(desk: Desk, transfer: bytes) -> Path:
    """Where `prove` leaves the proof of a transfer and `verify` takes it from."""
    return desk.folder(transfer) / "proof.json"


def public_path(desk: Desk, transfer: bytes) -> Path:
    """Where `prove` leaves the public signals of a transfer's proof."""
    return desk.folder(transfer) / "public.json"


def _proving_key(desk: Desk, circuit: Circuit) -> ProvingKey:
    if circuit_id(encode_r1cs(circuit.system)) != desk.deployment.terms.circuit:
        raise StepRefused(
            f"this program's {circuit.name} is not the circuit that the contract verifies; use the "
            "version of the program that the group agreed on"
        )
    if desk.proving_key is None:
        raise StepRefused(f"no proving key; name the .zkey of {circuit.name} that the group uses")
    return decode_zkey(desk.proving_key.read_bytes())


def _is_proved(proved: Proved, key: VerifyingKey, statement: tuple[int, ...]) -> bool:
    if not (proved.proof.exists() and proved.public.exists()):
        return False
    try:
        proof = decode_proof(read_plain(proved.proof))
        signals = decode_publics(read_plain(proved.public))
    except InvalidText:
        return False
    return signals == statement and verify(key, proof, signals)
