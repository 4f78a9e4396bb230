"""The `quorate node` commands: a node in the foreground, for supervisors and containers."""

import typer

from cli.options import NodeArgument, NodeGroupOption
from cli.output import JsonOption, emit
from cli.second_factor import app as second_factor
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config
from node.key_renewal import renew_consensus_key
from node.service import run_node

app = typer.Typer(help="One node. 单个节点。")
app.add_typer(second_factor, name="second-factor")


@app.command()
def run(
    folder: NodeArgument,
) -> None:
    """Run a node until it is told to stop (SIGTERM, SIGINT). 前台运行。"""
    run_node(folder)


@app.command("renew-key")
def renew_key(
    folder: NodeArgument,
    group: NodeGroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new consensus key for a group, destroy the old; the node is down. 更换共识密钥。"""
    node = NodeFolder(folder)
    name = load_node_config(node).default_group if group is None else group
    address = to_hex(renew_consensus_key(node, name))
    emit(
        {"address": address},
        as_json,
        lambda: (
            f"New consensus key {address}. It votes once the organisations have let it in: "
            "quorate governance ready, then propose add-validator"
        ),
    )
