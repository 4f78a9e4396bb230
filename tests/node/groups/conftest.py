"""Four departments in one process: real drivers, chains and logs over a network of queues."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.chain import Chain
from ledger.codec import encode
from ledger.gate import GATE_CONTRACT, Role, gate_storage, permission_word
from ledger.genesis import (
    Allocation,
    Genesis,
    Organisation,
    ValidatorEntry,
    genesis_block,
    save_genesis,
)
from ledger.keyvalue import LevelDB
from ledger.parameters import Parameters
from ledger.protocol import PRESENT
from ledger.pyevm import PyEvmEngine
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32, keccak, to_hex
from node.config import (
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    RpcConfig,
    save_node_config,
)
from node.envelopes import EnvelopePost, EnvelopeStore
from node.files import RealFiles
from node.founding import sign_founding
from node.group import GroupDriver, GroupSetup
from node.group_assembly import found_group
from node.group_members import GroupMembers
from node.group_network import Channel, GroupListener, RequestFailed
from node.journal import Journal
from node.keyfile import save_private_key
from node.membership import Organisation as Member
from node.membership import draft
from node.metrics import Metrics
from node.pki import OrganisationCA
from node.pool import PoolLimits
from node.rpc.view import NewHead
from node.service import Node
from node.transaction_memory import TransactionMemory
from node.vote_log import VoteLog

CHAIN_ID = 4_711
WINDOW = 4
GATE_CODE = bytes.fromhex("6020355f35555f80f3")
"""Stands for the accounts contract: stores word 1 of the call data in the slot of word 0."""
ORGANISATIONS = ("tax", "market", "data", "audit")


def key(name: str) -> KeySigner:
    """A key that is the same in every run."""
    return KeySigner(STANDARD, keccak(b"node test key of " + name.encode()))


ANNA, BERT, STRANGER = key("anna"), key("bert"), key("stranger")


def signed(signer: KeySigner, nonce: int, *, value: int = 0, to: Address | None = BERT.address,
           data: bytes = b"", gas: int = 100_000, chain_id: int = CHAIN_ID) -> bytes:  # fmt: skip
    """A raw EIP-1559 transaction without fees."""
    body = [chain_id, nonce, 0, 0, gas, to or b"", value, data, []]
    signature = signer.sign(keccak(b"\x02" + encode(body)))
    tail = [signature[64], int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])]
    return b"\x02" + encode(body + tail)


class Hub:
    """The network between fake nodes: ordered queues, and cuts that tests make and mend."""

    def __init__(self) -> None:
        self.ports: dict[str, Port] = {}
        self.cut: set[str] = set()
        self.silent: set[str] = set()
        """Nothing comes from them or to them, and their connections look as before."""
        self.carried: list[tuple[str, str, Channel, bytes]] | None = None

    def reaches(self, a: str, b: str) -> bool:
        ports = self.ports
        return a in ports and b in ports and not {a, b} & self.cut

    def isolate(self, name: str) -> None:
        self.cut.add(name)
        for other in list(self.ports):
            if other != name:
                self.ports[other].listener.on_disconnected(name)
                self.ports[name].listener.on_disconnected(other)

    def heal(self, name: str) -> None:
        self.cut.discard(name)
        for other in list(self.ports):
            if self.reaches(name, other) and other != name:
                self.ports[other].listener.on_connected(name)
                self.ports[name].listener.on_connected(other)


class Port:
    """One node's end of the hub."""

    listener: GroupListener

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._name = name

    def connected(self) -> frozenset[str]:
        hub, name = self._hub, self._name
        return frozenset(peer for peer in hub.ports if peer != name and hub.reaches(name, peer))

    def send(self, peer: str, channel: Channel, payload: bytes) -> bool:
        if not self._hub.reaches(self._name, peer):
            return False
        if self._hub.carried is not None:
            self._hub.carried.append((self._name, peer, channel, payload))
        asyncio.get_running_loop().call_soon(self._deliver, peer, channel, payload)
        return True

    def _deliver(self, peer: str, channel: Channel, payload: bytes) -> None:
        if self._hub.reaches(self._name, peer) and not {self._name, peer} & self._hub.silent:
            self._hub.ports[peer].listener.on_message(self._name, channel, payload)

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        if not self._hub.reaches(self._name, peer):
            raise RequestFailed(f"{peer} is away")
        if {self._name, peer} & self._hub.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        try:
            return await self._hub.ports[peer].listener.on_request(self._name, payload)
        except ValueError as error:
            raise RequestFailed(str(error)) from error

    def refresh(self) -> None:
        """The hub carries between all; members are the real network's concern."""

    def open(self, listener: GroupListener) -> None:
        self.listener = listener
        self._hub.ports[self._name] = self
        for peer in self.connected():
            self._hub.ports[peer].listener.on_connected(self._name)

    def close(self) -> None:
        self._hub.ports.pop(self._name, None)


