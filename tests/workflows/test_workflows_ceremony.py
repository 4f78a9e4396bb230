"""A ceremony over a real ledger, contract and JSON-RPC: its acts, interruptions, and a fifth party.

The group makes a block for each transaction, a second and a half apart.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from client.light import LightClient
from client.rpc import Client, TransactionReverted
from contracts.bindings.ceremony import CeremonyContract, Terms
from contracts.bindings.contract import Call
from ledger.values import Address
from tests.ceremony_keys import SYSTEM, initial_file, moved, powers_file
from tests.workflows.small_network import SmallNetwork, account, address
from workflows.ceremony.acts import CeremonyRefused, Seat, finish, object_to_last, start, take_turn
from workflows.ceremony.checks import DifferentHistory
from workflows.ceremony.files import KEY, POWERS, FileDrop, InvalidContent, MissingFile
from workflows.ceremony.ledger import InvalidRecord
from workflows.ceremony.opening import Opening, UnsuitableOpening, open_ceremony
from workflows.ceremony.place import CeremonyPlace, InvalidPlace, load_place, save_place
from workflows.ceremony.standing import Phase, Presence, standing
from workflows.ceremony.verify import verify_ceremony
from workflows.equity_transfer.deploy import SetUpDesk
from zkp.ceremony.contribute import contribute
from zkp.ceremony.key_file import CeremonyKey, decode_key, encode_key
from zkp.ceremony.points import public_points
from zkp.ceremony.verify import InvalidContribution
from zkp.r1cs import Constraint, encode_r1cs
from zkp.snarkjs.randomness import BEACON_EXPONENT_MAX

NAMES = ("tax-officer", "registrar", "applicant", "audit-admin")
TURN_S = 20
BEACON_AFTER = 40


@dataclass
class Scene:
    """A ceremony that has begun, and seats for who takes part."""

    network: SmallNetwork
    folder: Path
    address: Address
    terms: Terms

    @property
    def drop(self) -> FileDrop:
        return FileDrop(self.folder / "shared")

    @property
    def initial(self) -> CeremonyKey:
        return decode_key(self.drop.get(self.terms.initial, KEY))

    def seat(self, name: str) -> Seat:
        return Seat(desk(self.network, self.folder, name), self.address, self.drop)

    def light(self, client: Client | None = None) -> LightClient:
        return LightClient(self.network.genesis, client or self.network.client)

    def pass_blocks(self, count: int) -> None:
        for _ in range(count):
            sent = self.network.client.send_transaction(
                account("author"), account("author").address, gas=21_000
            )
            self.network.client.confirm(sent)

    def pass_turn(self) -> None:
        self.pass_blocks(TURN_S)  # each is more than a second

    def pass_beacon(self) -> None:
        self.pass_blocks(self.terms.beacon_block + 1 - self.network.client.block_number())

    def phase(self) -> Phase:
        return standing(self.network.client, self.address).phase


def desk(network: SmallNetwork, folder: Path, name: str) -> SetUpDesk:
    return SetUpDesk(network.client, account(name), folder / name, 0)


def opened(drop: FileDrop) -> Opening:
    return open_ceremony(drop, constraints=encode_r1cs(SYSTEM), powers=powers_file())


@pytest.fixture
def scene(network: SmallNetwork, tmp_path: Path) -> Scene:
    return begun(network, tmp_path)


def begun(network: SmallNetwork, tmp_path: Path, beacon_exponent: int = 10) -> Scene:
    files = opened(FileDrop(tmp_path / "shared"))
    terms = Terms(
        circuit=files.circuit,
        constraints=files.constraints,
        powers=files.powers,
        initial=files.initial,
        turn_s=TURN_S,
        beacon_block=network.client.block_number() + BEACON_AFTER,
        beacon_exponent=beacon_exponent,
        least=2,
    )
    where = start(desk(network, tmp_path, "author"), terms, [address(name) for name in NAMES])
    return Scene(network, tmp_path, where, terms)


def test_three_contribute_one_is_missing_and_a_stranger_verifies(scene: Scene) -> None:
    seats = [scene.seat(name) for name in NAMES]
    assert scene.phase() is Phase.TURN
    first, is_new = take_turn(seats[0], "dice: 4")
    assert is_new
    assert take_turn(seats[0]) == (first, False)
    with pytest.raises(CeremonyRefused, match=r"turn of participant 2.*from 20.*UTC on"):
        take_turn(seats[2])
    scene.pass_turn()
    second, _ = take_turn(seats[2])
    assert second.parent == first.key
    with pytest.raises(CeremonyRefused, match="turn has passed"):
        take_turn(seats[1])
    take_turn(seats[3])
    assert scene.phase() is Phase.BEACON
    with pytest.raises(CeremonyRefused, match="wait until it is there"):
        finish(seats[0])
    scene.pass_beacon()
    assert scene.phase() is Phase.FINISH
    last, is_new = finish(seats[1])
    assert is_new
    assert finish(seats[0]) == (last, False)
    assert scene.phase() is Phase.FINISHED
    with pytest.raises(CeremonyRefused, match="is finished"):
        take_turn(seats[1])
    # Who took no part has the genesis file, a node and the folder.
    found = verify_ceremony(scene.light(), scene.address, scene.drop, every_file=True)
    assert found.record.finished
    assert found.record.missed == (1,)
    names = [made.note.name for made in found.key.history.contributions]
    assert names == ["tax", "data", "audit", "beacon"]
    presences = [
        entry.presence for entry in standing(scene.network.client, scene.address).participants
    ]
    assert presences == [
        Presence.CONTRIBUTED,
        Presence.MISSED,
        Presence.CONTRIBUTED,
        Presence.CONTRIBUTED,
    ]


@dataclass(frozen=True)
class CutOff(SetUpDesk):
    """A desk whose machine stops before its transaction is on its way."""

    def act(self, step: str, call: Call) -> None:
        raise ConnectionError("the machine stopped")


def test_an_interrupted_contribution_is_made_anew(scene: Scene) -> None:
    seat = scene.seat(NAMES[0])
    stopped = CutOff(seat.desk.client, seat.desk.account, seat.desk.notes, 0)
    with pytest.raises(ConnectionError):
        take_turn(replace(seat, desk=stopped))
    assert len(list(scene.drop.folder.glob("*.zkey"))) == 2
    step, is_new = take_turn(seat)
    assert is_new
    assert scene.drop.path(step.key, KEY).is_file()
    verify_ceremony(scene.light(), scene.address, scene.drop)


@dataclass(frozen=True)
class SentAndGone(SetUpDesk):
    """A desk whose machine stops right after its transaction took effect."""

    def act(self, step: str, call: Call) -> None:
        super().act(step, call)
        raise ConnectionError("the machine stopped")


def test_a_contribution_that_was_recorded_before_the_cut_stands(scene: Scene) -> None:
    seat = scene.seat(NAMES[0])
    stopped = SentAndGone(seat.desk.client, seat.desk.account, seat.desk.notes, 0)
    with pytest.raises(ConnectionError):
        take_turn(replace(seat, desk=stopped))
    assert take_turn(seat)[1] is False


def recorded_with_altered_rows(scene: Scene, name: str) -> None:
    """A contribution that a contract cannot know to be wrong: L has another point."""
    key = contribute(scene.initial, name)
    key = replace(key, l=[moved(key.l[0]), *key.l[1:]])
    digest = scene.drop.put(encode_key(key), KEY)
    seat = scene.seat(name)
    seat.desk.act(
        "rogue", seat.contract.contribute(scene.terms.initial, digest, public_points(key))
    )


def test_who_is_next_refuses_a_wrong_key_and_most_take_it_back(scene: Scene) -> None:
    recorded_with_altered_rows(scene, NAMES[0])
    with pytest.raises(InvalidContribution, match="L was altered"):
        take_turn(scene.seat(NAMES[1]))
    with pytest.raises(InvalidContribution, match="L was altered"):
        verify_ceremony(scene.light(), scene.address, scene.drop)
    for name in NAMES[1:3]:
        assert object_to_last(scene.seat(name))[1] is False
    # Said twice, it is sent once.
    assert object_to_last(scene.seat(NAMES[1]))[1] is False
    assert object_to_last(scene.seat(NAMES[3]))[1] is True
    step, _ = take_turn(scene.seat(NAMES[1]))
    assert step.parent == scene.terms.initial
    take_turn(scene.seat(NAMES[2]))
    found = verify_ceremony(scene.light(), scene.address, scene.drop)
    assert [made.place for made in found.record.steps] == [1, 2]
    first = standing(scene.network.client, scene.address).participants[0]
    assert first.presence is Presence.TAKEN_BACK


def test_a_proof_bound_to_nothing_is_seen_though_the_contract_took_it(scene: Scene) -> None:
    """The contract takes the proof's base in G2 as given; the file says what it must be."""
    key = contribute(scene.initial, "tax")
    made = key.history.contributions[-1]
    wrong = replace(
        key,
        history=replace(key.history, contributions=(replace(made, transcript=bytes(64)),)),
    )
    digest = scene.drop.put(encode_key(wrong), KEY)
    seat = scene.seat(NAMES[0])
    points = public_points(key)
    seat.desk.act("rogue", seat.contract.contribute(scene.terms.initial, digest, points))
    with pytest.raises(DifferentHistory, match="bound to no history"):
        take_turn(scene.seat(NAMES[1]))


