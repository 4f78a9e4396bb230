"""核验: the applicant hands the proof to the contract, which verifies without a person.

A refusal for a business reason is an outcome with its code, not an error: it stands on chain.
"""

from contracts.bindings.contract import Event
from contracts.bindings.equity import AlarmCode, ApplicationStatus
from contracts.bindings.equity_holdings import INPUTS
from workflows.equity_transfer.calls import verify_call
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    application_here,
    application_of,
    events_of,
    outcome,
    resume,
)
from workflows.equity_transfer.prove import proof_path, public_path
from workflows.workspace import read_plain
from zkp.snarkjs.texts import decode_proof, decode_publics

# Not estimated: with too little gas for the pairing a good proof would be refused, not reverted,
# and an estimate looks for the least gas that does not revert.
verify_gas = 3_000_000

_VERIFIED = (ApplicationStatus.VERIFIED, ApplicationStatus.REGISTERED)


def verify(desk: Desk, transfer: bytes, proof_file: bytes | None = None) -> Outcome:
    """Send the proof, by default the one that `prove` left. `code` is set where it is refused.

    Three refusals end an application, so a proof is sent once: what an interrupted run sent is
    waited for. A transfer that this proof has verified already is not sent again.
    """
    receipt = resume(desk, transfer, "verify")
    application = application_here(desk, transfer)
    if receipt is not None:
        return _outcome(desk, transfer, events_of(desk, receipt))
    if application.status in _VERIFIED and proof_file is None:
        return outcome(desk, transfer, "verify", application.status.name)
    if application.status is ApplicationStatus.ABSENT:
        raise StepRefused("verify: no such application; the registrar runs `apply` first")
    if application.prover != desk.sender:
        raise StepRefused(
            "verify: the application names another account as prover; use that account"
        )
    if proof_file is None:
        path = proof_path(desk, transfer)
        if not path.exists():
            raise StepRefused("verify: no proof in this workspace; run `transfer prove` first")
        proof_file = read_plain(path)
    call = verify_call(desk, transfer, decode_proof(proof_file), _signals(desk, transfer))
    return _outcome(desk, transfer, act(desk, transfer, "verify", call, gas=verify_gas))


def _signals(desk: Desk, transfer: bytes) -> tuple[int, ...]:
    """The public signals that `prove` left; only what remains of holdings is taken from them."""
    if desk.deployment.registered is None:
        return ()
    path = public_path(desk, transfer)
    signals = decode_publics(read_plain(path)) if path.exists() else ()
    if len(signals) != INPUTS:
        raise StepRefused(
            "verify: no public signals of this proof in this workspace; run `transfer prove` first"
        )
    return signals


def _outcome(desk: Desk, transfer: bytes, events: list[Event]) -> Outcome:
    status = application_of(desk, transfer).status.name
    for event in events:
        if event.name == "Alarm":
            code = AlarmCode(event.arguments["code"]).name
            return outcome(desk, transfer, "verify", status, code)
    return outcome(desk, transfer, "verify", status)
