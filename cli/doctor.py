"""`quorate doctor`: what an operator looks at first, with a verdict and the way out for each.

It asks the node and its folder; it changes nothing.
"""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failure import CommandFailed
from cli.finding import Finding
from cli.member.health import findings_of_folder, findings_of_status
from cli.output import JsonOption, emit, table
from client.rpc import Client, NodeUnreachable, RpcFailure
from ledger.keyvalue import CorruptStore, LevelDB, StoreInUse
from ledger.store import BlockStore
from ledger.store_check import check_store
from node.config import NodeFolder, load_node_config
from node.engines import NATIVE, why_not_native
from node.group_assembly import read_genesis

DISK_FREE_BYTES_MIN = 2 << 30


def doctor(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[NODE_DIR]", help="A node's folder.")
    ] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", help="A node's address instead.")] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Of a stopped node: read its stores wholly, compute all anew."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Quorum, view, peers, certificate, disk: is this node well? 体检。"""
    if (folder is None) == (rpc is None):
        raise typer.BadParameter("give either NODE_DIR or --rpc URL")
    if deep and folder is None:
        raise typer.BadParameter("--deep reads the stores in NODE_DIR: name the folder")
    findings = []
    if folder is not None:
        findings = _of_folder(NodeFolder(folder))
        if deep:
            findings += _of_stores(NodeFolder(folder))
        rpc = f"http://{load_node_config(NodeFolder(folder)).rpc.listen}"
    assert rpc is not None
    if not deep:
        # A node says of itself what its folder shows as well.
        findings += [finding for finding in _of_node(rpc) if finding not in findings]
    well = all(finding.well for finding in findings)
    emit(
        {"well": well, "findings": findings},
        as_json,
        lambda: table(
            "All is well" if well else "Something needs attention",
            ("what", "well", "seen", "what to do"),
            ((f.what, "yes" if f.well else "NO", f.seen, f.remedy) for f in findings),
        ),
    )
    if not well:
        raise CommandFailed("; ".join(f"{f.what}: {f.seen}" for f in findings if not f.well))


def _of_folder(folder: NodeFolder) -> list[Finding]:
    free = shutil.disk_usage(folder.path).free
    asked, missing = load_node_config(folder).engine, why_not_native()
    return [
        Finding(
            "node.toml",
            asked != NATIVE or not missing,
            f"asks for engine {asked}",
            missing or "" if asked == NATIVE else "",
        ),
        *findings_of_folder(folder),
        Finding(
            "disk",
            free >= DISK_FREE_BYTES_MIN,
            f"{free >> 20} MiB free",
            "" if free >= DISK_FREE_BYTES_MIN else "make room before the node has to stop",
        ),
    ]


def _of_stores(folder: NodeFolder) -> list[Finding]:
    names = [group.name for group in load_node_config(folder).group]
    return [_of_store(folder, name) for name in names]


def _of_store(folder: NodeFolder, name: str) -> Finding:
    what, group = f"store of {name}", folder.group(name)
    if not group.database.is_dir():
        return Finding(what, False, "there is none", "start the node: it fetches all from peers")
    genesis = read_genesis(group)
    try:
        database = LevelDB(group.database)
        try:
            store = BlockStore(database, genesis.suite)
            window_blocks = genesis.parameters.window_blocks
            census = check_store(store, genesis.suite, window_blocks=window_blocks)
        finally:
            database.close()
    except StoreInUse:
        return Finding(what, False, "a running node has it open", "stop the node, then look again")
    except CorruptStore as error:
        remedy = f"move {group.database} away: the node fetches all from peers when it starts"
        return Finding(what, False, str(error), remedy)
    return Finding(
        what,
        True,
        f"blocks 0 to {census.head}, {census.transactions} transactions, {census.accounts} "
        f"accounts, {census.slots} slots, {census.trie_nodes} trie nodes: all agree",
    )


def _of_node(rpc: str) -> list[Finding]:
    try:
        status = Client(rpc).status()
    except (NodeUnreachable, RpcFailure) as error:
        return [Finding("node", False, str(error), "start it: quorate network up, or node run")]
    connected = [peer["node"] for peer in status["peers"] if peer["connected"]]
    absent = [peer["node"] for peer in status["peers"] if not peer["connected"]]
    findings = [
        Finding("node", True, f"{status['node']} {status['version']}"),
        _of_engine(status),
        *findings_of_status(status),
        Finding(
            "peers",
            not absent,
            f"{len(connected)} connected, missing: {', '.join(absent) or 'none'}",
            "look whether they run and the network between" if absent else "",
        ),
    ]
    for group in status["groups"]:
        findings += [*_of_group(group), *_of_clock(group)]
    return findings


def _of_engine(status: dict[str, Any]) -> Finding:
    """Either engine is well; that the fast one is missing is worth a word."""
    missing, backend = status.get("native_missing"), status.get("zk_backend", "an older version")
    return Finding(
        "engine",
        True,
        f"blocks on {status['engine']}, proofs on {backend}",
        f"for the native engine: {missing}" if missing else "",
    )


def _of_group(group: dict[str, Any]) -> list[Finding]:
    """The group's conditions in the node's own words; without any, who is missing."""
    what = f"group {group['name']}"
    conditions = group.get("conditions", ())
    if conditions:
        return [
            Finding(
                what,
                False,
                f"{condition['en']} {condition['zh']}",
                f"{condition['remedy_en']} {condition['remedy_zh']}",
            )
            for condition in conditions
        ]
    missing = ", ".join(
        f"{entry['node']} for {entry['since_ms'] // 1000} s" for entry in group["missing"]
    )
    asking = ", ".join(group.get("asking", ()))
    waiting = f", waiting for a later view: {asking}" if asking else ""
    return [
        Finding(
            what,
            not missing,
            f"block {group['stable']['number']}, view {group['view']}, primary {group['primary']}, "
            f"quorum {group['quorum']}, missing: {missing or 'nobody'}{waiting}",
            "bring the missing validators back" if missing else "",
        )
    ]


def _of_clock(group: dict[str, Any]) -> list[Finding]:
    """How far the clocks are apart; nothing before another validator proposed."""
    clock = group.get("clock") or {}
    apart_ms = clock.get("apart_ms")
    if apart_ms is None:
        return []
    tolerance_ms = clock["tolerance_ms"]
    well = 2 * abs(apart_ms) <= tolerance_ms
    return [
        Finding(
            f"clock in {group['name']}",
            well,
            f"{clock['from']} is {apart_ms} ms from this node, {tolerance_ms} ms are tolerated",
            "" if well else "have both nodes follow one time server 两个节点应使用同一时间服务器",
        )
    ]
