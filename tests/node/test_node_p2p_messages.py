"""What travels between admitted nodes: order, priority, isolation, requests, faults."""

import asyncio
from dataclasses import replace

import pytest

from node.p2p import Channel, Outcome, RefusedRequest, RequestFailed
from node.p2p.frames import Credit, Data, Lane, Open, Ping, Pong
from node.p2p.limits import MIB

TAX, MARKET = "tax/tax-1", "market/market-1"
RED, BLUE = b"r" * 32, b"b" * 32


def everyone(_):
    return True


class Sink:
    """A handler that records; it may be told to wait."""

    def __init__(self):
        self.messages = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Queue()

    async def __call__(self, peer, channel, payload):
        self.entered.put_nowait(channel)
        await self.gate.wait()
        self.messages.put_nowait((peer, channel, payload))

    async def next(self):
        async with asyncio.timeout(10):
            return await self.messages.get()


async def join(networks, *groups):
    """Register each group on each network; its sinks by (node id, group), once all are open."""
    sinks = {}
    opened = []
    for network in networks:
        for group in groups:
            sink = sinks[network.node_id, group] = Sink()
            event = asyncio.Event()
            opened.append(event)
            network.register(group, sink, everyone, on_open=lambda _, event=event: event.set())
    async with asyncio.timeout(10):
        for event in opened:
            await event.wait()
    return sinks


async def test_messages_arrive_in_order_with_sender_and_channel(consortium):
    tax, market = await consortium.pair()
    sinks = await join((tax, market), RED)
    for number in range(500):
        assert tax.send(MARKET, RED, Channel.GOSSIP, number.to_bytes(2))
    sink = sinks[MARKET, RED]
    for number in range(500):
        assert await sink.next() == (TAX, Channel.GOSSIP, number.to_bytes(2))


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 1_000_000])
async def test_a_message_of_any_size_arrives_whole(consortium, size):
    tax, market = await consortium.pair()
    sinks = await join((tax, market), RED)
    payload = bytes(i % 251 for i in range(size))
    assert tax.send(MARKET, RED, Channel.BULK, payload)
    assert (await sinks[MARKET, RED].next())[2] == payload


async def test_the_largest_message_arrives_and_a_larger_one_is_our_own_mistake(consortium):
    tax, market = await consortium.pair()
    sinks = await join((tax, market), RED)
    payload = bytes(16 * MIB)
    for _ in range(3):
        assert tax.send(MARKET, RED, Channel.CONSENSUS, payload)
        assert len((await sinks[MARKET, RED].next())[2]) == len(payload)
    with pytest.raises(ValueError, match="at most"):
        tax.send(MARKET, RED, Channel.CONSENSUS, payload + b"x")


async def test_consensus_overtakes_bulk(consortium):
    tax, market = await consortium.pair()
    sinks = await join((tax, market), RED)
    for _ in range(4):
        assert tax.send(MARKET, RED, Channel.BULK, bytes(4 * MIB))
    assert tax.send(MARKET, RED, Channel.GOSSIP, b"second")
    assert tax.send(MARKET, RED, Channel.CONSENSUS, b"first")
    sink = sinks[MARKET, RED]
    channels = [(await sink.next())[1] for _ in range(6)]
    assert channels[:2] == [Channel.CONSENSUS, Channel.GOSSIP]


async def test_a_group_whose_handler_stands_still_does_not_stall_another(consortium):
    tax, market = await consortium.pair()
    sinks = await join((tax, market), RED, BLUE)
    red, blue = sinks[MARKET, RED], sinks[MARKET, BLUE]
    red.gate.clear()
    for channel in Channel:
        while tax.send(MARKET, RED, channel, bytes(MIB)):
            pass
    async with asyncio.timeout(10):
        assert {await red.entered.get() for _ in Channel} == set(Channel)
    for channel in Channel:
        assert tax.send(MARKET, BLUE, channel, b"through")
        assert await blue.next() == (TAX, channel, b"through")
    assert red.messages.empty()
    # What waits unread is bounded by credit, the rest stays with its sender.
    received = market.metrics.bytes_received["consensus"] - len(b"through")
    assert received <= 20 * MIB
    red.gate.set()
    assert (await red.next())[0] == TAX


