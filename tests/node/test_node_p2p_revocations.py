"""Revocation lists travel: over real TLS on loopback, given to one node and felt by all."""

import asyncio
import time
from dataclasses import replace

import pytest

from node.p2p.frames import Bye, Ping, Pong, RevocationDocument, encode_frame
from node.pki import CRL_BYTES_MAX, InvalidNodeCertificate, OrganisationCA
from node.revocations import FILE_BYTES_MAX, Revocations, authority_id, load_revocations
from tests.node.conftest import WAIT_S

TAX, MARKET, DATA, AUDIT = "tax/tax-1", "market/market-1", "data/data-1", "audit/audit-1"
EFFECT_S_MAX = 5


def mesh(consortium, *networks):
    consortium.introduce(*networks)
    return asyncio.gather(
        *(
            one.arrived.reaches(other.node_id)
            for one in networks
            for other in networks
            if one is not other
        )
    )


def revoke(consortium, organisation, *identities):
    ca = consortium.cas[organisation]
    ca.revoke([identity.certificate.serial_number for identity in identities])
    return ca.crl(consortium.now)


async def test_a_list_given_to_one_node_cuts_the_revoked_peer_on_all_within_seconds(consortium):
    identity = consortium.identity(MARKET)
    others = [await consortium.start(node_id) for node_id in (TAX, DATA, AUDIT)]
    market = await consortium.start(MARKET, identity=identity)
    await mesh(consortium, *others, market)
    started_s = time.monotonic()
    assert others[0].update_crl("market", revoke(consortium, "market", identity))
    await asyncio.gather(*(network.metrics.disconnected.reaches("revoked") for network in others))
    assert time.monotonic() - started_s < EFFECT_S_MAX
    # It knocks again, and stays out; the others stay together.
    await asyncio.gather(*(network.metrics.refused.reaches("revoked") for network in others))
    for network in others:
        assert [s["node"] for s in network.peers() if not s["connected"]] == [MARKET]
        assert network.own_refusal() is None
    assert not market.arrived.keys() - {TAX, DATA, AUDIT}


async def test_a_list_goes_on_to_the_others_once_and_never_back(consortium):
    arrived = asyncio.Queue()
    tax = await consortium.start(TAX)
    audit = await consortium.start(AUDIT, on_revocations=lambda name, _: arrived.put_nowait(name))
    await mesh(consortium, tax, audit)
    market = consortium.cas["market"].certificate
    document = revoke(consortium, "market", consortium.identity("market/market-9"))
    giver = await consortium.raw_peer(tax, consortium.identity(DATA))
    listener = await consortium.raw_peer(audit, consortium.identity(DATA))
    for nonce in (1, 2):
        await giver.send(RevocationDocument(authority_id(market), document), Ping(nonce))
        while (frame := await giver.frame()) != Pong(nonce):
            assert not isinstance(frame, RevocationDocument)
    async with asyncio.timeout(WAIT_S):
        assert await arrived.get() == "market"
    assert (await listener.frame_of(RevocationDocument)).document == document
    # What tax would have sent a second time was sent before this answer.
    assert not tax.update_crl("market", document)
    assert arrived.empty()


async def test_a_node_that_was_away_hears_of_the_list_on_connecting_and_keeps_it(
    consortium, tmp_path
):
    identity = consortium.identity(MARKET)
    tax = await consortium.start(TAX)
    tax.update_crl("market", revoke(consortium, "market", identity))
    saved = asyncio.Queue()
    folder = tmp_path / "revocations"

    def save(organisation, revocations):
        revocations.save(folder, organisation)
        saved.put_nowait(organisation)

    data = await consortium.start(DATA, on_revocations=save)
    await mesh(consortium, tax, data)
    async with asyncio.timeout(WAIT_S):
        assert await saved.get() == "market"
    await data.stop()
    kept = load_revocations(folder, consortium.membership())
    again = await consortium.start(DATA, revocations=kept)
    rogue = await consortium.start(MARKET, identity=identity)
    rogue.set_address(DATA, "{}:{}".format(*again.address))
    await again.metrics.refused.reaches("revoked")


async def test_a_revoked_node_that_hears_of_it_says_so_and_comes_back_with_a_new_certificate(
    consortium,
):
    old = consortium.identity(MARKET)
    tax = await consortium.start(TAX)
    market = await consortium.start(MARKET, identity=old)
    await mesh(consortium, tax, market)
    market.update_crl("market", revoke(consortium, "market", old))
    await tax.metrics.refused.reaches("revoked")
    assert market.own_refusal().reason == "revoked"
    market.update_identity(consortium.identity(MARKET))
    await tax.arrived.reaches(MARKET, 2)
    assert market.own_refusal() is None


async def test_an_older_list_gives_nothing_back_and_is_not_passed_on(consortium):
    identity = consortium.identity("market/market-9")
    before = consortium.cas["market"].crl(consortium.now)
    tax = await consortium.start(TAX)
    assert tax.update_crl("market", revoke(consortium, "market", identity))
    peer = await consortium.raw_peer(tax, consortium.identity(DATA))
    key = authority_id(consortium.cas["market"].certificate)
    assert (await peer.frame_of(RevocationDocument)).authority == key
    await peer.send(RevocationDocument(key, before))
    assert not tax.update_crl("market", before)
    assert identity.certificate.serial_number in tax.revocations.held[key].revocations.serials


