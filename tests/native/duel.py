"""Random blocks on both engines, compared after each: what the differential tests and the fuzz run.

The long run, its coverage and the replay of one seed are `tests/fuzz/engines.py`.
"""

import collections
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ledger.commitment import commit
from ledger.engine import (
    BlockResult,
    Candidate,
    Engine,
    Environment,
    MalformedInput,
    Message,
    Precompile,
    candidates,
)
from ledger.gate import (
    FROZEN_BIT,
    GATE_CONTRACT,
    Role,
    SystemGate,
    permission_slot,
    permission_word,
)
from ledger.native import NativeEngine
from ledger.parameters import Parameters
from ledger.pyevm import PyEvmEngine
from ledger.state import EMPTY_STATE, Account, Overlay, StateReader
from ledger.store import Outcome, encode_included
from ledger.suite import STANDARD, KeySigner
from ledger.validity import INIT_CODE_BYTES_MAX
from ledger.values import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Address, keccak
from node.engines import CURVE_PRECOMPILES, OWN_PRECOMPILES
from tests.native.precompile_inputs import PRECOMPILE_INPUTS
from tests.native.programs import CHAIN_ID, Programs, init_code, signed

GATE_CODE = bytes.fromhex("6020355f35555f80f3")
"""Stands for the accounts contract: stores word 1 of the call data in the slot of word 0."""
OWN = Address((0x7100).to_bytes(20))
ROLES = {
    "member": (Role.MEMBER,),
    "author": (Role.AUTHOR,),
    "admin": (Role.ADMIN, Role.MEMBER),
    "gateway": (Role.GATEWAY,),
    "regulator": (Role.REGULATOR,),
    "frozen": (Role.MEMBER,),
    "stranger": (),
    "contract": (Role.MEMBER,),
}
BLOCK_GAS = 8_000_000
PARAMETERS = Parameters(chain_id=CHAIN_ID)


def _own_run(data: bytes) -> bytes:
    if len(data) % 2:
        raise MalformedInput("expected an even number of bytes")
    return keccak(data)


PRECOMPILES = {
    OWN: Precompile(gas=lambda data: 100 + 3 * len(data), run=_own_run),
    **OWN_PRECOMPILES,
}
PYTHON_PRECOMPILES = {**PRECOMPILES, **CURVE_PRECOMPILES}
"""As a node's py-evm has them: in plain Python, whatever is built."""


INPUTS = {
    **PRECOMPILE_INPUTS,
    OWN: lambda random: random.randbytes(random.randrange(80)),
}
BLOCKS = 6
"""Of one seed in a long run: state is carried from each to the next."""
TRANSACTIONS_OF_BLOCK = 12


class Difference(AssertionError):
    """The engines do not agree: the seed that brings it back, where, and on what."""

    def __init__(self, seed: int, where: str, what: str) -> None:
        super().__init__(
            f"seed {seed}, {where}: {what}\n"
            f"replay: python -m tests.fuzz.engines --seed {seed} --duels 1"
        )
        self.what = what


