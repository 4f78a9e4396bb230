"""The registry of circuits: laid down by content, active and retired by approvals, asked by id."""

import re
from dataclasses import replace

import pytest

from contracts.bindings import accounts
from contracts.bindings.circuits import (
    BATCH_MAX,
    NAME_BYTES_MAX,
    NO_CEREMONY,
    SOURCE,
    CircuitEntry,
    CircuitRegistry,
    CircuitStatus,
    Draft,
    InvalidCircuit,
)
from contracts.bindings.contract import Call
from contracts.bindings.keys import proof_arguments
from contracts.compiler import SOURCES, compile_source, deploy_data
from contracts.system_alloc import AccountEntry
from ledger.gate import Role
from ledger.reasons import Reason
from ledger.values import Address, Hash32, keccak
from tests.contracts.circuit_setting import (
    SOURCE_HASH,
    TRANSCRIPT,
    activate,
    deployed,
    draft_of,
    new_registry,
    prepared,
)
from tests.contracts.contract_group import Group, address, new_group, production_staff
from tests.contracts.test_contracts_keys import approve
from tests.zkp.refusals import honest, moved, outside_the_subgroup
from zkp.curve.g1 import P
from zkp.key_words import encode_key, key_hash
from zkp.own_precompiles import GROTH16_GAS, GROTH16_PUBLIC_GAS, GROTH16_PUBLICS_MAX

EXAMPLE = SOURCES / "examples" / "headcount.vy"


@pytest.fixture
def registry(group: Group) -> CircuitRegistry:
    return new_registry(group)


def status_of(group: Group, registry: CircuitRegistry, entry: Hash32) -> CircuitStatus:
    return CircuitStatus(group.ask(registry.circuit(entry)).status)


def test_a_circuit_counts_by_three_of_four(group: Group, registry: CircuitRegistry) -> None:
    it = honest()
    draft = draft_of(it, transcript=TRANSCRIPT)
    [event] = group.events("author", registry.propose(draft), registry.contract)
    assert event.name == "CircuitProposed"
    assert (event.arguments["entry"], event.arguments["system"]) == (draft.entry, draft.system)
    for admin in ("tax-admin", "market-admin"):
        group.do(admin, registry.approve(draft.entry))
        assert status_of(group, registry, draft.entry) is CircuitStatus.PROPOSED
        assert not group.ask(registry.verify(draft.entry, it.proof, it.publics))
    assert (
        group.send("tax-admin", registry.approve(draft.entry)).revert == "organisation has agreed"
    )
    events = group.events("audit-admin", registry.approve(draft.entry), registry.contract)
    assert [event.name for event in events] == ["CircuitApproved", "CircuitActive"]
    assert group.ask(registry.verify(draft.entry, it.proof, it.publics))
    found = group.ask(registry.circuit(draft.entry))
    assert found == CircuitEntry(
        CircuitStatus.ACTIVE,
        "refusals",
        SOURCE_HASH,
        draft.system,
        TRANSCRIPT,
        Hash32(key_hash(it.key)),
        3,
        found.key_at,
    )
    assert group.ask(registry.key_words(draft.entry)) == encode_key(it.key)
    assert group.ask(registry.count()) == 1
    assert group.ask(registry.entry_at(0)) == draft.entry
    late = group.send("data-admin", registry.approve(draft.entry))
    assert late.revert == "circuit is not proposed"


def test_a_retired_circuit_holds_nothing_and_never_returns(
    group: Group, registry: CircuitRegistry
) -> None:
    it = honest()
    entry = activate(group, registry, draft_of(it))
    for admin in ("tax-admin", "market-admin"):
        group.do(admin, registry.retire(entry))
        assert group.ask(registry.verify(entry, it.proof, it.publics))
    events = group.events("data-admin", registry.retire(entry), registry.contract)
    assert [event.name for event in events] == ["RetirementApproved", "CircuitRetired"]
    assert status_of(group, registry, entry) is CircuitStatus.RETIRED
    assert not group.ask(registry.verify(entry, it.proof, it.publics))
    assert not group.ask(registry.verify_batch(entry, [(it.proof, it.publics)]))
    for call, reason in (
        (registry.approve(entry), "circuit is not proposed"),
        (registry.retire(entry), "circuit is not there to be retired"),
    ):
        assert group.send("audit-admin", call).revert == reason
    again = group.send("author", registry.propose(draft_of(it)))
    assert again.revert == "circuit is already laid down"


