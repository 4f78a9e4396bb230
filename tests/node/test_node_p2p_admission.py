"""Who gets into the network, and who does not: over real TLS on loopback."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ledger.suite import STANDARD
from node.p2p import Channel, connections
from node.p2p.frames import PROTOCOL_VERSION, Hello, MembershipDocument, Ping, encode_frame
from node.pki import OrganisationCA, new_key
from tests.node.conftest import QUICK

TAX, MARKET = "tax/tax-1", "market/market-1"
_PEM = serialization.Encoding.PEM


async def refused(consortium, identity, reason, *, membership=None, node_id=MARKET):
    """A node with `identity` knocks at tax/tax-1, which refuses it for `reason`."""
    victim = await consortium.start(TAX)
    rogue = await consortium.start(node_id, identity=identity, membership=membership)
    rogue.set_address(TAX, "{}:{}".format(*victim.address))
    await victim.metrics.refused.reaches(reason)
    assert not victim.is_connected(node_id)
    assert not rogue.is_connected(TAX)
    assert victim.metrics.connected == 0
    assert set(victim.metrics.refused) <= {reason}


async def test_members_connect_and_see_each_other(consortium):
    tax, market = await consortium.pair()
    states = {state["node"]: state for state in tax.peers()}
    assert states[MARKET]["connected"]
    assert not states["data/data-1"]["connected"]
    assert set(states) == set(consortium.nodes) - {TAX}
    assert states[MARKET]["since_ms"] > 0
    assert market.is_connected(TAX)


async def test_four_nodes_that_dial_all_at_once_all_hear_each_other(consortium):
    networks = [await consortium.start(node_id) for node_id in consortium.nodes]
    group = b"g" * 32
    heard = WatchedPairs(12)
    for network in networks:
        # A connection that is replaced loses what was sent on it: so send when a group opens.
        network.register(
            group,
            lambda peer, _, __, network=network: heard.add((peer, network.node_id)),
            lambda _: True,
            on_open=lambda peer, network=network: network.send(
                peer, group, Channel.CONSENSUS, b"here"
            ),
        )
    consortium.introduce(*networks)
    async with asyncio.timeout(10):
        await heard.complete.wait()
    assert all(network.open_peers(group) for network in networks)


class WatchedPairs(set):
    """A set whose completion can be awaited."""

    def __init__(self, size):
        super().__init__()
        self.size, self.complete = size, asyncio.Event()

    def add(self, item):
        super().add(item)
        if len(self) == self.size:
            self.complete.set()


@asynccontextmanager
async def dialled(network, peer, identity):
    """`network` dials `peer`, somebody with `identity` takes the connection and says hello."""
    accepted = asyncio.Queue()

    async def accept(_, writer):
        await accepted.put(writer)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    network.set_address(peer, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with asyncio.timeout(10):
        writer = await accepted.get()
        writer.write(encode_frame(Hello(b"i" * 16, 1)))
        await network.arrived.reaches(peer)
    try:
        yield
    finally:
        server.close()
        writer.transport.abort()


async def test_two_simultaneous_connections_leave_the_one_dialled_by_the_lower_id(consortium):
    tax = await consortium.start(TAX)
    # market/market-1 < tax/tax-1: its connection wins over the one that tax dials.
    identity = consortium.identity(MARKET)
    async with dialled(tax, MARKET, identity):
        dialled_by_market = await consortium.raw_peer(tax, identity)
        await tax.metrics.disconnected.reaches("replaced")
        await tax.arrived.reaches(MARKET, 2)
        await dialled_by_market.frame_of(Ping)
        assert tax.is_connected(MARKET)


async def test_the_higher_ids_second_connection_is_turned_away(consortium):
    market = await consortium.start(MARKET)
    identity = consortium.identity(TAX)
    async with dialled(market, TAX, identity):
        late = await consortium.raw_peer(market, identity)
        await market.metrics.refused.reaches("duplicate")
        await late.ended()
        assert market.is_connected(TAX)
        assert not market.metrics.disconnected


async def test_a_connection_that_fell_silent_gives_way(consortium, quick_limits):
    limits = replace(quick_limits, ping_interval_s=0.02)
    market = await consortium.start(MARKET, limits=limits)
    identity = consortium.identity(TAX)
    async with dialled(market, TAX, identity), asyncio.timeout(10):
        # It would stay, were it not silent; so the peer's own attempts succeed before long.
        while market.arrived[TAX] < 2:
            await consortium.raw_peer(market, identity)
        assert market.metrics.disconnected["idle"] == 0


async def test_a_strangers_ca_is_refused(consortium, consortium_of):
    strangers = consortium_of("market")
    await refused(consortium, strangers.identity(MARKET), "stranger")


async def test_a_server_with_a_strangers_ca_is_refused_by_who_dials(consortium, consortium_of):
    strangers = consortium_of("tax", "market")
    rogue = await consortium.start(
        TAX, identity=strangers.identity(TAX), membership=strangers.membership()
    )
    market = await consortium.start(MARKET)
    market.set_address(TAX, "{}:{}".format(*rogue.address))
    await market.metrics.refused.reaches("stranger")
    assert not market.is_connected(TAX)


async def test_an_expired_certificate_is_refused(consortium):
    old = consortium.now - timedelta(days=400)
    ca = consortium.cas["market"] = OrganisationCA.create("market", old)
    identity = consortium.identity(MARKET, ca=ca, now=old)
    await refused(consortium, identity, "expired")


async def test_a_certificate_of_tomorrow_is_refused(consortium):
    identity = consortium.identity(MARKET, now=consortium.now + timedelta(days=1))
    await refused(consortium, identity, "not_yet_valid")


async def test_a_certificate_that_the_membership_revokes_is_refused(consortium):
    identity = consortium.identity(MARKET)
    lenient = consortium.membership()
    serial = identity.certificate.serial_number
    strict = consortium.membership(revoked={"market": [serial]})
    victim = await consortium.start(TAX, membership=strict)
    rogue = await consortium.start(MARKET, identity=identity, membership=lenient)
    rogue.set_address(TAX, "{}:{}".format(*victim.address))
    await victim.metrics.refused.reaches("revoked")
    assert victim.metrics.connected == 0


async def test_another_organisations_certificate_for_a_stolen_node_id_is_refused(consortium):
    # audit's CA is a member's, so OpenSSL accepts the chain; but it may not speak for market.
    audit = consortium.cas["audit"]
    forger = OrganisationCA("market", audit.certificate, audit._key)
    await refused(consortium, consortium.identity(MARKET, ca=forger), "wrong_organisation")


async def test_a_node_that_the_membership_does_not_name_is_refused(consortium):
    nodes = {**consortium.nodes, "market/market-9": "127.0.0.1:1"}
    await refused(
        consortium,
        consortium.identity("market/market-9"),
        "unknown_node",
        membership=consortium.membership(nodes=nodes),
        node_id="market/market-9",
    )


async def test_a_certificate_signed_by_a_nodes_certificate_is_refused(consortium):
    node_key = new_key()
    node = consortium.cas["market"].issue(MARKET, node_key.public_key(), consortium.now)
    forged = consortium.identity(MARKET, ca=OrganisationCA("market", node, node_key))
    forged.certificate_path.write_bytes(
        forged.certificate_path.read_bytes() + node.public_bytes(_PEM)
    )
    victim = await consortium.start(TAX)
    peer = await consortium.raw_peer(victim, forged, hello=False)
    assert await peer.ended() == []
    assert victim.metrics.connected == 0
    assert victim.metrics.refused.keys() & {"bad_certificate", "stranger"}


async def test_a_certificate_without_a_node_id_is_refused(consortium):
    ca = consortium.cas["market"]
    key = new_key()
    identity = consortium.identity(MARKET)
    template = ca.issue(MARKET, key.public_key(), consortium.now)
    builder = (
        x509.CertificateBuilder()
        .subject_name(template.subject)
        .issuer_name(template.issuer)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(template.not_valid_before_utc)
        .not_valid_after(template.not_valid_after_utc)
    )
    for extension in template.extensions:
        if extension.oid != x509.oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            builder = builder.add_extension(extension.value, extension.critical)
    names = x509.SubjectAlternativeName([x509.DNSName("market-1")])
    certificate = builder.add_extension(names, critical=False).sign(ca._key, hashes.SHA256())
    identity.certificate_path.write_bytes(certificate.public_bytes(_PEM))
    identity.key_path.write_bytes(_key_pem(key))
    victim = await consortium.start(TAX)
    peer = await consortium.raw_peer(victim, identity, hello=False)
    await peer.ended()
    await victim.metrics.refused.reaches("bad_certificate")


async def test_tls_1_2_is_refused(consortium):
    tax = await consortium.start(TAX)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await consortium.raw_peer(tax, consortium.identity(MARKET), version=ssl.TLSVersion.TLSv1_2)
    await tax.metrics.refused.reaches("tls_version")


async def test_a_server_with_tls_1_2_is_refused_by_who_dials(consortium):
    market = await consortium.start(MARKET)
    identity = consortium.identity(TAX)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=context)
    market.set_address(TAX, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    # asyncio closes without the alert, so the reason stays with the server.
    await market.metrics.refused.reaches("closed")
    assert market.metrics.connected == 0
    server.close()


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        encode_frame(Hello(b"i" * 16, 1)),
        b"\x00" * 64,
    ],
)
async def test_plain_text_is_refused(consortium, opening):
    tax = await consortium.start(TAX)
    reader, writer = await asyncio.open_connection(*tax.address)
    writer.write(opening)
    await tax.metrics.refused.reaches("plaintext")
    async with asyncio.timeout(10):
        answer = await reader.read(1000)
    # A TLS alert record at most (RFC 8446, 5.1): nothing of this protocol.
    assert len(answer) <= 7
    writer.close()


async def test_a_silent_visitor_is_sent_away_in_time(consortium, quick_limits):
    tax = await consortium.start(TAX, limits=replace(quick_limits, handshake_timeout_s=0.05))
    reader, writer = await asyncio.open_connection(*tax.address)
    await tax.metrics.refused.reaches("handshake_timeout")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_no_client_certificate_is_refused(consortium):
    tax = await consortium.start(TAX)
    peer = await consortium.raw_peer(tax, None, hello=False)
    await peer.ended()
    await tax.metrics.refused.reaches("no_certificate")


async def test_handshakes_of_one_host_are_bounded(consortium, quick_limits):
    limits = replace(quick_limits, handshakes_per_host_max=2)
    tax = await consortium.start(TAX, limits=limits)
    pairs = [await asyncio.open_connection(*tax.address) for _ in range(3)]
    await tax.metrics.refused.reaches("too_many")
    assert tax.metrics.refused["too_many"] == 1
    for _, writer in pairs:
        writer.close()


async def test_strangers_that_say_nothing_keep_no_member_out(consortium, quick_limits):
    limits = replace(quick_limits, handshakes_count_max=4, handshake_timeout_s=60)
    tax = await consortium.start(TAX, limits=limits)
    strangers = [
        await asyncio.open_connection(*tax.address, local_addr=(f"127.0.0.{turn + 2}", 0))
        for turn in range(6)
    ]
    await tax.metrics.refused.reaches("too_many", 2)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    async with asyncio.timeout(10):
        await peer.frame()
    assert tax.is_connected(MARKET)
    for _, writer in strangers:
        writer.close()


@pytest.mark.parametrize(
    "first",
    [
        Ping(1),
        Hello(b"i" * 16, 1, version=PROTOCOL_VERSION + 1),
        b"\x00\x00\x00\x23\x00" + b"x" * 34,
        b"\xff" * 9,
    ],
)
async def test_a_wrong_hello_is_refused(consortium, first):
    tax = await consortium.start(TAX)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET), hello=False)
    await peer.send(first)
    await tax.metrics.refused.reaches("bad_hello")
    await peer.ended()
    assert tax.metrics.connected == 0


@pytest.mark.parametrize(("quiet_s", "level"), [(60.0, "info"), (0.0, "warning")])
async def test_who_is_not_there_is_news_only_after_the_start(
    consortium, monkeypatch, quiet_s, level
):
    said = asyncio.Queue()

    class Log:
        def __getattr__(self, name):
            return lambda event, **about: said.put_nowait((name, event, about.get("peer")))

    monkeypatch.setattr(connections, "_log", Log())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        tax = await consortium.start(TAX, limits=replace(QUICK, start_quiet_s=quiet_s))
        tax.set_address(MARKET, f"127.0.0.1:{taken.getsockname()[1]}")
        async with asyncio.timeout(20):
            while (told := await said.get())[2] != MARKET:
                pass
    event = "p2p.not_there_yet" if level == "info" else "p2p.refused"
    assert told == (level, event, MARKET)
    assert not tax.metrics.refused, "nobody was refused by us"


async def test_another_node_at_the_address_is_refused(consortium):
    market = await consortium.start(MARKET)
    data = await consortium.start("data/data-1")
    data.set_address(TAX, "{}:{}".format(*market.address))
    await data.metrics.refused.reaches("other_node")
    assert not data.is_connected(TAX)


async def test_our_own_id_from_elsewhere_is_refused(consortium):
    tax = await consortium.start(TAX)
    peer = await consortium.raw_peer(tax, consortium.identity(TAX))
    await tax.metrics.refused.reaches("own_node")
    await peer.ended()


async def test_a_node_that_runs_twice_is_noticed(consortium):
    tax = await consortium.start(TAX)
    identity = consortium.identity(MARKET)

    async def connect(instance):
        peer = await consortium.raw_peer(tax, identity, hello=False)
        await peer.send(Hello(instance, 1))
        await peer.frame()

    for count, instance in enumerate((b"a" * 16, b"b" * 16), 1):
        await connect(instance)
        await tax.arrived.reaches(MARKET, count)
    assert not tax.metrics.faults  # a restart looks like this
    await connect(b"a" * 16)
    await tax.metrics.faults.reaches("node_runs_twice")


async def test_a_newer_membership_cuts_a_revoked_peer_and_leaves_the_others(
    consortium, quick_limits
):
    identity = consortium.identity(MARKET)
    # Long enough that no tick does what the change itself must do.
    tax = await consortium.start(TAX, limits=replace(quick_limits, ping_interval_s=60.0))
    market = await consortium.start(MARKET, identity=identity)
    data = await consortium.start("data/data-1")
    consortium.introduce(tax, market, data)
    await tax.arrived.reaches(MARKET)
    await tax.arrived.reaches("data/data-1")
    serial = identity.certificate.serial_number
    tax.update_membership(consortium.membership(2, revoked={"market": [serial]}))
    await tax.metrics.disconnected.reaches("revoked")
    await market.left.reaches(TAX)
    assert tax.is_connected("data/data-1")
    await tax.metrics.refused.reaches("revoked")
    assert not tax.is_connected(MARKET)


async def test_a_renewed_certificate_brings_a_revoked_node_back(consortium):
    identity = consortium.identity(MARKET)
    tax = await consortium.start(TAX)
    market = await consortium.start(MARKET, identity=identity)
    consortium.introduce(tax, market)
    await tax.arrived.reaches(MARKET)
    serial = identity.certificate.serial_number
    tax.update_membership(consortium.membership(2, revoked={"market": [serial]}))
    await tax.left.reaches(MARKET)
    market.update_identity(consortium.identity(MARKET))
    await tax.arrived.reaches(MARKET, 2)


async def test_a_node_that_leaves_the_membership_is_cut_and_not_dialled(consortium):
    tax, market = await consortium.pair()
    nodes = {k: v for k, v in consortium.nodes.items() if k != MARKET}
    tax.update_membership(consortium.membership(2, nodes=nodes))
    await tax.metrics.disconnected.reaches("unknown_node")
    await market.left.reaches(TAX)
    assert MARKET not in [state["node"] for state in tax.peers()]


async def test_an_organisations_own_list_cuts_its_node(consortium):
    identity = consortium.identity(MARKET)
    tax = await consortium.start(TAX)
    market = await consortium.start(MARKET, identity=identity)
    consortium.introduce(tax, market)
    await tax.arrived.reaches(MARKET)
    ca = consortium.cas["market"]
    before = ca.crl(consortium.now)
    ca.revoke([identity.certificate.serial_number])
    tax.update_crl("market", ca.crl(consortium.now))
    await tax.metrics.disconnected.reaches("revoked")
    tax.update_crl("market", before)  # an older list gives nothing back
    await tax.metrics.refused.reaches("revoked")
    assert not tax.is_connected(MARKET)


async def test_a_certificate_that_expires_ends_its_connection(consortium):
    offset = [timedelta(0)]
    tax = await consortium.start(TAX, now=lambda: consortium.now + offset[0])
    market = await consortium.start(MARKET)
    consortium.introduce(tax, market)
    await tax.arrived.reaches(MARKET)
    offset[0] = timedelta(days=366)
    await tax.metrics.disconnected.reaches("expired")


async def test_a_newer_membership_travels_to_all(consortium):
    saved = asyncio.Queue()
    networks = [
        await consortium.start(node_id, on_membership=saved.put_nowait)
        for node_id in (TAX, MARKET, "data/data-1")
    ]
    consortium.introduce(*networks)
    for network in networks[1:]:
        await networks[0].arrived.reaches(network.node_id)
    networks[0].update_membership(consortium.membership(2))
    async with asyncio.timeout(10):
        assert [(await saved.get()).version for _ in range(2)] == [2, 2]
    assert [network.membership.version for network in networks] == [2, 2, 2]


async def test_a_node_that_was_away_gets_the_newer_membership_on_connecting(consortium):
    saved = asyncio.Queue()
    tax = await consortium.start(TAX, membership=consortium.membership(2))
    market = await consortium.start(MARKET, on_membership=saved.put_nowait)
    consortium.introduce(tax, market)
    async with asyncio.timeout(10):
        assert (await saved.get()).version == 2


async def test_a_membership_without_its_signatures_changes_nothing(consortium):
    tax, market = await consortium.pair()
    newer = consortium.membership(2)
    unsigned = replace(newer, signatures=newer.signatures[:1])
    assert unsigned.signers(STANDARD)
    peer = await consortium.raw_peer(tax, consortium.identity("data/data-1"))
    await peer.send(MembershipDocument(unsigned.encode()))
    await tax.metrics.faults.reaches("membership_refused")
    assert tax.membership.version == 1
    assert tax.is_connected(MARKET)
    assert market.membership.version == 1


def _key_pem(key):
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


async def test_documents_on_one_connection_are_bounded(consortium, quick_limits):
    limits = replace(quick_limits, documents_count_max=3)
    tax = await consortium.start(TAX, limits=limits)
    peer = await consortium.raw_peer(tax, consortium.identity(MARKET))
    for _ in range(4):
        await peer.send(MembershipDocument(consortium.membership().encode()))
    await tax.metrics.disconnected.reaches("framing")
    await peer.ended()
