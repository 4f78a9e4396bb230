"""The key under which a node keeps its groups' stores, vote logs and journals, if it has one.

The key stands in a file of mode 600 that `node.toml` names; each group and each kind of file has
keys of its own derived from it. Converting what is on disk is `node/seal_conversion.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ledger.keyvalue import KeyValueStore, LevelDB
from ledger.sealed_store import opened
from ledger.sealing import MASTER_KEY_BYTES, Sealer
from ledger.values import Hash32
from node.config import NodeConfig, NodeFolder, load_node_config
from node.keyfile import load_private_key


@dataclass(frozen=True)
class StoreKey:
    """A node's key; `repr` does not show it."""

    master_key: bytes = field(repr=False)

    def seals(self, group: Hash32) -> GroupSeals:
        """The sealers of one group's files."""
        return GroupSeals(
            Sealer(self.master_key, b"store/" + group),
            Sealer(self.master_key, b"votes/" + group),
            Sealer(self.master_key, b"journal/" + group),
        )


@dataclass(frozen=True)
class GroupSeals:
    """How a group's files are sealed; None stands for not at all."""

    store: Sealer | None = None
    votes: Sealer | None = None
    journal: Sealer | None = None


UNSEALED = GroupSeals()


def group_seals(folder: NodeFolder, config: NodeConfig, group: Hash32) -> GroupSeals:
    """As `node.toml` says. Raises `ConfigurationError` where the key cannot be read."""
    key = load_store_key(folder, config)
    return UNSEALED if key is None else key.seals(group)


def configured_seals(folder: NodeFolder, group: Hash32) -> GroupSeals:
    """As `group_seals`, for a folder that may have no `node.toml` yet: then nothing is sealed."""
    if not folder.config.is_file():
        return UNSEALED
    return group_seals(folder, load_node_config(folder), group)


def load_store_key(folder: NodeFolder, config: NodeConfig) -> StoreKey | None:
    """The key that `node.toml` names, None if none. Raises `ConfigurationError`."""
    path = store_key_path(folder, config)
    return None if path is None else read_store_key(path)


def store_key_path(folder: NodeFolder, config: NodeConfig) -> Path | None:
    """Where `node.toml` says that the key is; relative to the node's folder."""
    named = config.store.encryption_key_file
    return folder.path / named if named else None


def read_store_key(path: Path) -> StoreKey:
    """The key in a file. Raises `ConfigurationError`."""
    key = load_private_key(path)
    assert len(key) == MASTER_KEY_BYTES
    return StoreKey(key)


def open_database(path: Path, seals: GroupSeals) -> KeyValueStore:
    """A group's database, for who reads a stopped node's.

    Raises StoreInUse, CorruptStore, WrongSealKey.
    """
    database = LevelDB(path)
    try:
        return opened(database, seals.store)
    except BaseException:
        database.close()
        raise
