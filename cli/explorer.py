"""The `quorate explorer` commands: the regulator reads, retraces and re-checks.

With `--genesis` (or `--network`) everything shown is verified first; what is not is marked so.
"""

from pathlib import Path
from typing import Annotated

import typer

import explorer
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.options import (
    AskedGroupOption,
    GenesisOption,
    Language,
    LanguageOption,
    LocalNetworkOption,
)
from cli.output import JsonOption, emit
from cli.progress import say
from cli.reach import reach, remote
from cli.typed import typed_address
from explorer.values import Verification
from ledger.genesis import Genesis, load_genesis

app = typer.Typer(help="Read, retrace and re-check a group. 监管浏览器：查阅、追溯、复核。")

EVERY_BLOCKS = 50


NodesOption = Annotated[
    list[str] | None, typer.Option("--rpc", help="A node; repeated, answers are compared.")
]


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
            urls = urls or [node.rpc for node in local.nodes]
        self.genesis: Genesis | None = None if genesis is None else load_genesis(genesis)
        if group is None and self.genesis is not None:
            group = self.genesis.name
        self.clients = [reach(url, group) for url in urls]

    @property
    def source(self) -> explorer.Source:
        return explorer.Source(self.clients[0], self.genesis)


@app.command()
@remote
def status(
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """The node as it describes itself, its head verified. 节点状态。"""
    value = explorer.status(_Reach(rpc, group, genesis, network).source)
    emit(value.to_json(), as_json, lambda: explorer.render_status(value, lang))


@app.command()
@remote
def blocks(
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
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
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
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
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
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
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """What an account is and may do. 账户。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.account(source, typed_address("ADDRESS", address))
    names = source.organisation_labels(lang)
    emit(value.to_json(), as_json, lambda: explorer.render_account(value, lang, names))


@app.command()
@remote
def contract(
    address: Annotated[str, typer.Argument(help="A contract's address.")],
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """A contract: its code's hash and what is known of it. 合约。"""
    source = _Reach(rpc, group, genesis, network).source
    value = explorer.contract(source, typed_address("ADDRESS", address))
    emit(value.to_json(), as_json, lambda: explorer.render_contract(value, lang))


@app.command()
@remote
def trace(
    item: Annotated[str, typer.Argument(metavar="ID", help="A transfer, agreement or hash.")],
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
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
    rpc: NodesOption = None,
    group: AskedGroupOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    start: Annotated[int, typer.Option("--from", min=0, help="The first block.")] = 0,
    end: Annotated[int | None, typer.Option("--to", min=0, help="By default the head.")] = None,
    lang: LanguageOption = Language.en,
    as_json: JsonOption = False,
) -> None:
    """Re-check hashes, certificates, records, roots and whole blocks. 复核。"""
    asked = _Reach(rpc, group, genesis, network)
    if asked.genesis is None:
        raise CommandFailed("verify needs the group's genesis file: give --genesis FILE")
    value: Verification = explorer.verify(
        asked.clients, asked.genesis, start=start, end=end, progress=_progress
    )
    emit(value.to_json(), as_json, lambda: explorer.render_verification(value, lang))
    if not value.ok:
        first = value.problems[0]
        where = "" if first.block is None else f"block {first.block}: "
        raise CommandFailed(
            f"{len(value.problems)} problem(s) found, the first by {first.rpc}: "
            f"{where}{first.what}: {first.message}"
        )


def _progress(number: int, last: int) -> None:
    if number % EVERY_BLOCKS == 0 or number == last:
        say(f"block {number} of {last}")
