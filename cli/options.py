"""Options and arguments that several commands take, each in one wording.

What only one command takes stands beside it; who reaches a node by keystore is in `remote_desk.py`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

NetworkOption = Annotated[Path, typer.Option("--network", help="The network's folder.")]
AccountOption = Annotated[str, typer.Option("--as", help="The account that acts.")]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the first group.")]

NodeArgument = Annotated[Path, typer.Argument(metavar="NODE_DIR", help="The node's folder.")]
NodeGroupOption = Annotated[
    str | None, typer.Option("--group", help="By default the node's default group.")
]

RpcOption = Annotated[
    str | None, typer.Option("--rpc", help="A node of the group: http(s)://HOST:PORT.")
]
AskedGroupOption = Annotated[str | None, typer.Option("--group", help="By default the node's own.")]
PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="Its password; by default beside it, else asked for."),
]
LocalNetworkOption = Annotated[
    Path | None, typer.Option("--network", help="A local network: its nodes and genesis file.")
]
GenesisOption = Annotated[
    Path | None, typer.Option("--genesis", help="The group's genesis file: verifies everything.")
]

NewFileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")
]


class Language(StrEnum):
    """Of labels and tables."""

    zh = "zh"
    en = "en"


LanguageOption = Annotated[Language, typer.Option("--lang", help="zh or en.")]
