"""Sales out of attested holdings over the real contracts: from a lot to what remains of it."""

import json
from collections.abc import Iterator

import pytest

from contracts.bindings.circuits import NO_CEREMONY, Draft
from ledger.values import Hash32, keccak
from tests.workflows.conftest import ROOT, Office, case_file
from tests.workflows.small_network import SmallNetwork
from workflows.equity_transfer import (
    amend,
    attest,
    certificate,
    confirm,
    declare,
    details,
    handover,
    holdings,
    prove,
    show,
    verify,
)
from workflows.equity_transfer.agreement import load_agreement, shipped_agreements
from workflows.equity_transfer.certificate import (
    InvalidEvidence,
    check_certificate,
    make_certificate,
)
from workflows.equity_transfer.deploy import approve_rule, deploy_contract
from workflows.equity_transfer.deployment import Deployment, RegisteredCircuit, load_deployment
from workflows.equity_transfer.desk import StepRefused, opening_path, tax_opening
from workflows.equity_transfer.holdings import InvalidLot, parse_lot
from workflows.equity_transfer.ids import parse_id, show_id
from workflows.equity_transfer.money import Fen
from workflows.equity_transfer.opening import InvalidOpening, decode_opening, encode_opening
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.equity_transfer.register_circuit import (
    approve_circuit,
    deploy_registry,
    propose_circuit,
)
from workflows.workspace import read_json
from zkp.circuits import equity_v2
from zkp.keys import CircuitKey, load_test_key

CAPITAL, BASIS = 900_000, 1_000_001


class HoldingOffice(Office):
    """The same offices, under the agreement and the contract with holdings."""

    def _found(self) -> Deployment:
        self.sign()
        author, circuit = self.set_up("author"), Hash32(self.key.circuit_id)
        registry = deploy_registry(author, self.folder / "registry.json")
        assert deploy_registry(author, self.folder / "registry.json") == registry
        verifying = self.key.proving.verifying
        draft = Draft("equity_v2", keccak(b"source"), circuit, NO_CEREMONY, verifying)
        entry = propose_circuit(author, registry, draft)
        for admin in ("tax-admin", "market-admin", "data-admin"):
            active = approve_circuit(self.set_up(admin), registry, entry)
            in_force = approve_rule(self.set_up(admin), circuit, self.agreement)
        assert active
        assert in_force
        registered = RegisteredCircuit(registry.address, entry)
        path = self.folder / "deployment.json"
        deployed = deploy_contract(author, self.agreement, circuit, path, registered)
        assert deploy_contract(author, self.agreement, circuit, path, registered) == deployed
        assert load_deployment(path) == deployed
        return deployed

    def lot(self, case: bytes, capital: int = CAPITAL, basis: int = BASIS) -> bytes:
        """A lot of the case's seller, both signatures on it."""
        done = holdings.attest_lot(self.desk("tax-officer"), case, Fen(capital), Fen(basis))
        lot = parse_lot(done.id)
        signed = holdings.countersign_lot(self.desk("tax-reviewer"), lot)
        assert signed.status == "ACTIVE"
        return lot


@pytest.fixture(scope="module")
def holding_key() -> CircuitKey:
    return load_test_key(equity_v2.build(), ROOT / "build" / "keys")


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, holding_key: CircuitKey
) -> Iterator[HoldingOffice]:
    network = SmallNetwork()
    folder = tmp_path_factory.mktemp("holders")
    agreement = load_agreement(shipped_agreements["equity_v2"])
    yield HoldingOffice(network, folder, holding_key, agreement)
    network.close()


def sale(seller: str, capital: int, price: int = 9_000_000, buyer: str = "buyer") -> bytes:
    """A sale by a seller whom the case's name tells apart; it states no basis."""
    results = ("gain_fen", "taxable_income_fen", "tax_due_fen", "stamp_duty_fen")
    changes = {
        "id": seller,
        "transferee": buyer,
        "price_fen": price,
        "cost_basis_fen": None,
        "reasonable_fees_fen": 0,
        "share_ratio": None,
        "capital_fen": capital,
        "total_fen": 1_000_000,
        **dict.fromkeys(results),
    }
    return case_file("A07", **changes)


def amounts(office: Office, item: bytes, account: str = "tax-officer") -> list[tuple[str, ...]]:
    """Status, capital and basis of an item's lots, as an account's desk knows them."""
    found = holdings.list_holdings(office.desk(account), item)
    return [(lot.status, str(lot.capital), str(lot.basis)) for lot in found]


