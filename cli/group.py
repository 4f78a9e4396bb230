"""The `quorate group` commands: the groups that a node carries, as it says itself."""

from typing import Annotated

import typer

from cli.output import JsonOption, emit, table
from client.rpc import Client

app = typer.Typer(help="Groups, ledgers of their own on one network. 群组。")


@app.command("list")
def list_(
    rpc: Annotated[str, typer.Option("--rpc", help="A node's JSON-RPC address.")],
    as_json: JsonOption = False,
) -> None:
    """The groups of a node: chain id, role, height. 群组一览。"""
    groups = Client(rpc).groups()
    columns = list(groups[0]) if groups else ["name"]
    emit(
        {"groups": groups},
        as_json,
        lambda: table(
            "Groups", columns, ([group.get(column, "") for column in columns] for group in groups)
        ),
    )
