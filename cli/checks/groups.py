"""The groups in a node's folder: genesis, consensus key, vote log, and whose chain the store holds.

Reads only. The store of a node that runs is open there, and the node checked it when it started.
"""

import os
import time
from collections.abc import Iterator

from cli.finding import Finding
from cli.finding_codes import Code
from ledger.genesis import Genesis, genesis_block
from ledger.keyvalue import CorruptStore, StoreInUse
from ledger.sealing import WrongSealKey
from ledger.store import BlockStore
from ledger.values import Address, address_from_hex
from node.config import ConfigurationError, NodeConfig, NodeFolder
from node.group_assembly import read_genesis
from node.keyfile import load_private_key
from node.sealing import GroupSeals, group_seals, open_database
from node.vote_log import inspect_vote_log

_STORE_KEY = (
    "put the key file back that the folder was encrypted under; if it never was, stop the node and "
    "run `quorate store encrypt` on its folder"
)
_OWN_KEY = "put this node's own key in place (keys are never copied); if it is lost, a new one"


def findings_of_groups(folder: NodeFolder, config: NodeConfig, *, is_down: bool) -> list[Finding]:
    """What the folder says of each group in `node.toml`."""
    found = []
    for group in config.group:
        genesis, finding = _read(folder, group.name)
        found.append(finding)
        if genesis is None:
            continue
        try:
            seals = group_seals(folder, config, genesis_block(genesis).hash)
        except ConfigurationError as error:
            found.append(Finding(Code.STORE_KEY, "store key", False, str(error), _STORE_KEY))
            continue
        try:
            private_key = load_private_key(folder.group(group.name).consensus_key)
        except ConfigurationError as error:
            what = f"consensus key in {group.name}"
            found.append(Finding(Code.CONSENSUS_KEY, what, False, str(error), _OWN_KEY))
        else:
            own = genesis.suite.address_of(private_key)
            found.append(_of_key(genesis, config.node_id, own))
            found += _of_vote_log(folder, genesis, own, seals)
        if is_down:
            found += _of_store(folder, genesis, seals)
    return found


def _read(folder: NodeFolder, name: str) -> tuple[Genesis | None, Finding]:
    group, what = folder.group(name), f"genesis of {name}"
    if not group.genesis.is_file():
        return None, Finding(
            Code.GROUP_FOLDER,
            f"folder of {name}",
            False,
            f"expected {group.genesis} for the group {name!r} of node.toml, found none",
            "copy the group's folder back, or take the group out of node.toml",
        )
    try:
        genesis = read_genesis(group)
    except ConfigurationError as error:
        return None, Finding(Code.GENESIS, what, False, str(error), "copy it from another member")
    if genesis.name != name:
        seen = f"expected the group {name!r} in {group.genesis}, found {genesis.name!r}"
        return None, Finding(Code.GENESIS, what, False, seen, "copy the right genesis file there")
    return genesis, Finding(Code.GENESIS, what, True, f"hash 0x{genesis_block(genesis).hash.hex()}")


def _of_key(genesis: Genesis, node_id: str, own: Address) -> Finding:
    """Keys may be replaced by vote, so only a key that genesis gives to another is surely wrong."""
    what = f"consensus key in {genesis.name}"
    holders = {address_from_hex(entry.address): entry.node for entry in genesis.validators}
    holder = holders.get(own)
    if holder is None or holder == node_id:
        return Finding(Code.CONSENSUS_KEY, what, True, f"0x{own.hex()}")
    return Finding(
        Code.CONSENSUS_KEY,
        what,
        False,
        f"expected the key of {node_id}, found 0x{own.hex()}, the key of {holder}: two nodes under "
        "one key are taken for a liar",
        f"do not start this node; {_OWN_KEY}",
    )


def _of_vote_log(
    folder: NodeFolder, genesis: Genesis, own: Address, seals: GroupSeals
) -> Iterator[Finding]:
    group, what = folder.group(genesis.name), f"vote log of {genesis.name}"
    identity = genesis_block(genesis).hash
    try:
        lost = inspect_vote_log(group.wal, genesis.suite, identity, own, seals.votes)
    except WrongSealKey as error:
        yield Finding(Code.STORE_KEY, what, False, str(error), _STORE_KEY)
        return
    if lost is None:
        yield Finding(Code.VOTE_LOG, what, True, "whole")
        return
    yield Finding(
        Code.VOTE_LOG,
        what,
        False,
        f"expected this key's log in {group.wal}, found: {lost}",
        "put the log back if it lies elsewhere, never an older copy; else run the node without a "
        "vote and have the group admit a new consensus key",
    )


def _of_store(folder: NodeFolder, genesis: Genesis, seals: GroupSeals) -> Iterator[Finding]:
    group, what = folder.group(genesis.name), f"store of {genesis.name}"
    if not group.database.is_dir():
        return  # a node that has not run yet, or fetches all anew
    if group.database.stat().st_uid != os.geteuid():
        yield Finding(Code.STORE, what, True, "not opened: run the doctor as the folder's owner")
        return
    away = f"move {group.database} away: the node fetches all from peers when it starts"
    try:
        database = open_database(group.database, seals)
    except StoreInUse:
        yield Finding(Code.STORE, what, True, "open in the node that runs")
        return
    except WrongSealKey as error:
        yield Finding(Code.STORE_KEY, what, False, str(error), _STORE_KEY)
        return
    except CorruptStore as error:
        yield Finding(Code.STORE, what, False, f"expected a whole store, found: {error}", away)
        return
    try:
        yield from _of_chain(BlockStore(database, genesis.suite), genesis, away)
    except CorruptStore as error:
        yield Finding(Code.STORE, what, False, f"expected a whole store, found: {error}", away)
    finally:
        database.close()


def _of_chain(store: BlockStore, genesis: Genesis, away: str) -> Iterator[Finding]:
    what, expected = f"store of {genesis.name}", genesis_block(genesis).hash
    if store.head is None:
        return
    head = store.head.number
    found = store.header(0)[0].hash
    if found != expected:
        yield Finding(
            Code.STORE_GROUP,
            what,
            False,
            f"expected the chain of 0x{expected.hex()}, found the chain of 0x{found.hex()}",
            f"put the right group's db in place, or {away}",
        )
        return
    yield Finding(Code.STORE_GROUP, what, True, f"blocks up to {head}")
    ahead_ms = store.head.record.timestamp_ms - time.time_ns() // 1_000_000
    tolerance_ms = genesis.parameters.clock_tolerance_ms
    if ahead_ms > tolerance_ms:
        yield Finding(
            Code.CLOCK,
            "clock",
            False,
            f"expected a clock at most {tolerance_ms} ms behind block {head} of {genesis.name}, "
            f"found it {ahead_ms} ms behind",
            "set this machine's clock: have it follow the time server of the others",
        )
