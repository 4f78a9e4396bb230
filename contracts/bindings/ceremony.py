"""The contract of one ceremony: its calls, what stands in it, and its history from its logs.

All that ever happened is in the logs, and the contract's `digest` is a hash over it: who has that
one word proven needs to believe nobody about the logs (`replay`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode

from contracts.bindings.contract import (
    Call,
    Contract,
    Event,
    InvalidResult,
    Log,
    Query,
    log_from_rpc,
)
from contracts.compiler import compile_source
from contracts.interface import load_abi
from contracts.releases import current, releases_of
from ledger.values import Address, Hash32, keccak
from zkp.ceremony.points import PublicPoints
from zkp.curve.g2 import G2Point
from zkp.snarkjs.calldata import G2Words, g1_words, g2_words

SOURCE = "ceremony/ceremony.vy"
_CONTRACT = "ceremony"
PARTICIPANTS_MAX = 32
EVENTS_MAX = 4_096
"""More than a ceremony of that many participants can have, their objections included."""

_TERMS = "(bytes32,bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256)"
_POINTS = "(uint256[2],uint256[2][2],uint256[2],uint256[2],uint256[2][2],uint256[2][2])"
_KINDS = {"Started": 1, "Missed": 2, "Contributed": 3, "Finished": 4, "Objected": 5}


@dataclass(frozen=True)
class Terms:
    """What a ceremony is about, fixed at its start; the fields are explained in the source."""

    circuit: bytes
    constraints: bytes
    powers: bytes
    initial: bytes
    turn_s: int
    beacon_block: int
    beacon_exponent: int
    least: int


@dataclass(frozen=True)
class Step:
    """A recorded contribution; `beacon` is the block's hash where it is the beacon's."""

    key: bytes
    parent: bytes
    place: int
    points: PublicPoints
    block: int
    beacon: bytes | None = None


@dataclass(frozen=True)
class Record:
    """A ceremony's history: what stands, who missed its turn, what was taken back."""

    terms: Terms
    participants: tuple[Address, ...]
    steps: tuple[Step, ...]
    missed: tuple[int, ...]
    objections: tuple[tuple[int, bytes], ...]
    taken_back: tuple[Step, ...]
    digest: Hash32

    @property
    def head(self) -> bytes:
        """SHA-256 of the key that the next contribution is made of, or that came of it all."""
        return self.steps[-1].key if self.steps else self.terms.initial

    @property
    def finished(self) -> bool:
        """Whether the beacon's contribution stands."""
        return bool(self.steps) and self.steps[-1].beacon is not None

    @property
    def contributions(self) -> tuple[Step, ...]:
        """The participants' own, without the beacon's."""
        return tuple(step for step in self.steps if step.beacon is None)

    def contribution_of(self, place: int) -> Step | None:
        """The contribution of the participant at a place, None if none stands."""
        return next((step for step in self.contributions if step.place == place), None)


def ceremony_deploy_data(terms: Terms, participants: Sequence[Address]) -> bytes:
    """Data of the transaction that starts a ceremony."""
    accounts = ["0x" + entry.hex() for entry in participants]
    arguments = encode([_TERMS, "address[]"], [astuple(terms), accounts])
    return compile_source(SOURCE).creation + arguments


def is_ceremony(code_hash: Hash32) -> bool:
    """Whether this is the hash of a ceremony's code, of any release."""
    return any(release.code_hash == code_hash for release in releases_of(_CONTRACT))


def digest_slot() -> int:
    """Where in the contract's storage the hash over all that happened stands, in every release."""
    return current(_CONTRACT).slots["digest"]


def points_argument(points: PublicPoints) -> tuple[Any, ...]:
    """The struct `Points`."""
    return (
        g1_words(points.delta1),
        _rows(g2_words(points.delta2)),
        g1_words(points.g1_s),
        g1_words(points.g1_sx),
        _rows(g2_words(points.g2_sp)),
        _rows(g2_words(points.g2_spx)),
    )