def test_a_proposal_can_be_buried(group: Group, registry: CircuitRegistry) -> None:
    draft = draft_of(honest())
    group.do("author", registry.propose(draft))
    approve(group, registry.retire(draft.entry))
    assert status_of(group, registry, draft.entry) is CircuitStatus.RETIRED
    assert (
        group.send("tax-admin", registry.approve(draft.entry)).revert == "circuit is not proposed"
    )


def test_an_unknown_circuit_holds_nothing(group: Group, registry: CircuitRegistry) -> None:
    it, unknown = honest(), keccak(b"unknown")
    assert not group.ask(registry.verify(unknown, it.proof, it.publics))
    assert not group.ask(registry.verify_batch(unknown, [(it.proof, it.publics)]))
    assert group.ask(registry.key_words(unknown)) == b""
    assert status_of(group, registry, unknown) is CircuitStatus.ABSENT
    assert group.send("tax-admin", registry.approve(unknown)).revert == "circuit is not proposed"


def test_who_may_lay_down_and_approve(group: Group, registry: CircuitRegistry) -> None:
    draft = draft_of(honest())
    for stranger in ("tax-officer", "gateway"):
        refused = group.send(stranger, registry.propose(draft))
        assert refused.revert == "sender is not an author or admin"
    group.do("tax-admin", registry.propose(draft))
    for stranger in ("applicant", "registrar"):
        for call in (registry.approve(draft.entry), registry.retire(draft.entry)):
            assert group.send(stranger, call).revert == "sender is not an author or admin"
    # One organisation speaks once, whoever speaks for it.
    group.do("author", registry.approve(draft.entry))
    refused = group.send("data-admin", registry.approve(draft.entry))
    assert refused.revert == "organisation has agreed"


def test_an_id_is_of_everything_that_the_entry_says() -> None:
    draft = draft_of(honest())
    others = (
        replace(draft, name="another"),
        replace(draft, source=keccak(b"other source")),
        replace(draft, system=keccak(b"other system")),
        replace(draft, transcript=TRANSCRIPT),
        replace(draft, key=honest(2).key),
    )
    assert len({draft.entry, *(other.entry for other in others)}) == 6


def test_production_takes_keys_of_ceremonies_only() -> None:
    authors = [
        AccountEntry(address(f"{organisation}-author"), organisation, Role.AUTHOR)
        for organisation in ("tax", "market")
    ]
    group = new_group(production=True, accounts=[*production_staff(), *authors])
    registry = new_registry(group)
    refused = group.send("author", registry.propose(draft_of(honest())))
    assert refused.revert == "key without a ceremony in a production group"
    draft = draft_of(honest(), transcript=TRANSCRIPT)
    group.do("author", registry.propose(draft))
    # Administrators' transactions go to system contracts only.
    outcome = group.send("tax-security", registry.approve(draft.entry))
    assert outcome.dropped is Reason.NOT_THE_GATE
    for author in ("author", "tax-author", "market-author"):
        group.do(author, registry.approve(draft.entry))
    assert group.ask(registry.verify(draft.entry, honest().proof, honest().publics))


def propose_words(registry: CircuitRegistry, draft: Draft, words: bytes) -> Call:
    return registry.contract.call(
        "propose", draft.name, draft.source, draft.system, draft.transcript, words
    )


