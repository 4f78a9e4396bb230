"""A node's folder takes up a group: its genesis, a key, its vote log, its entry in node.toml.

Files only. A running node reads them when it is told to (`Node.reload`); whether the group lets the
node in is the group's state.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ledger.genesis import Genesis, InvalidGenesis, genesis_block, save_genesis
from ledger.suite import Suite
from ledger.values import Address, to_hex
from node.config import (
    ConfigurationError,
    GroupConfig,
    GroupFolder,
    NodeFolder,
    load_node_config,
    save_node_config,
)
from node.departures import read_departures
from node.founding import check_founding
from node.group_assembly import found_group, read_genesis
from node.key_renewal import put_log_aside
from node.keyfile import own_address, save_private_key
from node.membership import Membership


def join_group(
    folder: NodeFolder, genesis: Genesis, membership: Membership, *, trust: str = ""
) -> GroupConfig:
    """Write what a node needs to carry the group; repeated, it changes nothing.

    A group's folder that stands there already is taken as it is, so that an archive can be put
    back. Raises ConfigurationError, or InvalidFounding for a group that the network's organisations
    did not found.
    """
    config = load_node_config(folder)
    check_founding(genesis, membership, config.node_id)
    entry = GroupConfig(genesis.name, role_in(genesis, config.node_id), trust)
    known = next((group for group in config.group if group.name == entry.name), None)
    _write_genesis(folder, genesis)
    if known is None:
        make_consensus_key(folder.group(entry.name), genesis.suite)
        if not folder.group(entry.name).wal.exists() and not _has_voted(folder, genesis):
            found_group(folder, entry.name)
        config = msgspec.structs.replace(
            config,
            group=(*config.group, entry),
            default_group=config.default_group or entry.name,
        )
        save_node_config(config, folder)
    return known or entry


def make_consensus_key(group: GroupFolder, suite: Suite) -> Address:
    """The address of the node's key in the group, which is made if there is none."""
    if not group.consensus_key.exists():
        if group.wal.exists():
            put_log_aside(group, "of-a-destroyed-key")
        save_private_key(group.consensus_key, suite.new_private_key())
    return own_address(group, suite)


def role_in(genesis: Genesis, node_id: str) -> Literal["validator", "observer"]:
    """What genesis says of the node: who is not named follows as an observer."""
    return "validator" if node_id in {v.node for v in genesis.validators} else "observer"


def _write_genesis(folder: NodeFolder, genesis: Genesis) -> None:
    group = folder.group(genesis.name)
    if not group.genesis.exists():
        group.path.mkdir(parents=True, exist_ok=True)
        save_genesis(genesis, group.genesis)
        return
    try:
        present, given = genesis_block(read_genesis(group)).hash, genesis_block(genesis).hash
    except InvalidGenesis as error:
        raise ConfigurationError(f"{genesis.name}: {error}") from error
    if present != given:
        raise ConfigurationError(
            f"{group.path} is of another group of that name ({to_hex(present)}): "
            "leave that one first; a node carries one group of a name"
        )


def _has_voted(folder: NodeFolder, genesis: Genesis) -> bool:
    """Whether this key voted in the group before the node left it: a new log would forget it, so
    there shall be none, and the node follows without a vote until it has another key."""
    address = to_hex(own_address(folder.group(genesis.name), genesis.suite))
    identity = to_hex(genesis_block(genesis).hash)
    return any(
        (entry.identity, entry.address, entry.voted) == (identity, address, True)
        for entry in read_departures(folder.departures)
    )