def test_the_last_sale_takes_what_the_first_left(office: HoldingOffice) -> None:
    first_case, second_case = sale("H1", 299_999), sale("H1", 600_001, buyer="other")
    lot = office.lot(first_case)
    attestation, transfer = office.verified(first_case)
    used = BASIS * 299_999 // CAPITAL
    assert amounts(office, transfer) == [
        ("CONSUMED", str(CAPITAL), str(BASIS)),
        ("ACTIVE", "600001", str(BASIS - used)),
    ]
    assert amounts(office, attestation, "registrar") == [
        ("CONSUMED", "None", "None"),
        ("ACTIVE", "None", "None"),
    ]
    assert amounts(office, transfer, "applicant") == amounts(office, transfer)
    second, last = office.verified(second_case)
    assert tax_opening(office.desk("tax-officer"), second).financials.basis == BASIS - used
    assert amounts(office, last) == [
        ("CONSUMED", "600001", str(BASIS - used)),
        ("ACTIVE", "0", "0"),
    ]
    for item in (transfer, last):
        assert confirm.confirm(office.desk("registrar"), item).status == "REGISTERED"
    assert details.send_details(office.desk("registrar"), last, "1").status == "SENT"
    details.accept_details(office.desk("tax-officer"), last)
    names = [step.name for step in show.show(office.desk("applicant"), transfer).steps]
    assert [name for name in names if name.startswith("Lot")] == [
        "LotsNamed",
        "LotConsumed",
        "LotLeft",
    ]
    with pytest.raises(StepRefused, match="CONSUMED"):
        holdings.withdraw_lot(office.desk("tax-officer"), lot)


def test_every_step_repeated_sends_nothing(office: HoldingOffice) -> None:
    case = sale("H2", 900_000)
    lot = office.lot(case)
    attestation, transfer = office.verified(case)
    before = office.network.client.block_number()
    assert holdings.countersign_lot(office.desk("tax-reviewer"), lot).status == "CONSUMED"
    assert attest.attest(office.desk("tax-officer"), attestation).status == "CONSUMED"
    assert attest.countersign(office.desk("tax-reviewer"), attestation).status == "CONSUMED"
    assert verify.verify(office.desk("applicant"), transfer).status == "VERIFIED"
    assert office.network.client.block_number() == before


def test_a_lot_is_spent_once(office: HoldingOffice) -> None:
    """Both sales are attested and proven while the lot stands; the second finds it consumed."""
    office.lot(sale("H3", 1))
    transfers = []
    for buyer in ("one", "other"):
        case = sale("H3", 900_000, buyer=buyer)
        transfer = office.applied(case, office.attested(case))
        prove.prove(office.desk("applicant"), transfer)
        transfers.append(transfer)
    assert verify.verify(office.desk("applicant"), transfers[0]).status == "VERIFIED"
    refused = verify.verify(office.desk("applicant"), transfers[1])
    assert (refused.status, refused.code) == ("PENDING", "E_LOT_USED")
    with pytest.raises(StepRefused, match=r"lot 0x[0-9a-f]{64} is CONSUMED"):
        prove.prove(office.desk("applicant"), transfers[1])


def test_the_declaration_draws_on_all_lots_that_stand(office: HoldingOffice) -> None:
    case = sale("H4", 1_000)
    kept, void = office.lot(case, 2_000, 10_000), office.lot(case, 2_000, 90_000)
    office.lot(case, 2_000, 20_000)
    holdings.attest_lot(office.desk("tax-officer"), case, Fen(5_000), Fen(5_000))
    office.lot(sale("someone else", 1), 7_000, 7_000)
    assert holdings.withdraw_lot(office.desk("tax-officer"), void).status == "WITHDRAWN"
    attestation = parse_id(declare.declare(office.desk("tax-officer"), case).id)
    opening = tax_opening(office.desk("tax-officer"), attestation)
    assert [
        (lot.capital, lot.basis) for lot in sorted(opening.lots, key=lambda lot: lot.basis)
    ] == [
        (2_000, 10_000),
        (2_000, 20_000),
    ]
    assert opening.financials.basis == 7_500
    # it changed meanwhile: no officer signs for lots that are gone
    holdings.withdraw_lot(office.desk("tax-officer"), kept)
    with pytest.raises(StepRefused, match="is WITHDRAWN; declare anew"):
        attest.attest(office.desk("tax-officer"), attestation)


def test_declarations_without_a_holding_are_refused(office: HoldingOffice) -> None:
    case = sale("H5", 1_000)
    with pytest.raises(Refusal, match="do not hold") as none:
        declare.declare(office.desk("tax-officer"), case)
    assert none.value.code is RefusalCode.NO_BASIS
    office.lot(case, 999, 5)
    with pytest.raises(Refusal, match="do not hold"):
        declare.declare(office.desk("tax-officer"), case)
    office.lot(case, 1, 5)
    stated = json.dumps({**json.loads(case), "cost_basis_fen": 11}).encode()
    with pytest.raises(Refusal, match="not the average cost"):
        declare.declare(office.desk("tax-officer"), stated)
    agreed = json.dumps({**json.loads(case), "cost_basis_fen": 10}).encode()
    declare.declare(office.desk("tax-officer"), agreed)


