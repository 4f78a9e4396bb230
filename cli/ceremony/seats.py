"""From the options of `quorate zk ceremony` to who acts, at which contract, with which files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.reach import reach
from cli.remote_desk import remote_desk
from client.light import LightClient
from client.rpc import Client
from ledger.genesis import load_genesis
from ledger.values import Address, InvalidValue, address_from_hex
from workflows.ceremony.acts import Seat
from workflows.ceremony.files import FileDrop
from workflows.ceremony.place import load_place
from workflows.equity_transfer.deploy import SetUpDesk

FilesOption = Annotated[
    Path, typer.Option("--files", help="The folder that the participants share.")
]
NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="A network's folder, on one machine.")
]
AccountOption = Annotated[
    str | None, typer.Option("--as", help="The account that acts, in a network's folder.")
]
GroupOption = Annotated[str | None, typer.Option("--group", help="By default the first group.")]
RpcOption = Annotated[str | None, typer.Option("--rpc", help="A node of the group.")]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="The keystore of the account that acts.")
]
PasswordOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="Its password; by default beside it, else asked for."),
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", help="The ceremony's contract; by default as the folder names it."),
]
GenesisOption = Annotated[
    Path | None, typer.Option("--genesis", help="The group's genesis file, to believe nobody.")
]


@dataclass(frozen=True)
class Who:
    """Which node is asked, and who acts there if somebody does."""

    network: Path | None = None
    account: str | None = None
    group: str | None = None
    rpc: str | None = None
    key_file: Path | None = None
    password_file: Path | None = None

    def desk(self) -> SetUpDesk:
        """The account that acts. Raises CommandFailed."""
        if self.network is not None and self.account is not None:
            return LocalNetwork(self.network, self.group).set_up_desk(self.account)
        if self.rpc is None or self.key_file is None or self.group is None:
            raise typer.BadParameter(
                "give --network DIR --as ACCOUNT, or --rpc URL --group NAME --key-file FILE"
            )
        return remote_desk(self.rpc, self.group, self.key_file, self.password_file)

    def client(self) -> Client:
        """A node of the group."""
        if self.rpc is not None:
            return reach(self.rpc, self.group)
        if self.network is None:
            raise typer.BadParameter("give --rpc URL, or --network DIR")
        local = LocalNetwork(self.network, self.group)
        for node in local.file.nodes:
            if local.group.name in {held.name for held in node.groups}:
                return reach(node.rpc, local.group.name)
        raise CommandFailed(f"no node of this network is in group '{local.group.name}'")

    def light(self, genesis: Path | None) -> LightClient:
        """A reader that believes the genesis file alone."""
        if genesis is not None:
            return LightClient(load_genesis(genesis), self.client())
        if self.network is None:
            raise typer.BadParameter("give --rpc URL and --genesis FILE, or --network DIR")
        return LightClient(LocalNetwork(self.network, self.group).genesis, self.client())

    def addresses(self, names: list[str]) -> list[Address]:
        """Accounts by address, or by name in a network's folder."""
        return [self._address(name) for name in names]

    def _address(self, name: str) -> Address:
        try:
            if self.network is not None and not name.startswith("0x"):
                name = LocalNetwork(self.network, self.group).file.account(name).address
            return address_from_hex(name)
        except InvalidValue as error:
            raise CommandFailed(f"participant {name!r}: {error}") from None


def ceremony_at(at: str | None, files: Path) -> Address:
    """The contract's address, given or as the shared folder names it."""
    return load_place(files).address if at is None else address_from_hex(at)


def seat_of(who: Who, at: str | None, files: Path) -> Seat:
    """A participant at a ceremony."""
    return Seat(who.desk(), ceremony_at(at, files), FileDrop(files))
