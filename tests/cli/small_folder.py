"""A network's folder around a small group: accounts of every party, all at the one node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import command
from cli.network.folder import Account, Group, Membership, NetworkFile, Node, save_network
from client.accounts import save_account, save_password
from contracts.roles import role_label
from ledger.gate import Role
from ledger.genesis import save_genesis
from tests.workflows.small_network import CHAIN_ID, ROLES, SmallNetwork, account

ORGANISATIONS = ("tax", "market", "data", "audit")


def make_folder(
    network: SmallNetwork,
    folder: Path,
    *,
    roles: Mapping[str, tuple[str, Role]] = ROLES,
    without_keys: tuple[str, ...] = (),
) -> Path:
    """As one party has it: `without_keys` are accounts whose keys are at home elsewhere."""
    (folder / "groups" / "equity").mkdir(parents=True)
    save_genesis(network.genesis, folder / "genesis.json")
    for name in roles:
        if name in without_keys:
            continue
        save_account(account(name), folder / f"{name}.json", "password", rounds=2)
        save_password(folder / f"{name}.json", "password")
    save_network(
        folder,
        NetworkFile(
            name="small",
            nodes=tuple(_node(organisation, network) for organisation in ORGANISATIONS),
            groups=(Group("equity", CHAIN_ID, "genesis.json", ORGANISATIONS),),
            accounts=tuple(
                Account(name, org, role_label(role), account(name).address, f"{name}.json")
                for name, (org, role) in roles.items()
            ),
        ),
    )
    return folder


def _node(organisation: str, network: SmallNetwork) -> Node:
    return Node(
        name=f"{organisation}-1",
        org=organisation,
        node_id=f"{organisation}/{organisation}-1",
        address="0x" + "00" * 20,
        rpc=network.client.url,
        p2p="127.0.0.1:9",
        dir=f"nodes/{organisation}",
        pid_file=f"nodes/{organisation}/node.pid",
        engine="py-evm",
        default_group="equity",
        groups=(Membership("equity", "validator"),),
    )


def run(folder: Path, *arguments: str | Path, as_json: bool = True) -> Any:
    """What a command says: its JSON, or its text; what it raised is raised."""
    words = [*map(str, arguments), "--network", str(folder), *(["--json"] if as_json else [])]
    done = CliRunner().invoke(command([str(arguments[0])]), words)
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout) if as_json else done.stdout
