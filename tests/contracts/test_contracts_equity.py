"""The transfer contract: who acts, what is refused and how, alarms, envelopes, the trace."""

from collections.abc import Callable

import pytest

from contracts.bindings import accounts, agreements, keys
from contracts.bindings.contract import Call
from contracts.bindings.equity import (
    AlarmCode,
    ApplicationStatus,
    AttestationStatus,
    EquityTransfer,
    PublicInputs,
    Terms,
)
from contracts.compiler import compile_source
from ledger.gate import GATE_CONTRACT, Role
from ledger.values import keccak
from tests.contracts.contract_group import (
    CHAIN_ID,
    DATA,
    MARKET,
    TAX,
    Group,
    address,
    in_state,
    new_group,
)
from tests.contracts.test_contracts_keys import approve
from tests.contracts.transfer_setting import (
    AGREEMENT,
    ATTESTATION,
    C_REG,
    C_TAX,
    CIRCUIT,
    GENESIS,
    JUNK,
    OTHER_TRANSFER,
    REPLACEMENT,
    RULE,
    TERMS,
    TRANSFER,
    Setting,
    deployed,
    new_setting,
    proof_of,
)
from zkp.field import R


@pytest.fixture
def it() -> Setting:
    return new_setting()


@pytest.fixture
def pending(it: Setting) -> Setting:
    it.attest()
    it.countersign()
    it.apply()
    return it


@pytest.fixture
def verified(pending: Setting) -> Setting:
    pending.verify()
    return pending


def test_the_whole_way(it: Setting) -> None:
    trace = []
    trace += it.do("tax-officer", it.equity.attest(ATTESTATION, C_TAX, RULE))
    trace += it.do("tax-reviewer", it.equity.countersign(ATTESTATION, C_TAX, RULE))
    call = it.equity.apply(TRANSFER, ATTESTATION, C_REG, address("applicant"))
    trace += it.do("registrar", call)
    assert it.group.ask(it.equity.public_inputs(TRANSFER)) == it.statement()
    trace += it.verify()
    trace += it.do("registrar", it.equity.confirm(TRANSFER))
    digest = keccak(b"sealed envelope")
    trace += it.do("registrar", it.equity.send_envelope(TRANSFER, digest, TAX))
    trace += it.do("tax-officer", it.equity.accept_envelope(digest))

    steps = [
        (e.name, e.arguments["data_type"].rstrip(b"\0").decode(), e.arguments["receiver"])
        for e in trace
    ]
    assert steps == [
        ("Attested", "attestation", MARKET),
        ("Countersigned", "countersignature", MARKET),
        ("Applied", "application", TAX),
        ("Verified", "verification", MARKET),
        ("Registered", "registration", TAX),
        ("EnvelopeSent", "envelope", TAX),
        ("EnvelopeAccepted", "acceptance", MARKET),
    ]
    assert [e.arguments["sender"] for e in trace] == [
        address(name)
        for name in (
            "tax-officer",
            "tax-reviewer",
            "registrar",
            "applicant",
            "registrar",
            "registrar",
            "tax-officer",
        )
    ]
    attestation = it.group.ask(it.equity.attestation(ATTESTATION))
    assert (attestation.status, attestation.transfer) == (AttestationStatus.CONSUMED, TRANSFER)
    assert attestation.officer == address("tax-officer")
    assert attestation.countersigner == address("tax-reviewer")
    assert it.application_status() is ApplicationStatus.REGISTERED


def test_context_is_the_documented_one(it: Setting) -> None:
    it.apply()
    assert it.group.ask(it.equity.public_inputs(TRANSFER)).ctx == it.statement().ctx
    assert it.statement().ctx < 2**248
    # written out once: eth-abi's encoding of the documented types
    from eth_abi.abi import encode

    types = ["uint256", "bytes32", "address", "bytes32", "bytes32", "bytes16", "bytes16"]
    where = it.equity.address
    words = encode(types, [CHAIN_ID, GENESIS, where, CIRCUIT, AGREEMENT, TRANSFER, ATTESTATION])
    assert it.statement().ctx == int.from_bytes(keccak(words), "big") >> 8


