"""The second factor of commands that act on a node: a one-time code where node.toml asks for it.

Any such command takes `code: CodeOption` and calls `confirm` before it changes anything.
"""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.options import NodeArgument
from cli.output import JsonOption, emit
from node.config import NodeFolder, load_node_config
from node.second_factor import SecondFactor

app = typer.Typer(help="One-time codes for commands that act on a node. 双因素认证。")

CodeOption = Annotated[
    str | None, typer.Option("--code", help="A one-time code, where node.toml asks for one.")
]


def confirm(folder: NodeFolder, code: str | None) -> None:
    """Return if no second factor is asked for, or `code` is a good one. Raises CommandFailed."""
    config = load_node_config(folder)
    if not config.audit.second_factor:
        return
    if code is None and sys.stdin.isatty():
        code = typer.prompt("One-time code 动态口令", hide_input=True)
    if code is None:
        raise CommandFailed("this node asks for a second factor: give --code with a one-time code")
    SecondFactor(folder.second_factor).use(code, datetime.now(UTC))


@app.command("enrol")
def enrol(
    folder: NodeArgument,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret and show it once, for an authenticator. 绑定动态口令。"""
    home = NodeFolder(folder)
    config = load_node_config(home)
    uri = SecondFactor(home.second_factor).enrol(config.node_id)
    emit(
        {"uri": uri},
        as_json,
        lambda: (
            f"{uri}\nEnter it into an authenticator, then set second_factor = true under [audit] "
            "in node.toml"
        ),
    )
