"""The whole node: its folder, the network, every group, RPC and metrics, from start to stop.

Wiring only. What goes wrong before it runs is a `ConfigurationError`, a sentence for the operator.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ledger.chain import NeedsCut
from ledger.protocol import PRESENT, Build
from ledger.recovery import InvalidRecovery
from ledger.suite import STANDARD
from ledger.values import Hash32
from node.config import ConfigurationError, NodeConfig, NodeFolder, load_node_config, parse_address
from node.engines import AUTO, resolve_engine, why_not_native
from node.envelopes import EnvelopeRefused, EnvelopeStore
from node.expiry import ExpiryWatch, lifetimes
from node.group import GroupDriver
from node.group_assembly import NodeParts
from node.logging import configure_logging
from node.membership import InvalidMembership, Membership, load_membership
from node.metrics import Metrics
from node.network_metrics import NetworkMetrics
from node.p2p import PeerNetwork
from node.pid_file import PidFile
from node.pki import InvalidNodeCertificate, InvalidNodeId, NodeIdentity
from node.recovery_folder import mark_followed, refuse, waiting_recoveries
from node.revocations import Revocations, load_revocations
from node.rpc.server import InvalidListenAddress, RpcServer
from node.rpc_wiring import RpcWiring
from node.running_groups import RunningGroups
from node.tls_renewal import load_identity

METRICS_PERIOD_S = 1.0
SWITCH_INTERVAL_S = 0.001
"""How long the worker's Python code may keep the event loop waiting."""

COLLECTOR_THRESHOLDS = (10_000, 20, 20)
"""New objects before a collection, and collections of one generation before the next one's.
A transaction makes some ten objects and no cycles: Python's own 700 would look at all too often."""

log = structlog.get_logger("node")