Make = Callable[[EquityTransfer], Call]
TAX_METHODS: tuple[Make, ...] = (
    lambda e: e.attest(REPLACEMENT, C_TAX, RULE),
    lambda e: e.countersign(ATTESTATION, C_TAX, RULE),
    lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE),
    lambda e: e.withdraw(ATTESTATION),
    lambda e: e.refund(ATTESTATION),
)
REGISTRAR_METHODS: tuple[Make, ...] = (
    lambda e: e.apply(OTHER_TRANSFER, ATTESTATION, C_REG, address("applicant")),
    lambda e: e.confirm(TRANSFER),
    lambda e: e.revoke(TRANSFER),
)


@pytest.mark.parametrize("sender", ["registrar", "applicant", "tax-admin", "author", "gateway"])
def test_tax_methods_are_for_tax_officers(pending: Setting, sender: str) -> None:
    for make in TAX_METHODS:
        refused = pending.group.send(sender, make(pending.equity)).revert
        assert refused == "sender is not an officer of the tax bureau"


@pytest.mark.parametrize("sender", ["tax-officer", "applicant", "market-admin", "gateway"])
def test_registrar_methods_are_for_the_registrar(pending: Setting, sender: str) -> None:
    for make in REGISTRAR_METHODS:
        refused = pending.group.send(sender, make(pending.equity)).revert
        assert refused == "sender is not an officer of the registrar"


@pytest.mark.parametrize("sender", ["gateway", "registrar", "tax-officer", "data-admin"])
def test_only_the_named_prover_verifies(pending: Setting, sender: str) -> None:
    call = pending.equity.verify(TRANSFER, proof_of(pending.statement()))
    assert "not the prover" in pending.group.send(sender, call).revert
    assert pending.group.ask(pending.equity.application(TRANSFER)).refusals == 0


def test_a_prover_without_its_role_reverts(pending: Setting) -> None:
    pending.group.do("data-admin", accounts.set_account(address("applicant"), Role.AUTHOR))
    for call in (pending.equity.verify(TRANSFER, JUNK), pending.equity.cancel(TRANSFER)):
        assert pending.group.send("applicant", call).revert == "sender lacks the role"


def test_cancel_is_for_registrar_and_prover(pending: Setting) -> None:
    for sender in ("gateway", "tax-officer"):
        assert not pending.group.send(sender, pending.equity.cancel(TRANSFER)).ok


def test_two_officers_sign(it: Setting) -> None:
    it.attest()
    own = it.group.send("tax-officer", it.equity.countersign(ATTESTATION, C_TAX, RULE))
    assert own.revert == "the second officer must be another account"
    for commitment, rule in ((C_TAX + 1, RULE), (C_TAX, RULE + 1)):
        other = it.equity.countersign(ATTESTATION, commitment, rule)
        assert it.group.send("tax-reviewer", other).revert == "not what was attested"
    it.apply()
    it.verify()
    assert it.attestation_status() is AttestationStatus.AWAITING
    assert it.group.ask(it.equity.refusal(TRANSFER, 0)).code is AlarmCode.E_NOT_ATTESTED


