"""The `quorate snapshot` commands: a group's state in a file, and a new node's start from one.

Both work on the folder of a node that is down. A snapshot proves itself from the genesis file; that
it is not a branch made with retired keys, a trusted hash or several organisations must say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.new_file import check_new
from cli.options import NewFileArgument, NodeGroupOption
from cli.output import JsonOption, emit
from cli.progress import say
from cli.reach import reach, remote
from cli.result_file import result_stream
from cli.stopped_node import carried_group, stopped_node
from client.light import InvalidAnswer, LightClient
from ledger.chain import Chain
from ledger.genesis import Genesis, genesis_block
from ledger.header import Header
from ledger.pin import Pin, parse_pin
from ledger.snapshot.export import export_snapshot
from ledger.snapshot.frames import InvalidSnapshot
from ledger.snapshot.restore import read_snapshot
from ledger.store import BlockStore
from ledger.validators import faults_of
from ledger.values import InvalidValue
from node.engines import engine_named
from node.group_assembly import read_genesis
from node.sealing import group_seals, open_database

app = typer.Typer(help="A group's state as a file. 状态快照。")

NodeDir = Annotated[Path, typer.Argument(metavar="NODE_DIR", help="A node's folder; it is down.")]


@app.command()
def export(
    node: NodeDir,
    file: NewFileArgument,
    group: NodeGroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the state after the last stable block, and what proves it. 导出快照。"""
    check_new(file)
    with _store(node, group) as (genesis, store, engine):
        chain = Chain(genesis, store, engine_named(engine))
        try:
            with result_stream(file) as target:
                number = export_snapshot(chain, store, target.write, say)
            head = chain.head
        except InvalidSnapshot as error:
            raise CommandFailed(str(error)) from None
    trust = f"{number}:0x{head.hash.hex()}"
    value = {"file": str(file), "number": number, "trust": trust, "bytes": file.stat().st_size}
    emit(
        value,
        as_json,
        lambda: (
            f"Wrote {file}, {value['bytes']:,} bytes. Whoever imports it checks --trust {trust}"
        ),
    )


@app.command("import")
@remote
def import_(
    node: NodeDir,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `snapshot export` wrote.")],
    trust: Annotated[
        str | None, typer.Option(help="NUMBER:HASH of a block, known from somebody you believe.")
    ] = None,
    rpc: Annotated[
        list[str] | None,
        typer.Option(help="Nodes of f + 1 organisations that must have the same block; repeat it."),
    ] = None,
    group: NodeGroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a node that has no blocks from a snapshot; the rest it gets from peers. 导入快照。"""
    pin = _pin(trust)
    if pin is None and not rpc:
        raise CommandFailed(
            "keys that retired long ago could sign another history: give --trust NUMBER:HASH from "
            "somebody you believe, or --rpc URL of nodes of f + 1 organisations"
        )
    with _store(node, group) as (genesis, store, engine):
        chain = Chain(genesis, store, engine_named(engine))
        if chain.head.number:
            raise CommandFailed(
                f"this node has blocks up to {chain.head.number}; a snapshot is for one without"
            )
        try:
            with file.open("rb") as source:
                restored, header = read_snapshot(genesis, source.read, pin, say)
        except InvalidSnapshot as error:
            raise CommandFailed(f"{file}: {error}") from None
        if pin is None:
            faulty = faults_of(len(restored.validators[max(restored.validators)].members))
            _compare(genesis, header, rpc or [], faulty + 1)
        store.restore(restored)
    value = {"number": header.number, "hash": f"0x{header.hash.hex()}"}
    emit(value, as_json, lambda: f"The node stands at block {header.number}; start it now")


def _pin(trust: str | None) -> Pin | None:
    if trust is None:
        return None
    try:
        return parse_pin(trust)
    except InvalidValue as error:
        raise CommandFailed(f"--trust: expected NUMBER:HASH; {error}") from None


def _compare(genesis: Genesis, header: Header, urls: list[str], needed: int) -> None:
    """Nodes of enough organisations must hold this very block."""
    names = set()
    for url in urls:
        client = reach(url, genesis.name)
        try:
            held = LightClient(genesis, client).header(header.number).header.hash
        except InvalidAnswer as error:
            raise CommandFailed(f"{url}: block {header.number}: {error}") from None
        if held != header.hash:
            raise CommandFailed(
                f"{url} has block {header.number} as 0x{held.hex()}, the snapshot has "
                f"0x{header.hash.hex()}: one of the two is another branch, ask both organisations"
            )
        names.add(str(client.status()["node"]))
    if len(names) < needed:
        raise CommandFailed(
            f"--rpc names {len(names)} node(s), {needed} of different organisations are needed: "
            "so many cannot all be faulty"
        )


@contextmanager
def _store(folder: Path, group: str | None) -> Iterator[tuple[Genesis, BlockStore, str]]:
    """One group's store of a node that does not run, for as long as the block lasts."""
    with stopped_node(folder) as (home, config):
        place = home.group(carried_group(folder, config, group))
        genesis = read_genesis(place)
        seals = group_seals(home, config, genesis_block(genesis).hash)
        database = open_database(place.database, seals)
        try:
            yield genesis, BlockStore(database, genesis.suite), config.engine
        finally:
            database.close()