class Node:
    """A node that runs from its folder. `start`, serve, `stop`."""

    def __init__(
        self, folder: Path, *, config: NodeConfig | None = None, build: Build = PRESENT
    ) -> None:
        """Read the folder's configuration. Raises `ConfigurationError`."""
        self._build = build
        self._folder = NodeFolder(folder)
        self._config = load_node_config(self._folder) if config is None else config
        self.metrics = Metrics()
        self._groups: RunningGroups | None = None
        self._network: PeerNetwork | None = None
        self._rpc: RpcServer | None = None
        self._wiring = RpcWiring(self._folder, self._config, self.metrics)
        self._pid_file: PidFile | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._is_up = False
        self._is_reload_due = False

    # -- what RPC sees ----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def node_id(self) -> str:
        """`org/name`, as in the certificate."""
        return self._config.node_id

    @property
    def version(self) -> str:
        return distribution_version("quorate")

    @property
    def engine(self) -> str:
        """The engine that blocks run on, `auto` resolved."""
        return resolve_engine(self._config.engine)

    @property
    def groups(self) -> Mapping[str, GroupDriver]:
        return {} if self._groups is None else self._groups.drivers

    @property
    def default_group(self) -> str:
        return self._config.default_group or next(iter(self.groups), "")

    @property
    def rpc_url(self) -> str:
        """Where RPC listens, once started."""
        assert self._rpc is not None
        return self._rpc.url

    @property
    def network(self) -> PeerNetwork:
        """The peer-to-peer network, once started."""
        assert self._network is not None
        return self._network

    def peers(self) -> list[Mapping[str, Any]]:
        """`{node, node_id, connected, since_ms}` of every other node of the network."""
        return [
            {
                "node": peer["node"].rpartition("/")[2],
                "node_id": peer["node"],
                "connected": peer["connected"],
                "since_ms": peer["since_ms"],
            }
            for peer in self.network.peers()
        ]

    def certificate(self) -> Mapping[str, Any]:
        """`{serial, not_after, days_left, refused}` of the TLS certificate in use."""
        identity, refusal = self.network.identity, self.network.own_refusal()
        return {
            "serial": f"{identity.certificate.serial_number:x}",
            "not_after": identity.certificate.not_valid_after_utc.isoformat(),
            "days_left": identity.days_left(datetime.now(UTC)),
            "refused": None if refusal is None else str(refusal),
        }

    def expiring(self) -> list[Mapping[str, Any]]:
        """`{what, days_left, remedy}` of each certificate and CA that runs out soon."""
        found = lifetimes(self.network.identity, self.network.membership, datetime.now(UTC))
        return [
            {"what": entry.what, "days_left": entry.days_left, "remedy": entry.remedy}
            for entry in found
            if entry.is_due
        ]

    def readiness(self) -> Mapping[str, str]:
        """What keeps this node from serving, by group; empty when it is ready."""
        found = {name: group.unready() for name, group in self.groups.items()}
        return {name: reason for name, reason in found.items() if reason is not None}

    async def send_envelope(self, group: str, receiver: str, envelope: bytes) -> Hash32:
        """Deliver an encrypted envelope to an organisation's nodes; answers its digest.

        Raises `EnvelopeRefused`.
        """
        driver = self.groups.get(group)
        if driver is None:
            raise EnvelopeRefused(f"this node carries no group {group!r}")
        return await driver.envelopes.send(receiver, envelope)

    def envelopes(self, group: str) -> list[Mapping[str, Any]]:
        """Envelopes that arrived: `{digest, sender, received_ms, envelope}`, bytes as bytes."""
        return self.groups[group].envelopes.received()

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything, or close what was opened and raise `ConfigurationError`."""
        self._pid_file = PidFile(self._folder.pid_file)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        log.info(
            "node.started", node=self.node_id, version=self.version, rpc=self.rpc_url,
            engine=self.engine, groups=sorted(self.groups),
        )  # fmt: skip
        self._is_up = True
        if self._is_reload_due:
            self.reload()
        missing = why_not_native()
        if missing is not None and self._config.engine == AUTO:
            log.warning("node.without_native_engine", runs_on=self.engine, reason=missing)

    async def _start(self) -> None:
        self._wiring.open_log()
        membership = self._load_membership()
        network = PeerNetwork(
            self._load_identity(),
            membership,
            STANDARD,
            parse_address(self._config.p2p.listen),
            addresses={peer.node: peer.address for peer in self._config.peer},
            on_membership=self._save_membership,
            revocations=self._load_revocations(membership),
            on_revocations=self._save_revocations,
            stages=self.metrics.stages,
        )
        parts = NodeParts(
            self._folder,
            self._config,
            network,
            EnvelopeStore(
                self._folder.envelopes, payload_bytes_max=self._config.limits.envelope_bytes_max
            ),
            self.metrics,
            self._build,
        )
        # Every file is read before anyone hears of this node.
        self._groups = RunningGroups(parts)
        await self._groups.assemble()
        try:
            await network.start()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._config.p2p.listen} ({error.strerror or error}): "
                "stop what uses the port, or name another in node.toml"
            ) from error
        self._network = network
        await self._groups.start()
        await self._start_rpc()
        self._measuring = asyncio.create_task(self._measure(NetworkMetrics(network, self.metrics)))

    async def _start_rpc(self) -> None:
        host, port = parse_address(self._config.rpc.listen)
        try:
            self._rpc = self._wiring.server(self, host, port, self.network)
            await self._rpc.start()
        except InvalidListenAddress as error:
            raise ConfigurationError(str(error)) from error

    async def stop(self) -> None:
        """Close all in the reverse order; may be called on a node that started in part."""
        self._is_up = False
        if self._measuring is not None:
            self._measuring.cancel()
        if self._following is not None:
            await asyncio.gather(self._following, return_exceptions=True)
        if self._rpc is not None:
            await self._rpc.stop()
        await self._wiring.close()
        if self._groups is not None:
            await self._groups.stop()
        if self._network is not None:
            await self._network.stop()
        if self._groups is not None:
            self._groups.close()
        if self._pid_file is not None:
            self._pid_file.release()
            self._pid_file = None
        log.info("node.stopped", node=self.node_id)

    def reload(self) -> None:
        """Take up newer membership, revocation lists, certificate, groups and recoveries.

        What cannot be used is said and changes nothing: the node goes on as it was. A node that
        still starts does it once it runs, one that stops not at all.
        """
        if not self._is_up:
            self._is_reload_due = True
            return
        self._reload_trust()
        self._following = asyncio.create_task(self._follow_folder(self._following))

    def _reload_trust(self) -> None:
        try:
            membership, identity = self._load_membership(), self._load_identity()
            revocations = self._load_revocations(membership)
            if membership.version > self.network.membership.version:
                self.network.update_membership(membership)
            self.network.update_identity(identity)
            for held in revocations.held.values():
                self.network.update_crl(held.organisation, held.pem)
        except (ConfigurationError, InvalidMembership, InvalidNodeCertificate, OSError) as error:
            log.error("node.reload_failed", error=str(error))
            self._wiring.operated("reload", outcome=f"failed: {error}")
            return
        self._wiring.follow(self.network)
        self._wiring.operated("reload", asked=f"membership {self.network.membership.version}")
        log.info(
            "node.reloaded",
            membership=self.network.membership.version,
            certificate_until=identity.certificate.not_valid_after_utc.isoformat(),
        )

    async def _follow_folder(self, earlier: asyncio.Task[None] | None) -> None:
        """One look comes after the other: two at once would take up the same files."""
        if earlier is not None:
            await asyncio.wait([earlier])
        await self._follow_groups()
        await self._follow_recoveries()

    async def _follow_groups(self) -> None:
        """Take up the groups that node.toml names now, leave those that it names no more."""
        assert self._groups is not None
        assert self._rpc is not None
        try:
            config = load_node_config(self._folder)
        except ConfigurationError as error:
            log.error("node.reload_failed", error=str(error))
            return
        self._config = msgspec.structs.replace(
            self._config, group=config.group, default_group=config.default_group
        )
        before = set(self.groups)
        await self._groups.follow(self._config, self._rpc.release)
        for act, names in (
            ("join", set(self.groups) - before),
            ("leave", before - set(self.groups)),
        ):
            for name in sorted(names):
                self._wiring.operated(act, group=name)

    async def _follow_recoveries(self) -> None:
        """Hand the certificates that wait in the groups' folders to the groups that run."""
        for name, driver in tuple(self.groups.items()):
            for path, recovery in waiting_recoveries(self._folder.group(name)):
                try:
                    await driver.adopt(recovery)
                except InvalidRecovery as error:
                    self._wiring.operated("recovery", group=name, outcome=f"refused: {error}")
                    refuse(path, str(error))
                except NeedsCut as error:
                    log.error(
                        "recovery.waits", file=str(path), reason=f"{error}: start the node anew"
                    )
                else:
                    block = f"{recovery.number} 0x{recovery.block_hash.hex()}"
                    self._wiring.operated("recovery", group=name, asked=block)
                    mark_followed(path)

    async def _measure(self, measure: NetworkMetrics) -> None:
        watch = ExpiryWatch(self.metrics)
        while True:
            measure.update()
            watch.update(self.network.identity, self.network.membership, datetime.now(UTC))
            await asyncio.sleep(METRICS_PERIOD_S)

    # -- files ------------------------------------------------------------------------------------

    def _load_identity(self) -> NodeIdentity:
        try:
            identity = load_identity(self._folder)
        except (OSError, InvalidNodeCertificate, InvalidNodeId) as error:
            raise ConfigurationError(f"the node's TLS certificate or key: {error}") from error
        if identity.node_id != self.node_id:
            raise ConfigurationError(
                f"node.toml is of {self.node_id}, the certificate names {identity.node_id}: "
                "put the right certificate in place"
            )
        return identity

    def _load_membership(self) -> Membership:
        try:
            return load_membership(self._folder.membership, STANDARD)
        except (OSError, InvalidMembership) as error:
            raise ConfigurationError(f"the membership document: {error}") from error

    def _save_membership(self, membership: Membership) -> None:
        try:
            membership.save(self._folder.membership)
            self._wiring.follow(self.network)
        except OSError as error:
            # In force all the same; peers bring it again after a restart.
            log.error("node.membership_unsaved", error=str(error))

    def _load_revocations(self, membership: Membership) -> Revocations:
        try:
            return load_revocations(self._folder.revocations, membership)
        except (OSError, InvalidNodeCertificate) as error:
            raise ConfigurationError(f"an organisation's revocation list: {error}") from error

    def _save_revocations(self, organisation: str, revocations: Revocations) -> None:
        try:
            revocations.save(self._folder.revocations, organisation)
        except OSError as error:
            log.error("node.revocations_unsaved", error=str(error))


async def serve(folder: Path, *, build: Build = PRESENT) -> None:
    """Run a node until SIGTERM or SIGINT; SIGHUP has it reload its certificate and membership.

    Raises `ConfigurationError`.
    """
    node = Node(folder, build=build)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, node.reload)
    await node.start()
    await stopping.wait()
    await node.stop()


def run_node(folder: Path, *, build: Build = PRESENT) -> None:
    """The foreground command: logging, then `serve`. Raises `ConfigurationError`.

    build: which rules are known; tests give others than the present ones.
    """
    node_folder = NodeFolder(folder)
    config = load_node_config(node_folder)
    configure_logging(node_folder.logs, config.log)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # What was imported stays, and what a transaction makes goes without the collector's help.
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    asyncio.run(serve(folder, build=build))