@pytest.mark.parametrize(
    ("sender", "make", "message"),
    [
        ("tax-officer", lambda e: e.attest(bytes(16), C_TAX, RULE), "attestation id is zero"),
        ("tax-officer", lambda e: e.attest(REPLACEMENT, 0, RULE), "commitment must be"),
        ("tax-officer", lambda e: e.attest(REPLACEMENT, R, RULE), "commitment must be"),
        ("tax-officer", lambda e: e.attest(REPLACEMENT, C_TAX, 2), "E_RULE_VERSION"),
        ("tax-officer", lambda e: e.correct(ATTESTATION, ATTESTATION, 1, RULE), "id is taken"),
        ("tax-officer", lambda e: e.correct(ATTESTATION, bytes(16), 1, RULE), "id is zero"),
        (
            "registrar",
            lambda e: e.apply(bytes(16), ATTESTATION, 1, address("applicant")),
            "transfer id is zero",
        ),
        (
            "registrar",
            lambda e: e.apply(OTHER_TRANSFER, bytes(16), 1, address("applicant")),
            "attestation id is zero",
        ),
        (
            "registrar",
            lambda e: e.apply(OTHER_TRANSFER, ATTESTATION, R, address("applicant")),
            "commitment must be",
        ),
        (
            "registrar",
            lambda e: e.apply(OTHER_TRANSFER, ATTESTATION, 1, address("stranger")),
            "prover must be",
        ),
        (
            "registrar",
            lambda e: e.apply(OTHER_TRANSFER, ATTESTATION, 1, address("author")),
            "prover must be",
        ),
        ("applicant", lambda e: e.verify(OTHER_TRANSFER, JUNK), "no such application"),
    ],
)
def test_malformed_calls_revert(pending: Setting, sender: str, make: Make, message: str) -> None:
    before = pending.storage_root()
    assert message in pending.group.send(sender, make(pending.equity)).revert
    assert pending.storage_root() == before


def test_the_constructor_checks_its_terms(group: Group) -> None:
    from contracts.bindings.equity import transfer_deploy_data

    zero = keccak(b"")[:0] + bytes(32)
    for terms, message in (
        (Terms(zero, AGREEMENT, CIRCUIT, TAX, MARKET), "genesis hash is zero"),  # type: ignore[arg-type]
        (Terms(GENESIS, zero, CIRCUIT, TAX, MARKET), "agreement id is zero"),  # type: ignore[arg-type]
        (Terms(GENESIS, AGREEMENT, zero, TAX, MARKET), "circuit id is zero"),  # type: ignore[arg-type]
        (Terms(GENESIS, AGREEMENT, CIRCUIT, 0, MARKET), "organisation is zero"),
        (Terms(GENESIS, AGREEMENT, CIRCUIT, TAX, TAX), "must differ"),
    ):
        assert message in group.send("author", transfer_deploy_data(terms)).revert


def refusal(it: Setting, proof: object = None, transfer: bytes = TRANSFER) -> AlarmCode:
    """Verifies, expects a refusal, and checks that it is recorded, announced and harmless."""
    number = it.group.ask(it.equity.application(transfer)).refusals
    before = it.group.ask(it.equity.attestation(ATTESTATION))
    [alarm] = it.verify(transfer, proof)  # type: ignore[arg-type]
    stored = it.group.ask(it.equity.refusal(transfer, number))
    assert alarm.name == "Alarm"
    assert alarm.arguments["code"] == stored.code
    assert alarm.arguments["refusals"] == number + 1
    assert alarm.arguments["sender"] == stored.sender == address("applicant")
    assert alarm.arguments["receiver"] == MARKET
    assert it.group.ask(it.equity.attestation(ATTESTATION)) == before
    code: AlarmCode = stored.code
    return code


def suspend(it: Setting) -> None:
    it.group.do("tax-admin", agreements.suspend(AGREEMENT, "test"))


def end_rule(it: Setting) -> None:
    approve(it.group, keys.approve_rule_end(CIRCUIT, RULE))


def forbid_key(it: Setting) -> None:
    """The genesis says production, and the key in force is a test key."""
    slot = compile_source("system/accounts.vy").layout["production"].slot
    in_state(it.group, GATE_CONTRACT, {slot: 1})


def test_refused_without_an_agreement_in_force(pending: Setting) -> None:
    suspend(pending)
    assert refusal(pending) is AlarmCode.E_AGREEMENT


def test_refused_without_attestation(it: Setting) -> None:
    it.apply()
    assert refusal(it) is AlarmCode.E_NOT_ATTESTED


