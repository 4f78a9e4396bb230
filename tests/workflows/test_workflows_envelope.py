"""Envelopes open for one receiver and one transfer, and only unaltered."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.values import Hash32
from workflows.equity_transfer.envelope import (
    InvalidEnvelope,
    InvalidEnvelopeKey,
    Route,
    digest,
    load_private_key,
    new_private_key,
    overhead_bytes,
    plaintext_bytes_max,
    public_key_of,
    save_private_key,
    seal,
    unseal,
)

KEY = new_private_key()
ROUTE = Route(Hash32(b"\1" * 32), "market", "tax", b"\2" * 16)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_sealed_text_opens_for_its_receiver(plaintext: bytes) -> None:
    envelope = seal(plaintext, public_key_of(KEY), ROUTE)
    assert len(envelope) == len(plaintext) + overhead_bytes
    assert unseal(envelope, KEY, ROUTE) == plaintext


def test_the_same_text_never_looks_the_same() -> None:
    one, two = (seal(b"details", public_key_of(KEY), ROUTE) for _ in range(2))
    assert one != two
    assert digest(one) != digest(two)


def test_another_receiver_cannot_open_it() -> None:
    envelope = seal(b"details", public_key_of(KEY), ROUTE)
    with pytest.raises(InvalidEnvelope):
        unseal(envelope, new_private_key(), ROUTE)


@pytest.mark.parametrize(
    "other",
    [
        replace(ROUTE, group=Hash32(b"\3" * 32)),
        replace(ROUTE, sender="tax"),
        replace(ROUTE, receiver="audit"),
        replace(ROUTE, transfer_id=b"\4" * 16),
        replace(ROUTE, sender="markett", receiver="ax"),
    ],
)
def test_it_opens_on_no_other_route(other: Route) -> None:
    envelope = seal(b"details", public_key_of(KEY), ROUTE)
    with pytest.raises(InvalidEnvelope):
        unseal(envelope, KEY, other)


def test_any_flipped_byte_is_found() -> None:
    envelope = seal(b"details", public_key_of(KEY), ROUTE)
    for place in range(len(envelope)):
        altered = bytearray(envelope)
        altered[place] ^= 0x40
        with pytest.raises(InvalidEnvelope):
            unseal(bytes(altered), KEY, ROUTE)


def test_sizes_are_bounded() -> None:
    with pytest.raises(InvalidEnvelope):
        seal(bytes(plaintext_bytes_max + 1), public_key_of(KEY), ROUTE)
    for size in (0, overhead_bytes - 1, plaintext_bytes_max + overhead_bytes + 1):
        with pytest.raises(InvalidEnvelope):
            unseal(bytes(size), KEY, ROUTE)


def test_an_unregistered_key_is_named() -> None:
    with pytest.raises(InvalidEnvelopeKey, match="registered"):
        seal(b"details", bytes(32), ROUTE)


def test_key_files_are_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "envelope.key"
    save_private_key(path, KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path) == KEY
    path.chmod(0o640)
    with pytest.raises(InvalidEnvelopeKey, match="600"):
        load_private_key(path)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(InvalidEnvelopeKey):
        load_private_key(path)
