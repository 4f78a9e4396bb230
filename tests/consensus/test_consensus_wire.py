"""Messages and log entries: one encoding each, bounded, and nothing but InvalidMessage for junk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.entries import (
    BatchEntry,
    CheckpointEntry,
    LogEntry,
    MarkEntry,
    PreparedEntry,
    ViewEntry,
    VoteEntry,
)
from consensus.log_codec import InvalidEntry, decode_entry, encode_entry
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Signed,
    ViewChange,
)
from consensus.wire import MESSAGE_BYTES_MAX, InvalidMessage, decode_signed, encode_signed
from ledger.certificate import Certificate
from ledger.codec import decode_list, encode
from ledger.proposal import null_request, propose
from tests.simulation.fake_suite import FAKE

numbers = st.integers(0, 2**64 - 1)
hashes = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
signatures = st.binary(min_size=65, max_size=65)
signer_lists = st.lists(st.tuples(addresses, signatures), max_size=3)


def test_a_proposal_travels_beside_its_vote_and_is_no_part_of_it() -> None:
    body = null_request(FAKE, group=FAKE.hash(b"group"), epoch=0, sequence=1)
    with_body, without = (PrePrepare(0, 0, 1, body.digest, body), PrePrepare(0, 0, 1, body.digest))
    assert with_body == without
    assert (with_body != without) is False
    assert hash(with_body) == hash(without)
    assert with_body != PrePrepare(0, 0, 2, body.digest, body)
    assert with_body != Prepare(0, 0, 1, body.digest)


def proposals() -> st.SearchStrategy:
    return st.builds(
        lambda group, epoch, sequence, view, proposer, time, txs: propose(
            FAKE,
            group=group,
            epoch=epoch,
            sequence=sequence,
            origin_view=view,
            proposer=proposer,
            timestamp_ms=time,
            transactions=tuple(txs),
        ),
        hashes,
        numbers,
        numbers,
        numbers,
        addresses,
        numbers,
        st.lists(st.binary(max_size=40), max_size=3),
    ) | st.builds(
        lambda group, epoch, sequence: null_request(
            FAKE, group=group, epoch=epoch, sequence=sequence
        ),
        hashes,
        numbers,
        numbers,
    )


def split(pairs: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


certificates = st.builds(
    lambda e, n, h, pairs: Certificate(e, n, h, *split(pairs)),
    numbers,
    numbers,
    hashes,
    signer_lists,
)
prepared = st.builds(
    lambda e, v, s, d, pairs: PreparedCertificate(e, v, s, d, *split(pairs)),
    numbers,
    numbers,
    numbers,
    hashes,
    signer_lists,
)
votes = st.builds(
    lambda kind, *place: kind(*place),
    st.sampled_from([PrePrepare, Prepare, Commit]),
    numbers,
    numbers,
    numbers,
    hashes,
)
checkpoints = st.builds(Checkpoint, numbers, numbers, hashes)
view_changes = st.builds(
    ViewChange,
    numbers,
    numbers,
    st.none() | certificates,
    st.lists(prepared, max_size=2).map(tuple),
)
new_views = st.builds(
    NewView,
    numbers,
    numbers,
    st.lists(st.builds(Signed, view_changes, addresses, signatures), max_size=2).map(tuple),
    numbers,
    st.lists(hashes, max_size=3).map(tuple),
)
positions = st.builds(Position, numbers, numbers, st.booleans(), st.none() | certificates)
with_bodies = st.builds(
    lambda body, epoch, view, sequence: PrePrepare(epoch, view, sequence, body.digest, body),
    proposals(),
    numbers,
    numbers,
    numbers,
)
messages = votes | checkpoints | view_changes | new_views | positions | with_bodies
signed_messages = st.builds(Signed, messages, addresses, signatures)
entries = (
    st.builds(BatchEntry, proposals())
    | st.builds(VoteEntry, votes | view_changes | new_views)
    | st.builds(PreparedEntry, prepared)
    | st.builds(CheckpointEntry, checkpoints, hashes)
    | st.builds(ViewEntry, st.builds(Signed, new_views, addresses, signatures))
    | st.builds(MarkEntry, certificates)
)


def body_of(message: Message) -> object:
    return message.proposal if isinstance(message, PrePrepare) else None


@settings(max_examples=150)
@given(signed_messages)
def test_a_message_survives_the_wire(signed: Signed) -> None:
    again = decode_signed(FAKE, encode_signed(signed))
    assert again == signed
    assert body_of(again.message) == body_of(signed.message)


@settings(max_examples=100)
@given(entries)
def test_an_entry_survives_the_log(entry: LogEntry) -> None:
    assert decode_entry(FAKE, encode_entry(entry)) == entry


@settings(max_examples=200)
@given(signed_messages, st.integers(0, 10_000), st.integers(0, 255))
def test_an_altered_message_is_another_one_or_invalid(
    signed: Signed, position: int, byte: int
) -> None:
    data = bytearray(encode_signed(signed))
    data[position % len(data)] = byte
    try:
        again = decode_signed(FAKE, bytes(data))
    except InvalidMessage:
        return
    assert encode_signed(again) == bytes(data)


@settings(max_examples=100)
@given(entries)
def test_an_entry_with_a_field_more_is_invalid(entry: LogEntry) -> None:
    kind, fields = decode_list(encode_entry(entry), bytes_max=MESSAGE_BYTES_MAX)
    assert isinstance(fields, list)
    with pytest.raises(InvalidEntry):
        decode_entry(FAKE, encode([kind, [*fields, b""]]))


@given(st.binary(max_size=200))
def test_junk_is_invalid(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_signed(FAKE, data)
    with pytest.raises(InvalidEntry):
        decode_entry(FAKE, data)


def test_a_message_over_the_bound_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="at most"):
        decode_signed(FAKE, bytes(MESSAGE_BYTES_MAX + 1))


def test_a_body_of_another_digest_is_refused() -> None:
    body = null_request(FAKE, group=FAKE.hash(b"g"), epoch=0, sequence=1)
    message = PrePrepare(0, 0, 1, FAKE.hash(b"another"), proposal=body)
    with pytest.raises(InvalidMessage, match="digest"):
        decode_signed(FAKE, encode_signed(Signed(message, bytes(20), bytes(65))))


def test_a_new_view_nests_view_changes_only() -> None:
    inner = Signed(NewView(0, 1, (), 1, ()), bytes(20), bytes(65))
    for _ in range(30):
        inner = Signed(NewView(0, 1, (inner,), 1, ()), bytes(20), bytes(65))
    with pytest.raises(InvalidMessage):
        decode_signed(FAKE, encode_signed(inner))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="kind"):
        decode_signed(FAKE, encode([99, [], bytes(20), bytes(65), b""]))