class FakeNode:
    """One department's node: its folder outlives its driver."""

    def __init__(self, world: GroupWorld, index: int, organisation: str) -> None:
        self.world = world
        self.name = f"{organisation}/{organisation}-1"
        self.organisation = organisation
        self.signer = world.signers[index]
        self.folder = world.folder / organisation
        self.build = PRESENT
        self.driver: GroupDriver
        self.is_running = False

    def found(self) -> None:
        VoteLog.create(self.folder / "wal", self.world.group, self.signer.address)

    async def start(self) -> None:
        world = self.world
        engine = PyEvmEngine()
        memory = TransactionMemory(engine.decode)
        self.metrics = Metrics()
        self.chain = Chain(
            world.genesis,
            BlockStore(LevelDB(self.folder / "db"), STANDARD),
            engine,
            decode=memory.decode,
            build=self.build,
        )
        port = world.network(self)
        store = EnvelopeStore(self.folder / "envelopes")
        self.driver = GroupDriver(
            GroupSetup(
                name=world.genesis.name,
                node_id=self.name,
                genesis=world.genesis,
                chain=self.chain,
                signer=self.signer,
                network=port,
                votes=VoteLog.open(
                    RealFiles(self.folder / "wal"), STANDARD, world.group, self.signer.address
                ),
                journal=Journal(self.folder / "journal"),
                memory=memory,
                envelopes=EnvelopePost(
                    group=world.genesis.name,
                    node_id=self.name,
                    suite=STANDARD,
                    store=store,
                    network=port,
                    members=lambda: world.members,
                ),
                members=GroupMembers(self.chain),
                metrics=self.metrics,
                pool_limits=PoolLimits(),
                tick_ms=20,
            )
        )
        await self.driver.start()
        self.is_running = True

    async def stop(self) -> None:
        self.is_running = False
        await self.driver.stop()
        self.chain.close()

    async def crash(self) -> None:
        """As kill -9 would: only what was written stays."""
        self.is_running = False
        await self.driver.abandon()
        self.chain.close()

    async def height(self, number: int, *, timeout_s: float = 30) -> Hash32:
        """The hash of a block, once it is stable here."""
        return await height(self.driver, number, timeout_s=timeout_s)

    async def executed(self, hashes: Iterable[Hash32], *, timeout_s: float = 30) -> None:
        """Wait until every transaction is in a stable block here."""
        await executed(self.driver, hashes, timeout_s=timeout_s)


async def height(driver: GroupDriver, number: int, *, timeout_s: float = 30) -> Hash32:
    """The hash of a block, once it is stable at this driver."""
    events = driver.subscribe()
    try:
        async with asyncio.timeout(timeout_s):
            while driver.chain.head.number < number:
                await events.get()
    finally:
        driver.unsubscribe(events)
    return driver.chain.header(number).hash


async def executed(driver: GroupDriver, hashes: Iterable[Hash32], *, timeout_s: float = 30) -> None:
    """Wait until every transaction is in a stable block at this driver."""
    waiting = set(hashes)
    events = driver.subscribe()
    try:
        async with asyncio.timeout(timeout_s):
            while waiting := {h for h in waiting if driver.chain.receipt(h) is None}:
                while not isinstance(await events.get(), NewHead):
                    pass
    finally:
        driver.unsubscribe(events)


async def eventually(is_so: Callable[[], object], *, timeout_s: float = 10) -> None:
    """Wait for what shows in files only, where there is no event to await."""
    async with asyncio.timeout(timeout_s):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


