"""Hundreds of slots written at once: the Rust trie shares them out, and reads nodes in bulk."""

from random import Random

import pytest

from ledger.commitment import commit
from ledger.engine import Candidate, Environment
from ledger.gate import GATE_CONTRACT, Role, SystemGate, permission_slot, permission_word
from ledger.native import NativeEngine, is_available
from ledger.pyevm import PyEvmEngine
from ledger.state import EMPTY_STATE, Account, Overlay
from ledger.values import Address, keccak
from tests.unsigned import unsigned

pytestmark = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")

SENDER, CONTRACT = Address(b"\xaa" * 20), Address(b"\xbb" * 20)
WRITER = bytes.fromhex("5f5b368110156017578060200135813555604001600156" + "5b00")
"""Stores each second word of the call data in the slot that the word before it names."""
GAS = 30_000_000


class Counting:
    """A state that counts how often it is asked for nodes, and for how many."""

    def __init__(self, state):
        self._state = state
        self.questions = self.nodes_asked = 0

    def __getattr__(self, name):
        return getattr(self._state, name)

    def nodes(self, node_hashes):
        self.questions += 1
        self.nodes_asked += len(node_hashes)
        return self._state.nodes(node_hashes)


def first_state():
    writes = commit(
        EMPTY_STATE,
        accounts={
            GATE_CONTRACT: Account(nonce=1),
            CONTRACT: Account(nonce=1, code_hash=keccak(WRITER)),
        },
        storage={
            GATE_CONTRACT: {permission_slot(SENDER): permission_word(Role.MEMBER, organisation=1)}
        },
        codes={keccak(WRITER): WRITER},
        cleared=frozenset(),
    )
    return Overlay(EMPTY_STATE, writes)


def block_of(nonce, slots):
    data = b"".join(slot.to_bytes(32) + value.to_bytes(32) for slot, value in slots.items())
    transaction = unsigned(nonce, CONTRACT, data, GAS)
    env = Environment(nonce + 1, 1, Address(bytes(20)), GAS, 1, lambda _: keccak(b""))
    return env, [Candidate(0, transaction.hash, transaction, SENDER, None)]


@pytest.mark.parametrize("kept", [True, False])
def test_roots_are_equal_with_and_without_a_cache(kept):
    random = Random(7)
    pool = [random.randrange(2**256) for _ in range(500)]
    reference, native = PyEvmEngine(), NativeEngine()
    ours = theirs = first_state()
    questions = nodes_asked = 0
    for nonce in range(4):
        slots = {slot: random.choice((0, 1, 2**255)) for slot in random.sample(pool, 300)}
        env, batch = block_of(nonce, slots)
        native = native if kept else NativeEngine()
        counted = Counting(ours)
        got = native.execute_block(env, SystemGate(), batch, counted)
        expected = reference.execute_block(env, SystemGate(), batch, theirs)
        assert got.receipts[0].status == 1
        assert got.state_root == expected.state_root
        assert got.lists == expected.lists
        assert got.writes.storage == expected.writes.storage
        questions += counted.questions
        nodes_asked += counted.nodes_asked
        ours, theirs = Overlay(ours, got.writes), Overlay(theirs, expected.writes)
    if kept:
        assert nodes_asked < 10, "what a block wrote is known to the next"
    else:
        assert nodes_asked > 300
        assert questions * 4 < nodes_asked, "a level is one question"


def test_a_storage_that_empties_ends_at_the_empty_root():
    native, state = NativeEngine(), first_state()
    slots = dict.fromkeys(range(1000, 1200), 5)
    for nonce, values in enumerate((slots, dict.fromkeys(slots, 0))):
        env, batch = block_of(nonce, values)
        result = native.execute_block(env, SystemGate(), batch, state)
        state = Overlay(state, result.writes)
    assert state.account(CONTRACT) == first_state().account(CONTRACT)
