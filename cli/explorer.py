"""The `quorate explorer` commands: the regulator reads, retraces and re-checks.

With `--genesis` (or `--network`) everything shown is verified first; what is not is marked so.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import explorer
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.output import JsonOption, emit
from cli.reach import reach, remote
from explorer.values import Verification
from ledger.genesis import Genesis, load_genesis
from ledger.values import address_from_hex

app = typer.Typer(help="Read, retrace and re-check a group. 监管浏览器：查阅、追溯、复核。")

EVERY_BLOCKS = 50


class Language(StrEnum):
    """Of labels and tables."""

    zh = "zh"
    en = "en"


RpcOption = Annotated[
    list[str] | None, typer.Option("--rpc", help="A node; repeated, answers are compared.")
]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the node's own.")]
GenesisOption = Annotated[
    Path | None, typer.Option("--genesis", help="The group's genesis file: verifies everything.")
]
NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="A local network: its nodes and genesis file.")
]
LanguageOption = Annotated[Language, typer.Option("--lang", help="zh or en.")]


class _Reach:
    """The nodes to ask and the genesis to verify by, from the options."""

    def __init__(
        self, rpc: list[str] | None, group: str | None, genesis: Path | None, network: Path | None
    ) -> None:
        if not rpc and network is None:
            raise typer.BadParameter("give --rpc URL, or --network DIR for a local network")
        urls = list(rpc or [])
        if network is not None:
            local = LocalNetwork(network, group)
            group = local.group.name
            genesis = genesis or local.genesis_file
            urls = urls or [node.rpc for node in local.file.nodes]
        self.clients = [reach(url, group) for url in urls]
        self.genesis: Genesis | None = None if genesis is None else load_genesis(genesis)

    @property
    def source(self) -> explorer.Source:
        return explorer.Source(self.clients[0], self.genesis)


@app.command()
@remote
def status(
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """The node as it describes itself, its head verified. 节点状态。"""
    value = explorer.status(_Reach(rpc, group, genesis, network).source)
    emit(value.to_json(), as_json, lambda: explorer.render_status(value, lang))


@app.command()
@remote
def blocks(
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """The last blocks: time, proposer, signers. 最近区块。"""
    values = explorer.blocks(_Reach(rpc, group, genesis, network).source, count=count)
    emit(
        {"blocks": [value.to_json() for value in values]},
        as_json,
        lambda: explorer.render_blocks(values, lang),
    )


@app.command()
@remote
def block(
    number: Annotated[int, typer.Argument(min=0, help="The block's number.")],
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """One block whole: included, dropped and why. 单个区块。"""
    value = explorer.block(_Reach(rpc, group, genesis, network).source, number)
    emit(value.to_json(), as_json, lambda: explorer.render_block(value, lang))


@app.command()
@remote
def tx(
    transaction: Annotated[str, typer.Argument(metavar="HASH", help="A transaction's hash.")],
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """A transaction with its receipt and events. 单笔交易。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.transaction(source, transaction)
    names = source.organisation_labels(lang)
    emit(value.to_json(), as_json, lambda: explorer.render_transaction(value, lang, names))


@app.command()
@remote
def account(
    address: Annotated[str, typer.Argument(help="An account's address.")],
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """What an account is and may do. 账户。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.account(source, address_from_hex(address))
    names = source.organisation_labels(lang)
    emit(value.to_json(), as_json, lambda: explorer.render_account(value, lang, names))


@app.command()
@remote
def contract(
    address: Annotated[str, typer.Argument(help="A contract's address.")],
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """A contract: its code's hash and what is known of it. 合约。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.contract(source, address_from_hex(address))
    emit(value.to_json(), as_json, lambda: explorer.render_contract(value, lang))


@app.command()
@remote
def trace(
    item: Annotated[str, typer.Argument(metavar="ID", help="A transfer, agreement or hash.")],
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """Every step of an item's life: who, to whom, when, in which block. 追溯。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.trace(source, item)
    names = source.organisation_labels(lang)
    emit(value.to_json(), as_json, lambda: explorer.render_trace(value, lang, names))


@app.command()
@remote
def verify(
    rpc: RpcOption = None,
    group: GroupOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    start: Annotated[int, typer.Option("--from", min=0, help="The first block.")] = 0,
    end: Annotated[int | None, typer.Option("--to", min=0, help="By default the head.")] = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """Re-check hashes, certificates, records, roots and whole blocks. 复核。"""
    reach = _Reach(rpc, group, genesis, network)
    if reach.genesis is None:
        raise CommandFailed("verify needs the group's genesis file: give --genesis FILE")
    value: Verification = explorer.verify(
        reach.clients, reach.genesis, start=start, end=end, progress=_progress
    )
    emit(value.to_json(), as_json, lambda: explorer.render_verification(value, lang))
    if not value.ok:
        raise CommandFailed(f"{len(value.problems)} problem(s) found")


def _progress(number: int, last: int) -> None:
    if number % EVERY_BLOCKS == 0 or number == last:
        print(f"block {number} of {last}", file=sys.stderr, flush=True)
