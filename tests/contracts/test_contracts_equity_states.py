"""Every method in every status of both state machines: the arrows that exist, and no other."""

from collections.abc import Callable
from enum import Enum

import pytest

from contracts.bindings.contract import Call
from contracts.bindings.equity import ApplicationStatus as App
from contracts.bindings.equity import AttestationStatus as Att
from contracts.bindings.equity import EquityTransfer
from ledger.values import keccak
from tests.contracts.contract_group import TAX, address
from tests.contracts.transfer_setting import (
    ATTESTATION,
    C_REG,
    C_TAX,
    JUNK,
    REPLACEMENT,
    RULE,
    TRANSFER,
    Setting,
    new_setting,
    proof_of,
)


def reach_attestation(status: Att) -> Setting:
    it = new_setting()
    if status is Att.ABSENT:
        return it
    it.attest()
    if status is Att.AWAITING:
        return it
    it.countersign()
    if status is Att.CONSUMED:
        it.apply()
        it.verify()
    elif status is Att.SUPERSEDED:
        it.do("tax-officer", it.equity.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE))
    elif status is Att.WITHDRAWN:
        it.do("tax-officer", it.equity.withdraw(ATTESTATION))
    elif status is Att.REFUNDED:
        it.do("tax-officer", it.equity.refund(ATTESTATION))
    return it


def reach_application(status: App) -> Setting:
    it = new_setting()
    it.attest()
    it.countersign()
    if status is App.ABSENT:
        return it
    it.apply()
    if status is App.REFUSED:
        for _ in range(3):
            it.verify(proof=JUNK)
    if status is App.CANCELLED:
        it.do("registrar", it.equity.cancel(TRANSFER))
    if status in (App.VERIFIED, App.REGISTERED, App.REVOKED):
        it.verify()
    if status in (App.REGISTERED, App.REVOKED):
        it.do("registrar", it.equity.confirm(TRANSFER))
    if status is App.REVOKED:
        it.do("registrar", it.equity.revoke(TRANSFER))
    return it


Make = Callable[[EquityTransfer], Call]


def check_step(
    it: Setting, sender: str, make: Make, look: Callable[[], Enum], status: Enum, after: Enum | None
) -> None:
    """A call takes what `look` shows from `status` to `after`; with None it changes nothing."""
    assert look() is status
    before = it.storage_root()
    outcome = it.group.send(sender, make(it.equity))
    if after is None:
        assert not outcome.ok
        assert outcome.revert
        assert it.storage_root() == before
    else:
        assert outcome.ok, outcome.revert
        assert look() is after


ATTESTATION_METHODS: dict[str, tuple[str, Make]] = {
    "attest": ("tax-officer", lambda e: e.attest(ATTESTATION, C_TAX, RULE)),
    "countersign": ("tax-reviewer", lambda e: e.countersign(ATTESTATION, C_TAX, RULE)),
    "correct": ("tax-officer", lambda e: e.correct(ATTESTATION, bytes([9]) * 16, C_TAX, RULE)),
    "withdraw": ("tax-officer", lambda e: e.withdraw(ATTESTATION)),
    "refund": ("tax-officer", lambda e: e.refund(ATTESTATION)),
}
ATTESTATION_ARROWS = {
    ("attest", Att.ABSENT): Att.AWAITING,
    ("countersign", Att.AWAITING): Att.ACTIVE,
    ("correct", Att.AWAITING): Att.SUPERSEDED,
    ("correct", Att.ACTIVE): Att.SUPERSEDED,
    ("correct", Att.CONSUMED): Att.SUPERSEDED,
    ("withdraw", Att.AWAITING): Att.WITHDRAWN,
    ("withdraw", Att.ACTIVE): Att.WITHDRAWN,
    ("withdraw", Att.CONSUMED): Att.WITHDRAWN,
    ("refund", Att.ACTIVE): Att.REFUNDED,
    ("refund", Att.CONSUMED): Att.REFUNDED,
}


@pytest.mark.parametrize("status", list(Att), ids=lambda s: s.name)
@pytest.mark.parametrize("method", ATTESTATION_METHODS)
def test_attestation_arrows(method: str, status: Att) -> None:
    it = reach_attestation(status)
    after = ATTESTATION_ARROWS.get((method, status))
    check_step(it, *ATTESTATION_METHODS[method], it.attestation_status, status, after)


APPLICATION_METHODS: dict[str, tuple[str, Make]] = {
    "apply": ("registrar", lambda e: e.apply(TRANSFER, ATTESTATION, C_REG, address("applicant"))),
    "confirm": ("registrar", lambda e: e.confirm(TRANSFER)),
    "cancel": ("registrar", lambda e: e.cancel(TRANSFER)),
    "cancel by prover": ("applicant", lambda e: e.cancel(TRANSFER)),
    "revoke": ("registrar", lambda e: e.revoke(TRANSFER)),
    "send_envelope": ("registrar", lambda e: e.send_envelope(TRANSFER, keccak(b"sealed"), TAX)),
}
APPLICATION_ARROWS = {
    ("apply", App.ABSENT): App.PENDING,
    ("confirm", App.VERIFIED): App.REGISTERED,
    ("cancel", App.PENDING): App.CANCELLED,
    ("cancel", App.VERIFIED): App.CANCELLED,
    ("cancel by prover", App.PENDING): App.CANCELLED,
    ("cancel by prover", App.VERIFIED): App.CANCELLED,
    ("revoke", App.REGISTERED): App.REVOKED,
    ("send_envelope", App.REGISTERED): App.REGISTERED,
    ("send_envelope", App.REVOKED): App.REVOKED,
}


@pytest.mark.parametrize("status", list(App), ids=lambda s: s.name)
@pytest.mark.parametrize("method", APPLICATION_METHODS)
def test_application_arrows(method: str, status: App) -> None:
    it = reach_application(status)
    after = APPLICATION_ARROWS.get((method, status))
    check_step(it, *APPLICATION_METHODS[method], it.application_status, status, after)


@pytest.mark.parametrize("status", list(App), ids=lambda s: s.name)
def test_verify_moves_only_what_is_pending(status: App) -> None:
    it = reach_application(status)
    call = it.equity.verify(TRANSFER, proof_of(it.statement()))
    outcome = it.group.send("applicant", call)
    if status in (App.ABSENT, App.REFUSED):
        assert not outcome.ok
    assert it.application_status() is (App.VERIFIED if status is App.PENDING else status)
