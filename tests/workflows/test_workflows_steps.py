"""The whole way of a transfer over the real contracts, and every way that it is stopped."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from client.rpc import RpcFailure
from contracts.bindings import agreements
from tests.workflows.conftest import APPROVAL_NUMBER, Office, case_file, irregular_case
from tests.workflows.small_network import address
from workflows.equity_transfer import (
    amend,
    apply,
    attest,
    confirm,
    declare,
    details,
    handover,
    prove,
    show,
    verify,
)
from workflows.equity_transfer.case import InvalidCase, load_case
from workflows.equity_transfer.desk import StepRefused, attestation_of, tax_opening
from workflows.equity_transfer.ids import new_id, parse_id
from workflows.equity_transfer.opening import InvalidOpening, encode_opening, new_market_opening
from workflows.equity_transfer.refusal import Refusal, RefusalCode

ORDINARY = case_file("A07")


def status_of(office: Office, attestation: bytes) -> str:
    return attestation_of(office.desk("applicant"), attestation).status.name


def head(office: Office) -> int:
    return office.network.client.block_number()


def test_a_transfer_goes_from_declaration_to_acceptance(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    attestation, transfer = registered
    received = office.folder / "tax" / "transfers" / transfer.hex() / "details.json"
    assert json.loads(received.read_bytes())["approval_number"] == APPROVAL_NUMBER
    shown = show.show(office.desk("applicant"), transfer)
    assert (shown.status, shown.attestation_status) == ("REGISTERED", "CONSUMED")
    assert [step.name for step in shown.steps] == [
        *("Attested", "Countersigned", "Applied", "Verified", "Registered"),
        *("EnvelopeSent", "EnvelopeAccepted"),
    ]
    assert shown == show.show(office.desk("applicant"), attestation)
    assert {step.sender.lower() for step in shown.steps[:2]} == {
        "0x" + address("tax-officer").hex(),
        "0x" + address("tax-reviewer").hex(),
    }


def test_every_step_repeated_sends_nothing(office: Office, registered: tuple[bytes, bytes]) -> None:
    attestation, transfer = registered
    before = head(office)
    assert attest.attest(office.desk("tax-officer"), attestation).status == "CONSUMED"
    assert attest.countersign(office.desk("tax-reviewer"), attestation).status == "CONSUMED"
    assert verify.verify(office.desk("applicant"), transfer).status == "REGISTERED"
    assert confirm.confirm(office.desk("registrar"), transfer).status == "REGISTERED"
    assert details.send_details(office.desk("registrar"), transfer, "1").status == "ACCEPTED"
    details.accept_details(office.desk("tax-officer"), transfer)
    assert head(office) == before


def test_nothing_private_leaves_the_workspaces(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    """Every raw transaction and receipt is searched for every private value in three spellings."""
    attestation, _ = registered
    opening = encode_opening(tax_opening(office.desk("tax-officer"), attestation))
    case = load_case(irregular_case())
    numbers = [int(v) for v in opening["financials"].values() if int(v) >= 10**9]
    numbers += [case.deal.price, case.deal.capital, case.deal.total, int(opening["salt"], 16)]
    words = [case.deal.transferor.name, case.deal.transferee.identity.number, case.deal.company]
    needles = [n.to_bytes(32) for n in numbers] + [str(n).encode() for n in numbers]
    needles += [n.to_bytes((n.bit_length() + 7) // 8) for n in numbers]
    needles += [word.encode() for word in words]
    public = b""
    for number in range(head(office) + 1):
        block = office.network.chain.block(number)
        public += b"".join(block.proposal.transactions)
        for receipt in office.network.client.receipts(number):
            public += json.dumps(receipt).encode()
            for log in receipt["logs"]:
                public += bytes.fromhex(log["data"][2:])
    assert not [needle for needle in needles if needle in public]


def test_private_files_are_for_their_owner(office: Office, registered: tuple[bytes, bytes]) -> None:
    for path in office.folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_file():
            assert mode == 0o600, path
        elif path != office.folder:
            assert mode == 0o700, path


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (case_file("A01"), RefusalCode.LOW_PRICE),
        (case_file("A07", cost_basis_fen=None), RefusalCode.NO_BASIS),
        (case_file("A07", paid_fen=7_599_999), RefusalCode.NOT_PAID),
    ],
)
def test_the_declaration_names_the_rule_that_fails(
    office: Office, case: bytes, code: RefusalCode
) -> None:
    before = head(office)
    with pytest.raises(Refusal) as refused:
        declare.declare(office.desk("tax-officer"), case)
    assert refused.value.code is code
    assert head(office) == before


def test_a_case_to_compute_is_not_carried(office: Office) -> None:
    with pytest.raises(InvalidCase, match="too little"):
        declare.declare(office.desk("tax-officer"), case_file("A08"))
    computed = declare.compute(load_case(case_file("A08")), office.agreement.rule)
    assert (computed.assessment, computed.stamp_duty) == (None, 100_000)


def test_a_rate_that_the_chain_does_not_know_is_refused(office: Office) -> None:
    other = replace(office.agreement, rule=replace(office.agreement.rule, rate_bps=1000))
    with pytest.raises(Refusal, match="RULE_VERSION"):
        declare.declare(replace(office.desk("tax-officer"), agreement=other), ORDINARY)


def test_a_suspended_agreement_stops_every_step(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    officer = office.desk("tax-officer")
    attestation = parse_id(declare.declare(officer, ORDINARY).id)
    transfer = office.applied(ORDINARY, office.attested(ORDINARY))
    proof = prove.proof_path(office.desk("applicant"), registered[1]).read_bytes()
    party = office.set_up("market-admin")
    party.act("suspend", agreements.suspend(office.agreement.id, "test"))
    try:
        before = head(office)
        with pytest.raises(StepRefused, match="E_AGREEMENT"):
            attest.attest(officer, attestation)
        with pytest.raises(StepRefused, match="E_AGREEMENT"):
            apply.apply(office.desk("registrar"), ORDINARY, new_id(), address("applicant"))
        assert head(office) == before
        refused = verify.verify(office.desk("applicant"), transfer, proof)
        assert (refused.status, refused.code) == ("PENDING", "E_AGREEMENT")
    finally:
        party.act("resume", agreements.resume(office.agreement.id))
    assert attest.attest(officer, attestation).status == "AWAITING"


def test_one_officer_cannot_sign_twice(office: Office) -> None:
    officer = office.desk("tax-officer")
    attestation = parse_id(declare.declare(officer, ORDINARY).id)
    with pytest.raises(StepRefused, match="first officer"):
        attest.countersign(officer, attestation)
    attest.attest(officer, attestation)
    with pytest.raises(StepRefused, match="another account"):
        attest.countersign(officer, attestation)
    assert status_of(office, attestation) == "AWAITING"


def test_steps_belong_to_offices(office: Office) -> None:
    with pytest.raises(StepRefused, match="'tax'"):
        declare.declare(office.desk("registrar"), ORDINARY)
    with pytest.raises(StepRefused, match="'market'"):
        apply.apply(office.desk("applicant"), ORDINARY, new_id(), address("applicant"))


def test_the_prover_names_the_field_that_differs(office: Office) -> None:
    attestation = office.attested(ORDINARY)
    price = case_file("A07", price_fen=100_000_001)
    transfer = office.applied(price, attestation)
    with pytest.raises(Refusal) as refused:
        prove.prove(office.desk("applicant"), transfer)
    assert (refused.value.code, refused.value.field) == (RefusalCode.MISMATCH, "price")


def test_an_application_is_the_same_while_it_is_pending(office: Office) -> None:
    registrar, prover = office.desk("registrar"), address("applicant")
    attestation = new_id()
    first = apply.apply(registrar, ORDINARY, attestation, prover)
    before = head(office)
    assert apply.apply(registrar, ORDINARY, attestation, prover) == first
    assert head(office) == before
    apply.cancel(registrar, parse_id(first.id))
    again = apply.apply(registrar, ORDINARY, attestation, prover)
    assert again.id != first.id


def test_a_consumed_attestation_serves_no_second_transfer(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    attestation, first = registered
    second = office.applied(irregular_case(), attestation)
    with pytest.raises(StepRefused, match="CONSUMED"):
        prove.prove(office.desk("applicant"), second)
    proof = prove.proof_path(office.desk("applicant"), first).read_bytes()
    refused = verify.verify(office.desk("applicant"), second, proof)
    assert (refused.status, refused.code) == ("PENDING", "E_USED")


def test_a_proof_of_another_transfer_is_refused_three_times(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    applicant = office.desk("applicant")
    proof = prove.proof_path(applicant, registered[1]).read_bytes()
    transfer = office.applied(ORDINARY, office.attested(ORDINARY))
    with pytest.raises(StepRefused, match="transfer prove"):
        verify.verify(applicant, transfer)
    codes = [verify.verify(applicant, transfer, proof).code for _ in range(3)]
    assert codes == ["E_PROOF"] * 3
    shown = show.show(applicant, transfer)
    assert (shown.status, shown.refusals) == ("REFUSED", ("E_PROOF",) * 3)


def test_only_the_named_prover_verifies(office: Office, registered: tuple[bytes, bytes]) -> None:
    with pytest.raises(StepRefused, match="prover"):
        verify.verify(office.desk("registrar"), registered[1], b"{}")


def test_a_withdrawal_after_verification_blocks_the_registration(office: Office) -> None:
    attestation, transfer = office.verified(ORDINARY)
    assert amend.withdraw(office.desk("tax-officer"), attestation).status == "WITHDRAWN"
    before = head(office)
    amend.withdraw(office.desk("tax-officer"), attestation)
    with pytest.raises(StepRefused, match="WITHDRAWN"):
        confirm.confirm(office.desk("registrar"), transfer)
    assert head(office) == before
    steps = show.show(office.desk("applicant"), transfer).steps
    assert [step.code for step in steps if step.name == "Alarm"] == ["A_WITHDRAWN"]


def test_refunded_tax_is_not_proven(office: Office) -> None:
    attestation = office.attested(ORDINARY)
    transfer = office.applied(ORDINARY, attestation)
    amend.refund(office.desk("tax-officer"), attestation)
    with pytest.raises(StepRefused, match="REFUNDED"):
        prove.prove(office.desk("applicant"), transfer)


def test_a_correction_takes_the_place_of_the_first_attestation(office: Office) -> None:
    officer = office.desk("tax-officer")
    attestation = office.attested(ORDINARY)
    corrected = case_file("A07", price_fen=100_000_100)
    done = amend.correct(officer, attestation, corrected)
    assert done.status == "AWAITING"
    before = head(office)
    assert amend.correct(officer, attestation, corrected) == done
    assert head(office) == before
    attest.countersign(office.desk("tax-reviewer"), parse_id(done.id))
    assert status_of(office, attestation) == "SUPERSEDED"
    assert status_of(office, parse_id(done.id)) == "ACTIVE"


def test_a_registration_can_be_revoked_and_a_pending_one_cannot(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    pending = apply.apply(office.desk("registrar"), ORDINARY, new_id(), address("applicant"))
    with pytest.raises(StepRefused, match="PENDING"):
        confirm.revoke(office.desk("registrar"), parse_id(pending.id))
    with pytest.raises(StepRefused, match="PENDING"):
        confirm.confirm(office.desk("registrar"), parse_id(pending.id))


def test_an_auditor_opens_a_commitment_and_no_other(
    office: Office, registered: tuple[bytes, bytes]
) -> None:
    attestation, _ = registered
    folder = office.folder / "tax" / "transfers" / attestation.hex()
    data = (folder / "opening.tax.json").read_bytes()
    opened = handover.open_commitment(office.desk("applicant"), data)
    assert opened.content["deal"]["price_fen"] == "9876543219"
    assert "salt" not in opened.content
    forged = json.loads(data)
    forged["deal"]["price_fen"] = "1"
    with pytest.raises(InvalidOpening):
        handover.open_commitment(office.desk("applicant"), json.dumps(forged).encode())
    unsent = declare.declare(office.desk("tax-officer"), ORDINARY)
    path = office.folder / "tax" / "transfers" / unsent.id[2:] / "opening.tax.json"
    with pytest.raises(StepRefused, match="not on chain"):
        handover.import_opening(office.desk("applicant"), path.read_bytes())


def test_what_a_crash_left_signed_is_sent_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the signed transaction is noted, before and after it is sent."""
    officer = office.desk("tax-officer")
    client = type(officer.client)
    for dies_before_sending in (True, False):
        attestation = parse_id(declare.declare(officer, ORDINARY).id)
        send_raw = client.send_raw

        def crash(
            self: Any, raw: bytes, before: bool = dies_before_sending, send: Any = send_raw
        ) -> str:
            if not before:
                send(self, raw)
            raise KeyboardInterrupt

        monkeypatch.setattr(client, "send_raw", crash)
        with pytest.raises(KeyboardInterrupt):
            attest.attest(officer, attestation)
        monkeypatch.undo()
        before = head(office)
        done = attest.attest(officer, attestation)
        assert done.status == "AWAITING"
        assert done.transaction is not None
        assert head(office) == before + (1 if dies_before_sending else 0)


