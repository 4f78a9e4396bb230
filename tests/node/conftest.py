"""Organisations with CAs, identities and networks of nodes, on loopback with quick limits."""

import asyncio
import ssl
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from ledger.suite import STANDARD, KeySigner
from node.membership import Organisation, draft
from node.p2p import DEFAULT_LIMITS, PeerNetwork
from node.p2p.frames import Hello, decode_body, decode_prefix, encode_frame
from node.pki import NodeIdentity, OrganisationCA

WAIT_S = 10
QUICK = replace(
    DEFAULT_LIMITS,
    backoff_initial_s=0.01,
    backoff_max_s=0.05,
    ping_interval_s=0.2,
    idle_timeout_s=20.0,
)


class WatchedCounter(Counter):
    """A counter whose changes can be awaited."""

    def __init__(self):
        super().__init__()
        self.changed = asyncio.Event()

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if hasattr(self, "changed"):
            self.changed.set()

    async def reaches(self, key, count=1):
        async with asyncio.timeout(WAIT_S):
            while self[key] < count:
                self.changed.clear()
                await self.changed.wait()


class RawPeer:
    """A peer of flesh: speaks frames by hand over real TLS with a real certificate."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, *frames):
        self.writer.write(b"".join(f if isinstance(f, bytes) else encode_frame(f) for f in frames))
        await self.writer.drain()

    async def frame(self):
        async with asyncio.timeout(WAIT_S):
            kind, size = decode_prefix(
                await self.reader.readexactly(5), chunk_bytes_max=65536, document_bytes_max=1 << 21
            )
            return decode_body(kind, await self.reader.readexactly(size))

    async def frame_of(self, kind):
        while not isinstance(frame := await self.frame(), kind):
            pass
        return frame

    async def ended(self):
        """All frames until the connection ends."""
        frames = []
        try:
            while True:
                frames.append(await self.frame())
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return frames

    def close(self):
        self.writer.transport.abort()


class Consortium:
    """Two organisations or more, a node id `org/org-1` and further ones each."""

    def __init__(self, folder, organisations=("tax", "market", "data", "audit")):
        self.folder = folder
        self.now = datetime.now(UTC)
        self.cas = {name: OrganisationCA.create(name, self.now) for name in organisations}
        self.signers = {
            name: KeySigner(STANDARD, STANDARD.new_private_key()) for name in organisations
        }
        self.nodes = {f"{name}/{name}-1": "127.0.0.1:1" for name in organisations}
        self.networks = []
        self.raw = []
        self._files = 0

    def identity(self, node_id, *, ca=None, now=None):
        """A fresh key with a certificate for `node_id`, from its organisation's CA or `ca`."""
        self._files += 1
        folder = self.folder / str(self._files)
        ca = ca or self.cas[node_id.split("/")[0]]
        return ca.issue_identity(node_id, folder / "crt", folder / "key", now or self.now)

    def membership(self, version=1, *, nodes=None, revoked=None, organisations=None):
        """A document signed by all; `revoked` maps organisations to serials."""
        names = list(organisations or self.cas)
        entries = [
            Organisation(
                name,
                self.signers[name].address,
                (self.cas[name].certificate,),
                frozenset((revoked or {}).get(name, ())),
            )
            for name in names
        ]
        nodes = self.nodes if nodes is None else nodes
        unsigned = draft("test", version, len(names) // 2 + 1, entries, nodes)
        return unsigned.signed(STANDARD, *self.signers.values())

    async def start(self, node_id, *, identity=None, membership=None, listen_port=0, **options):
        """A running network whose counters can be awaited; stopped at the test's end."""
        network = PeerNetwork(
            identity or self.identity(node_id),
            membership or self.membership(),
            STANDARD,
            ("127.0.0.1", listen_port),
            **{"limits": QUICK, **options},
        )
        for name in ("refused", "disconnected", "dropped", "unsent", "faults"):
            setattr(network.metrics, name, WatchedCounter())
        network.arrived = WatchedCounter()
        network.left = WatchedCounter()
        network.on_connect(lambda peer: network.arrived.update([peer]))
        network.on_disconnect(lambda peer: network.left.update([peer]))
        await network.start()
        self.networks.append(network)
        return network

    @staticmethod
    def introduce(*networks):
        """Tell all of them all addresses."""
        for network in networks:
            for other in networks:
                if other is not network:
                    network.set_address(other.node_id, "{}:{}".format(*other.address))

    async def pair(self, first="tax/tax-1", second="market/market-1", **options):
        """Two networks that are connected.

        Only the first dials: of two connections made at once one would be replaced, and what was
        sent on it lost.
        """
        one, two = await self.start(first, **options), await self.start(second, **options)
        one.set_address(second, "{}:{}".format(*two.address))
        await one.arrived.reaches(second)
        await two.arrived.reaches(first)
        return one, two

    async def raw_peer(self, network, identity, *, hello=True, version=ssl.TLSVersion.TLSv1_3):
        """Connect to a network by hand."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        if isinstance(identity, NodeIdentity):
            context.load_cert_chain(identity.certificate_path, identity.key_path)
        reader, writer = await asyncio.open_connection(
            *network.address, ssl=context, server_hostname=""
        )
        peer = RawPeer(reader, writer)
        self.raw.append(peer)
        if hello:
            await peer.send(Hello(b"i" * 16, 1))
            assert isinstance(await peer.frame(), Hello)
        return peer

    async def stop(self):
        for peer in self.raw:
            peer.close()
        await asyncio.gather(*(network.stop() for network in self.networks))


@pytest_asyncio.fixture
async def consortium(tmp_path):
    made = Consortium(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
def consortium_of(tmp_path_factory):
    """Another consortium, with CAs of its own."""
    return lambda *names: Consortium(tmp_path_factory.mktemp("other"), names)


@pytest.fixture
def quick_limits():
    """Bounds with short time-outs."""
    return QUICK