def test_a_corrected_sale_draws_on_lots_attested_anew(office: HoldingOffice) -> None:
    case, corrected = sale("H6", 300_000), sale("H6", 400_000)
    office.lot(case)
    attestation, transfer = office.verified(case)
    with pytest.raises(Refusal, match="do not hold"):
        amend.correct(office.desk("tax-officer"), attestation, corrected)
    office.lot(case)
    done = amend.correct(office.desk("tax-officer"), attestation, corrected)
    assert amounts(office, transfer)[1][0] == "WITHDRAWN"
    replacement = parse_id(done.id)
    again = amend.correct(office.desk("tax-officer"), attestation, corrected)
    assert again.id == show_id(replacement)
    attest.countersign(office.desk("tax-reviewer"), replacement)
    second = office.applied(corrected, replacement)
    prove.prove(office.desk("applicant"), second)
    assert verify.verify(office.desk("applicant"), second).status == "VERIFIED"
    assert [status for status, _, _ in amounts(office, second)] == ["CONSUMED", "ACTIVE"]


def test_one_officer_is_not_two(office: HoldingOffice) -> None:
    done = holdings.attest_lot(office.desk("tax-officer"), sale("H7", 1), Fen(1), Fen(1))
    assert done.status == "AWAITING"
    with pytest.raises(StepRefused, match="cannot countersign"):
        holdings.countersign_lot(office.desk("tax-officer"), parse_lot(done.id))
    with pytest.raises(StepRefused, match="officers of 'tax'"):
        holdings.withdraw_lot(office.desk("registrar"), parse_lot(done.id))
    with pytest.raises(StepRefused, match="sign nothing unseen"):
        holdings.countersign_lot(office.desk("tax-reviewer"), bytes(32))
    for text in ("", "0x12", "g" * 64):
        with pytest.raises(InvalidLot):
            parse_lot(text)


def test_openings_with_lots_are_read_back_and_changed_ones_refused(office: HoldingOffice) -> None:
    case = sale("H8", 10)
    office.lot(case, 10, 10)
    attestation = office.attested(case)
    path = opening_path(office.desk("tax-officer"), attestation, "tax")
    document = read_json(path)
    opening = decode_opening(document)
    assert encode_opening(opening) == document
    [lot] = document["lots"]
    shown = handover.open_commitment(office.desk("tax-officer"), path.read_bytes())
    assert shown.content["lots"] == [{"capital_fen": "10", "basis_fen": "10"}]
    for lots in (
        [],
        [lot] * 9,
        [{**lot, "basis_fen": "11"}],
        [{**lot, "capital_fen": "9"}],
        [{**lot, "salt": "0x" + "f" * 64}],
        None,
    ):
        with pytest.raises(InvalidOpening):
            decode_opening({**document, "lots": lots})


def test_a_certificate_says_which_lots_were_consumed(office: HoldingOffice) -> None:
    case, genesis = sale("H9", 10), office.network.genesis
    lot = office.lot(case, 10, 10)
    attestation, transfer = office.verified(case)
    issued = make_certificate(office.desk("applicant"), genesis, transfer)
    statement = check_certificate(issued, genesis).statement
    steps = [(step["name"], step["office"]["name"]) for step in statement["steps"]]
    assert steps == [
        ("Attested", "tax"),
        ("LotsNamed", "tax"),
        ("Countersigned", "tax"),
        ("Applied", "market"),
        ("LotConsumed", "data"),
        ("LotLeft", "data"),
        ("Verified", "data"),
    ]
    assert statement["steps"][4]["lot"] == "0x" + lot.hex()
    assert statement["status"]["application"] == "VERIFIED"
    # the sale is undone: a later certificate says so, and that its rest is void
    amend.refund(office.desk("tax-officer"), attestation)
    undone = check_certificate(
        make_certificate(office.desk("applicant"), genesis, transfer), genesis
    ).statement
    assert undone["status"]["attestation"] == "REFUNDED"
    assert {"Refunded", "LotWithdrawn", "Alarm"} <= {step["name"] for step in undone["steps"]}
    # another registry or entry is another contract, and without either it is the first one
    for changes in ({"registry": "0x" + "11" * 20}, {"entry": "0x" + "11" * 32}, None):
        document = json.loads(issued)
        subject = document["statement"]["subject"]
        if changes is None:
            del subject["registry"], subject["entry"]
        else:
            subject.update(changes)
        forged = certificate._seal(document["statement"], document["evidence"])
        with pytest.raises(InvalidEvidence, match="not the equity transfer contract"):
            check_certificate(forged, genesis)