async def test_a_slow_bulk_handler_does_not_hold_back_consensus_of_its_group(consortium):
    tax, market = await consortium.pair()
    done = asyncio.Queue()
    never = asyncio.Event()

    async def handler(_, channel, payload):
        if channel is Channel.BULK:
            await never.wait()
        done.put_nowait(payload)

    market.register(RED, handler, everyone)
    tax.register(RED, handler, everyone)
    tax.send(MARKET, RED, Channel.BULK, b"slow")
    tax.send(MARKET, RED, Channel.CONSENSUS, b"quick")
    async with asyncio.timeout(10):
        assert await done.get() == b"quick"


async def test_flow_goes_on_after_more_than_a_window(consortium, quick_limits):
    lanes = dict.fromkeys(Lane, 65_536)
    limits = replace(
        quick_limits, message_bytes_max=dict.fromkeys(Lane, 32_768), window_bytes=lanes
    )
    tax, market = await consortium.pair(limits=limits)
    sinks = await join((tax, market), RED)
    for number in range(200):
        assert tax.send(MARKET, RED, Channel.CONSENSUS, bytes([number]) * 5_000)
    for number in range(200):
        assert (await sinks[MARKET, RED].next())[2] == bytes([number]) * 5_000


async def test_a_full_queue_refuses_what_is_new(consortium):
    tax, _ = await consortium.pair()
    tax.register(RED, Sink(), everyone)  # market does not carry it, so nothing leaves
    sent = 0
    while tax.send(MARKET, RED, Channel.GOSSIP, bytes(MIB)):
        sent += 1
    assert sent == 8
    assert tax.metrics.unsent["too_many"] == 1


async def test_sending_needs_a_group_a_member_and_a_connection(consortium):
    tax, _ = await consortium.pair()
    assert not tax.send(MARKET, RED, Channel.GOSSIP, b"")
    tax.register(RED, Sink(), lambda peer: peer != MARKET)
    assert not tax.send(MARKET, RED, Channel.GOSSIP, b"")
    assert not tax.send("data/data-1", RED, Channel.GOSSIP, b"")
    assert tax.metrics.unsent == {"not_member": 2, "not_connected": 1}


async def test_unknown_and_forbidden_groups_give_the_same_answer_which_is_none(consortium):
    tax = await consortium.start(TAX)
    forbidden = Sink()
    tax.register(RED, forbidden, lambda peer: peer != MARKET)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    for group in (RED, BLUE):
        await peer.send(
            Open(group, 1, True),
            Data(group, Lane.CONSENSUS, 1, 0, 3, b"abc"),
            Credit(group, Lane.BULK, 1, 5),
            Data(group, Lane.REQUEST, 1, 0, 12, bytes(8) + b"\x03abc"),
        )
    await tax.metrics.dropped.reaches("unknown_group", 3)
    await tax.metrics.dropped.reaches("non_member", 3)
    await peer.send(Ping(77))
    answers = []
    while Pong(77) not in answers:
        answers.append(await peer.frame())
    assert {type(answer) for answer in answers} <= {Ping, Pong}
    assert tax.is_connected(MARKET)
    assert forbidden.entered.empty()


async def test_a_handler_that_fails_costs_its_message_only(consortium):
    tax, market = await consortium.pair()
    heard = asyncio.Queue()

    def handler(_, __, payload):
        if payload == b"bad":
            raise RuntimeError("planted")
        heard.put_nowait(payload)

    for network in (tax, market):
        network.register(RED, handler, everyone)
    for payload in (b"bad", b"good"):
        tax.send(MARKET, RED, Channel.CONSENSUS, payload)
    async with asyncio.timeout(10):
        assert await heard.get() == b"good"
    assert market.metrics.faults["handler_failed"] == 1
    assert market.is_connected(TAX)


def part(generation, **changes):
    return replace(Data(RED, Lane.GOSSIP, generation, 0, 3, b"abc"), **changes)


