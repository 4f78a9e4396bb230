"""The transfer contract with holdings, on both engines: lots, who acts, refusals, ends."""

from collections.abc import Callable

import pytest

from contracts.bindings import agreements, keys
from contracts.bindings.circuits import CircuitRegistry
from contracts.bindings.contract import Call
from contracts.bindings.equity import AlarmCode, ApplicationStatus, AttestationStatus
from contracts.bindings.equity_holdings import (
    EquityHoldings,
    HoldingInputs,
    HoldingTerms,
    LotStatus,
    holdings_deploy_data,
)
from ledger.values import Hash32, keccak
from node.engines import engine_named, installed_engines
from tests.contracts.circuit_setting import activate
from tests.contracts.contract_group import MARKET, address
from tests.contracts.holdings_setting import (
    LAST_REST,
    LOT,
    OTHER_LOT,
    REST,
    THIRD_LOT,
    Setting,
    draft_of,
    prepared,
    proof_of,
)
from tests.contracts.test_contracts_keys import approve
from tests.contracts.transfer_setting import (
    AGREEMENT,
    ATTESTATION,
    C_TAX,
    JUNK,
    OTHER_TRANSFER,
    REPLACEMENT,
    RULE,
    TRANSFER,
)
from tests.contracts.transfer_setting import stand_in as stand_in_of_four
from zkp.field import R

OTHER_ATTESTATION = bytes([0xA3]) * 16


@pytest.fixture(params=installed_engines())
def it(request: pytest.FixtureRequest) -> Setting:
    """Two lots stand, nothing is attested of a sale."""
    made = prepared().copy()
    made.group.engine = engine_named(request.param)
    made.attest_lots(LOT, OTHER_LOT)
    return made


@pytest.fixture
def pending(it: Setting) -> Setting:
    it.attest()
    it.apply()
    return it


@pytest.fixture
def verified(pending: Setting) -> Setting:
    pending.verify(pending.statement())
    return pending


def test_the_whole_way(it: Setting) -> None:
    lots = (OTHER_LOT, LOT)
    trace = it.do("tax-officer", it.equity.attest_lot(THIRD_LOT))
    trace += it.do("tax-reviewer", it.equity.countersign_lot(THIRD_LOT))
    trace += it.do("tax-officer", it.equity.attest(ATTESTATION, C_TAX, RULE, lots))
    trace += it.do("tax-reviewer", it.equity.countersign(ATTESTATION, C_TAX, RULE, lots))
    it.apply()
    statement = it.statement(lots=lots)
    shown = it.group.ask(it.equity.public_inputs(TRANSFER))
    assert shown == HoldingInputs(*statement[:4], statement[4:12])
    trace += it.verify(statement)
    trace += it.do("registrar", it.equity.confirm(TRANSFER))

    assert [(e.name, e.arguments["data_type"].rstrip(b"\0").decode()) for e in trace] == [
        ("LotAttested", "lot"),
        ("LotCountersigned", "lot countersignature"),
        ("Attested", "attestation"),
        ("LotsNamed", "lots"),
        ("Countersigned", "countersignature"),
        ("LotConsumed", "lot consumption"),
        ("LotConsumed", "lot consumption"),
        ("LotLeft", "lot rest"),
        ("Verified", "verification"),
        ("Registered", "registration"),
    ]
    assert all(e.arguments["receiver"] == MARKET for e in trace[:-1])
    assert trace[3].arguments["lots"] == lots
    assert [e.arguments["lot"] for e in trace[5:8]] == [OTHER_LOT, LOT, REST]
    for lot in lots:
        consumed = it.group.ask(it.equity.lot(lot))
        assert (consumed.status, consumed.transfer) == (LotStatus.CONSUMED, TRANSFER)
        assert consumed.officer == address("tax-officer")
        assert consumed.countersigner == address("tax-reviewer")
    rest = it.group.ask(it.equity.lot(REST))
    assert (rest.status, rest.source) == (LotStatus.ACTIVE, TRANSFER)
    assert it.group.ask(it.equity.rest_of(TRANSFER)) == REST
    assert it.lot_status(THIRD_LOT) is LotStatus.ACTIVE
    assert it.application_status() is ApplicationStatus.REGISTERED


