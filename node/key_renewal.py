"""A new consensus key in a group: the old one was voted out, or its vote log was lost.

The node is down meanwhile. The old key is destroyed and its vote log put aside: what it said stays
readable, and nobody can make it say more. The organisations let the new key in by vote.
"""

from __future__ import annotations

from ledger.genesis import Genesis, genesis_block
from ledger.sealing import Sealer
from ledger.values import Address, to_hex
from ledger.whole_file import replace_synced
from node.config import ConfigurationError, GroupFolder, NodeFolder, load_node_config
from node.files import RealFiles
from node.group_assembly import read_genesis
from node.keyfile import load_private_key, own_address, save_private_key
from node.pid_file import PidFile
from node.sealing import group_seals
from node.vote_log import VoteLog


def renew_consensus_key(folder: NodeFolder, name: str) -> Address:
    """The address of the node's new key in a group. Raises `ConfigurationError`, also while it
    runs.

    A renewal that was cut off goes on with the key that it had made.
    """
    config = load_node_config(folder)
    lock = PidFile(folder.pid_file)
    try:
        if name not in {entry.name for entry in config.group}:
            known = ", ".join(entry.name for entry in config.group) or "none"
            raise ConfigurationError(f"this node carries no group {name!r}; it carries: {known}")
        group = folder.group(name)
        document = read_genesis(group)
        fresh = group.consensus_key.with_suffix(".key.new")
        if not fresh.is_file():
            save_private_key(fresh, document.suite.new_private_key())
        old = own_address(group, document.suite)
        new = document.suite.address_of(load_private_key(fresh))
        sealer = group_seals(folder, config, genesis_block(document).hash).votes
        _renew_log(group, document, old, new, sealer)
        replace_synced(fresh, group.consensus_key)
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
        put_log_aside(group, to_hex(old))
    VoteLog.create(group.wal, identity, new, sealer)


def put_log_aside(group: GroupFolder, label: str) -> None:
    """The vote log becomes `wal.LABEL`, numbered if an earlier one stands there."""
    aside, number = group.wal.with_name(f"wal.{label}"), 1
    while aside.exists():
        aside, number = group.wal.with_name(f"wal.{label}.{number}"), number + 1
    replace_synced(group.wal, aside)