def test_a_file_of_another_contribution_is_not_the_recorded_one(scene: Scene) -> None:
    key, other = (contribute(scene.initial, "tax") for _ in range(2))
    digest = scene.drop.put(encode_key(other), KEY)
    seat = scene.seat(NAMES[0])
    points = public_points(key)
    seat.desk.act("rogue", seat.contract.contribute(scene.terms.initial, digest, points))
    with pytest.raises(DifferentHistory, match="not those that the ledger recorded"):
        verify_ceremony(scene.light(), scene.address, scene.drop)


def test_missing_and_damaged_files_are_named(scene: Scene) -> None:
    step, _ = take_turn(scene.seat(NAMES[0]))
    path = scene.drop.path(step.key, KEY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\0\0")
    with pytest.raises(InvalidContent, match="not what the name says"):
        take_turn(scene.seat(NAMES[1]))
    path.unlink()
    with pytest.raises(MissingFile, match=step.key.hex()):
        take_turn(scene.seat(NAMES[1]))
    assert scene.drop.put(whole, KEY) == step.key
    take_turn(scene.seat(NAMES[1]))


def test_a_contract_refuses_what_is_sent_past_the_checks(scene: Scene) -> None:
    take_turn(scene.seat(NAMES[0]))
    key = contribute(scene.initial, "market")
    seat = scene.seat(NAMES[1])
    call = seat.contract.contribute(scene.terms.initial, bytes(32), public_points(key))
    with pytest.raises(TransactionReverted, match="wrong parent"):
        seat.desk.act("rogue", call)


class Hiding(Client):
    """A node's answers without the log that somebody does not like."""

    def logs(self, **wanted: Any) -> list[dict[str, Any]]:
        return super().logs(**wanted)[:-1]


def test_a_node_cannot_leave_out_what_happened(scene: Scene) -> None:
    take_turn(scene.seat(NAMES[0]))
    hiding = Hiding(scene.network.client.url)
    with pytest.raises(InvalidRecord, match="do not add up"):
        verify_ceremony(scene.light(hiding), scene.address, scene.drop)
    with pytest.raises(InvalidRecord, match="do not add up"):
        standing(hiding, scene.address)


def test_where_no_ceremony_stands(scene: Scene) -> None:
    for nobody in (address("author"), Address(bytes(19) + b"\x01")):
        with pytest.raises(InvalidRecord, match="no ceremony's contract"):
            standing(scene.network.client, nobody)
        with pytest.raises(InvalidRecord, match="no ceremony's contract"):
            verify_ceremony(scene.light(), nobody, scene.drop)


def test_too_few_by_the_beacon_come_to_nothing(scene: Scene) -> None:
    take_turn(scene.seat(NAMES[0]))
    scene.pass_beacon()
    assert scene.phase() is Phase.FAILED
    with pytest.raises(CeremonyRefused, match="came to nothing"):
        finish(scene.seat(NAMES[0]))
    with pytest.raises(CeremonyRefused, match="nobody contributes any more"):
        take_turn(scene.seat(NAMES[1]))


def test_strangers_are_told_so(scene: Scene) -> None:
    for act in (take_turn, object_to_last):
        with pytest.raises(CeremonyRefused, match="no participant"):
            act(scene.seat("author"))


def test_an_initial_key_that_is_given_must_be_the_one_that_is_made(tmp_path: Path) -> None:
    drop, files = FileDrop(tmp_path), {"constraints": encode_r1cs(SYSTEM), "powers": powers_file()}
    own = drop.get(open_ceremony(drop, **files).initial, KEY)
    assert drop.get(open_ceremony(drop, **files, initial=own).initial, KEY) == own
    other = replace(SYSTEM, constraints=(*SYSTEM.constraints, Constraint({2: 1}, {2: 1}, {3: 1})))
    for wrong in (
        {**files, "initial": encode_key(contribute(decode_key(own), "tax"))},
        {**files, "initial": initial_file()},
        {**files, "initial": own, "constraints": encode_r1cs(other)},
    ):
        with pytest.raises(UnsuitableOpening, match="not the one that constraints and phase 1"):
            open_ceremony(drop, **wrong)


def test_a_start_with_another_initial_key_is_found_out(
    network: SmallNetwork, tmp_path: Path
) -> None:
    """Who starts a ceremony could know the secrets of a key of its own making."""
    drop = FileDrop(tmp_path / "shared")
    files = opened(drop)
    terms = Terms(
        **vars(replace(files, initial=drop.put(initial_file(), KEY))),
        turn_s=TURN_S,
        beacon_block=network.client.block_number() + BEACON_AFTER,
        beacon_exponent=10,
        least=2,
    )
    where = start(desk(network, tmp_path, "author"), terms, [address(name) for name in NAMES])
    scene = Scene(network, tmp_path, where, terms)
    take_turn(scene.seat(NAMES[0]))
    with pytest.raises(DifferentHistory, match="initial key is not the one"):
        verify_ceremony(scene.light(), where, drop)
    assert not verify_ceremony(scene.light(), where, drop, phase_1=False).initial_from_powers
    drop.path(terms.powers, POWERS).unlink()
    with pytest.raises(MissingFile, match="ptau"):
        verify_ceremony(scene.light(), where, drop)


def test_a_ceremony_of_more_rounds_than_this_build_makes_cannot_start(
    network: SmallNetwork, tmp_path: Path
) -> None:
    with pytest.raises(TransactionReverted, match="beacon's exponent is above"):
        begun(network, tmp_path, beacon_exponent=BEACON_EXPONENT_MAX + 1)


def test_a_folder_names_its_ceremony(tmp_path: Path) -> None:
    place = CeremonyPlace("equity", address("author"))
    save_place(tmp_path, place)
    assert load_place(tmp_path) == place
    assert (tmp_path / "ceremony.json").stat().st_mode & 0o777 == 0o644
    for text in ("", "[]", "{}", '{"format": "quorate ceremony 1", "group": "g", "contract": 5}'):
        (tmp_path / "ceremony.json").write_text(text)
        with pytest.raises(InvalidPlace):
            load_place(tmp_path)
    with pytest.raises(InvalidPlace, match="no ceremony was started"):
        load_place(tmp_path / "elsewhere")


def test_the_binding_answers_what_the_history_tells(scene: Scene) -> None:
    contract = CeremonyContract(scene.address)
    ask = scene.seat("author").desk.ask
    assert ask(contract.terms()) == scene.terms
    assert ask(contract.participants()) == tuple(address(name) for name in NAMES)
    assert ask(contract.head()) == scene.terms.initial