def test_eight_lots_at_most(it: Setting) -> None:
    lots = tuple(range(5001, 5009))
    it.attest_lots(*lots)
    it.sell(lots, REST, TRANSFER, ATTESTATION)
    assert {it.lot_status(lot) for lot in lots} == {LotStatus.CONSUMED}
    ninth = it.equity.attest(OTHER_ATTESTATION, C_TAX, RULE, range(6001, 6010))
    assert not it.group.send("tax-officer", ninth).ok


def test_a_sale_draws_on_the_rest_of_the_one_before(verified: Setting) -> None:
    verified.sell((REST,), LAST_REST, OTHER_TRANSFER, OTHER_ATTESTATION)
    assert verified.lot_status(REST) is LotStatus.CONSUMED
    assert verified.lot_status(LAST_REST) is LotStatus.ACTIVE


def test_lots_may_be_named_before_they_stand(pending: Setting) -> None:
    """The next sale is attested while the one before still awaits its proof."""
    pending.attest((REST,), OTHER_ATTESTATION)
    pending.apply(OTHER_TRANSFER, OTHER_ATTESTATION)
    second = pending.statement(OTHER_TRANSFER, (REST,), LAST_REST, OTHER_ATTESTATION)
    refused = pending.refusal(second, transfer=OTHER_TRANSFER)
    assert refused is AlarmCode.E_LOT_NOT_ATTESTED
    pending.verify(pending.statement())
    pending.verify(second, OTHER_TRANSFER)
    assert pending.application_status(OTHER_TRANSFER) is ApplicationStatus.VERIFIED


def test_a_lot_is_spent_once(pending: Setting) -> None:
    """Two transfers are pending on one lot: the first verified takes it."""
    pending.attest((OTHER_LOT, LOT), OTHER_ATTESTATION)
    pending.apply(OTHER_TRANSFER, OTHER_ATTESTATION)
    pending.verify(pending.statement())
    second = pending.statement(OTHER_TRANSFER, (OTHER_LOT, LOT), LAST_REST, OTHER_ATTESTATION)
    assert pending.refusal(second, transfer=OTHER_TRANSFER) is AlarmCode.E_LOT_USED
    assert pending.lot_status(OTHER_LOT) is LotStatus.ACTIVE
    assert pending.attestation_status(OTHER_ATTESTATION) is AttestationStatus.ACTIVE
    # nothing was consumed: corrected to what stands now, the sale goes through
    lots = (OTHER_LOT, REST)
    correct = pending.equity.correct(OTHER_ATTESTATION, REPLACEMENT, C_TAX, RULE, lots)
    pending.do("tax-officer", correct)
    sign = pending.equity.countersign(REPLACEMENT, C_TAX, RULE, lots)
    pending.do("tax-reviewer", sign)
    third = bytes([0xB3]) * 16
    pending.apply(third, REPLACEMENT)
    pending.verify(pending.statement(third, lots, LAST_REST, REPLACEMENT), third)
    assert pending.application_status(third) is ApplicationStatus.VERIFIED


def test_refused_without_the_lot(it: Setting) -> None:
    it.attest((LOT, THIRD_LOT))
    it.apply()
    statement = it.statement(lots=(LOT, THIRD_LOT))
    assert it.refusal(statement) is AlarmCode.E_LOT_NOT_ATTESTED
    it.do("tax-officer", it.equity.attest_lot(THIRD_LOT))
    assert it.refusal(statement) is AlarmCode.E_LOT_NOT_ATTESTED
    it.do("tax-reviewer", it.equity.countersign_lot(THIRD_LOT))
    it.verify(statement)
    assert it.application_status() is ApplicationStatus.VERIFIED


def test_refused_with_a_withdrawn_lot(pending: Setting) -> None:
    [event] = pending.do("tax-officer", pending.equity.withdraw_lot(LOT))
    assert (event.name, event.arguments["lot"]) == ("LotWithdrawn", LOT)
    assert pending.refusal(pending.statement()) is AlarmCode.E_LOT_STATUS


