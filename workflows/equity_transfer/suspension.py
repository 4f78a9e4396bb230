"""What stops what is in force: an agreement is suspended and resumed, a rule version ends.

Each function is one party's act and can be repeated. An agreement has no other end than that one
party suspends it and leaves it so; a rule version that has ended stays so.
"""

from typing import Any

from contracts.bindings import agreements, keys
from contracts.bindings.accounts import organisation
from contracts.bindings.agreements import AgreementState, AgreementStatus
from ledger.values import Hash32
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deploy import (
    SetUpDesk,
    SetUpRefused,
    has_approved,
    rule_subject,
)
from workflows.equity_transfer.rules import RuleTable
from workflows.sending import unsettled_receipt

REASON_BYTES_MAX = 32


class InvalidReason(ValueError):
    """A reason that the contract has no room for."""


def suspend_agreement(desk: SetUpDesk, agreement: Agreement, reason: str) -> AgreementState:
    """By a party's signatory: stop an agreement. `reason` is public; never anything personal.

    Raises `InvalidReason`, `SetUpRefused`.
    """
    size = len(reason.encode())
    if not 0 < size <= REASON_BYTES_MAX:
        raise InvalidReason(
            f"expected a reason of 1 to {REASON_BYTES_MAX} bytes in UTF-8 (a Chinese character "
            f"takes three), got {size}: give a short label, or a document's number"
        )
    step = _begin(desk, agreement, "suspend")
    state = _state(desk, agreement)
    own = _check_signatory(desk, agreement, state)
    if state.status is AgreementStatus.PROPOSED:
        raise SetUpRefused(
            "the agreement is not in force: not every party has signed; who does not want it "
            "does not sign"
        )
    if state.status is AgreementStatus.SUSPENDED and state.suspended_by != own:
        raise SetUpRefused(
            f"{_name(desk, state.suspended_by)} has suspended the agreement already; nothing is "
            "shared under it until that party resumes it"
        )
    if state.status is AgreementStatus.ACTIVE:
        desk.act(step, agreements.suspend(agreement.id, reason))
    return _state(desk, agreement)


def resume_agreement(desk: SetUpDesk, agreement: Agreement) -> AgreementState:
    """By the signatory of the party that suspended it: put the agreement back in force.

    Raises `SetUpRefused`.
    """
    step = _begin(desk, agreement, "resume")
    state = _state(desk, agreement)
    own = _check_signatory(desk, agreement, state)
    if state.status is AgreementStatus.PROPOSED:
        raise SetUpRefused("the agreement is not suspended: it was never in force; sign it first")
    if state.status is AgreementStatus.SUSPENDED:
        if state.suspended_by != own:
            raise SetUpRefused(
                f"{_name(desk, state.suspended_by)} suspended the agreement, and only that party "
                "resumes it"
            )
        desk.act(step, agreements.resume(agreement.id))
    return _state(desk, agreement)


def end_rule(desk: SetUpDesk, circuit: Hash32, rule: RuleTable) -> bool:
    """By an admin: approve for its organisation that a rule version ends. True once it has ended.

    Nothing that was attested under it verifies afterwards. Raises `SetUpRefused`.
    """
    version = rule_version(desk, circuit, rule.rule_id)
    if version["ended"]:
        return True
    if not version["in_force"]:
        raise SetUpRefused(
            f"rule version {rule.rule_id} is not in force for this circuit: there is nothing to end"
        )
    if version["rate_bps"] != rule.rate_bps:
        raise SetUpRefused(
            f"rule version {rule.rule_id} is in force with {version['rate_bps']} basis points, the "
            f"rule file says {rule.rate_bps}: give the file that was approved"
        )
    if not has_approved(desk, rule_subject("rule end", circuit, rule.rule_id)):
        step = f"rule-end-{rule.rule_id}-{circuit.hex()[:8]}"
        desk.act(step, keys.approve_rule_end(circuit, rule.rule_id))
    return bool(rule_version(desk, circuit, rule.rule_id)["ended"])


def rule_version(desk: SetUpDesk, circuit: Hash32, rule_id: int) -> dict[str, Any]:
    """A rule version as it stands: `rate_bps`, `in_force`, `ended`."""
    found = desk.ask(keys.registry().query("rules", circuit, rule_id))
    return dict(found)


def _begin(desk: SetUpDesk, agreement: Agreement, act: str) -> str:
    """The step's name; what an interrupted run of it sent is settled first."""
    step = f"agreement-{act}-{agreement.id.hex()[:8]}"
    unsettled_receipt(desk.client, desk.note(step))
    return step


def _state(desk: SetUpDesk, agreement: Agreement) -> AgreementState:
    return desk.ask(agreements.agreement_state(agreement.id))


def _check_signatory(desk: SetUpDesk, agreement: Agreement, state: AgreementState) -> int:
    """The organisation that the account signs for. Raises `SetUpRefused`."""
    if state.status is AgreementStatus.UNKNOWN:
        raise SetUpRefused(
            f"no agreement 0x{agreement.id.hex()} in this group: nobody has proposed this rule "
            "file; name the file or the statement that the group's contract was deployed under"
        )
    query = agreements.registry().query("signatories", agreement.id, desk.account.address)
    own: int = desk.ask(query)
    if own == 0:
        raise SetUpRefused(
            f"the account {desk.account.address} is no signatory of this agreement; the account "
            "that signed for its party suspends and resumes it"
        )
    return own


def _name(desk: SetUpDesk, number: int) -> str:
    return desk.ask(organisation(number)).name
