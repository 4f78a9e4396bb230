"""The calls whose arguments depend on the contract's statement: with holdings an opening's lots."""

from contracts.bindings.contract import Call
from contracts.bindings.equity import EquityTransfer
from contracts.bindings.equity_holdings import EquityHoldings
from workflows.equity_transfer.desk import Desk, StepRefused
from workflows.equity_transfer.opening import TaxOpening
from zkp.groth16.keys import Proof


def attest_call(desk: Desk, opening: TaxOpening) -> Call:
    """The first officer's transaction."""
    contract, values = _contract(desk, opening), _values(opening)
    if isinstance(contract, EquityTransfer):
        return contract.attest(*values)
    return contract.attest(*values, opening.lot_commitments)


def countersign_call(desk: Desk, opening: TaxOpening) -> Call:
    """The second officer's transaction."""
    contract, values = _contract(desk, opening), _values(opening)
    if isinstance(contract, EquityTransfer):
        return contract.countersign(*values)
    return contract.countersign(*values, opening.lot_commitments)


def correct_call(desk: Desk, attestation: bytes, opening: TaxOpening) -> Call:
    """The transaction that supersedes an attestation by an opening's."""
    contract, values = _contract(desk, opening), _values(opening)
    if isinstance(contract, EquityTransfer):
        return contract.correct(attestation, *values)
    return contract.correct(attestation, *values, opening.lot_commitments)


def verify_call(desk: Desk, transfer: bytes, proof: Proof, signals: tuple[int, ...]) -> Call:
    """The prover's transaction; with holdings the last of the proof's public signals is `rest`."""
    contract = desk.deployment.contract
    if isinstance(contract, EquityTransfer):
        return contract.verify(transfer, proof)
    return contract.verify(transfer, signals[-1], proof)


def _contract(desk: Desk, opening: TaxOpening) -> EquityTransfer | EquityHoldings:
    has_holdings = desk.deployment.registered is not None
    if has_holdings != bool(opening.lots):
        raise StepRefused(
            "this record was declared for another contract: one of the two draws the basis from "
            "holdings; declare anew"
        )
    return desk.deployment.contract


def _values(opening: TaxOpening) -> tuple[bytes, int, int]:
    return opening.id, opening.commitment, opening.financials.rule_id
