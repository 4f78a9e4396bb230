"""Decoding in the crate against `ledger/transactions.py`: one meaning for any bytes."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import encode
from ledger.engine import decode_each
from ledger.native import NativeEngine, is_available
from ledger.suite import CURVE_ORDER, STANDARD, KeySigner
from ledger.transactions import InvalidTransaction, Transaction, recover_sender
from ledger.values import keccak
from tests.native.programs import signed

pytestmark = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")

SIGNER = KeySigner(STANDARD, keccak(b"a key"))


def some(seed, kind):
    chance = Random(seed)
    access = [
        (chance.randbytes(20), tuple(chance.getrandbits(256) for _ in range(chance.randrange(3))))
        for _ in range(chance.randrange(3))
    ]
    fields = {
        "chain_id": chance.choice((1, 77_001, 2**48)),
        "nonce": chance.choice((0, 127, 128, 2**64 - 1)),
        "fee": chance.choice((0, 0, 10**9, 2**256 - 1)),
        "gas": chance.choice((0, 21_000, 2**40)),
        "to": chance.choice((None, chance.randbytes(20))),
        "value": chance.choice((0, 1, 2**255)),
        "data": chance.randbytes(chance.choice((0, 1, 55, 56, 300))),
        "access": access if kind else (),
    }
    return signed(SIGNER, kind, fields)


def meaning(decoded):
    if isinstance(decoded, InvalidTransaction):
        return decoded.code
    try:
        sender = recover_sender(decoded, STANDARD)
    except InvalidTransaction as error:
        sender = error.code
    return decoded, decoded.hash, decoded.intrinsic_gas, sender


def assert_same(raw):
    [expected] = decode_each([raw])
    [found] = NativeEngine().decode([raw])
    assert meaning(found) == meaning(expected)
    return found


@given(seed=st.integers(0, 2**32), kind=st.sampled_from([0, 1, 2]))
def test_what_is_signed_is_decoded(seed, kind):
    found = assert_same(some(seed, kind))
    assert isinstance(found, Transaction)
    assert found._senders == {"standard": SIGNER.address}


@given(
    seed=st.integers(0, 200),
    kind=st.sampled_from([0, 1, 2]),
    place=st.integers(0, 400),
    value=st.binary(max_size=3),
    cut=st.integers(0, 3),
)
def test_altered_bytes_have_the_same_meaning(seed, kind, place, value, cut):
    raw = some(seed, kind)
    place %= len(raw)
    assert_same(raw[:place] + value + raw[place + cut :])


@pytest.mark.parametrize("parity", [0, 1, 2])
@pytest.mark.parametrize("r", [0, 1, 5, CURVE_ORDER - 1, CURVE_ORDER, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, CURVE_ORDER // 2, CURVE_ORDER // 2 + 1])
def test_signatures_at_the_edges(parity, r, s):
    assert_same(b"\x02" + encode([1, 0, 0, 0, 21_000, b"\1" * 20, 0, b"", [], parity, r, s]))


@given(st.binary(max_size=60))
def test_any_bytes(raw):
    assert_same(raw)


@pytest.mark.parametrize(
    "legacy_v", [0, 26, 27, 28, 29, 34, 35, 36, 37, 38, 2**64 - 1, 2**64, 2**70]
)
def test_legacy_chain_ids(legacy_v):
    assert_same(encode([0, 0, 21_000, b"\1" * 20, 0, b"", legacy_v, 7, 9]))
