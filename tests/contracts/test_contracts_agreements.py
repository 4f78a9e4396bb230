"""Sharing agreements: signatures of parties, suspension."""

import pytest

from contracts.bindings import accounts, agreements
from contracts.bindings.agreements import AgreementStatus
from ledger.gate import Role
from ledger.values import Hash32
from tests.contracts.contract_group import AUDIT, MARKET, TAX, Group, address

ID = Hash32(bytes([7]) * 32)
SIGNATORIES = (address("tax-admin"), address("market-admin"))


def propose(group: Group) -> None:
    group.do("author", agreements.propose(ID, SIGNATORIES))


def activate(group: Group) -> None:
    propose(group)
    for sender in ("tax-admin", "market-admin"):
        group.do(sender, agreements.sign(ID))


def status(group: Group) -> AgreementStatus:
    state: agreements.AgreementState = group.ask(agreements.agreement_state(ID))
    return state.status


def test_it_binds_when_all_have_signed(group: Group) -> None:
    propose(group)
    state = group.ask(agreements.agreement_state(ID))
    assert (state.status, state.parties, state.signed) == (
        AgreementStatus.PROPOSED,
        {TAX, MARKET},
        set(),
    )
    assert state.proposer == address("author")
    group.do("tax-admin", agreements.sign(ID))
    assert not group.ask(agreements.binds(ID, TAX))
    events = group.events("market-admin", agreements.sign(ID), agreements.registry())
    assert [event.name for event in events] == ["AgreementSigned", "AgreementActive"]
    assert events[0].arguments["organisation"] == MARKET
    assert events[0].arguments["data_type"].rstrip(b"\0") == b"agreement"
    assert group.ask(agreements.binds(ID, TAX))
    assert group.ask(agreements.binds(ID, MARKET))
    assert not group.ask(agreements.binds(ID, AUDIT))
    assert not group.ask(agreements.binds(ID, 2**200))
    assert not group.ask(agreements.binds(Hash32(bytes(32)), TAX))


def test_who_proposes_and_what(group: Group) -> None:
    for sender, arguments, message in (
        ("applicant", (ID, SIGNATORIES), "not an author or admin"),
        ("author", (Hash32(bytes(32)), SIGNATORIES), "hash is zero"),
        ("author", (ID, SIGNATORIES[:1]), "two to sixteen parties"),
        ("author", (ID, (*SIGNATORIES, address("registrar"))), "one signatory per organisation"),
        ("author", (ID, (*SIGNATORIES, address("nobody"))), "has no organisation"),
    ):
        assert message in group.send(sender, agreements.propose(*arguments)).revert
    propose(group)
    again = group.send("author", agreements.propose(ID, SIGNATORIES))
    assert "already proposed" in again.revert


def test_who_signs(group: Group) -> None:
    assert "not a signatory" in group.send("tax-admin", agreements.sign(ID)).revert
    propose(group)
    assert "not a signatory" in group.send("tax-officer", agreements.sign(ID)).revert
    group.do("tax-admin", agreements.sign(ID))
    assert "party has signed" in group.send("tax-admin", agreements.sign(ID)).revert


def test_a_signatory_that_changed_sides_no_longer_signs(group: Group) -> None:
    group.do("author", agreements.propose(ID, (address("tax-officer"), address("market-admin"))))
    group.do("tax-admin", accounts.remove_account(address("tax-officer")))
    group.do("data-admin", accounts.set_account(address("tax-officer"), Role.MEMBER))
    refused = group.send("tax-officer", agreements.sign(ID)).revert
    assert refused == "signatory has left its organisation"


def test_suspension_and_its_end(group: Group) -> None:
    activate(group)
    assert "not suspended" in group.send("tax-admin", agreements.resume(ID)).revert
    [event] = group.events("market-admin", agreements.suspend(ID, "leak"), agreements.registry())
    assert (event.name, event.arguments["reason"]) == (
        "AgreementSuspended",
        b"leak".ljust(32, b"\0"),
    )
    assert status(group) is AgreementStatus.SUSPENDED
    assert not group.ask(agreements.binds(ID, TAX))
    assert "not active" in group.send("tax-admin", agreements.suspend(ID, "x")).revert
    assert "another party" in group.send("tax-admin", agreements.resume(ID)).revert
    assert "not up for signature" in group.send("tax-admin", agreements.sign(ID)).revert
    group.do("market-admin", agreements.resume(ID))
    assert group.ask(agreements.binds(ID, TAX))


def test_a_proposed_agreement_is_not_suspended(group: Group) -> None:
    propose(group)
    assert "not active" in group.send("tax-admin", agreements.suspend(ID, "x")).revert


@pytest.mark.parametrize("sender", ["registrar", "author", "data-admin"])
def test_strangers_do_not_suspend(group: Group, sender: str) -> None:
    activate(group)
    assert "not a signatory" in group.send(sender, agreements.suspend(ID, "x")).revert
