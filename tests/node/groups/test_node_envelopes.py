"""Envelopes: kept on disk until acknowledged, taken only for the own organisation."""

import asyncio

import pytest

from ledger.suite import STANDARD
from node.envelopes import EnvelopePost, EnvelopeRefused, EnvelopeStore
from node.group_network import RequestFailed
from node.requests import EnvelopeDelivery, decode_request, encode_answer

MEMBERS = {"tax/tax-1": "tax", "market/market-1": "market", "market/market-2": "market"}


class Wire:
    """Two posts' network; `up` says who can be reached."""

    def __init__(self):
        self.posts = {}
        self.up = set()
        self.delivered = []

    def port(self, name):
        wire = self

        class Port:
            def connected(self):
                return frozenset(wire.up - {name})

            async def request(self, peer, payload, timeout_s):
                if peer not in wire.up:
                    raise RequestFailed("away")
                wire.delivered.append(peer)
                return encode_answer(await wire.posts[peer].receive(name, decode_request(payload)))

        return Port()


@pytest.fixture
async def wire(tmp_path):
    made = Wire()
    made.folder = tmp_path
    yield made
    for post in made.posts.values():
        await post.stop()


def post(wire, name, **limits):
    made = wire.posts[name] = EnvelopePost(
        group="equity",
        node_id=name,
        suite=STANDARD,
        store=EnvelopeStore(wire.folder / name, **limits),
        network=wire.port(name),
        members=lambda: MEMBERS,
    )
    wire.up.add(name)
    return made


async def test_every_node_of_the_organisation_gets_one_copy(wire, kit) -> None:
    tax, one, two = (post(wire, name) for name in MEMBERS)
    digest = await tax.send("market", b"sealed")
    await kit.eventually(lambda: not tax.waiting())
    for market in (one, two):
        assert [entry["digest"] for entry in market.received()] == [digest]
    assert sorted(wire.delivered) == ["market/market-1", "market/market-2"]
    assert tax.received() == []


async def test_a_delivery_survives_the_sender_and_waits_for_the_receiver(wire, kit) -> None:
    tax = post(wire, "tax/tax-1")
    post(wire, "market/market-1")
    digest = await tax.send("market", b"sealed")
    await kit.eventually(lambda: tax.waiting()[0]["nodes"] == ["market/market-2"])
    await tax.stop()
    again = post(wire, "tax/tax-1")
    two = post(wire, "market/market-2")
    again.start()
    await kit.eventually(lambda: not again.waiting())
    assert two.received()[0]["envelope"] == b"sealed"
    assert two.received()[0]["digest"] == digest


async def test_a_connection_is_reason_enough_to_try_at_once(wire, kit) -> None:
    tax = post(wire, "tax/tax-1")
    post(wire, "market/market-1")
    await tax.send("market", b"sealed")
    await kit.eventually(lambda: tax.waiting()[0]["nodes"] == ["market/market-2"])
    await asyncio.sleep(0)
    two = post(wire, "market/market-2")
    tax.on_connected()
    await kit.eventually(two.received, timeout_s=1)


async def test_others_envelopes_and_long_ones_are_refused(wire) -> None:
    market = post(wire, "market/market-1", payload_bytes_max=10)
    with pytest.raises(EnvelopeRefused, match="expected an envelope for market"):
        await market.receive("tax/tax-1", EnvelopeDelivery("tax", b"x"))
    with pytest.raises(EnvelopeRefused, match="at most 10 bytes"):
        await market.receive("tax/tax-1", EnvelopeDelivery("market", bytes(11)))
    with pytest.raises(EnvelopeRefused, match="members are: market, tax"):
        await market.send("police", b"x")
    assert market.received() == []


async def test_the_same_envelope_sent_many_times_at_once_is_one(wire, kit) -> None:
    sender = post(wire, "tax/tax-1")
    sent = await asyncio.gather(*(sender.send("tax", b"sealed") for _ in range(40)))
    assert len(set(sent)) == 1
    assert [kept["envelope"] for kept in sender.received()] == [b"sealed"]


async def test_the_number_of_kept_envelopes_is_bounded(wire, monkeypatch) -> None:
    monkeypatch.setattr("node.envelopes.ENVELOPES_COUNT_MAX", 2)
    market = post(wire, "market/market-1")
    for payload in (b"a", b"b", b"b"):
        await market.receive("tax/tax-1", EnvelopeDelivery("market", payload))
    with pytest.raises(EnvelopeRefused, match="move old ones away"):
        await market.receive("tax/tax-1", EnvelopeDelivery("market", b"c"))
    assert len(market.received()) == 2