def test_refused_once_used(verified: Setting) -> None:
    verified.apply(OTHER_TRANSFER)
    assert refusal(verified, transfer=OTHER_TRANSFER) is AlarmCode.E_USED
    # the same transfer again, with a proof randomised anew: noted, and still verified
    proof_of.cache_clear()
    assert [refusal(verified) for _ in range(3)] == [AlarmCode.E_USED] * 3
    assert verified.application_status() is ApplicationStatus.VERIFIED
    again = verified.equity.verify(TRANSFER, JUNK)
    assert "refused three times" in verified.group.send("applicant", again).revert
    verified.do("registrar", verified.equity.confirm(TRANSFER))


@pytest.mark.parametrize(
    "end",
    [
        lambda e: e.withdraw(ATTESTATION),
        lambda e: e.refund(ATTESTATION),
        lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE),
    ],
    ids=["withdrawn", "refunded", "superseded"],
)
def test_refused_in_any_other_status(pending: Setting, end: Make) -> None:
    pending.do("tax-officer", end(pending.equity))
    assert refusal(pending) is AlarmCode.E_STATUS


def test_refused_when_the_application_is_cancelled(pending: Setting) -> None:
    pending.do("registrar", pending.equity.cancel(TRANSFER))
    assert refusal(pending) is AlarmCode.E_STATUS
    assert pending.application_status() is ApplicationStatus.CANCELLED


@pytest.mark.parametrize("damage", [end_rule, forbid_key])
def test_refused_without_rule_or_key(pending: Setting, damage: Callable[[Setting], None]) -> None:
    damage(pending)
    assert refusal(pending) is AlarmCode.E_RULE_VERSION


@pytest.mark.parametrize("name", ["c_tax", "c_reg", "rule", "ctx"])
def test_refused_for_other_inputs(pending: Setting, name: str) -> None:
    honest = pending.statement()
    inputs = PublicInputs(**{**honest.__dict__, name: getattr(honest, name) + 1})
    assert refusal(pending, proof_of(inputs)) is AlarmCode.E_PROOF


def test_refused_for_another_contract_transfer_or_genesis(pending: Setting) -> None:
    twin = deployed(pending.group)
    foreign = Setting(pending.group, twin).statement()
    assert refusal(pending, proof_of(foreign)) is AlarmCode.E_PROOF
    other = pending.statement(OTHER_TRANSFER)
    assert refusal(pending, proof_of(other)) is AlarmCode.E_PROOF


def test_refused_for_points_that_are_none(pending: Setting) -> None:
    assert refusal(pending, JUNK) is AlarmCode.E_PROOF
    x, y = proof_of(pending.statement()).a
    flipped = proof_of(pending.statement())._replace(a=(x, y ^ 1))
    assert refusal(pending, flipped) is AlarmCode.E_PROOF


def test_the_first_failure_wins(it: Setting) -> None:
    """Everything is wrong at the start; one thing after another is put right."""
    it.apply()
    suspend(it)
    assert refusal(it, JUNK) is AlarmCode.E_AGREEMENT
    it.group.do("tax-admin", agreements.resume(AGREEMENT))
    assert refusal(it, JUNK) is AlarmCode.E_NOT_ATTESTED

    it.attest()
    it.countersign()
    it.apply(OTHER_TRANSFER)
    used, ended = it.copy(), it.copy()
    used.verify(OTHER_TRANSFER)
    end_rule(used)
    used.do("registrar", used.equity.cancel(TRANSFER))
    assert refusal(used, JUNK) is AlarmCode.E_USED
    ended.do("tax-officer", ended.equity.refund(ATTESTATION))
    end_rule(ended)
    assert refusal(ended, JUNK) is AlarmCode.E_STATUS
    end_rule(it)
    assert refusal(it, JUNK) is AlarmCode.E_RULE_VERSION