@pytest.mark.parametrize("rest", [OTHER_LOT, LOT, THIRD_LOT], ids=["active", "own", "awaiting"])
def test_refused_where_the_rest_stands_already(pending: Setting, rest: int) -> None:
    if rest == THIRD_LOT:
        pending.do("tax-officer", pending.equity.attest_lot(THIRD_LOT))
    assert pending.refusal(pending.statement(rest=rest)) is AlarmCode.E_REST


@pytest.mark.parametrize("place", range(13))
def test_refused_for_other_inputs(pending: Setting, place: int) -> None:
    """One input of the proof is another; the contract has the truth of all but `rest`."""
    honest = pending.statement()
    other = tuple(value + (index == place) for index, value in enumerate(honest))
    assert pending.refusal(honest, proof_of(other)) is AlarmCode.E_PROOF


def test_refused_with_another_rest_than_proven(pending: Setting) -> None:
    honest = pending.statement()
    assert pending.refusal((*honest[:-1], THIRD_LOT), proof_of(honest)) is AlarmCode.E_PROOF
    assert pending.lot_status(THIRD_LOT) is LotStatus.ABSENT


def registry_of(it: Setting) -> CircuitRegistry:
    return CircuitRegistry(it.terms.registry)


def test_refused_under_a_retired_circuit_or_an_ended_rule(pending: Setting) -> None:
    ended = pending.copy()
    approve(ended.group, keys.approve_rule_end(ended.terms.terms.circuit, RULE))
    assert ended.refusal(ended.statement()) is AlarmCode.E_RULE_VERSION
    approve(pending.group, registry_of(pending).retire(pending.terms.entry))
    assert pending.refusal(pending.statement()) is AlarmCode.E_RULE_VERSION


def test_the_first_failure_wins(pending: Setting) -> None:
    """Everything is wrong at the start; one thing after another is put right."""
    pending.attest((THIRD_LOT, LOT), OTHER_ATTESTATION)
    pending.apply(OTHER_TRANSFER, OTHER_ATTESTATION)
    pending.verify(pending.statement())
    junk = pending.statement(OTHER_TRANSFER, (THIRD_LOT, LOT), REST, OTHER_ATTESTATION)
    late = pending.copy()

    def code(at: Setting) -> AlarmCode:
        return at.refusal(junk, JUNK, OTHER_TRANSFER)

    pending.group.do("tax-admin", agreements.suspend(AGREEMENT, "test"))
    assert code(pending) is AlarmCode.E_AGREEMENT
    pending.group.do("tax-admin", agreements.resume(AGREEMENT))
    assert code(pending) is AlarmCode.E_LOT_NOT_ATTESTED
    pending.attest_lots(THIRD_LOT)
    assert code(pending) is AlarmCode.E_LOT_USED
    assert pending.application_status(OTHER_TRANSFER) is ApplicationStatus.REFUSED
    approve(late.group, keys.approve_rule_end(late.terms.terms.circuit, RULE))
    assert code(late) is AlarmCode.E_RULE_VERSION


def test_after_three_refusals_the_lots_are_free(pending: Setting) -> None:
    for _ in range(3):
        assert pending.refusal(pending.statement(), JUNK) is AlarmCode.E_PROOF
    fourth = pending.equity.verify(TRANSFER, REST, proof_of(pending.statement()))
    assert "refused three times" in pending.group.send("applicant", fourth).revert
    pending.apply(OTHER_TRANSFER)
    pending.verify(pending.statement(OTHER_TRANSFER), OTHER_TRANSFER)
    assert pending.lot_status() is LotStatus.CONSUMED


Make = Callable[[EquityHoldings], Call]
TAX_METHODS: tuple[Make, ...] = (
    lambda e: e.attest_lot(THIRD_LOT),
    lambda e: e.countersign_lot(LOT),
    lambda e: e.withdraw_lot(LOT),
    lambda e: e.attest(OTHER_ATTESTATION, C_TAX, RULE, [LOT]),
    lambda e: e.countersign(ATTESTATION, C_TAX, RULE, [LOT]),
    lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE, [LOT]),
    lambda e: e.withdraw(ATTESTATION),
    lambda e: e.refund(ATTESTATION),
)


