"""What made a call fail has one name, whichever engine traces it."""

import pytest

from ledger.gate import SystemGate
from ledger.native import NativeEngine, is_available
from ledger.pyevm import PyEvmEngine
from ledger.state import Account, Overlay, Writes
from ledger.values import keccak
from tests.native.test_native_storage_updates import CONTRACT, block_of, first_state

pytestmark = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("6003565b00", None),
        ("600056", "invalid jump destination"),
        ("600456605b", "invalid jump destination"),
        ("6001600656605b", "invalid jump destination"),
        ("6001600657605b", "invalid jump destination"),
        ("fe", "invalid opcode"),
        ("01", "stack underflow or overflow"),
        ("5b600056", "out of gas"),
    ],
)
def test_a_failure_has_one_name(code, words):
    run = bytes.fromhex(code)
    account = Account(nonce=1, code_hash=keccak(run))
    before = first_state()
    writes = Writes(before.root, accounts={CONTRACT: account}, codes={keccak(run): run})
    env, batch = block_of(0, {1: 1})
    for engine in (PyEvmEngine(), NativeEngine()):
        tree = engine.trace(env, SystemGate(), batch, 0, Overlay(before, writes))
        assert tree.get("error") == words, engine.name