def test_the_third_refusal_ends_the_application(pending: Setting) -> None:
    for expected in (1, 2):
        assert refusal(pending, JUNK) is AlarmCode.E_PROOF
        assert pending.group.ask(pending.equity.application(TRANSFER)).refusals == expected
        assert pending.application_status() is ApplicationStatus.PENDING
    assert refusal(pending, JUNK) is AlarmCode.E_PROOF
    assert pending.application_status() is ApplicationStatus.REFUSED
    fourth = pending.equity.verify(TRANSFER, proof_of(pending.statement()))
    assert "refused three times" in pending.group.send("applicant", fourth).revert
    # nothing was consumed: a new application may use the same attestation
    pending.apply(OTHER_TRANSFER)
    pending.verify(OTHER_TRANSFER)
    assert pending.application_status(OTHER_TRANSFER) is ApplicationStatus.VERIFIED


def test_two_refusals_do_not_stand_in_the_way(pending: Setting) -> None:
    refusal(pending, JUNK)
    refusal(pending, JUNK)
    pending.verify()
    assert pending.application_status() is ApplicationStatus.VERIFIED


def test_nothing_works_before_both_have_signed() -> None:
    group = new_group()
    approve(group, keys.approve_rule(CIRCUIT, RULE, 2000))
    it = Setting(group, deployed(group))
    attest = it.equity.attest(ATTESTATION, C_TAX, RULE)
    apply = it.equity.apply(TRANSFER, ATTESTATION, C_REG, address("applicant"))
    signatories = (address("tax-admin"), address("market-admin"))
    group.do("author", agreements.propose(AGREEMENT, signatories))
    for signer in ("tax-admin", "market-admin"):
        for sender, call in (("tax-officer", attest), ("registrar", apply)):
            assert "E_AGREEMENT" in group.send(sender, call).revert
        group.do(signer, agreements.sign(AGREEMENT))
    group.do("tax-officer", attest)
    group.do("registrar", apply)


def test_an_agreement_of_others_does_not_bind() -> None:
    group = new_group()
    approve(group, keys.approve_rule(CIRCUIT, RULE, 2000))
    signatories = (address("tax-admin"), address("data-admin"))
    group.do("author", agreements.propose(AGREEMENT, signatories))
    for signer in ("tax-admin", "data-admin"):
        group.do(signer, agreements.sign(AGREEMENT))
    it = Setting(group, deployed(group))
    attest = it.equity.attest(ATTESTATION, C_TAX, RULE)
    assert "E_AGREEMENT" in group.send("tax-officer", attest).revert


ENDINGS: dict[AlarmCode, Make] = {
    AlarmCode.A_WITHDRAWN: lambda e: e.withdraw(ATTESTATION),
    AlarmCode.A_REFUNDED: lambda e: e.refund(ATTESTATION),
    AlarmCode.A_SUPERSEDED: lambda e: e.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE),
}


@pytest.mark.parametrize("code", ENDINGS, ids=lambda code: code.name)
def test_an_ending_after_verification_alarms_and_blocks_confirm(
    verified: Setting, code: AlarmCode
) -> None:
    events = verified.do("tax-officer", ENDINGS[code](verified.equity))
    assert events[0].name == "Alarm"
    assert events[0].arguments["transfer"] == TRANSFER
    assert (events[0].arguments["code"], events[0].arguments["refusals"]) == (code, 0)
    refused = verified.group.send("registrar", verified.equity.confirm(TRANSFER))
    assert refused.revert == "attestation has ended"
    assert verified.application_status() is ApplicationStatus.VERIFIED


@pytest.mark.parametrize("code", ENDINGS, ids=lambda code: code.name)
def test_an_ending_before_use_or_after_undoing_is_no_alarm(
    pending: Setting, code: AlarmCode
) -> None:
    cancelled = pending.copy()
    cancelled.verify()
    cancelled.do("registrar", cancelled.equity.cancel(TRANSFER))
    for it in (pending, cancelled):
        events = it.do("tax-officer", ENDINGS[code](it.equity))
        assert "Alarm" not in [event.name for event in events]


