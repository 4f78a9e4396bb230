"""The ceremony's contract on both engines: turns, deadlines, beacon, and every refusal."""

import re
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.bindings.ceremony import (
    PARTICIPANTS_MAX,
    SOURCE,
    CeremonyContract,
    Record,
    Terms,
    ceremony_deploy_data,
    digest_slot,
    is_ceremony,
    replay_events,
)
from contracts.bindings.contract import Call, Event
from contracts.compiler import SOURCES
from ledger.values import Hash32, keccak
from node.engines import engine_named, installed_engines
from tests.ceremony_keys import forged, initial, initial_file
from tests.contracts.contract_group import Group, address, new_group
from zkp.ceremony.contribute import apply_beacon, contribute
from zkp.ceremony.key_file import CeremonyKey, encode_key
from zkp.ceremony.points import PublicPoints, public_points
from zkp.curve.g1 import G1, P
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.snarkjs.contributions import Beacon
from zkp.snarkjs.randomness import BEACON_EXPONENT_MAX, BEACON_EXPONENT_MIN

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "ceremony.md"
NAMES = ("tax-officer", "registrar", "gateway", "audit-admin")
TURN_S = 100
BEACON_AFTER = 60
DEPLOY_GAS = 8_000_000
CONTRIBUTION_GAS_MAX = 600_000
"""A thirteenth of a block's limit by default: three products of two pairings are most of it."""


def hash_of(key: CeremonyKey) -> bytes:
    return sha256(encode_key(key)).digest()


@cache
def chain_of(*names: str) -> CeremonyKey:
    """The key after these have contributed, one after the other; made once."""
    if not names:
        return initial()
    return contribute(chain_of(*names[:-1]), names[-1])


@dataclass
class Setting:
    """A group with a ceremony that has begun; `happened` are its events so far."""

    group: Group
    contract: CeremonyContract
    terms: Terms
    happened: tuple[tuple[Event, int], ...]

    def act(self, sender: str, call: Call) -> list[Event]:
        receipt = self.group.do(sender, call)
        assert receipt.gas_used <= CONTRIBUTION_GAS_MAX, receipt.gas_used
        events = self.contract.contract.decode_events(receipt.logs)
        self.happened += tuple((event, self.group.number) for event in events)
        return events

    def refused(self, sender: str, call: Call) -> str:
        outcome = self.group.send(sender, call)
        assert not outcome.ok
        return outcome.revert

    def call(self, parent: CeremonyKey, key: CeremonyKey, **changes: Any) -> Call:
        points = replace(public_points(key), **changes)
        return self.contract.contribute(hash_of(parent), hash_of(key), points)

    def contribute(self, *names: str) -> list[Event]:
        """The last of the names contributes after the others."""
        return self.act(names[-1], self.call(chain_of(*names[:-1]), chain_of(*names)))

    def beacon_call(self, *names: str, beacon: bytes | None = None) -> Call:
        value = keccak(str(self.terms.beacon_block).encode()) if beacon is None else beacon
        key = apply_beacon(chain_of(*names), Beacon(value, self.terms.beacon_exponent), "beacon")
        parent = hash_of(chain_of(*names))
        return self.contract.finish(parent, hash_of(key), value, public_points(key))

    def pass_beacon(self, blocks: int = 1) -> None:
        self.group.mine(self.terms.beacon_block + blocks - self.group.number)

    def replayed(self) -> Record:
        return replay_events(self.happened)

    def digest(self) -> Hash32:
        return Hash32(self.group.ask(self.contract.contract.query("digest")))

    def copy(self) -> "Setting":
        return replace(self, group=self.group.copy())


def terms_of(group: Group, **changes: Any) -> Terms:
    found = Terms(
        circuit=keccak(b"circuit"),
        constraints=keccak(b"r1cs"),
        powers=keccak(b"ptau"),
        initial=sha256(initial_file()).digest(),
        turn_s=TURN_S,
        beacon_block=group.number + BEACON_AFTER,
        beacon_exponent=10,
        least=2,
    )
    return replace(found, **changes)


