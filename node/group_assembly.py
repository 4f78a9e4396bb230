"""From a group's folder to its driver, and the folder's first moment: founding the vote log.

Everything that can be wrong with the files is said here as a `ConfigurationError`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from ledger.chain import Chain
from ledger.genesis import Genesis, InvalidGenesis, genesis_block, load_genesis
from ledger.keyvalue import CorruptStore, StoreInUse
from ledger.pin import Pin, parse_pin
from ledger.protocol import PRESENT, Build
from ledger.recovery import InvalidRecovery
from ledger.sealed_store import opened
from ledger.sealing import WrongSealKey
from ledger.store import BlockStore
from ledger.suite import KeySigner
from ledger.values import Address
from node.config import ConfigurationError, GroupFolder, LimitsConfig, NodeConfig, NodeFolder
from node.engines import engine_named
from node.envelopes import EnvelopePost, EnvelopeStore
from node.files import RealFiles
from node.group import GroupDriver, GroupSetup
from node.group_members import GroupMembers
from node.journal import Journal
from node.keyfile import load_private_key, own_address
from node.measured import MeasuredEngine, MeasuredStore
from node.metrics import Metrics
from node.p2p import PeerNetwork
from node.peer_groups import PeerGroupNetwork
from node.pool import PoolLimits
from node.recovery_folder import mark_followed, refuse, waiting_recoveries
from node.sealing import GroupSeals, configured_seals, group_seals
from node.transaction_memory import TransactionMemory
from node.vote_log import VoteLog
from node.wal import LogExists

log = structlog.get_logger("node")


@dataclass(frozen=True)
class NodeParts:
    """What all groups of a node share."""

    folder: NodeFolder
    config: NodeConfig
    network: PeerNetwork
    envelopes: EnvelopeStore
    metrics: Metrics
    build: Build = PRESENT
    """Which rules are known here; tests give an older one."""


def found_group(folder: NodeFolder, name: str) -> None:
    """Write the vote log's head when a node creates or joins a group, and only then.

    A node that finds none later knows that it was lost. Raises `ConfigurationError`.
    """
    group = folder.group(name)
    genesis = read_genesis(group)
    address = own_address(group, genesis.suite)
    try:
        identity = genesis_block(genesis).hash
        VoteLog.create(group.wal, identity, address, configured_seals(folder, identity).votes)
    except LogExists as error:
        raise ConfigurationError(f"{group.wal}: {error}") from error


def read_genesis(folder: GroupFolder) -> Genesis:
    """The group's genesis document. Raises `ConfigurationError`."""
    try:
        return load_genesis(folder.genesis)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {folder.genesis}: {error.strerror}; copy the group's genesis file there"
        ) from error
    except InvalidGenesis as error:
        raise ConfigurationError(f"{folder.genesis}: {error}") from error


def assemble_group(parts: NodeParts, name: str) -> GroupDriver:
    """The driver of one group, its store open and its logs read. Raises `ConfigurationError`."""
    folder = parts.folder.group(name)
    genesis = read_genesis(folder)
    if genesis.name != name:
        raise ConfigurationError(
            f"{folder.genesis} is of group {genesis.name!r}, node.toml says {name!r}"
        )
    suite = genesis.suite
    signer = KeySigner(suite, load_private_key(folder.consensus_key))
    engine = MeasuredEngine(engine_named(parts.config.engine), parts.metrics.stages)
    memory = TransactionMemory(engine.decode)
    seals = group_seals(parts.folder, parts.config, genesis_block(genesis).hash)
    try:
        chain = _open_chain(folder, genesis, engine, memory, seals, build=parts.build)
        journal, votes = _open_logs(folder, genesis, signer.address, seals, parts.metrics)
    except WrongSealKey as error:
        raise ConfigurationError(f"{folder.path}: {error}") from error
    follow_waiting(folder, chain)
    members = GroupMembers(chain)
    network = PeerGroupNetwork(parts.network, chain.group, lambda: members.node_ids)
    return GroupDriver(
        GroupSetup(
            name=name,
            node_id=parts.config.node_id,
            genesis=genesis,
            chain=chain,
            signer=signer,
            network=network,
            votes=votes,
            journal=journal,
            memory=memory,
            envelopes=EnvelopePost(
                group=name,
                node_id=parts.config.node_id,
                suite=suite,
                store=parts.envelopes,
                network=network,
                members=lambda: members.organisations,
            ),
            members=members,
            metrics=parts.metrics,
            pool_limits=_pool_limits(parts.config.limits),
            pin=_pin(parts.config, name),
        )
    )


def _open_logs(
    folder: GroupFolder, genesis: Genesis, address: Address, seals: GroupSeals, metrics: Metrics
) -> tuple[Journal, VoteLog]:
    try:
        journal = Journal(folder.journal, metrics.stages, seals.journal)
    except OSError as error:
        raise ConfigurationError(f"cannot open the journal: {error}") from error
    files, identity = RealFiles(folder.wal), genesis_block(genesis).hash
    return journal, VoteLog.open(files, genesis.suite, identity, address, seals.votes)


def follow_waiting(folder: GroupFolder, chain: Chain) -> None:
    """Have a chain that nobody runs yet follow the certificates that wait in the folder.

    Each is on disk, the store cut back where it must be, before its file is put aside: after a
    crash in between it is found again, and followed already.
    """
    for path, recovery in waiting_recoveries(folder):
        try:
            chain.adopt(recovery, may_cut=True)
        except InvalidRecovery as error:
            refuse(path, str(error))
            continue
        void = [block.number for block in chain.void_blocks() if block.counter == recovery.counter]
        log.warning(
            "recovery.followed",
            file=str(path),
            after=recovery.number,
            epoch=recovery.epoch,
            void=void,
        )
        mark_followed(path)


def _pin(config: NodeConfig, name: str) -> Pin | None:
    trust = next(group.trust for group in config.group if group.name == name)
    return parse_pin(trust) if trust else None


def _open_chain(
    folder: GroupFolder,
    genesis: Genesis,
    engine: MeasuredEngine,
    memory: TransactionMemory,
    seals: GroupSeals,
    *,
    build: Build,
) -> Chain:
    def read() -> Chain:
        database = MeasuredStore(folder.database, engine.stages)
        try:
            store = BlockStore(opened(database, seals.store), genesis.suite)
            return Chain(genesis, store, engine, decode=memory.decode, build=build)
        except BaseException:
            database.close()
            raise

    try:
        return read()
    except CorruptStore as error:
        # Blocks and state come back from peers; the vote log's mark keeps the node from voting
        # until they are there again.
        aside = folder.database.with_name(f"db.corrupt.{time.time_ns() // 1_000_000}")
        folder.database.rename(aside)
        log.error("store.corrupt", group=genesis.name, reason=str(error), kept_as=aside.name)
        return read()
    except StoreInUse as error:
        raise ConfigurationError(str(error)) from error
    except InvalidGenesis as error:
        raise ConfigurationError(f"{folder.path}: {error}") from error


def _pool_limits(limits: LimitsConfig) -> PoolLimits:
    return PoolLimits(
        count_max=limits.pool_count_max,
        bytes_max=limits.pool_bytes_max,
        sender_count_max=limits.pool_sender_count_max,
    )