@pytest.mark.parametrize("sender", ["registrar", "applicant", "tax-admin", "author", "gateway"])
def test_tax_methods_are_for_tax_officers(pending: Setting, sender: str) -> None:
    for make in TAX_METHODS:
        refused = pending.group.send(sender, make(pending.equity)).revert
        assert refused == "sender is not an officer of the tax bureau"


@pytest.mark.parametrize("sender", ["gateway", "registrar", "tax-officer"])
def test_only_the_named_prover_verifies(pending: Setting, sender: str) -> None:
    call = pending.equity.verify(TRANSFER, REST, proof_of(pending.statement()))
    assert "not the prover" in pending.group.send(sender, call).revert


def test_two_officers_sign_a_lot(it: Setting) -> None:
    it.do("tax-officer", it.equity.attest_lot(THIRD_LOT))
    own = it.group.send("tax-officer", it.equity.countersign_lot(THIRD_LOT))
    assert own.revert == "the second officer must be another account"
    assert it.lot_status(THIRD_LOT) is LotStatus.AWAITING


def test_the_second_officer_signs_the_same_lots(it: Setting) -> None:
    named = (LOT, OTHER_LOT)
    it.do("tax-officer", it.equity.attest(ATTESTATION, C_TAX, RULE, named))
    for other in ((LOT,), (OTHER_LOT, LOT), (LOT, OTHER_LOT, THIRD_LOT), ()):
        call = it.equity.countersign(ATTESTATION, C_TAX, RULE, other)
        assert it.group.send("tax-reviewer", call).revert == "not the lots that were attested"
    assert it.attestation_status() is AttestationStatus.AWAITING
    assert it.group.ask(it.equity.lots_of(ATTESTATION)) == named


def test_without_an_agreement_no_lot_is_attested(it: Setting) -> None:
    it.do("tax-officer", it.equity.attest_lot(THIRD_LOT))
    it.group.do("tax-admin", agreements.suspend(AGREEMENT, "test"))
    for sender, call in (
        ("tax-officer", it.equity.attest_lot(9)),
        ("tax-reviewer", it.equity.countersign_lot(THIRD_LOT)),
    ):
        assert "E_AGREEMENT" in it.group.send(sender, call).revert


@pytest.mark.parametrize(
    ("sender", "make", "message"),
    [
        ("tax-officer", lambda e: e.attest_lot(0), "lot must be 1 to r - 1"),
        ("tax-officer", lambda e: e.attest_lot(R), "lot must be 1 to r - 1"),
        ("tax-officer", lambda e: e.attest_lot(LOT), "lot is there already"),
        ("tax-reviewer", lambda e: e.countersign_lot(LOT), "does not await"),
        ("tax-reviewer", lambda e: e.countersign_lot(THIRD_LOT), "does not await"),
        ("tax-officer", lambda e: e.withdraw_lot(THIRD_LOT), "absent, consumed or withdrawn"),
        ("tax-officer", lambda e: e.attest(REPLACEMENT, C_TAX, RULE, []), "names 1 to 8 lots"),
        (
            "tax-officer",
            lambda e: e.attest(REPLACEMENT, C_TAX, RULE, [LOT, 0, OTHER_LOT]),
            "lot must be 1 to r - 1",
        ),
        ("tax-officer", lambda e: e.attest(REPLACEMENT, C_TAX, RULE, [R]), "lot must be 1 to r"),
        (
            "tax-officer",
            lambda e: e.attest(REPLACEMENT, C_TAX, RULE, [LOT, OTHER_LOT, LOT]),
            "lot is named twice",
        ),
        (
            "tax-officer",
            lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE, [LOT, LOT]),
            "lot is named twice",
        ),
        ("tax-officer", lambda e: e.attest(ATTESTATION, C_TAX, RULE, [LOT]), "id is taken"),
        ("applicant", lambda e: e.verify(TRANSFER, 0, JUNK), "rest must be 1 to r - 1"),
        ("applicant", lambda e: e.verify(TRANSFER, R, JUNK), "rest must be 1 to r - 1"),
        ("applicant", lambda e: e.verify(OTHER_TRANSFER, REST, JUNK), "no such application"),
    ],
)
def test_malformed_calls_revert(pending: Setting, sender: str, make: Make, message: str) -> None:
    before = pending.storage_root()
    assert message in pending.group.send(sender, make(pending.equity)).revert
    assert pending.storage_root() == before