def start(group: Group, names: tuple[str, ...] = NAMES, **changes: Any) -> Setting:
    terms = terms_of(group, **changes)
    data = ceremony_deploy_data(terms, [address(name) for name in names])
    outcome = group.send("author", data, gas=DEPLOY_GAS)
    assert outcome.ok, outcome.revert
    assert outcome.receipt is not None
    assert outcome.receipt.contract_address is not None
    contract = CeremonyContract(outcome.receipt.contract_address)
    events = contract.contract.decode_events(outcome.receipt.logs)
    return Setting(group, contract, terms, tuple((event, group.number) for event in events))


@pytest.fixture(scope="module", params=installed_engines())
def founded(request: pytest.FixtureRequest) -> Setting:
    group = new_group()
    group.engine = engine_named(request.param)
    return start(group)


@pytest.fixture
def setting(founded: Setting) -> Setting:
    return founded.copy()


# --- what goes well ---


def test_a_whole_ceremony(setting: Setting) -> None:
    for count in range(1, 5):
        [event] = setting.contribute(*NAMES[:count])
        assert (event.name, event.arguments["place"]) == ("Contributed", count - 1)
        assert setting.group.ask(setting.contract.head()) == hash_of(chain_of(*NAMES[:count]))
    assert setting.group.ask(setting.contract.final_key()) == bytes(32)
    setting.pass_beacon()
    [event] = setting.act("gateway", setting.beacon_call(*NAMES))
    assert event.name == "Finished"
    assert setting.group.ask(setting.contract.final_key()) == event.arguments["key"]
    record = setting.replayed()
    assert record.finished
    assert [step.place for step in record.contributions] == [0, 1, 2, 3]
    assert record.steps[1].points == public_points(chain_of(*NAMES[:2]))
    assert (record.terms, record.digest) == (setting.terms, setting.digest())
    assert record.participants == tuple(address(name) for name in NAMES)


def test_gas_is_what_the_page_says(setting: Setting) -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    told = re.search(r"\(([\d,]+) to ([\d,]+) gas a contribution, the beacon's included", text)
    assert told is not None
    least, most = (int(figure.replace(",", "")) for figure in told.groups())
    spent = []
    for count in range(1, 5):
        call = setting.call(chain_of(*NAMES[: count - 1]), chain_of(*NAMES[:count]))
        spent.append(setting.group.do(NAMES[count - 1], call).gas_used)
    setting.pass_beacon()
    for finisher in NAMES:
        group = setting.copy().group
        spent.append(group.do(finisher, setting.beacon_call(*NAMES)).gas_used)
    assert least <= min(spent) <= least + 1_000
    assert most - 1_000 <= max(spent) <= most


def test_what_stands_there_is_the_source(setting: Setting) -> None:
    account = setting.group.state.account(setting.contract.address)
    assert is_ceremony(account.code_hash)
    stored = setting.group.state.storage(setting.contract.address, digest_slot())
    assert stored.to_bytes(32) == setting.digest()


