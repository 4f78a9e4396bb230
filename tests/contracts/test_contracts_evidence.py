"""Evidence of another group in a contract, on both engines: what is taken, and every forgery."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.bindings.contract import Call, Contract, Query
from contracts.bindings.evidence import (
    EvidenceContract,
    ProvenLog,
    anchor_name,
    certified_argument,
    evidence_argument,
    evidence_deploy_data,
)
from contracts.compiler import compile_source, deploy_data
from contracts.system_alloc import AccountEntry
from ledger.evidence import Evidence, verify_evidence
from ledger.gate import Role
from ledger.reasons import Reason
from ledger.suite import CURVE_ORDER, STANDARD
from ledger.values import Address, Hash32, keccak
from node.engines import engine_named, installed_engines
from tests.contracts.contract_group import (
    ORGANISATIONS,
    Group,
    address,
    new_group,
    production_staff,
)
from tests.evidence_source import EMITTER, EVENT, Source, log_of, receipt_of, signers_named

NAME, OTHER_NAME = anchor_name("registry"), anchor_name("another")
SOURCE = Source(signers_named("a", "b", "c", "d"), epoch=2, first_block=100)
AFTER = SOURCE.followed_by(signers_named("b", "c", "d", "e"), last_block=200)
RECEIPTS = [receipt_of([log_of(n), log_of(n + 100)], gas=n + 1) for n in range(20)]
ADMINS = ("tax-admin", "market-admin", "data-admin")
GRACE_S = 30
DEPLOY_GAS = 8_000_000


@dataclass
class Setting:
    """A group with the contract, and an anchor in force."""

    group: Group
    contract: EvidenceContract

    def anchor(self, source: Source, name: bytes = NAME, grace_s: int = GRACE_S) -> None:
        for admin in ADMINS:
            self.group.do(admin, self.contract.approve_anchor(name, source.anchor, grace_s=grace_s))

    def read(self, evidence: Evidence, position: int = 0) -> ProvenLog:
        found: ProvenLog = self.group.ask(self.contract.read(NAME, evidence, position))
        return found

    def refusal(self, query: Query[ProvenLog]) -> str:
        with pytest.raises(AssertionError) as caught:
            self.group.ask(query)
        return str(caught.value)

    def refused(self, evidence: Evidence, position: int = 0) -> str:
        return self.refusal(self.contract.read(NAME, evidence, position))

    def copy(self) -> "Setting":
        return Setting(self.group.copy(), self.contract)


def set_up(engine: str) -> Setting:
    group = new_group()
    group.engine = engine_named(engine)
    receipt = group.send("author", evidence_deploy_data(), gas=DEPLOY_GAS).receipt
    assert receipt is not None
    assert receipt.contract_address is not None
    made = Setting(group, EvidenceContract(receipt.contract_address))
    made.anchor(SOURCE)
    return made


@pytest.fixture(scope="module", params=installed_engines())
def founded(request: pytest.FixtureRequest) -> Setting:
    return set_up(request.param)


@pytest.fixture
def setting(founded: Setting) -> Setting:
    return founded.copy()


EVIDENCE = SOURCE.evidence(150, RECEIPTS, 7)


def test_a_log_is_read_as_the_ledger_reads_it(setting: Setting) -> None:
    shown = verify_evidence(STANDARD, SOURCE.anchor, EVIDENCE)
    for position, log in enumerate(shown.logs):
        found = setting.read(EVIDENCE, position)
        assert (found.emitter, found.topics) == (log.address, log.topics)
        assert found.data_hash == keccak(log.data)
        assert found.id == shown.log_id(position)
        assert (found.number, found.timestamp) == (150, shown.header.timestamp)


def test_any_quorum_proves_the_same_log(setting: Setting) -> None:
    for left_out in range(4):
        quorum = [signer for place, signer in enumerate(SOURCE.signers) if place != left_out]
        evidence = SOURCE.evidence(150, RECEIPTS, 7, signers=quorum)
        assert setting.read(evidence).id == setting.read(EVIDENCE).id


# Forged certificates


def test_one_signature_short(setting: Setting) -> None:
    evidence = SOURCE.evidence(150, RECEIPTS, 7, signers=SOURCE.signers[:2])
    assert "fewer signatures than a quorum" in setting.refused(evidence)


def with_signatures(change: Callable[[bytes], bytes]) -> Query[ProvenLog]:
    header, record, validators, signatures = certified_argument(EVIDENCE.block)
    certified = (header, record, validators, change(signatures))
    _, *proof = evidence_argument(EVIDENCE)
    return EvidenceContract(EMITTER).contract.query("read", NAME, (certified, *proof), 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s[:66] * 3, "validators must ascend, each once"),
        (lambda s: s[66:132] + s[:66] + s[132:], "validators must ascend, each once"),
        (lambda s: s[:132] + b"\x04" + s[133:], "validators must ascend, each once"),
        (lambda s: b"\x00" + s[1:], "a signature is not its validator's"),
        (lambda s: s[:-1] + bytes([s[-1] ^ 1]), "a signature is not its validator's"),
        (lambda s: s[:-1], "a signature has 66 bytes"),
        (lambda s: s + s[-66:], "validators must ascend, each once"),
        (lambda s: s[:132] + high(s[132:]), "signature is a copy"),
    ],
)
def test_signatures_that_do_not_count(
    setting: Setting, change: Callable[[bytes], bytes], reason: str
) -> None:
    asked = with_signatures(change)
    assert reason in setting.refusal(replace(asked, to=setting.contract.address))


def high(signature: bytes) -> bytes:
    """The same signature with the other s, which `ecrecover` takes as well."""
    s = CURVE_ORDER - int.from_bytes(signature[33:65])
    return signature[:33] + s.to_bytes(32) + bytes([signature[65] ^ 1])


def test_strangers_are_no_quorum(setting: Setting) -> None:
    strangers = Source(signers_named("x", "y", "z", "w"), epoch=2, first_block=100)
    assert "another set is due" in setting.refused(strangers.evidence(150, RECEIPTS, 7))
    block = SOURCE.block(150, RECEIPTS)
    theirs = strangers.certificate(block.header, 2, strangers.signers[:3])
    # Their signatures under our validators' names.
    named = msgspec.structs.replace(theirs, signers=SOURCE.validators.members[:3])
    forged = replace(EVIDENCE, block=replace(block, certificate=named))
    assert "a signature is not its validator's" in setting.refused(forged)


def test_a_certificate_of_another_epoch_or_group(setting: Setting) -> None:
    block = EVIDENCE.block
    for source, epoch in ((SOURCE, 3), (replace(SOURCE, group=keccak(b"third")), 2)):
        moved = replace(block, certificate=source.certificate(block.header, epoch))
        reason = setting.refused(replace(EVIDENCE, block=moved))
        assert "a signature is not its validator's" in reason


def test_an_earlier_epoch_or_block_than_the_anchor(setting: Setting) -> None:
    earlier = SOURCE.evidence(150, RECEIPTS, 7, epoch=1)
    assert "block is of an earlier epoch than its set" in setting.refused(earlier)
    assert "block is older than the anchor" in setting.refused(SOURCE.evidence(99, RECEIPTS, 7))
    # An epoch that changed no validators is of the same set.
    assert setting.read(SOURCE.evidence(150, RECEIPTS, 7, epoch=3)).number == 150


def test_a_record_of_another_header(setting: Setting) -> None:
    other = SOURCE.block(151, RECEIPTS)
    forged = replace(EVIDENCE, block=replace(EVIDENCE.block, record=other.record))
    assert "record is of another header" in setting.refused(forged)


# Forged receipts


def test_another_index_than_the_proof_is_of(setting: Setting) -> None:
    for index in (6, 8, 0, 128, 300):
        assert "the one due" in setting.refused(replace(EVIDENCE, index=index))
    alone = SOURCE.evidence(150, RECEIPTS[:1], 0)
    for index in (1, 128, 300):
        assert "proof of another index" in setting.refused(replace(alone, index=index))
    assert setting.refused(replace(EVIDENCE, index=65_536))


def test_a_proof_that_is_cut(setting: Setting) -> None:
    assert len(EVIDENCE.nodes) > 2
    without_root = replace(EVIDENCE, nodes=EVIDENCE.nodes[1:])
    assert "a node of the proof is not the one due" in setting.refused(without_root)
    for length in range(1, len(EVIDENCE.nodes)):
        assert setting.refused(replace(EVIDENCE, nodes=EVIDENCE.nodes[:length]))


def test_an_altered_log(setting: Setting) -> None:
    *nodes, leaf = EVIDENCE.nodes
    altered = leaf.replace(EMITTER, bytes(20))
    assert altered != leaf
    forged = replace(EVIDENCE, nodes=(*nodes, altered))
    assert "the leaf of the proof is not the one due" in setting.refused(forged)


def test_a_log_that_is_not_there(setting: Setting) -> None:
    assert "the receipt has no such log" in setting.refused(EVIDENCE, position=2)
    empty = SOURCE.evidence(150, [receipt_of()], 0)
    assert "the receipt has no such log" in setting.refused(empty)


def test_a_transaction_that_failed(setting: Setting) -> None:
    failed = [receipt_of(status=0, gas=n + 1) for n in range(3)]
    assert "the transaction failed" in setting.refused(SOURCE.evidence(150, failed, 1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_altered_bit_is_refused(data: st.DataObject) -> None:
    setting = _native_or_first()
    certified, index, nodes, leaf = evidence_argument(EVIDENCE)
    parts = [*certified, *nodes, leaf]
    which = data.draw(st.integers(0, len(parts) - 1), label="part")
    bit = data.draw(st.integers(0, 8 * len(parts[which]) - 1), label="bit")
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(changed)
    argument = (tuple(parts[:4]), index, parts[4:-1], parts[-1])
    query = setting.contract.contract.query("read", NAME, argument, 0)
    assert setting.refusal(query)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    validators=st.integers(1, 13),
    transactions=st.integers(1, 300),
    data=st.data(),
)
def test_contract_and_ledger_read_alike(
    validators: int, transactions: int, data: st.DataObject
) -> None:
    setting = _native_or_first().copy()
    number = data.draw(st.sampled_from([0, 1, 127, 128, 255, 256, 2**32, 2**63]), label="number")
    epoch = data.draw(st.sampled_from([0, 1, 127, 128, 65_536, 2**40]), label="epoch")
    names = [f"validator {place}" for place in range(validators)]
    source = Source(signers_named(*names), epoch=epoch, group=keccak(b"drawn"))
    setting.anchor(source, OTHER_NAME)
    index = data.draw(st.integers(0, transactions - 1), label="index")
    logs = [
        log_of(place, topics=data.draw(st.integers(1, 4)), size=data.draw(st.integers(0, 300)))
        for place in range(data.draw(st.integers(1, 6), label="logs"))
    ]
    kind = data.draw(st.sampled_from([0, 1, 2]), label="type")
    others = [receipt_of([log_of(place)], gas=place + 1) for place in range(transactions)]
    receipts = [*others[:index], receipt_of(logs, kind=kind), *others[index + 1 :]]
    evidence = source.evidence(number, receipts, index)
    shown = verify_evidence(STANDARD, source.anchor, evidence)
    position = data.draw(st.integers(0, len(logs) - 1), label="position")
    found = setting.group.ask(setting.contract.read(OTHER_NAME, evidence, position))
    log = shown.logs[position]
    assert (found.emitter, found.topics, found.data_hash) == (
        log.address,
        log.topics,
        keccak(log.data),
    )
    assert (found.id, found.number) == (shown.log_id(position), number)


_made: list[Setting] = []


def _native_or_first() -> Setting:
    if not _made:
        _made.append(set_up(installed_engines()[0]))
    return _made[0]


def test_the_largest_set_and_receipt(setting: Setting) -> None:
    source = Source(signers_named(*map(str, range(128))), group=keccak(b"large"))
    setting.anchor(source, OTHER_NAME)
    receipts = [*RECEIPTS, receipt_of([log_of(1, size=7_000)])]
    evidence = source.evidence(5, receipts, 20)
    found = setting.group.ask(setting.contract.read(OTHER_NAME, evidence, 0))
    assert found.data_hash == keccak(b"\x01" * 7_000)


# The set changes


def boundary(source: Source = SOURCE, after: Source = AFTER, number: int = 200) -> Call:
    block = source.block(number, following=after)
    return EvidenceContract(EMITTER).advance(NAME, block)


def advance(setting: Setting, call: Call) -> str:
    outcome = setting.group.send("applicant", call._replace(to=setting.contract.address))
    return "" if outcome.ok else outcome.revert


def test_anybody_moves_the_anchor_on(setting: Setting) -> None:
    assert "another set is due" in setting.refused(AFTER.evidence(201, RECEIPTS, 7))
    assert advance(setting, boundary()) == ""
    assert setting.read(AFTER.evidence(201, RECEIPTS, 7)).number == 201
    held = setting.group.ask(setting.contract.anchor(NAME))
    link = setting.group.ask(setting.contract.link(NAME, held.last))
    assert (link.epoch, link.first_block) == (3, 201)
    third = AFTER.followed_by(signers_named("f"), last_block=300)
    assert advance(setting, boundary(AFTER, third, 300)) == ""
    assert setting.read(third.evidence(301, RECEIPTS, 7)).number == 301
    assert setting.read(AFTER.evidence(300, RECEIPTS, 7)).number == 300


def test_the_old_set_says_nothing_about_later_blocks(setting: Setting) -> None:
    assert setting.read(SOURCE.evidence(201, RECEIPTS, 7)).number == 201
    assert advance(setting, boundary()) == ""
    assert "another set is due" in setting.refused(SOURCE.evidence(201, RECEIPTS, 7))
    later = SOURCE.evidence(200, RECEIPTS, 7, epoch=3)
    assert "block is of a later epoch" in setting.refused(later)


def test_the_old_set_is_believed_about_its_blocks_for_the_grace(setting: Setting) -> None:
    assert advance(setting, boundary()) == ""
    setting.group.mine(GRACE_S)
    assert setting.read(SOURCE.evidence(200, RECEIPTS, 7)).number == 200
    setting.group.mine(1)
    assert "the set that signed has left" in setting.refused(SOURCE.evidence(200, RECEIPTS, 7))
    assert setting.read(AFTER.evidence(201, RECEIPTS, 7)).number == 201


def test_what_does_not_move_an_anchor(setting: Setting) -> None:
    evil = SOURCE.followed_by(signers_named("x", "y", "z"), last_block=200)
    unsigned = SOURCE.block(200, following=evil, signers=SOURCE.signers[:2])
    call = setting.contract.advance(NAME, unsigned)
    assert advance(setting, call) == "fewer signatures than a quorum"
    assert advance(setting, setting.contract.advance(NAME, SOURCE.block(200))) == (
        "the same validators follow"
    )
    assert advance(setting, boundary(evil, SOURCE)) == "another set is due for this block"
    assert advance(setting, setting.contract.advance(OTHER_NAME, unsigned)) == "no such anchor"
    assert advance(setting, boundary()) == ""
    assert advance(setting, boundary()) == "a later set is known"


# The anchor is voted


def approve(setting: Setting, who: str, source: Source, name: bytes = NAME) -> str:
    call = setting.contract.approve_anchor(name, source.anchor, grace_s=GRACE_S)
    outcome = setting.group.send(who, call)
    return "" if outcome.ok else outcome.revert


def test_an_anchor_needs_the_threshold_for_the_very_same_values(setting: Setting) -> None:
    other = Source(signers_named("p", "q"), group=keccak(b"other"))
    moved = replace(other, first_block=1)
    for admin, source in zip(ADMINS, (other, moved, other), strict=True):
        assert approve(setting, admin, source, OTHER_NAME) == ""
    assert not any(setting.group.ask(setting.contract.anchor(OTHER_NAME)).group)
    assert approve(setting, "tax-admin", other, OTHER_NAME) == "organisation has approved"
    assert approve(setting, "registrar", other, OTHER_NAME) == ("sender is not an author or admin")
    assert approve(setting, "audit-admin", other, OTHER_NAME) == ""
    assert setting.group.ask(setting.contract.anchor(OTHER_NAME)).group == other.group


def test_authors_of_a_production_group_anchor() -> None:
    """Its administrators cannot: what they send reaches system contracts only."""
    authors = [
        AccountEntry(address(f"{organisation}-author"), organisation, Role.AUTHOR)
        for organisation in ORGANISATIONS
    ]
    group = new_group(production=True, accounts=[*production_staff(), *authors])
    receipt = group.send("author", evidence_deploy_data(), gas=DEPLOY_GAS).receipt
    assert receipt is not None
    assert receipt.contract_address is not None
    contract = EvidenceContract(receipt.contract_address)
    call = contract.approve_anchor(NAME, SOURCE.anchor, grace_s=GRACE_S)
    assert group.send("tax-security", call).dropped is Reason.NOT_THE_GATE
    for author in authors[:3]:
        assert not any(group.ask(contract.anchor(NAME)).group)
        group.do(f"{author.organisation}-author", call)
    assert group.ask(contract.anchor(NAME)).group == SOURCE.group


def test_a_group_has_one_name(setting: Setting) -> None:
    assert approve(setting, "tax-admin", SOURCE, OTHER_NAME) == (
        "group is anchored by another name"
    )


def test_an_anchor_ends_and_is_set_anew(setting: Setting) -> None:
    for admin in ADMINS:
        setting.group.do(admin, setting.contract.approve_end(NAME))
    assert "no such anchor" in setting.refused(EVIDENCE)
    # Approvals from before count no more.
    assert approve(setting, "audit-admin", SOURCE) == ""
    assert "no such anchor" in setting.refused(EVIDENCE)
    for admin in ADMINS[:2]:
        assert approve(setting, admin, SOURCE) == ""
    assert setting.read(EVIDENCE).number == 150


def test_a_set_of_before_a_new_anchor_is_gone(setting: Setting) -> None:
    recovered = replace(AFTER, epoch=9, first_block=180)
    setting.anchor(recovered)
    assert "block is older than the anchor" in setting.refused(EVIDENCE)
    assert setting.read(recovered.evidence(180, RECEIPTS, 7)).number == 180


# A contract that lets it count


@pytest.fixture
def registrations(setting: Setting) -> Contract:
    source = compile_source("examples/registrations.vy")
    data = deploy_data(source, setting.contract.address, NAME, EMITTER, EVENT)
    where = setting.group.do("author", data).contract_address
    assert where is not None
    return Contract(where, source.abi)


def accept(evidence: Evidence, position: int, contract: Contract) -> Call:
    return contract.call("accept", evidence_argument(evidence), position)


def test_a_registration_counts_once(setting: Setting, registrations: Contract) -> None:
    found = setting.read(EVIDENCE, 1)
    assert setting.group.ask(registrations.query("accepted", found.id)) == 0
    event = setting.group.events("applicant", accept(EVIDENCE, 1, registrations), registrations)[0]
    assert event.arguments["id"] == found.id
    assert setting.group.ask(registrations.query("accepted", found.id)) == found.timestamp
    other_quorum = SOURCE.evidence(150, RECEIPTS, 7, signers=SOURCE.signers[:3])
    for again in (EVIDENCE, other_quorum):
        outcome = setting.group.send("registrar", accept(again, 1, registrations))
        assert outcome.revert == "registration has been accepted"
    setting.group.do("applicant", accept(EVIDENCE, 0, registrations))


def test_another_contract_or_event_is_no_registration(
    setting: Setting, registrations: Contract
) -> None:
    elsewhere = log_of(1, emitter=Address(b"\x77" * 20))
    nameless = log_of(1, topics=0)
    other = replace(log_of(1), topics=(Hash32(bytes(32)),))
    evidence = SOURCE.evidence(150, [receipt_of([elsewhere, nameless, other])], 0)
    reasons = ("log is of another contract", "log is another event", "log is another event")
    for position, reason in enumerate(reasons):
        outcome = setting.group.send("applicant", accept(evidence, position, registrations))
        assert outcome.revert == reason