def test_a_consumed_lot_stays_consumed(verified: Setting) -> None:
    for make in (
        lambda e: e.withdraw_lot(LOT),
        lambda e: e.attest_lot(LOT),
        lambda e: e.attest_lot(REST),
        lambda e: e.countersign_lot(REST),
    ):
        assert verified.group.send("tax-officer", make(verified.equity)).revert
    verified.do("registrar", verified.equity.cancel(TRANSFER))
    assert verified.lot_status() is LotStatus.CONSUMED


ENDS: tuple[tuple[str, Make], ...] = (
    ("Withdrawn", lambda e: e.withdraw(ATTESTATION)),
    ("Refunded", lambda e: e.refund(ATTESTATION)),
    ("Superseded", lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE, [OTHER_LOT])),
)


@pytest.mark.parametrize(("name", "end"), ENDS, ids=[name for name, _ in ENDS])
def test_what_a_sale_left_ends_with_its_attestation(
    verified: Setting, name: str, end: Make
) -> None:
    events = [event.name for event in verified.do("tax-officer", end(verified.equity))]
    assert {"Alarm", name, "LotWithdrawn"} <= set(events)
    assert verified.lot_status() is LotStatus.CONSUMED
    assert verified.lot_status(REST) is LotStatus.WITHDRAWN
    assert "has ended" in verified.group.send("registrar", verified.equity.confirm(TRANSFER)).revert


@pytest.mark.parametrize(("name", "end"), ENDS, ids=[name for name, _ in ENDS])
def test_before_any_sale_an_end_leaves_the_lots(pending: Setting, name: str, end: Make) -> None:
    events = [event.name for event in pending.do("tax-officer", end(pending.equity))]
    assert name in events
    assert "LotWithdrawn" not in events
    assert pending.lot_status() is LotStatus.ACTIVE


def test_who_drew_on_a_void_rest_is_alarmed(verified: Setting) -> None:
    verified.sell((REST,), LAST_REST, OTHER_TRANSFER, OTHER_ATTESTATION)
    undone = verified.copy()
    events = verified.do("tax-officer", verified.equity.refund(ATTESTATION))
    alarms = [e.arguments for e in events if e.name == "Alarm"]
    assert [(a["transfer"], a["attestation"], a["code"]) for a in alarms] == [
        (TRANSFER, ATTESTATION, AlarmCode.A_REFUNDED),
        (OTHER_TRANSFER, OTHER_ATTESTATION, AlarmCode.A_REST_VOID),
    ]
    assert verified.lot_status(REST) is LotStatus.CONSUMED
    assert verified.lot_status(LAST_REST) is LotStatus.ACTIVE
    # who is undone already hears nothing
    undone.do("registrar", undone.equity.cancel(OTHER_TRANSFER))
    events = undone.do("tax-officer", undone.equity.refund(ATTESTATION))
    assert [e.arguments["code"] for e in events if e.name == "Alarm"] == [AlarmCode.A_REFUNDED]


def test_the_constructor_wants_an_active_circuit_of_thirteen_inputs(it: Setting) -> None:
    group, terms = it.group, it.terms
    assert group.ask(it.equity.contract.query("circuit")) == terms.terms.circuit
    assert group.ask(it.equity.contract.query("entry")) == terms.entry
    registry = registry_of(it)
    entry = Hash32(keccak(b"nothing"))

    def refused(entry: Hash32) -> str:
        data = holdings_deploy_data(HoldingTerms(terms.terms, terms.registry, entry))
        return group.send("author", data).revert

    assert refused(entry) == "circuit is not active in the registry"
    four = draft_of(stand_in_of_four()[1].verifying, keccak(b"four"), "four")
    group.do("author", registry.propose(four))
    assert refused(four.entry) == "circuit is not active in the registry"
    five = draft_of(stand_in_of_four()[1].verifying, keccak(b"other"), "other")
    activate(group, registry, five)
    assert refused(five.entry) == "circuit does not take the 13 inputs of equity_v2"
    approve(group, registry.retire(terms.entry))
    assert refused(terms.entry) == "circuit is not active in the registry"
