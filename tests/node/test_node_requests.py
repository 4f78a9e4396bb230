"""Bytes between members: what is encoded is decoded, anything else is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import InvalidEncoding, encode
from ledger.values import Hash32
from node.gossip import GOSSIP_COUNT_MAX, MICRO_BATCH_BYTES, decode_gossip, encode_gossip
from node.requests import (
    BLOCKS_COUNT_MAX,
    BatchAnswer,
    BatchRequest,
    BlocksAnswer,
    BlocksRequest,
    EnvelopeDelivery,
    EnvelopeReceipt,
    HeaderAnswer,
    HeaderRequest,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

HASHES = st.binary(min_size=32, max_size=32).map(Hash32)
NAMES = st.text("abcxyz-", max_size=64)
REQUESTS = st.one_of(
    st.builds(BlocksRequest, st.integers(0, 2**63), st.integers(1, BLOCKS_COUNT_MAX)),
    st.builds(BatchRequest, HASHES),
    st.builds(EnvelopeDelivery, NAMES, st.binary(max_size=300)),
    st.builds(HeaderRequest, st.integers(0, 2**63), HASHES),
)
PAIRS = st.tuples(st.binary(max_size=80), st.binary(max_size=80))
ANSWERS = st.one_of(
    st.builds(BlocksAnswer, st.lists(PAIRS, max_size=5).map(tuple)),
    st.builds(BatchAnswer, st.binary(max_size=200)),
    st.builds(EnvelopeReceipt, HASHES),
    st.builds(HeaderAnswer, st.binary(max_size=1024), st.binary(max_size=512)),
)


@given(REQUESTS)
def test_requests_come_back(request_value) -> None:
    assert decode_request(encode_request(request_value)) == request_value


@given(ANSWERS)
def test_answers_come_back(answer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_by_name(data: bytes) -> None:
    for decode in (decode_request, decode_answer, decode_gossip):
        try:
            decode(data)
        except InvalidEncoding:
            continue


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [9],
        [1, 5],
        [1, 5, 0],
        [1, 5, BLOCKS_COUNT_MAX + 1],
        [2, b"short"],
        [3, b"\xff", b""],
        [4, 1],
    ],
)
def test_requests_out_of_bounds_are_refused(fields: list) -> None:
    with pytest.raises(InvalidEncoding):
        decode_request(encode(fields))


@given(st.lists(st.binary(max_size=400), max_size=40))
def test_gossip_carries_everything_in_order(raws: list[bytes]) -> None:
    carried = [raw for payload in encode_gossip(raws) for raw in decode_gossip(payload)]
    assert carried == raws


def test_gossip_is_cut_into_micro_batches() -> None:
    payloads = list(encode_gossip([bytes(1000)] * 3 * GOSSIP_COUNT_MAX))
    assert all(len(payload) < MICRO_BATCH_BYTES + 2000 for payload in payloads)
    (large,) = encode_gossip([bytes(2 * MICRO_BATCH_BYTES)])
    assert len(decode_gossip(large)) == 1
    with pytest.raises(InvalidEncoding):
        decode_gossip(encode([b""] * (GOSSIP_COUNT_MAX + 1)))
