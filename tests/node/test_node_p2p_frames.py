"""The bytes of frames, requests and responses."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.membership import MEMBERSHIP_BYTES_MAX
from node.p2p.frames import (
    Bye,
    Channel,
    Credit,
    Data,
    Hello,
    InvalidFrame,
    Lane,
    MembershipDocument,
    Open,
    Ping,
    Pong,
    RevocationDocument,
    decode_body,
    decode_prefix,
    encode_frame,
)
from node.p2p.requests import (
    InvalidRequest,
    Request,
    Response,
    Status,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)

CHUNK_BYTES_MAX = 1_000
U32 = st.integers(0, 2**32 - 1)
GROUP = st.binary(min_size=32, max_size=32)
LANE = st.sampled_from(Lane)


@st.composite
def data_frames(draw):
    part = draw(st.binary(max_size=CHUNK_BYTES_MAX))
    offset = draw(st.integers(0, 2**32 - 1 - CHUNK_BYTES_MAX)) if part else 0
    total = draw(st.integers(offset + len(part), 2**32 - 1)) if part else 0
    return Data(draw(GROUP), draw(LANE), draw(U32), offset, total, part)


FRAMES = st.one_of(
    data_frames(),
    st.builds(
        Hello,
        st.binary(min_size=16, max_size=16),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**16 - 1),
    ),
    st.builds(Open, GROUP, U32, st.booleans()),
    st.builds(Credit, GROUP, LANE, U32, U32),
    st.builds(Ping, st.integers(0, 2**64 - 1)),
    st.builds(Pong, st.integers(0, 2**64 - 1)),
    st.builds(Bye, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=64)),
    st.builds(MembershipDocument, st.binary(min_size=1, max_size=500)),
    st.builds(
        RevocationDocument,
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=1, max_size=500),
    ),
)


def decode(data):
    kind, size = decode_prefix(
        data[:5], chunk_bytes_max=CHUNK_BYTES_MAX, document_bytes_max=MEMBERSHIP_BYTES_MAX
    )
    if len(data) != 5 + size:
        raise InvalidFrame("the length lies")
    return decode_body(kind, data[5:])


@given(FRAMES)
def test_a_frame_survives_its_encoding(frame):
    assert decode(encode_frame(frame)) == frame


@given(FRAMES, st.data())
def test_a_frame_with_a_changed_byte_is_another_frame_or_none(frame, data):
    encoded = bytearray(encode_frame(frame))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode(bytes(encoded))
    except InvalidFrame:
        return
    assert encode_frame(decoded) == bytes(encoded)


@given(st.binary(min_size=5, max_size=200))
def test_any_bytes_are_a_frame_or_refused_by_name(data):
    with contextlib.suppress(InvalidFrame):
        decode(data)


def test_a_data_frame_by_hand():
    # Laid out from the module's own description: length, kind, group, lane, generation, offset,
    # total, part.
    expected = (
        bytes.fromhex("00000031 02")
        + b"g" * 32
        + bytes.fromhex("01 00000007 00000000 00000003")
        + b"abc"
    )
    assert encode_frame(Data(b"g" * 32, Lane.GOSSIP, 7, 0, 3, b"abc")) == expected


def test_requests_travel_in_the_class_of_bulk():
    assert Lane.REQUEST.channel is Lane.RESPONSE.channel is Lane.BULK.channel is Channel.BULK
    assert Lane.CONSENSUS.channel is Channel.CONSENSUS


METHOD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
U64 = st.integers(0, 2**64 - 1)


@given(st.builds(Request, U64, METHOD, st.binary(max_size=200)))
def test_a_request_survives_its_encoding(request):
    assert decode_request(encode_request(request)) == request


@given(st.builds(Response, U64, st.sampled_from(Status), st.binary(max_size=200)))
def test_a_response_survives_its_encoding(response):
    assert decode_response(encode_response(response)) == response


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(8),
        bytes(8) + b"\x00",
        bytes(8) + b"\x02a",
        bytes(8) + b"\x41" + b"a" * 65,
        bytes(8) + b"\x01\xff",
    ],
)
def test_a_malformed_request_is_refused(data):
    with pytest.raises(InvalidRequest):
        decode_request(data)


@pytest.mark.parametrize("data", [b"", bytes(8), bytes(8) + b"\x04"])
def test_a_malformed_response_is_refused(data):
    with pytest.raises(InvalidRequest):
        decode_response(data)