def test_who_is_missing_is_passed_over_after_its_time(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    began = setting.group.ask(setting.contract.turn_began())
    later = setting.call(chain_of(NAMES[0]), chain_of(NAMES[0], NAMES[2]))
    assert setting.refused(NAMES[2], later) == "it is not the sender's turn yet"
    setting.group.time = began + TURN_S - 2
    assert setting.refused(NAMES[2], later) == "it is not the sender's turn yet"
    missed, made = setting.act(NAMES[2], later)
    assert (missed.name, missed.arguments["place"], made.name) == ("Missed", 1, "Contributed")
    late = setting.call(chain_of(NAMES[0], NAMES[2]), chain_of(NAMES[0], NAMES[2], NAMES[1]))
    assert setting.refused(NAMES[1], late) == "the sender's turn has passed"
    setting.contribute(NAMES[0], NAMES[2], NAMES[3])
    setting.pass_beacon()
    setting.act(NAMES[1], setting.beacon_call(NAMES[0], NAMES[2], NAMES[3]))
    record = setting.replayed()
    assert (record.missed, record.finished) == ((1,), True)
    assert record.digest == setting.digest()


def test_each_missing_one_has_its_own_time(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    last = setting.call(chain_of(NAMES[0]), chain_of(NAMES[0], NAMES[3]))
    began = setting.group.ask(setting.contract.turn_began())
    setting.group.time = began + 2 * TURN_S - 2
    assert setting.refused(NAMES[3], last) == "it is not the sender's turn yet"
    assert [event.name for event in setting.act(NAMES[3], last)] == [
        "Missed",
        "Missed",
        "Contributed",
    ]
    assert setting.replayed().digest == setting.digest()


def test_who_is_late_may_still_contribute_while_nobody_else_did(setting: Setting) -> None:
    setting.group.time += 10 * TURN_S
    setting.contribute(NAMES[0])
    setting.group.time += 10 * TURN_S
    setting.contribute(*NAMES[:2])


def test_a_bad_contribution_is_taken_back_by_most(setting: Setting) -> None:
    """The rows of a key cannot be checked in a contract: who looks at the file speaks up."""
    setting.contribute(NAMES[0])
    setting.contribute(*NAMES[:2])
    bad = hash_of(chain_of(*NAMES[:2]))
    object_to = setting.contract.object_to
    for name in (NAMES[0], NAMES[2]):
        [event] = setting.act(name, object_to(bad))
        assert event.arguments["taken_back"] is False
    assert setting.refused(NAMES[0], object_to(bad)) == "the sender has objected"
    [event] = setting.act(NAMES[3], object_to(bad))
    assert event.arguments["taken_back"] is True
    assert setting.group.ask(setting.contract.head()) == hash_of(chain_of(NAMES[0]))
    # Nobody else can pass it off as another's, and its maker's turn has passed.
    again = setting.call(chain_of(NAMES[0]), chain_of(*NAMES[:2]))
    assert setting.refused(NAMES[2], again).startswith("replay")
    assert setting.refused(NAMES[1], again) == "the sender's turn has passed"
    setting.contribute(NAMES[0], NAMES[2])
    record = setting.replayed()
    assert [step.place for step in record.steps] == [0, 2]
    assert [step.key for step in record.taken_back] == [bad]
    assert record.digest == setting.digest()


def test_a_wrong_beacon_contribution_is_taken_back_too(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    setting.contribute(*NAMES[:2])
    setting.pass_beacon()
    wrong = contribute(chain_of(*NAMES[:2]), "no beacon")
    value = keccak(str(setting.terms.beacon_block).encode())
    parent = hash_of(chain_of(*NAMES[:2]))
    setting.act(
        NAMES[0], setting.contract.finish(parent, hash_of(wrong), value, public_points(wrong))
    )
    for name in NAMES[1:]:
        setting.act(name, setting.contract.object_to(hash_of(wrong)))
    assert setting.group.ask(setting.contract.final_key()) == bytes(32)
    setting.act(NAMES[1], setting.beacon_call(*NAMES[:2]))
    assert setting.replayed().finished
    assert setting.replayed().digest == setting.digest()


def test_a_beacon_that_the_evm_has_forgotten_is_recorded_as_it_is_told(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    setting.contribute(*NAMES[:2])
    setting.pass_beacon(300)
    setting.act(NAMES[0], setting.beacon_call(*NAMES[:2], beacon=bytes(range(32))))
    assert setting.replayed().steps[-1].beacon == bytes(range(32))


# --- what is refused ---


def test_turns_and_strangers(setting: Setting) -> None:
    first = setting.call(chain_of(), chain_of(NAMES[0]))
    for stranger in ("applicant", "tax-reviewer", "author"):
        assert setting.refused(stranger, first) == "sender is no participant"
        object_to = setting.contract.object_to(hash_of(chain_of()))
        assert setting.refused(stranger, object_to) == "sender is no participant"
    assert setting.refused(NAMES[1], first) == "it is not the sender's turn yet"
    setting.contribute(NAMES[0])
    second = setting.call(chain_of(NAMES[0]), chain_of(NAMES[0], NAMES[1]))
    assert setting.refused(NAMES[0], second) == "the sender's turn has passed"


def test_a_wrong_parent(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    for parent in (chain_of(), chain_of(NAMES[2])):
        call = setting.call(parent, chain_of(*NAMES[:2]))
        assert "wrong parent" in setting.refused(NAMES[1], call)
    # Made of another key: the very factor is not this delta's.
    call = setting.call(chain_of(NAMES[0]), chain_of(NAMES[2], NAMES[1]))
    assert "by another factor" in setting.refused(NAMES[1], call)


def test_a_replay(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    same = setting.call(chain_of(), chain_of(NAMES[0]))
    assert "turn has passed" in setting.refused(NAMES[0], same)
    assert "wrong parent" in setting.refused(NAMES[1], same)
    renamed = setting.call(chain_of(NAMES[0]), chain_of(NAMES[0]))
    assert "by another factor" in setting.refused(NAMES[1], renamed)
    # Another proof for the file of before.
    points = public_points(chain_of(*NAMES[:2]))
    known = hash_of(chain_of(NAMES[0]))
    assert "replay" in setting.refused(NAMES[1], setting.contract.contribute(known, known, points))


def doubled(points: PublicPoints, name: str) -> Any:
    group = G2 if name in ("delta2", "g2_sp", "g2_spx") else G1
    return group.multiply(getattr(points, name), 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("g1_s", "proof of knowledge"),
        ("g1_sx", "proof of knowledge"),
        ("g2_sp", "proof of knowledge"),
        ("g2_spx", "proof of knowledge"),
        ("delta1", "another factor"),
        ("delta2", "unequal in G1 and G2"),
    ],
)
def test_points_that_do_not_fit(setting: Setting, name: str, message: str) -> None:
    points = public_points(chain_of(NAMES[0]))
    call = setting.call(chain_of(), chain_of(NAMES[0]), **{name: doubled(points, name)})
    assert message in setting.refused(NAMES[0], call)


def test_a_factor_that_was_not_proven(setting: Setting) -> None:
    call = setting.call(chain_of(), forged(initial(), 5, 6))
    assert "by another factor than the proven one" in setting.refused(NAMES[0], call)


ZERO2 = ((0, 0), (0, 0))


@pytest.mark.parametrize(
    "changes",
    [
        {"g1_s": (0, 0), "g1_sx": (0, 0)},
        {"g1_s": (0, 0)},
        {"g2_sp": ZERO2, "g2_spx": ZERO2},
        {"delta1": (0, 0), "delta2": ZERO2},
        {"delta1": (0, 0)},
        {"delta2": ZERO2},
        {"g1_s": (1, 3)},
        {"g2_spx": ((4, 0), (0, 0))},
        {"delta1": (1, P + 2)},
        {"g1_s": (1 + P, 2)},
    ],
)
def test_points_that_are_none(setting: Setting, changes: dict[str, Any]) -> None:
    call = setting.call(chain_of(), chain_of(NAMES[0]), **changes)
    assert setting.refused(NAMES[0], call) != ""
    assert setting.group.ask(setting.contract.head()) == setting.terms.initial


def test_nothing_is_contributed_once_the_beacon_can_be_known(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    setting.pass_beacon(-1)
    call = setting.call(chain_of(NAMES[0]), chain_of(*NAMES[:2]))
    assert setting.refused(NAMES[1], call) == "the beacon's block is there"
    setting.pass_beacon()
    assert setting.refused(NAMES[1], call) == "the beacon's block is there"
    finish = setting.beacon_call(NAMES[0])
    assert setting.refused(NAMES[1], finish) == "fewer contributions than the terms ask for"


def test_the_last_block_before_the_beacon_is_in_time(setting: Setting) -> None:
    setting.pass_beacon(-2)
    setting.contribute(NAMES[0])
    assert setting.group.number == setting.terms.beacon_block - 1


def test_the_beacon_cannot_be_chosen(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    setting.contribute(*NAMES[:2])
    early = setting.beacon_call(*NAMES[:2])
    assert setting.refused(NAMES[0], early) == "the beacon's block is not there yet"
    setting.pass_beacon(-1)
    assert setting.refused(NAMES[0], early) == "the beacon's block is not there yet"
    chosen = setting.beacon_call(*NAMES[:2], beacon=bytes(32))
    assert setting.refused(NAMES[0], chosen) == "the beacon is not that block's hash"
    assert setting.refused("applicant", early) == "sender is no participant"
    setting.act(NAMES[3], early)
    assert setting.refused(NAMES[3], early) == "the ceremony is finished"
    more = setting.call(chain_of(*NAMES[:2]), chain_of(*NAMES[:3]))
    assert setting.refused(NAMES[2], more) == "the ceremony is finished"


def test_objections_are_to_the_last_contribution(setting: Setting) -> None:
    object_to = setting.contract.object_to
    start_key = hash_of(chain_of())
    assert setting.refused(NAMES[0], object_to(start_key)) == "there is no contribution"
    setting.contribute(NAMES[0])
    setting.contribute(*NAMES[:2])
    first = hash_of(chain_of(NAMES[0]))
    assert setting.refused(NAMES[2], object_to(first)) == "it is not the last contribution"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"circuit": bytes(32)}, "circuit id is zero"),
        ({"constraints": bytes(32)}, "constraints' hash is zero"),
        ({"initial": bytes(32)}, "initial key's hash is zero"),
        ({"turn_s": 0}, "a turn has"),
        ({"turn_s": 10**9}, "a turn has"),
        ({"beacon_block": 1}, "the beacon's block is there already"),
        ({"beacon_exponent": BEACON_EXPONENT_MIN - 1}, "beacon's exponent is below 10"),
        # What this build would not finish cannot begin.
        ({"beacon_exponent": BEACON_EXPONENT_MAX + 1}, "beacon's exponent is above 24"),
        ({"least": 0}, "least is"),
        ({"least": 5}, "least is"),
        ({"names": NAMES[:1]}, "nobody is to be trusted alone"),
        ({"names": (*NAMES[:2], "tax-reviewer")}, "an organisation takes part twice"),
        ({"names": (*NAMES[:2], "auditor")}, "no account here that may call"),
        ({"names": (*NAMES[:2], "stranger")}, "no account here that may call"),
    ],
)
def test_terms_within_bounds(setting: Setting, changes: dict[str, Any], message: str) -> None:
    terms = {name: value for name, value in changes.items() if name != "names"}
    accounts = [address(name) for name in changes.get("names", NAMES)]
    data = ceremony_deploy_data(terms_of(setting.group, **terms), accounts)
    outcome = setting.group.send("author", data, gas=DEPLOY_GAS)
    assert not outcome.ok
    assert message in outcome.revert


def test_the_most_rounds_that_a_contract_takes_are_finished_by_this_build(setting: Setting) -> None:
    most = start(setting.group, beacon_exponent=BEACON_EXPONENT_MAX)
    assert setting.group.ask(most.contract.terms()).beacon_exponent == BEACON_EXPONENT_MAX
    source = (SOURCES / SOURCE).read_text(encoding="utf-8")
    named = dict(
        re.findall(r"^([A-Z0-9_]+): constant\(uint256\) = ([\d_]+)\b", source, re.MULTILINE)
    )
    assert int(named["BEACON_EXPONENT_MIN"]) == BEACON_EXPONENT_MIN
    assert int(named["BEACON_EXPONENT_MAX"]) == BEACON_EXPONENT_MAX
    assert int(named["PARTICIPANTS_MAX"]) == PARTICIPANTS_MAX


# --- the history that logs tell ---


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_logs_that_were_tampered_with_do_not_fit_the_digest(
    setting: Setting, data: st.DataObject
) -> None:
    own = setting.copy()
    own.contribute(NAMES[0])
    own.group.time += 10 * TURN_S
    own.act(NAMES[2], own.call(chain_of(NAMES[0]), chain_of(NAMES[0], NAMES[2])))
    own.act(NAMES[0], own.contract.object_to(hash_of(chain_of(NAMES[0], NAMES[2]))))
    happened = list(own.happened)
    assert replay_events(happened).digest == own.digest()
    place = data.draw(st.integers(1, len(happened) - 1))
    event, block = happened[place]
    kind = data.draw(st.sampled_from(["left out", "block", "place", "twice"]))
    if kind == "left out":
        del happened[place]
    elif kind == "twice":
        happened.insert(place, happened[place])
    elif kind == "block":
        happened[place] = (event, block + 1)
    else:
        arguments = {**event.arguments, "place": event.arguments["place"] + 1}
        happened[place] = (replace(event, arguments=arguments), block)
    assert replay_events(happened).digest != own.digest()


def test_points_in_logs_are_part_of_the_digest(setting: Setting) -> None:
    setting.contribute(NAMES[0])
    started, (event, block) = setting.happened
    points = {**event.arguments["points"], "g1_s": (1, R)}
    altered = replace(event, arguments={**event.arguments, "points": points})
    assert replay_events([started, (altered, block)]).digest != setting.digest()
