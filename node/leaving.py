"""A node's folder gives a group up: its data is archived or destroyed, and a record says so.

Files only. node.toml names the group no more and a running node has closed it before its data is
touched: the store's own lock tells.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from ledger.gate import contract_validators
from ledger.genesis import Genesis, genesis_block
from ledger.keyvalue import CorruptStore
from ledger.sealing import WrongSealKey
from ledger.store import BlockStore
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32, to_hex
from node.config import (
    ConfigurationError,
    GroupFolder,
    NodeFolder,
    load_node_config,
    save_node_config,
)
from node.departures import Departure, add_departure
from node.group_assembly import read_genesis
from node.keyfile import own_address
from node.sealing import GroupSeals, configured_seals, open_database
from node.vote_log import may_have_voted

HASH_BYTES = 32
ARCHIVED, DESTROYED = "archived", "destroyed"


@dataclass(frozen=True, slots=True)
class _Held:
    """The last block that a folder holds, and the validators in the state after it."""

    number: int
    hash: Hash32
    validators: ValidatorSet


def forget_group(folder: NodeFolder, name: str) -> None:
    """Take the group off node.toml. Raises ConfigurationError if the node knows no such group."""
    config = load_node_config(folder)
    kept = tuple(group for group in config.group if group.name != name)
    if len(kept) == len(config.group):
        if folder.group(name).genesis.is_file():
            return  # an earlier leaving was cut off here
        known = ", ".join(group.name for group in config.group) or "none"
        raise ConfigurationError(f"this node carries no group {name!r}; it carries: {known}")
    default = config.default_group
    if default == name:
        default = kept[0].name if kept else ""
    save_node_config(msgspec.structs.replace(config, group=kept, default_group=default), folder)


def put_away(folder: NodeFolder, name: str, archive: Path | None, now: datetime) -> Departure:
    """Move the group's data below `archive`, or destroy it without one; the record of it.

    A key that voted and was voted out is in no archive: it is destroyed.
    Raises ConfigurationError, and StoreInUse while a node still has the group open. What was cut
    off can be repeated.
    """
    group = folder.group(name)
    genesis = read_genesis(group)
    address = own_address(group, genesis.suite)
    seals = configured_seals(folder, genesis_block(genesis).hash)
    held = _held(group, genesis, seals)
    envelopes = sorted(folder.envelopes.glob(f"*/{name}.{'?' * 2 * HASH_BYTES}.envelope"))
    place = None if archive is None else archive / f"{name}.{now:%Y%m%dT%H%M%SZ}"
    files = [path for path in group.path.rglob("*") if path.is_file()]
    departure = Departure(
        at=now.isoformat(timespec="seconds"),
        group=name,
        identity=to_hex(genesis_block(genesis).hash),
        chain_id=genesis.chain_id,
        stable_number=held.number,
        stable_hash=to_hex(held.hash),
        address=to_hex(address),
        voted=_has_voted(group, genesis, address, seals),
        did=DESTROYED if place is None else ARCHIVED,
        where="" if place is None else _shown(folder, place),
        files=len(files) + len(envelopes),
        size_bytes=sum(path.stat().st_size for path in (*files, *envelopes)),
        envelopes=len(envelopes),
    )
    is_retired = departure.voted and address not in held.validators.members
    # The record first: data that is gone without one could not be told from data that was lost.
    written = add_departure(folder.departures, departure)
    if place is None:
        _destroy(group, envelopes)
    else:
        _archive(group, envelopes, place)
        if is_retired:
            GroupFolder(place).consensus_key.unlink()
    return written


def is_validator(folder: NodeFolder, name: str) -> bool:
    """Whether the last state that this folder holds counts the node's key among the validators.

    Raises StoreInUse while a node runs.
    """
    group = folder.group(name)
    genesis = read_genesis(group)
    if not group.consensus_key.is_file():
        return False
    seals = configured_seals(folder, genesis_block(genesis).hash)
    held = _held(group, genesis, seals)
    return own_address(group, genesis.suite) in held.validators.members


def _held(group: GroupFolder, genesis: Genesis, seals: GroupSeals) -> _Held:
    """What the store's head says; the genesis for a store that is empty or cannot be read."""
    first = _Held(0, genesis_block(genesis).hash, genesis.validator_set)
    if not group.database.exists():
        return first
    try:
        with _open_store(group, genesis, seals) as store:
            head = store.head
            if head is None:
                return first
            return _Held(head.number, head.hash, contract_validators(store.state))
    except (CorruptStore, WrongSealKey):
        return first


@contextmanager
def _open_store(group: GroupFolder, genesis: Genesis, seals: GroupSeals) -> Iterator[BlockStore]:
    database = open_database(group.database, seals)
    try:
        yield BlockStore(database, genesis.suite)
    finally:
        database.close()


def _has_voted(group: GroupFolder, genesis: Genesis, address: Address, seals: GroupSeals) -> bool:
    """A log that cannot be read counts as one with votes."""
    identity = genesis_block(genesis).hash
    return may_have_voted(group.wal, genesis.suite, identity, address, seals.votes)


def _shown(folder: NodeFolder, place: Path) -> str:
    """Relative within the node's folder, which may be carried to another machine."""
    inside = place.is_relative_to(folder.path)
    return str(place.relative_to(folder.path) if inside else place.absolute())


def _archive(group: GroupFolder, envelopes: Iterable[Path], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in envelopes:
        kept = group.path / "envelopes" / path.parent.name
        kept.mkdir(parents=True, exist_ok=True)
        path.rename(kept / path.name)
    shutil.move(group.path, place)


def _destroy(group: GroupFolder, envelopes: Iterable[Path]) -> None:
    for path in envelopes:
        path.unlink()
    # Genesis last: with it, a leaving that was cut off can be repeated.
    for path in group.path.iterdir():
        if path != group.genesis:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(group.path)