def test_confirm_needs_the_agreement(verified: Setting) -> None:
    suspend(verified)
    refused = verified.group.send("registrar", verified.equity.confirm(TRANSFER))
    assert "E_AGREEMENT" in refused.revert


def test_protective_acts_work_while_the_agreement_is_suspended(verified: Setting) -> None:
    suspend(verified)
    verified.do("tax-officer", verified.equity.withdraw(ATTESTATION))
    verified.do("registrar", verified.equity.cancel(TRANSFER))


def test_a_correction_carries_on(pending: Setting) -> None:
    correct = pending.equity.correct(ATTESTATION, REPLACEMENT, C_TAX, RULE)
    events = pending.do("tax-officer", correct)
    assert [event.name for event in events] == ["Superseded", "Attested"]
    assert events[0].arguments["replacement"] == REPLACEMENT
    old = pending.group.ask(pending.equity.attestation(ATTESTATION))
    new = pending.group.ask(pending.equity.attestation(REPLACEMENT))
    assert (old.replaced_by, new.replaces) == (REPLACEMENT, ATTESTATION)
    pending.countersign(REPLACEMENT)
    pending.apply(OTHER_TRANSFER, REPLACEMENT)
    pending.verify(OTHER_TRANSFER, proof_of(pending.statement(OTHER_TRANSFER, REPLACEMENT)))
    assert pending.application_status(OTHER_TRANSFER) is ApplicationStatus.VERIFIED


def test_envelopes_between_the_bureaus(verified: Setting) -> None:
    it, digest = verified, keccak(b"sealed")
    it.do("registrar", it.equity.confirm(TRANSFER))
    for sender, call, message in (
        ("applicant", it.equity.send_envelope(TRANSFER, digest, TAX), "not of a party"),
        ("registrar", it.equity.send_envelope(TRANSFER, digest, DATA), "not a party"),
        ("registrar", it.equity.send_envelope(TRANSFER, digest, MARKET), "one organisation"),
        ("registrar", it.equity.send_envelope(TRANSFER, bytes(32), TAX), "digest is zero"),
        ("registrar", it.equity.send_envelope(OTHER_TRANSFER, digest, TAX), "not registered"),
        ("tax-officer", it.equity.accept_envelope(digest), "no such envelope"),
    ):
        assert message in it.group.send(sender, call).revert
    it.do("registrar", it.equity.send_envelope(TRANSFER, digest, TAX))
    twice = it.equity.send_envelope(TRANSFER, digest, TAX)
    assert "already announced" in it.group.send("registrar", twice).revert
    accept = it.equity.accept_envelope(digest)
    assert "not of the receiving" in it.group.send("registrar", accept).revert
    it.do("tax-officer", accept)
    assert "already accepted" in it.group.send("tax-officer", accept).revert
    it.do("tax-officer", it.equity.send_envelope(TRANSFER, keccak(b"back"), MARKET))
    it.do("registrar", it.equity.accept_envelope(keccak(b"back")))


def test_envelopes_of_a_transfer_are_bounded(verified: Setting) -> None:
    it = verified
    it.do("registrar", it.equity.confirm(TRANSFER))
    for number in range(16):
        it.do("registrar", it.equity.send_envelope(TRANSFER, keccak(bytes([number])), TAX))
    more = it.equity.send_envelope(TRANSFER, keccak(b"more"), TAX)
    assert "no more than 16" in it.group.send("registrar", more).revert


def test_terms_are_readable(it: Setting) -> None:
    read = {
        name: it.group.ask(it.equity.contract.query(name))
        for name in ("genesis_hash", "agreement", "circuit", "tax_organisation")
    }
    assert read == {
        "genesis_hash": TERMS.genesis_hash,
        "agreement": TERMS.agreement,
        "circuit": TERMS.circuit,
        "tax_organisation": TERMS.tax_organisation,
    }
