"""Every published case does what its source lets it: registered on chain, refused, or computed."""

import json

import pytest

from tests.workflows.conftest import CASES, Office, case_file
from tests.workflows.small_network import address
from workflows.equity_transfer import confirm, declare
from workflows.equity_transfer.case import InvalidCase, load_case
from workflows.equity_transfer.desk import application_of, attestation_of, tax_opening
from workflows.equity_transfer.money import Fen
from workflows.equity_transfer.opening import new_market_opening, new_tax_opening
from workflows.equity_transfer.refusal import Refusal
from zkp.builder import UnsatisfiedConstraint
from zkp.circuits.equity_v1 import assign, public_inputs, refusal_code

EXPECTED = {
    path.stem: json.loads(path.read_text())["expect"] for path in sorted(CASES.glob("A*.json"))
}
REGISTERED = [case for case, expected in EXPECTED.items() if expected == "register"]
CTX = 12345


def test_the_cases_divide_as_the_sources_say() -> None:
    assert len(REGISTERED) == 9
    assert EXPECTED["A01"] == "refuse:LOW_PRICE"
    assert [case for case, expected in EXPECTED.items() if expected == "compute_only"] == [
        *("A08", "A10")
    ]


@pytest.mark.parametrize("case", REGISTERED)
def test_a_case_is_carried_to_its_registration(office: Office, case: str) -> None:
    attestation, transfer = office.verified(case_file(case))
    assert confirm.confirm(office.desk("registrar"), transfer).status == "REGISTERED"
    applicant = office.desk("applicant")
    assert application_of(applicant, transfer).attestation == attestation
    assert attestation_of(applicant, attestation).transfer == transfer
    paid = tax_opening(office.desk("tax-officer"), attestation).financials.paid
    assert paid == json.loads(case_file(case))["tax_due_fen"]


@pytest.mark.parametrize("case", sorted(set(EXPECTED) - set(REGISTERED)))
def test_a_case_that_is_not_carried_leaves_nothing(office: Office, case: str) -> None:
    before = office.network.client.block_number()
    with pytest.raises((Refusal, InvalidCase)):
        declare.declare(office.desk("tax-officer"), case_file(case))
    assert office.network.client.block_number() == before


@pytest.mark.parametrize("case", REGISTERED)
def test_the_circuit_agrees_on_what_is_due(office: Office, case: str) -> None:
    """A witness exists for the tax as computed here, and for one fen less it does not."""
    rule = office.agreement.rule
    read = load_case(case_file(case))
    due = declare.assess(read.filing, rule).due
    for paid in {due, Fen(max(0, due - 1))}:
        tax = new_tax_opening(b"\1" * 16, read.deal, read.filing, paid, rule.rule_id)
        market = new_market_opening(b"\2" * 16, read.deal)
        salts = {"salt_tax": tax.salt, "salt_reg": market.salt}
        statement = public_inputs(tax.record, **salts, rate_bps=rule.rate_bps, ctx=CTX)
        assert (statement.c_tax, statement.c_reg) == (tax.commitment, market.commitment)
        assert statement.rule == rule.word
        if paid == due:
            assign(statement, tax.record, **salts)
        else:
            with pytest.raises(UnsatisfiedConstraint) as failed:
                assign(statement, tax.record, **salts)
            assert refusal_code(failed.value) == "NOT_PAID"


def test_two_transfers_of_one_person_share_no_word_that_comes_from_the_person(
    office: Office,
) -> None:
    """Only the prover's account and the rule's number are the same in both."""
    words = []
    for _ in range(2):
        before = office.network.client.block_number()
        office.applied(case_file("A09"), office.attested(case_file("A09")))
        seen = set()
        for number in range(before + 1, office.network.client.block_number() + 1):
            (found,) = office.network.chain.transactions(number)
            data = found.transaction.data[4:]
            seen |= {data[start : start + 32] for start in range(0, len(data), 32)}
        words.append(seen)
    assert all(len(seen) >= 5 for seen in words)
    allowed = {address("applicant").rjust(32, b"\0"), office.agreement.rule.rule_id.to_bytes(32)}
    assert words[0] & words[1] == allowed