class GroupWorld:
    """The group: genesis, nodes, hub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = Hub()
        self.signers = sorted((key(name) for name in ORGANISATIONS), key=lambda s: s.address)
        self.genesis = self._genesis()
        self.node_ids = {
            signer.address: f"{organisation}/{organisation}-1"
            for signer, organisation in zip(self.signers, ORGANISATIONS, strict=True)
        }
        self.members = {f"{name}/{name}-1": name for name in ORGANISATIONS}
        self.nodes = [FakeNode(self, index, name) for index, name in enumerate(ORGANISATIONS)]

    @property
    def group(self) -> Hash32:
        return genesis_block(self.genesis).hash

    def network(self, node: FakeNode) -> Port:
        return Port(self.hub, node.name)

    def _genesis(self) -> Genesis:
        slots = gate_storage(
            {
                ANNA.address: permission_word(Role.MEMBER, organisation=1),
                BERT.address: permission_word(Role.AUTHOR, organisation=2),
            },
            ValidatorSet.of(signer.address for signer in self.signers),
            WINDOW,
        )
        return Genesis(
            name="equity",
            timestamp_ms=1_700_000_000_000,
            parameters=Parameters(
                chain_id=CHAIN_ID,
                window_blocks=WINDOW,
                heartbeat_ms=2_000,
                view_timeout_ms=1_000,
                view_timeout_ms_max=4_000,
            ),
            organisations=[
                Organisation(name=name, recovery_key=to_hex(key("recovery " + name).address))
                for name in ORGANISATIONS
            ],
            recovery_threshold=3,
            validators=[
                ValidatorEntry(
                    address=to_hex(signer.address), node=f"{name}/{name}-1", organisation=name
                )
                for signer, name in zip(self.signers, ORGANISATIONS, strict=True)
            ],
            alloc={
                to_hex(GATE_CONTRACT): Allocation(
                    nonce=1,
                    code=to_hex(GATE_CODE),
                    storage={hex(slot): hex(value) for slot, value in slots.items()},
                ),
                to_hex(ANNA.address): Allocation(balance=hex(10**18)),
            },
        ).checked()

    async def start(self) -> None:
        for node in self.nodes:
            node.found()
        for node in self.nodes:
            await node.start()

    async def stop(self) -> None:
        for node in self.nodes:
            if node.is_running:
                await node.stop()

    @property
    def primary(self) -> FakeNode:
        """Whom most running nodes hold for the primary."""
        names = [node.driver.status()["primary"] for node in self.nodes if node.is_running]
        name = max(set(names), key=names.count)
        return next(node for node in self.nodes if node.name.endswith("/" + name))

    async def same_hashes(self) -> None:
        """Every running node holds the same block at the highest common number."""
        running = [node for node in self.nodes if node.is_running]
        number = min(node.chain.head.number for node in running)
        assert len({node.chain.header(number).hash for node in running}) == 1


class NodeFolders:
    """The four nodes' folders as an operator gets them, on ports that the system chooses."""

    def __init__(self, folder: Path) -> None:
        self.world = GroupWorld(folder)
        self.running: list[Node] = []
        now = datetime.now(UTC)
        self.authorities = {name: OrganisationCA.create(name, now) for name in ORGANISATIONS}
        self.membership = draft(
            "test",
            1,
            3,
            [
                Member(name, key("member " + name).address, (self.authorities[name].certificate,))
                for name in ORGANISATIONS
            ],
            dict.fromkeys(self.world.members, "127.0.0.1:1"),
        ).signed(STANDARD, *(key("member " + name) for name in ORGANISATIONS))
        for name in ORGANISATIONS:
            self.world.genesis = sign_founding(
                self.world.genesis, self.membership, key("member " + name)
            )
        self.folders: dict[str, NodeFolder] = {}
        for node in self.world.nodes:
            home = self.folders[node.organisation] = NodeFolder(node.folder)
            save_node_config(
                NodeConfig(
                    name=f"{node.organisation}-1",
                    org=node.organisation,
                    p2p=ListenConfig("127.0.0.1:0"),
                    rpc=RpcConfig("127.0.0.1:0"),
                    group=(GroupConfig("equity"),),
                ),
                home,
            )
            save_private_key(home.group("equity").consensus_key, node.signer._private_key)
            home.tls.mkdir()
            self.authorities[node.organisation].issue_identity(
                node.name, home.tls_certificate, home.tls_key, now
            )
            self.membership.save(home.membership)
            save_genesis(self.world.genesis, home.group("equity").genesis)
            found_group(home, "equity")

    async def start(self, *organisations: str) -> list[Node]:
        """Start nodes and tell all that run each other's addresses."""
        started = []
        for name in organisations or ORGANISATIONS:
            node = Node(self.folders[name].path)
            await node.start()
            started.append(node)
            self.running.append(node)
        for node in self.running:
            for other in self.running:
                if node is not other:
                    host, port = other.network.address
                    node.network.set_address(other.node_id, f"{host}:{port}")
        return started

    async def stop(self, *nodes: Node) -> None:
        for node in nodes or tuple(self.running):
            self.running.remove(node)
            await node.stop()


@pytest.fixture
async def folders(tmp_path: Path) -> AsyncIterator[NodeFolders]:
    """Four nodes' folders; what was started is stopped."""
    made = NodeFolders(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[GroupWorld]:
    """Four nodes that run."""
    world = GroupWorld(tmp_path)
    await world.start()
    yield world
    await world.stop()


@pytest.fixture
def kit() -> object:
    """What tests sign with."""
    return sys.modules[__name__]
