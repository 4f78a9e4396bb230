"""A new consensus key for a stopped node: the old one was voted out, or its vote log was lost.

The old key is destroyed and its vote log put aside: what it said stays readable, and nobody can
make it say more. The organisations let the new key in by vote.
"""

from __future__ import annotations

from pathlib import Path

from ledger.genesis import Genesis, genesis_block
from ledger.sealing import Sealer
from ledger.values import Address, to_hex
from node.config import ConfigurationError, GroupFolder, NodeFolder, load_node_config
from node.files import RealFiles
from node.group_assembly import read_genesis
from node.keyfile import load_private_key, save_private_key
from node.pid_file import PidFile
from node.sealing import group_seals
from node.vote_log import VoteLog
from node.whole_file import replace_synced


def renew_consensus_key(folder: NodeFolder) -> Address:
    """The new key's address. Raises `ConfigurationError`, also while the node runs.

    A renewal that was cut off goes on with the key that it had made.
    """
    config = load_node_config(folder)
    lock = PidFile(folder.pid_file)
    try:
        groups = [folder.group(entry.name) for entry in config.group]
        if not groups:
            raise ConfigurationError("the node is in no group, so its key belongs to no suite")
        documents = [read_genesis(group) for group in groups]
        suite = documents[0].suite
        fresh = folder.consensus_key.with_suffix(".key.new")
        if not fresh.is_file():
            save_private_key(fresh, suite.new_private_key())
        old = suite.address_of(load_private_key(folder.consensus_key))
        new = suite.address_of(load_private_key(fresh))
        for group, document in zip(groups, documents, strict=True):
            sealer = group_seals(folder, config, genesis_block(document).hash).votes
            _renew_log(group, document, old, new, sealer)
        replace_synced(fresh, folder.consensus_key)
        return new
    finally:
        lock.release()


def _renew_log(
    group: GroupFolder, document: Genesis, old: Address, new: Address, sealer: Sealer | None
) -> None:
    identity = genesis_block(document).hash
    if group.wal.is_dir():
        present = VoteLog.open(RealFiles(group.wal), document.suite, identity, new, sealer)
        present.close()
        if present.lost is None:
            return
        replace_synced(group.wal, _free_name(group.wal, to_hex(old)))
    VoteLog.create(group.wal, identity, new, sealer)


def _free_name(wal: Path, address: str) -> Path:
    """`wal.ADDRESS`, numbered if an earlier log of that key stands there."""
    candidate, number = wal.with_name(f"wal.{address}"), 1
    while candidate.exists():
        candidate, number = wal.with_name(f"wal.{address}.{number}"), number + 1
    return candidate