@dataclass(frozen=True)
class CeremonyContract:
    """The contract at an address."""

    address: Address

    @cached_property
    def contract(self) -> Contract:
        """The general binding, for events and other names."""
        return Contract(self.address, load_abi(SOURCE))

    def contribute(self, parent: bytes, key: bytes, points: PublicPoints) -> Call:
        """By a participant in its turn; keys by the SHA-256 of their files."""
        return self.contract.call("contribute", parent, key, points_argument(points))

    def finish(self, parent: bytes, key: bytes, beacon: bytes, points: PublicPoints) -> Call:
        """By a participant, once the beacon's block is there."""
        return self.contract.call("finish", parent, key, beacon, points_argument(points))

    def object_to(self, key: bytes) -> Call:
        """By a participant: the last contribution is not to stand."""
        return self.contract.call("object_to", key)

    def terms(self) -> Query[Terms]:
        """What was fixed at the start."""
        return self.contract.query("terms").then(lambda fields: Terms(**fields))

    def participants(self) -> Query[tuple[Address, ...]]:
        """Their accounts in order."""
        return self.contract.query("all_participants")

    def start_block(self) -> Query[int]:
        """The block that the ceremony began in."""
        return self.contract.query("start_block")

    def turn(self) -> Query[int]:
        """The place of the participant whose turn it is; their count when all had theirs."""
        return self.contract.query("turn")

    def turn_began(self) -> Query[int]:
        """Since when, in seconds since 1970."""
        return self.contract.query("turn_began")

    def head(self) -> Query[bytes]:
        """SHA-256 of the last key."""
        return self.contract.query("head")

    def final_key(self) -> Query[bytes]:
        """SHA-256 of the finished key, zeros before."""
        return self.contract.query("final_key")

    def replay(self, entries: Sequence[Any]) -> Record:
        """The history from the contract's logs as JSON-RPC gives them, all and in order.

        Compare its `digest` with the contract's: they differ if a log was left out or altered.
        Raises InvalidResult, and InvalidValue for a form that is no log's.
        """
        if not 1 <= len(entries) <= EVENTS_MAX:
            raise InvalidResult(f"expected 1 to {EVENTS_MAX} logs of the ceremony: {len(entries)}")
        logs: list[Log] = [log_from_rpc(entry) for entry in entries]
        events = self.contract.decode_events(logs)
        blocks = [int(entries[event.position]["blockNumber"], 16) for event in events]
        return replay_events(list(zip(events, blocks, strict=True)))


def replay_events(happened: Sequence[tuple[Event, int]]) -> Record:
    """The history from decoded events and the blocks that they stand in."""
    if not happened or happened[0][0].name != "Started":
        raise InvalidResult("expected the ceremony's start as its first event")
    began = happened[0][0].arguments
    terms, participants = Terms(**began["terms"]), tuple(began["participants"])
    steps: list[Step] = []
    taken_back: list[Step] = []
    missed: list[int] = []
    objections: list[tuple[int, bytes]] = []
    for event, block in happened[1:]:
        found = event.arguments
        if event.name == "Missed":
            missed.append(found["place"])
        elif event.name in ("Contributed", "Finished"):
            steps.append(_step(found, block))
        elif event.name == "Objected":
            objections.append((found["place"], found["key"]))
            if found["taken_back"]:
                if not steps:
                    raise InvalidResult("a contribution is taken back that was never made")
                taken_back.append(steps.pop())
        else:
            raise InvalidResult("the ceremony starts a second time")
    return Record(
        terms,
        participants,
        tuple(steps),
        tuple(missed),
        tuple(objections),
        tuple(taken_back),
        _digest_of(happened),
    )


def _digest_of(happened: Iterable[tuple[Event, int]]) -> Hash32:
    digest = Hash32(bytes(32))
    for event, block in happened:
        words = (digest, _KINDS[event.name], block, _content(event))
        digest = keccak(encode(["bytes32", "uint256", "uint256", "bytes32"], words))
    return digest


def _content(event: Event) -> bytes:
    """The hash of what an event says, as the contract makes it."""
    found = event.arguments
    if event.name == "Missed":
        return int(found["place"]).to_bytes(32)
    if event.name == "Started":
        accounts = ["0x" + entry.hex() for entry in found["participants"]]
        terms = tuple(found["terms"].values())
        return keccak(encode([_TERMS, "address[]"], [terms, accounts]))
    if event.name == "Objected":
        words = (found["place"], found["key"], found["taken_back"])
        return keccak(encode(["uint256", "bytes32", "bool"], words))
    beacon = found.get("beacon", bytes(32))
    values = (
        found["place"],
        found["parent"],
        found["key"],
        beacon,
        tuple(found["points"].values()),
    )
    return keccak(encode(["uint256", "bytes32", "bytes32", "bytes32", _POINTS], values))


def _step(found: Any, block: int) -> Step:
    points = found["points"]
    return Step(
        key=found["key"],
        parent=found["parent"],
        place=found["place"],
        points=PublicPoints(
            delta1=points["delta1"],
            delta2=_twisted(points["delta2"]),
            g1_s=points["g1_s"],
            g1_sx=points["g1_sx"],
            g2_sp=_twisted(points["g2_sp"]),
            g2_spx=_twisted(points["g2_spx"]),
        ),
        block=block,
        beacon=found.get("beacon"),
    )


def _rows(words: G2Words) -> tuple[tuple[int, int], tuple[int, int]]:
    return words[:2], words[2:]


def _twisted(rows: Any) -> G2Point:
    (x1, x0), (y1, y0) = rows
    return (x0, x1), (y0, y1)
