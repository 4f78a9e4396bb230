"""What goes next, what is owed, what is unread: outbox, inbox and back-off without sockets."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.p2p import DEFAULT_LIMITS
from node.p2p.frames import (
    Channel,
    Credit,
    Data,
    InvalidFrame,
    Lane,
    Open,
    Ping,
    decode_body,
    decode_prefix,
)
from node.p2p.inbox import Inbox
from node.p2p.limits import Limits
from node.p2p.outbox import Outbox
from node.p2p.reconnect import Backoff

RED, BLUE = b"r" * 32, b"b" * 32
SMALL = replace(
    DEFAULT_LIMITS,
    chunk_bytes_max=10,
    frame_charge_bytes=2,
    message_bytes_max=dict.fromkeys(Lane, 100),
    window_bytes=dict.fromkeys(Lane, 160),
    queue_bytes_max=dict.fromkeys(Lane, 1_000),
    queue_messages_max=50,
    priority_burst_frames=4,
)


def next_frame(outbox):
    encoded = outbox.next_frame()
    if encoded is None:
        return None
    kind, size = decode_prefix(encoded[:5], chunk_bytes_max=10, document_bytes_max=10)
    assert size == len(encoded) - 5
    return decode_body(kind, encoded[5:])


def frames(outbox):
    found = []
    while (frame := next_frame(outbox)) is not None:
        found.append(frame)
    return found


def opened(*groups, limits=SMALL):
    outbox = Outbox(limits)
    for group in groups:
        assert outbox.opened(group, 1)
    return outbox


def test_nothing_leaves_before_the_peer_opened_the_group():
    outbox = Outbox(SMALL)
    assert outbox.offer(RED, Lane.CONSENSUS, b"vote")
    assert frames(outbox) == []
    outbox.opened(RED, 5)
    assert frames(outbox) == [Data(RED, Lane.CONSENSUS, 5, 0, 4, b"vote")]


def test_higher_classes_go_first_whatever_the_order_of_offers():
    outbox = opened(RED)
    for lane in reversed(Lane):
        outbox.offer(RED, lane, b"m")
    assert [frame.lane.channel for frame in frames(outbox)] == [0, 1, 2, 2, 2]


def test_groups_take_turns_part_by_part():
    outbox = opened(RED, BLUE)
    outbox.offer(RED, Lane.BULK, bytes(50))
    outbox.offer(BLUE, Lane.BULK, bytes(20))
    assert [frame.group for frame in frames(outbox)] == [RED, BLUE, RED, BLUE, RED, RED, RED]


def test_a_class_that_was_passed_over_gets_one_frame():
    outbox = opened(RED, BLUE)
    for _ in range(10):
        outbox.offer(RED, Lane.CONSENSUS, b"c")
    outbox.offer(BLUE, Lane.BULK, bytes(20))
    channels = [frame.lane.channel for frame in frames(outbox)]
    assert channels == [0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0]


def test_a_lane_stops_at_its_credit_and_goes_on_with_more():
    outbox = opened(RED)
    for _ in range(4):
        outbox.offer(RED, Lane.GOSSIP, bytes(100))
    first = frames(outbox)
    assert sum(len(frame.part) + 2 for frame in first) <= 160
    assert len(first) == 13
    assert outbox.credited(Credit(RED, Lane.GOSSIP, 1, 24))
    assert len(frames(outbox)) == 2
    assert outbox.credited(Credit(RED, Lane.GOSSIP, 9, 1_000)), "another generation's is void"
    assert frames(outbox) == []


def test_more_credit_than_a_window_is_a_lie():
    outbox = opened(RED)
    assert not outbox.credited(Credit(RED, Lane.GOSSIP, 1, 1))


def test_a_new_generation_begins_its_message_again():
    outbox = opened(RED)
    outbox.offer(RED, Lane.BULK, bytes(range(25)))
    assert next_frame(outbox).offset == 0
    assert outbox.opened(RED, 2)
    assert not outbox.opened(RED, 2)
    assert [(f.generation, f.offset) for f in frames(outbox)] == [(2, 0), (2, 10), (2, 20)]


def test_queues_are_bounded_in_bytes_and_messages():
    outbox = opened()
    assert sum(outbox.offer(RED, Lane.BULK, bytes(100)) for _ in range(11)) == 10
    assert sum(outbox.offer(RED, Lane.GOSSIP, b"") for _ in range(51)) == 50
    assert outbox.queued_bytes(RED, Lane.BULK) == 1_000
    outbox.forget(RED)
    assert outbox.queued_bytes(RED, Lane.BULK) == 0
    assert frames(outbox) == []


def test_control_frames_join_and_go_first():
    outbox = opened(RED)
    outbox.offer(RED, Lane.CONSENSUS, b"vote")
    for count in (5, 7):
        outbox.control(Credit(RED, Lane.BULK, 1, count))
    for nonce in range(100):
        outbox.control(Ping(nonce))
    found = frames(outbox)
    assert found[:2] == [Credit(RED, Lane.BULK, 1, 12), Ping(99)]
    assert len(found) == 3


def test_closing_and_opening_stay_in_order():
    outbox = Outbox(SMALL)
    outbox.control(Open(RED, 1, True))
    outbox.control(Open(RED, 0, False))
    outbox.control(Open(RED, 2, True))
    assert frames(outbox) == [Open(RED, 0, False), Open(RED, 2, True)]
    outbox.control(Open(RED, 3, True))
    outbox.control(Open(RED, 0, False))
    assert frames(outbox)[-1] == Open(RED, 0, False)


@given(
    st.lists(
        st.tuples(st.sampled_from([RED, BLUE]), st.sampled_from(Lane), st.binary(max_size=100)),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_is_sent_arrives_whole_in_order_and_within_credit(messages, random):
    outbox, inbox = Outbox(SMALL), Inbox(SMALL)
    for group in (RED, BLUE):
        outbox.opened(group, inbox.open(group))
    for group, lane, payload in messages:
        assert outbox.offer(group, lane, payload)
    arrived, unread = [], []
    while True:
        frame = next_frame(outbox)
        if frame is not None:
            message = inbox.accept(frame)
            if message is not None:
                arrived.append((message.group, message.lane, message.payload))
                unread.append(message)
        if unread and (frame is None or random.random() < 0.3):
            credit = inbox.handled(unread.pop(0))
            if credit is not None:
                assert outbox.credited(credit)
        if frame is None and not unread:
            break
    for group in (RED, BLUE):
        for lane in Lane:
            key = (group, lane)
            assert [m for m in arrived if m[:2] == key] == [m for m in messages if m[:2] == key]


def test_unread_bytes_are_bounded_and_small_messages_cost_too():
    inbox = Inbox(SMALL)
    generation = inbox.open(RED)
    empty = Data(RED, Lane.GOSSIP, generation, 0, 0, b"")
    for _ in range(80):
        inbox.accept(empty)
    with pytest.raises(InvalidFrame, match="unread"):
        inbox.accept(empty)


def test_credit_comes_back_in_few_frames():
    inbox = Inbox(SMALL)
    generation = inbox.open(RED)
    credits_ = []
    for _ in range(100):
        message = inbox.accept(Data(RED, Lane.GOSSIP, generation, 0, 3, b"abc"))
        credits_.append(inbox.handled(message))
    given_back = [credit.count for credit in credits_ if credit]
    assert given_back == [20] * 25


def test_what_was_read_under_an_earlier_generation_gives_no_credit():
    inbox = Inbox(SMALL)
    message = inbox.accept(Data(RED, Lane.BULK, inbox.open(RED), 0, 3, b"abc"))
    inbox.open(RED)
    assert inbox.handled(message) is None
    assert inbox.close(RED)
    assert not inbox.close(RED)
    assert inbox.handled(message) is None


def test_limits_under_which_a_lane_could_stall_are_our_mistake():
    with pytest.raises(AssertionError):
        Limits(window_bytes=DEFAULT_LIMITS.message_bytes_max)


def test_backoff_doubles_to_its_cap_with_jitter():
    backoff = Backoff(0.1, 3.0)
    for failures in range(1_000):
        whole_s = min(3.0, 0.1 * 2**failures)
        assert whole_s / 2 <= backoff.next_delay_s() <= whole_s
    backoff.reset()
    assert backoff.next_delay_s() <= 0.1
    delays = Counter(round(Backoff(1.0, 1.0).next_delay_s(), 6) for _ in range(50))
    assert len(delays) > 40


def test_channels_are_classes_of_lanes():
    assert {lane.channel for lane in Lane} == set(Channel)