FAULTS = {
    "oversize frame": lambda g: (0x7FFFFFFF).to_bytes(4) + b"\x02",
    "frame a byte too long": lambda g: (1 + 45 + 16_385).to_bytes(4) + b"\x02",
    "empty frame": lambda g: bytes(5),
    "unknown kind": lambda g: b"\x00\x00\x00\x01\x63",
    "unknown lane": lambda g: b"\x00\x00\x00\x2e\x02" + RED + b"\x09" + bytes(12),
    "oversize message": lambda g: part(g, total=2 * MIB + 1, part=bytes(16_384)),
    "part beyond its message": lambda g: (
        b"\x00\x00\x00\x31\x02" + RED + b"\x01" + g.to_bytes(4) + bytes(8) + b"abc"
    ),
    "message that starts in the middle": lambda g: part(g, offset=4, total=7),
    "short part": lambda g: part(g, total=9),
    "too much credit": lambda g: Credit(RED, Lane.GOSSIP, 1, 1),
    "malformed request": lambda g: part(g, lane=Lane.REQUEST),
    "malformed response": lambda g: part(g, lane=Lane.RESPONSE),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_peer_that_breaks_the_framing_is_disconnected_with_a_reason(consortium, fault):
    tax = await consortium.start(TAX)
    tax.register(RED, Sink(), everyone)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    await tax.arrived.reaches(MARKET)
    await peer.send(Open(RED, 1, True))
    generation = (await peer.frame_of(Open)).generation
    await peer.send(FAULTS[fault](generation))
    await tax.metrics.disconnected.reaches("framing")
    assert not tax.is_connected(MARKET)
    assert (await peer.ended())[-1].reason == "framing"


async def test_a_peer_that_exceeds_its_credit_is_disconnected(consortium):
    tax = await consortium.start(TAX)
    sink = Sink()
    sink.gate.clear()
    tax.register(RED, sink, everyone)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    await peer.send(Open(RED, 1, True))
    generation = (await peer.frame_of(Open)).generation
    message = part(generation, total=16_384, part=bytes(16_384))
    for _ in range(4 * MIB // (16_384 + 256)):
        await peer.send(message)
    await peer.send(Ping(5))
    await peer.frame_of(Pong)
    assert tax.is_connected(MARKET)
    await peer.send(message)
    await tax.metrics.disconnected.reaches("framing")


async def test_a_silent_peer_is_disconnected(consortium, quick_limits):
    limits = replace(quick_limits, ping_interval_s=0.02, idle_timeout_s=0.1)
    tax = await consortium.start(TAX, limits=limits)
    await consortium.raw_peer(tax, consortium.identity(MARKET))
    await tax.metrics.disconnected.reaches("idle")


async def test_a_peer_that_takes_nothing_is_disconnected(consortium, quick_limits):
    limits = replace(quick_limits, write_timeout_s=0.2, socket_buffer_bytes=65_536)
    tax = await consortium.start(TAX, limits=limits)
    opened = asyncio.Event()
    tax.register(RED, Sink(), everyone, on_open=lambda _: opened.set())
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    await peer.send(Open(RED, 1, True))
    peer.writer.transport.pause_reading()
    async with asyncio.timeout(10):
        await opened.wait()
    tax.send(MARKET, RED, Channel.BULK, bytes(16 * MIB))
    await tax.metrics.disconnected.reaches("write_timeout")


async def test_a_higher_layer_can_cut_a_peer(consortium):
    tax, market = await consortium.pair()
    tax.disconnect(MARKET, "sent a vote for another group")
    await tax.metrics.disconnected.reaches("misbehaved")
    await tax.arrived.reaches(MARKET, 2)
    await market.arrived.reaches(TAX, 2)


async def test_a_restarted_node_is_found_again_and_messages_flow(consortium):
    tax, market = await consortium.pair()
    await join((tax, market), RED)
    port = market.address[1]
    await market.stop()
    await tax.left.reaches(MARKET)
    assert not tax.send(MARKET, RED, Channel.CONSENSUS, b"nobody there")
    again = await consortium.start(MARKET, listen_port=port)
    sink = Sink()
    again.register(RED, sink, everyone)
    await tax.arrived.reaches(MARKET, 2)
    assert tax.send(MARKET, RED, Channel.CONSENSUS, b"welcome back")
    assert (await sink.next())[2] == b"welcome back"
    assert again.send(TAX, RED, Channel.CONSENSUS, b"back")


async def test_a_group_joined_later_gets_what_waits_and_can_be_left_and_joined_again(consortium):
    tax, market = await consortium.pair()
    closed = asyncio.Event()
    tax.register(RED, Sink(), everyone, on_close=lambda _: closed.set())
    assert tax.open_peers(RED) == frozenset()
    assert tax.send(MARKET, RED, Channel.GOSSIP, b"early")
    for round_ in range(3):
        sink = Sink()
        market.register(RED, sink, everyone)
        if round_ == 0:
            assert (await sink.next())[2] == b"early"
        closed.clear()
        assert tax.send(MARKET, RED, Channel.GOSSIP, bytes([round_]))
        assert (await sink.next())[2] == bytes([round_])
        assert tax.open_peers(RED) == {MARKET}
        market.unregister(RED)
        async with asyncio.timeout(10):
            await closed.wait()
        assert tax.open_peers(RED) == frozenset()
    assert not tax.metrics.disconnected


async def test_leaving_and_joining_at_once_keeps_the_connection(consortium):
    tax, market = await consortium.pair()

    def tell(peer):
        tax.send(peer, RED, Channel.CONSENSUS, b"open")

    tax.register(RED, Sink(), everyone, on_open=tell)
    for _ in range(5):
        sink, reopened = Sink(), asyncio.Event()
        market.register(RED, sink, everyone, on_open=lambda _, event=reopened: event.set())
        async with asyncio.timeout(10):
            await reopened.wait()
        for _ in range(5):
            tax.send(MARKET, RED, Channel.BULK, bytes(MIB))
            market.send(TAX, RED, Channel.BULK, bytes(MIB))
        market.unregister(RED)
    last = Sink()
    market.register(RED, last, everyone)
    while (await last.next())[2] != b"open":
        pass
    assert not tax.metrics.disconnected
    assert not market.metrics.disconnected


async def test_members_that_come_and_go_by_state(consortium):
    tax, market = await consortium.pair()
    members = {TAX}
    sink, closed, opened = Sink(), asyncio.Event(), asyncio.Event()
    tax.register(RED, Sink(), everyone, on_open=lambda _: opened.set())
    market.register(RED, sink, members.__contains__, on_close=lambda _: closed.set())
    async with asyncio.timeout(10):
        await opened.wait()
    tax.send(MARKET, RED, Channel.GOSSIP, b"in")
    assert (await sink.next())[2] == b"in"
    members.clear()
    market.refresh(RED)
    async with asyncio.timeout(10):
        await closed.wait()
    opened.clear()
    members.add(TAX)
    market.refresh(RED)
    async with asyncio.timeout(10):
        await opened.wait()
    tax.send(MARKET, RED, Channel.GOSSIP, b"in again")
    assert (await sink.next())[2] == b"in again"


async def echo(peer, payload):
    return peer.encode() + b" " + payload


async def test_a_request_is_answered_with_the_askers_name(consortium):
    tax, market = await consortium.pair()
    await join((tax, market), RED)
    market.serve(RED, "echo", echo)
    assert await tax.request(MARKET, RED, "echo", b"hello", 10) == b"tax/tax-1 hello"
    large = bytes(1 * MIB)
    assert len(await tax.request(MARKET, RED, "echo", large, 10)) == MIB + len("tax/tax-1 ")
    assert tax.metrics.requests == {"ok": 2}
    assert market.metrics.served == {"ok": 2}


async def test_many_requests_at_once_find_their_answers(consortium):
    tax, market = await consortium.pair()
    await join((tax, market), RED)
    market.serve(RED, "echo", echo)
    payloads = [str(number).encode() for number in range(200)]
    answers = await asyncio.gather(*(tax.request(MARKET, RED, "echo", p, 10) for p in payloads))
    assert answers == [b"tax/tax-1 " + p for p in payloads]


async def test_two_nodes_whose_methods_ask_each_other_do_not_block(consortium):
    tax, market = await consortium.pair()
    await join((tax, market), RED)

    def server(network, other):
        async def ask_back(_, payload):
            depth = payload[0]
            if depth == 0:
                return b"bottom"
            return await network.request(other, RED, "ask", bytes([depth - 1]), 10)

        return ask_back

    tax.serve(RED, "ask", server(tax, MARKET))
    market.serve(RED, "ask", server(market, TAX))
    assert await tax.request(MARKET, RED, "ask", b"\x05", 10) == b"bottom"


async def failing(consortium, outcome, method="echo", timeout_s=10):
    tax, market = await consortium.pair()
    await join((tax, market), RED)

    async def refuse(_, __):
        raise RefusedRequest("ask for fewer blocks")

    async def fail(_, __):
        raise RuntimeError("secret detail")

    async def endless(_, __):
        await asyncio.Event().wait()

    async def huge(_, __):
        return bytes(17 * MIB)

    for handler in (refuse, fail, endless, huge):
        market.serve(RED, handler.__name__, handler)
    with pytest.raises(RequestFailed) as raised:
        await tax.request(MARKET, RED, method, b"", timeout_s)
    assert raised.value.outcome is outcome
    assert tax.metrics.requests == {outcome: 1}
    assert tax.is_connected(MARKET)
    return str(raised.value)


async def test_an_unknown_method_is_said_to_be_so(consortium):
    await failing(consortium, Outcome.UNKNOWN_METHOD, "none")


async def test_a_refused_request_says_why(consortium):
    assert "ask for fewer blocks" in await failing(consortium, Outcome.REFUSED, "refuse")


async def test_a_failed_method_tells_nothing_of_itself(consortium):
    assert "secret" not in await failing(consortium, Outcome.FAILED, "fail")


async def test_an_answer_that_is_too_long_fails(consortium):
    await failing(consortium, Outcome.FAILED, "huge")


async def test_a_request_times_out(consortium):
    await failing(consortium, Outcome.TIMEOUT, "endless", timeout_s=0.05)


async def test_requests_end_with_their_connection_or_group(consortium):
    tax, market = await consortium.pair()
    await join((tax, market), RED, BLUE)
    entered = asyncio.Event()

    async def endless(_, __):
        entered.set()
        await asyncio.Event().wait()

    for group in (RED, BLUE):
        market.serve(group, "endless", endless)
    asking = [asyncio.create_task(tax.request(MARKET, g, "endless", b"", 10)) for g in (RED, BLUE)]
    async with asyncio.timeout(10):
        await entered.wait()
    market.unregister(RED)
    with pytest.raises(RequestFailed) as raised:
        await asking[0]
    assert raised.value.outcome is Outcome.DISCONNECTED
    await market.stop()
    with pytest.raises(RequestFailed) as raised:
        await asking[1]
    assert raised.value.outcome is Outcome.DISCONNECTED
    with pytest.raises(RequestFailed) as raised:
        await tax.request(MARKET, BLUE, "endless", b"", 10)
    assert raised.value.outcome is Outcome.NOT_CONNECTED


async def test_requests_served_and_pending_are_bounded(consortium, quick_limits):
    limits = replace(quick_limits, requests_pending_max=3, requests_served_max=2)
    tax, market = await consortium.pair(limits=limits)
    await join((tax, market), RED)
    running, most, gate = set(), [], asyncio.Event()

    async def count(_, payload):
        running.add(payload)
        most.append(len(running))
        if len(most) == 2:
            gate.set()
        await gate.wait()
        running.discard(payload)
        return b""

    market.serve(RED, "count", count)
    asking = [tax.request(MARKET, RED, "count", bytes([n]), 10) for n in range(4)]
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert results[:3] == [b""] * 3
    assert results[3].outcome is Outcome.TOO_MANY
    assert max(most) == 2
