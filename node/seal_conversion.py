"""Puts a stopped node's stores, vote logs and journals under another key, or under none.

Each file is its old self or its new one, never less, and says itself under which key it is: what
was cut off goes on when it is run again. The caller holds the node's pid file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ledger.genesis import genesis_block
from ledger.keyvalue import CorruptStore, KeyValueStore, LevelDB
from ledger.sealed_store import opened
from ledger.sealing import BrokenSeal, Sealer, WrongSealKey
from ledger.values import Address, Hash32
from ledger.whole_file import replace_synced
from node.config import ConfigurationError, GroupFolder, NodeFolder
from node.files import RealFiles
from node.group_assembly import read_genesis
from node.journal import reseal_journal
from node.keyfile import own_address
from node.sealing import UNSEALED, GroupSeals, StoreKey
from node.vote_log import log_head, open_record, seal_record
from node.wal import LostLog, WriteAheadLog, first_record

BATCH_BYTES = 8 * 1024 * 1024
PROGRESS_ENTRIES = 50_000
Progress = Callable[[str], None]


def convert_group(
    folder: NodeFolder,
    name: str,
    known: Sequence[StoreKey | None],
    target: StoreKey | None,
    progress: Progress = lambda line: None,
) -> None:
    """One group's files under `target`, from whichever of the `known` keys each is under.

    Raises ConfigurationError, CorruptStore, LostLog, StoreInUse, OSError.
    """
    group = folder.group(name)
    genesis = read_genesis(group)
    identity = genesis_block(genesis).hash
    address = own_address(group, genesis.suite)
    candidates = [_seals(key, identity) for key in (target, *known)]
    wanted = candidates[0]
    _convert_votes(group, identity, address, candidates, wanted)
    _convert_journal(group, candidates, wanted)
    _convert_database(group, candidates, wanted, progress)


def _seals(key: StoreKey | None, identity: Hash32) -> GroupSeals:
    return UNSEALED if key is None else key.seals(identity)


def _convert_votes(
    group: GroupFolder,
    identity: Hash32,
    address: Address,
    candidates: Iterable[GroupSeals],
    wanted: GroupSeals,
) -> None:
    """The log's own replacement: a new generation, and then the end that names it."""
    files = RealFiles(group.wal)
    head = first_record(files)
    if head is None:
        return  # none, or a lost one: nothing that could be read under any key
    held = next(
        (seals for seals in candidates if log_head(identity, address, seals.votes) == head), None
    )
    if held is None:
        raise ConfigurationError(f"{group.wal}: the vote log is under a key that was not given")
    if held is wanted:
        return
    log, records = WriteAheadLog.recover(files, head)
    try:
        plain = [open_record(held.votes, record) for record in records]
        sealed = [seal_record(wanted.votes, record) for record in plain]
        log.replace_head(log_head(identity, address, wanted.votes), sealed)
    except BrokenSeal as error:
        raise LostLog(f"{group.wal}: a record does not open: {error}") from error
    finally:
        log.close()


def _convert_journal(
    group: GroupFolder, candidates: Iterable[GroupSeals], wanted: GroupSeals
) -> None:
    if not group.journal.is_file():
        return
    for seals in candidates:
        try:
            reseal_journal(group.journal, seals.journal, wanted.journal)
        except WrongSealKey:
            continue
        return
    raise ConfigurationError(f"{group.journal}: the journal is under a key that was not given")


def _convert_database(
    group: GroupFolder, candidates: Iterable[GroupSeals], wanted: GroupSeals, progress: Progress
) -> None:
    """Copied beside, whole and synced; then the folders change names, and the old one goes."""
    place = group.database
    fresh, old = place.with_name("db.converting"), place.with_name("db.converted-from")
    if not place.exists() and fresh.exists():
        replace_synced(fresh, place)  # cut off between the two renamings
    shutil.rmtree(fresh, ignore_errors=True)
    if old.exists() and place.exists():
        shutil.rmtree(old)
    if not place.exists():
        return
    database = LevelDB(place)
    try:
        held = _held(database, candidates, place)
        if held is wanted:
            return
        _copy(opened(database, held.store), fresh, wanted.store, progress)
    finally:
        database.close()
    replace_synced(place, old)
    replace_synced(fresh, place)
    shutil.rmtree(old)


def _held(database: KeyValueStore, candidates: Iterable[GroupSeals], place: Path) -> GroupSeals:
    for seals in candidates:
        try:
            opened(database, seals.store)
        except WrongSealKey:
            continue
        return seals
    raise ConfigurationError(f"{place}: the store is under a key that was not given")


def _copy(source: KeyValueStore, path: Path, sealer: Sealer | None, progress: Progress) -> None:
    target_database = LevelDB(path)
    try:
        target = opened(target_database, sealer)
        batch: dict[bytes, bytes | None] = {}
        size_bytes = count = 0
        for key, value in source.items(b""):
            batch[key] = value
            size_bytes += len(key) + len(value)
            count += 1
            if size_bytes >= BATCH_BYTES:
                target.write(batch, sync=False)
                batch, size_bytes = {}, 0
            if count % PROGRESS_ENTRIES == 0:
                progress(f"{count} entries")
        target.write(batch, sync=True)
        if sum(1 for _ in target.items(b"")) != count:
            raise CorruptStore(f"{path}: not all entries arrived; the old store is untouched")
        progress(f"{count} entries, all there")
    finally:
        target_database.close()