@dataclass
class Duel:
    """A state, the keys that send, and both engines on it."""

    seed: int
    native: Engine = field(default_factory=lambda: NativeEngine(PRECOMPILES))
    reference: Engine = field(default_factory=lambda: PyEvmEngine(PYTHON_PRECOMPILES))
    counts: collections.Counter[str] = field(default_factory=collections.Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.number = 1
        self.keys = {
            name: KeySigner(STANDARD, keccak(f"{name} of {self.seed}".encode())) for name in ROLES
        }
        contracts = [Address(bytes([0xC0 + index]) * 20) for index in range(10)]
        self.contracts = contracts
        self.known = (
            *contracts,
            *(key.address for key in self.keys.values()),
            OWN,
            GATE_CONTRACT,
        )
        self.programs = Programs(self.random, self.known, INPUTS)
        self.states: dict[str, StateReader] = dict.fromkeys(
            (self.native.name, self.reference.name), self._genesis()
        )

    def _genesis(self) -> StateReader:
        accounts: dict[Address, Account | None] = {}
        storage: dict[Address, dict[int, int]] = {}
        codes = {}

        def deploy(address: Address, code: bytes, slots: dict[int, int]) -> None:
            codes[keccak(code)] = code
            balance = self.random.choice((0, 10**6))
            accounts[address] = Account(1, balance, EMPTY_TRIE_ROOT, keccak(code))
            storage[address] = slots

        for address in self.contracts:
            slots = {slot: self.random.randrange(1, 9) for slot in range(self.random.randrange(5))}
            deploy(address, self.programs.code(), slots)
        words = {
            permission_slot(key.address): permission_word(
                *ROLES[name], organisation=1, frozen=name == "frozen"
            )
            for name, key in self.keys.items()
        }
        words[permission_slot(self.contracts[0])] = FROZEN_BIT
        deploy(GATE_CONTRACT, GATE_CODE, words)
        for name, key in self.keys.items():
            code = b"\x00" if name == "contract" else b""
            codes[keccak(code)] = code
            code_hash = keccak(code) if code else EMPTY_CODE_HASH
            accounts[key.address] = Account(0, 10**24, EMPTY_TRIE_ROOT, code_hash)
        # Nothing can be deployed over storage, although there is neither nonce nor code.
        taken = Address(keccak(b"\xd6\x94" + self.keys["author"].address + b"\x07")[12:])
        accounts[taken] = Account(0, 1, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH)
        storage[taken] = {0: 1}
        writes = commit(
            EMPTY_STATE, accounts=accounts, storage=storage, codes=codes, cleared=frozenset()
        )
        return Overlay(EMPTY_STATE, writes)

    def raw_transactions(self, count: int) -> list[bytes]:
        """A batch for the next block; most of it is good, each reason to drop some has its turn."""
        state = self.states[self.reference.name]
        nonces = {
            name: (state.account(key.address) or Account()).nonce for name, key in self.keys.items()
        }
        return [self._raw(nonces) for _ in range(count)]

    def _raw(self, nonces: dict[str, int]) -> bytes:
        pick = self.random
        weights = {"member": 8, "author": 6, "admin": 5, "gateway": 4, "regulator": 1}
        name = pick.choices(list(ROLES), [weights.get(role, 0.5) for role in ROLES])[0]
        to: Address | None = pick.choice((*self.contracts, *self.known))
        if pick.random() < 0.2 and name in ("author", "admin", "member"):
            to = None
        data = pick.randbytes(pick.choice((0, 4, 32, 64, 100)))
        if to is None:
            inner = self.programs.code()
            data = init_code(inner) if pick.random() < 0.7 else inner
        if to == GATE_CONTRACT or name == "regulator":
            to = GATE_CONTRACT if pick.random() < 0.7 else to
            frozen = pick.choice((0, FROZEN_BIT))
            data = permission_slot(pick.choice(self.contracts)).to_bytes(32) + frozen.to_bytes(32)
        access = tuple(
            (pick.choice(self.known), tuple(pick.randrange(5) for _ in range(pick.randrange(3))))
            for _ in range(pick.choice((0, 0, 1, 3)))
        )
        kind = pick.choice((0, 1, 2, 2))
        fields: dict[str, Any] = {
            "chain_id": CHAIN_ID,
            "nonce": nonces[name],
            "fee": 0,
            "gas": pick.choice((90_000, 300_000, 700_000, 700_000)),
            "to": to,
            "value": pick.choice((0, 0, 0, 1, 1_000)),
            "data": data,
            "access": access if kind else (),
        }
        if pick.random() < 0.2:
            return self._spoilt(name, kind, fields)
        nonces[name] += 1
        return signed(self.keys[name], kind, fields)

    def _spoilt(self, name: str, kind: int, fields: dict[str, Any]) -> bytes:
        pick, nonce = self.random, fields["nonce"]
        changes: list[dict[str, Any]] = [
            {"nonce": nonce + pick.randint(1, 3)},
            {"nonce": max(0, nonce - 1)},
            {"nonce": 2**64 - 1},
            {"chain_id": CHAIN_ID + 1},
            {"fee": 1},
            {"gas": 20_999},
            {"gas": 2**63},
            {"value": 2**200},
            {"gas": BLOCK_GAS},
            {"to": None, "data": bytes(INIT_CODE_BYTES_MAX + 1), "gas": 4_000_000},
            {"data": b"\x01" * (PARAMETERS.transaction_bytes_max + 1), "gas": 4_000_000},
            {"to": None},
        ]
        change = pick.randrange(len(changes) + 3)
        if change < len(changes):
            return signed(self.keys[name], kind, {**fields, **changes[change]})
        raw = bytearray(signed(self.keys[name], 2, {**fields, "access": ()}))
        if change == len(changes):
            return b"\x03" + bytes(raw[1:])
        if change == len(changes) + 1:
            return bytes(raw[:-1])
        raw[-65:-33] = pick.randbytes(16) + b"\xff" * 16  # another r: nobody's, or a stranger's
        return bytes(raw)

    def run(self) -> None:
        """Some blocks with a call after each; raises Difference."""
        for _ in range(BLOCKS):
            self.block(TRANSACTIONS_OF_BLOCK)
            self.call()

    def block(self, count: int = 12) -> BlockResult:
        """Runs a block on both; raises Difference."""
        raw = self.raw_transactions(count)
        expected, got = self._execute(raw)
        if (found := self._difference(expected, got)) is not None:
            raise Difference(self.seed, f"block {self.number}", f"{found}\n{self._least(raw)}")
        self._count(expected)
        parents = dict(self.states)
        for name, result in ((self.reference.name, expected), (self.native.name, got)):
            self.states[name] = Overlay(self.states[name], result.writes)
        if expected.included:
            index = self.random.choice(expected.included).batch_index
            self._compare_traces(self._candidates(self.reference, raw), index, parents)
        self.number += 1
        return expected

    def _execute(self, raw: Sequence[bytes]) -> tuple[BlockResult, BlockResult]:
        """What the reference and the native engine make of a batch, each decoding for itself."""
        env = self._environment()
        expected, got = (
            engine.execute_block(
                env, SystemGate(), self._candidates(engine, raw), self.states[engine.name]
            )
            for engine in (self.reference, self.native)
        )
        return expected, got

    def _candidates(self, engine: Engine, raw: Sequence[bytes]) -> tuple[Candidate, ...]:
        return candidates(raw, PARAMETERS, engine.decode)

    def _least(self, raw: list[bytes]) -> str:
        """The transactions of a block that are needed for its difference, in hex."""
        needed = list(raw)
        for one in raw:
            fewer = [other for other in needed if other is not one]
            if self._difference(*self._execute(fewer)) is not None:
                needed = fewer
        lines = (f"  {raw.index(one)}: {one.hex()}" for one in needed)
        return "\n".join((f"still differs with {len(needed)} of {len(raw)} transactions:", *lines))

    def _environment(self) -> Environment:
        return Environment(
            number=self.number,
            timestamp=1_700_000_000 + self.number,
            coinbase=self.keys["stranger"].address,
            gas_limit=BLOCK_GAS,
            chain_id=CHAIN_ID,
            ancestor_hash=lambda number: keccak(number.to_bytes(8)),
        )

    def _difference(self, expected: BlockResult, got: BlockResult) -> str | None:
        """The first thing in which the results differ, the reference's first, or None."""
        for what in ("dropped", "included", "receipts"):
            ones, others = getattr(expected, what), getattr(got, what)
            if len(ones) != len(others):
                return f"{len(ones)} {what} but {len(others)}"
            for place, (one, other) in enumerate(zip(ones, others, strict=True)):
                if one != other:
                    entry = expected.included[place] if what == "receipts" else one
                    return f"transaction {entry.batch_index}, {what}: {one} but {other}"
        kept = encode_included(Outcome(expected.included, expected.receipts, ()))
        for what, one, other in (
            ("lists", expected.lists, got.lists),
            ("kept", kept, got.kept),
            ("pairs", _pairs(expected), _pairs(got)),
        ):
            if one != other:
                return f"{what}: {one} but {other}"
        for what in ("accounts", "storage", "codes", "cleared", "root"):
            one, other = getattr(expected.writes, what), getattr(got.writes, what)
            if one != other:
                return f"{what}: {one} but {other}"
        return None

    def _compare_traces(
        self, batch: Sequence[Candidate], index: int, parents: dict[str, StateReader]
    ) -> None:
        env = self._environment()
        one, other = (
            engine.trace(env, SystemGate(), batch, index, parents[engine.name])
            for engine in (self.reference, self.native)
        )
        if one != other:
            where = f"block {self.number}, trace of transaction {index}"
            raise Difference(self.seed, where, f"{one} but {other}")

    def call(self) -> None:
        """A message that is no transaction, on both; raises Difference."""
        creates = self.random.random() < 0.2
        message = Message(
            sender=self.random.choice(self.known),
            to=None if creates else self.random.choice(self.known),
            data=self.programs.code() if creates else self.random.randbytes(36),
            gas=self.random.choice((20_000, 60_000, 400_000)),
            value=self.random.choice((0, 0, 1, 10**30)),
        )
        answers = []
        for engine in (self.reference, self.native):
            state = self.states[engine.name]
            answer = engine.call(self._environment(), SystemGate(), message, state)
            answers.append((answer.output, answer.gas_used, answer.error, answer.reverted))
        self.counts["calls"] += 1
        if answers[0] != answers[1]:
            raise Difference(self.seed, f"{message}", f"{answers[0]} but {answers[1]}")

    def _count(self, result: BlockResult) -> None:
        self.counts["transactions"] += len(result.included)
        self.counts["succeeded"] += sum(receipt.status for receipt in result.receipts)
        self.counts["logs"] += sum(len(receipt.logs) for receipt in result.receipts)
        for dropped in result.dropped:
            self.counts[f"dropped {dropped.reason}"] += 1


def _pairs(result: BlockResult) -> dict[bytes, bytes | None]:
    """What a store puts down; engines may pass other trie nodes on the way to the same root."""
    found = result.writes.pairs(b"account", b"slot", b"code", b"node")
    return {key: value for key, value in found.items() if not key.startswith(b"node")}