def test_keys_that_nobody_may_rely_on_are_not_laid_down(
    group: Group, registry: CircuitRegistry
) -> None:
    draft = draft_of(honest())
    words = encode_key(draft.key)

    def refused(changed: bytes) -> str:
        outcome = group.send("author", propose_words(registry, draft, changed), gas=8_000_000)
        assert not outcome.ok
        return outcome.revert

    def with_word(place: int, value: int) -> bytes:
        return words[: 32 * place] + value.to_bytes(32) + words[32 * place + 32 :]

    def word(place: int) -> int:
        return int.from_bytes(words[32 * place : 32 * place + 32])

    size = "a key has 16 words and 2 for each of 1 to 64 inputs"
    for changed in (b"", words[:-32], words[:-1], words + bytes(1), words[:512]):
        assert refused(changed) == size
    off = "a point of the key lies off its curve or group"
    for place in range(len(words) // 32):
        assert refused(with_word(place, word(place) ^ 1)) == off, place
        if word(place) + P < 2**256:
            assert refused(with_word(place, word(place) + P)) == off, place
    (x0, x1), (y0, y1) = outside_the_subgroup()
    twisted = b"".join(value.to_bytes(32) for value in (x1, x0, y1, y0))
    for place in (2, 6, 10):
        changed = words[: 32 * place] + twisted + words[32 * place + 128 :]
        assert refused(changed) == off, place
    for place in (16, 20):
        changed = words[: 32 * place] + bytes(64) + words[32 * place + 64 :]
        assert refused(changed).startswith("a public input binds nothing"), place
    assert group.ask(registry.count()) == 0
    group.do("author", propose_words(registry, draft, words))


def test_entries_without_a_name_or_hash_are_not_laid_down(
    group: Group, registry: CircuitRegistry
) -> None:
    draft = draft_of(honest())
    for changed in (replace(draft, source=NO_CEREMONY), replace(draft, system=NO_CEREMONY)):
        assert group.send("author", registry.propose(changed)).revert == "hash is zero"
    nameless = registry.contract.call(
        "propose", "", draft.source, draft.system, draft.transcript, encode_key(draft.key)
    )
    assert group.send("author", nameless).revert == "a circuit has a name"
    for name in ("", "电" * 11):
        with pytest.raises(InvalidCircuit, match="1 to 32 bytes"):
            replace(draft, name=name)


def test_a_circuit_whose_key_is_frozen_holds_nothing(
    group: Group, registry: CircuitRegistry
) -> None:
    it = honest()
    entry = activate(group, registry, draft_of(it))
    where = Address(group.ask(registry.circuit(entry)).key_at)
    group.do("auditor", accounts.freeze(where))
    assert not group.ask(registry.verify(entry, it.proof, it.publics))


def test_a_batch_has_a_bound(group: Group, registry: CircuitRegistry) -> None:
    it = honest()
    entry = activate(group, registry, draft_of(it))
    full = [(it.proof, it.publics)] * BATCH_MAX
    assert group.ask(registry.verify_batch(entry, full))
    with pytest.raises(AssertionError):
        group.ask(registry.verify_batch(entry, [*full, full[0]]))


def test_the_example_counts_each_nullifier_once_for_each_question() -> None:
    base, it = prepared(), honest()
    group = base.group.copy()
    nullifier, root, question = it.publics
    compiled = compile_source(EXAMPLE)
    data = deploy_data(compiled, base.registry.address, base.entry, root)
    headcount = deployed(group, data, compiled)
    for proof, revert in (
        (it.proof, ""),
        (it.proof, "statement is used"),
        (moved(it), "statement is used"),
    ):
        arguments = (question, nullifier, proof_arguments(proof))
        outcome = group.send("applicant", headcount.call("come_forward", *arguments))
        assert outcome.revert == revert
        assert outcome.ok is (revert == "")
    assert group.ask(headcount.query("count", question)) == 1
    # The question is one of the proof's inputs: this proof is of no other.
    other = (question + 1, nullifier + 1, proof_arguments(it.proof))
    refused = group.send("applicant", headcount.call("come_forward", *other))
    assert refused.revert == "proof does not hold"


def test_names_of_the_sources_and_the_bindings_agree() -> None:
    named = {
        name: int(value.replace("_", ""))
        for source in (SOURCES / SOURCE, SOURCES / "circuits" / "once.vy")
        for name, value in re.findall(
            r"^([A-Z0-9_]+): constant\(uint256\) = ([\d_]+)\b", source.read_text(), re.MULTILINE
        )
    }
    for status in CircuitStatus:
        if status is not CircuitStatus.ABSENT:
            assert named[status.name] == status
    assert (named["NAME_BYTES_MAX"], named["BATCH_MAX"]) == (NAME_BYTES_MAX, BATCH_MAX)
    assert named["INPUTS_MAX"] == GROTH16_PUBLICS_MAX
    assert (named["VERIFY_GAS"], named["VERIFY_INPUT_GAS"]) == (GROTH16_GAS, GROTH16_PUBLIC_GAS)