def test_a_nonce_taken_meanwhile_is_replaced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = office.desk("tax-officer")
    client = type(officer.client)
    attestation = parse_id(declare.declare(officer, ORDINARY).id)
    nonce = client.nonce
    monkeypatch.setattr(client, "nonce", _once_stale(nonce))
    assert attest.attest(officer, attestation).status == "AWAITING"


def _once_stale(nonce: Any) -> Any:
    calls = []

    def answer(self: Any, who: str) -> int:
        calls.append(who)
        return 0 if len(calls) == 1 else nonce(self, who)

    return answer


def test_a_refusal_of_the_group_names_its_reason(office: Office) -> None:
    stranger = replace(office.desk("tax-officer"), account=Account.create())
    attestation = parse_id(declare.declare(stranger, ORDINARY).id)
    with pytest.raises(RpcFailure):
        attest.attest(stranger, attestation)


def test_details_of_another_deal_are_not_accepted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, transfer = office.verified(ORDINARY)
    registrar = office.desk("registrar")
    confirm.confirm(registrar, transfer)
    deal = load_case(case_file("A07", price_fen=5)).deal
    forged = new_market_opening(transfer, deal)
    monkeypatch.setattr(details, "market_opening", lambda desk, item: forged)
    monkeypatch.setattr(details, "open_record", lambda opening, commitment: None)
    details.send_details(registrar, transfer, "1")
    before = head(office)
    with pytest.raises(Refusal, match=r"MISMATCH\(price\)"):
        details.accept_details(office.desk("tax-officer"), transfer)
    assert head(office) == before


def test_an_envelope_that_has_not_arrived_is_named(office: Office, tmp_path: Path) -> None:
    with pytest.raises(StepRefused, match="announced"):
        details.accept_details(office.desk("tax-officer"), new_id())