@pytest.mark.parametrize("kind", ["garbage", "another's", "forged", "cut"])
async def test_who_sends_what_is_no_list_of_that_authority_is_cut(consortium, kind):
    tax = await consortium.start(TAX)
    market = consortium.cas["market"]
    victim = consortium.identity("market/market-9")
    forger = OrganisationCA("market", market.certificate, consortium.cas["data"]._key)
    forger.revoke([victim.certificate.serial_number])
    document = {
        "garbage": b"\xff" * 1_000,
        "another's": revoke(consortium, "audit", victim),
        "forged": forger.crl(consortium.now),
        "cut": revoke(consortium, "market", victim)[:-30],
    }[kind]
    peer = await consortium.raw_peer(tax, consortium.identity(DATA))
    await peer.send(RevocationDocument(authority_id(market.certificate), document))
    await tax.metrics.disconnected.reaches("framing")
    assert isinstance((await peer.ended())[-1], Bye)
    assert tax.revocations == Revocations()


async def test_a_list_of_an_unknown_authority_is_dropped_and_counted(consortium, consortium_of):
    tax, _ = await consortium.pair()
    stranger = consortium_of("market").cas["market"]
    peer = await consortium.raw_peer(tax, consortium.identity(DATA))
    await peer.send(
        RevocationDocument(authority_id(stranger.certificate), stranger.crl(consortium.now))
    )
    await tax.metrics.dropped.reaches("unknown_authority")
    assert tax.is_connected(DATA)


async def test_a_list_that_is_too_long_ends_the_connection_before_it_is_read(consortium):
    tax = await consortium.start(TAX)
    peer = await consortium.raw_peer(tax, consortium.identity(DATA))
    await peer.send(encode_frame(RevocationDocument(b"a" * 32, b"x" * (CRL_BYTES_MAX + 1)))[:5])
    await tax.metrics.disconnected.reaches("framing")
    await peer.ended()


async def test_a_flood_of_lists_is_cut_and_time_gives_back(consortium, quick_limits):
    most = 2 + len(consortium.cas)
    document = RevocationDocument(b"a" * 32, b"x")
    tax = await consortium.start(TAX, limits=replace(quick_limits, documents_count_max=2))
    peer = await consortium.raw_peer(tax, consortium.identity(DATA))
    await peer.send(*[document] * (most + 1))
    await tax.metrics.disconnected.reaches("framing")
    assert tax.metrics.dropped["unknown_authority"] == most
    await peer.ended()
    patient = await consortium.start(
        MARKET,
        limits=replace(quick_limits, documents_count_max=2, documents_interval_s=1e-6),
    )
    peer = await consortium.raw_peer(patient, consortium.identity(DATA))
    for number in range(2 * most):
        await peer.send(document)
        await patient.metrics.dropped.reaches("unknown_authority", number + 1)
    assert not patient.metrics.disconnected


def test_each_authority_of_an_organisation_has_a_list_and_numbers_of_its_own(consortium, tmp_path):
    old, new = consortium.cas["tax"], OrganisationCA.create("tax", consortium.now)
    document = consortium.membership()
    tax = replace(document.organisations["tax"], ca_certificates=(old.certificate, new.certificate))
    document = replace(document, organisations={**document.organisations, "tax": tax})
    old.revoke([5])
    old.revoke([6])
    new.revoke([7])
    held = Revocations().with_list(document, "tax", old.crl(consortium.now))
    held = held.with_list(document, "tax", new.crl(consortium.now))
    assert held.is_revoked(old.certificate, 5)
    assert held.is_revoked(new.certificate, 7)
    assert not held.is_revoked(new.certificate, 5)
    held.save(tmp_path, "tax")
    assert load_revocations(tmp_path, document) == held
    # Once the old authority has left the document, its list is passed over.
    renewed = consortium.membership()
    renewed.organisations["tax"] = replace(tax, ca_certificates=(new.certificate,))
    assert load_revocations(tmp_path, renewed).held.keys() == {authority_id(new.certificate)}
    assert held.within(renewed).held.keys() == {authority_id(new.certificate)}


@pytest.mark.parametrize("damage", ["cut", "edited", "empty", "huge", "another's"])
def test_a_damaged_file_is_named_with_the_way_out(consortium, tmp_path, damage):
    consortium.cas["tax"].revoke([5])
    held = Revocations().with_list(
        consortium.membership(), "tax", consortium.cas["tax"].crl(consortium.now)
    )
    held.save(tmp_path, "tax")
    path = tmp_path / "tax.pem"
    good = path.read_bytes()
    line = good.split(b"\n")[3]
    path.write_bytes(
        {
            "cut": good[: len(good) // 2],
            "edited": good.replace(line, line[::-1]),
            "empty": b"",
            "huge": good * (FILE_BYTES_MAX // len(good) + 1),
            "another's": good + b"something",
        }[damage]
    )
    with pytest.raises(InvalidNodeCertificate, match=r"tax\.pem.*member publish"):
        load_revocations(tmp_path, consortium.membership())
