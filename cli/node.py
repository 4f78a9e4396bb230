"""The `quorate node` commands: a node in the foreground, for supervisors and containers."""

from pathlib import Path
from typing import Annotated

import typer

from node.service import run_node

app = typer.Typer(help="One node. 单个节点。")


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(metavar="NODE_DIR", help="The node's folder.")],
) -> None:
    """Run a node until it is told to stop (SIGTERM, SIGINT). 前台运行。"""
    run_node(folder)
