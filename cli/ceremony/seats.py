"""From the options of `quorate zk ceremony` to who acts, at which contract, with which files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.desks import LocalNetwork
from cli.light_reader import light_reader, node_of_group
from cli.remote_desk import remote_desk
from cli.typed import typed_address
from client.light import LightClient
from client.rpc import Client
from ledger.values import Address
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
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="The keystore of the account that acts.")
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", help="The ceremony's contract; by default as the folder names it."),
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
        return node_of_group(self.rpc, self.network, self.group)

    def light(self, genesis: Path | None) -> LightClient:
        """A reader that believes the genesis file alone."""
        return light_reader(self.rpc, genesis, self.network, self.group)

    def addresses(self, names: list[str]) -> list[Address]:
        """Accounts by address, or by name in a network's folder."""
        return [self._address(name) for name in names]

    def _address(self, name: str) -> Address:
        if self.network is not None and not name.startswith("0x"):
            name = LocalNetwork(self.network, self.group).file.account(name).address
        return typed_address("--participant", name)


def ceremony_at(at: str | None, files: Path) -> Address:
    """The contract's address, given or as the shared folder names it."""
    return load_place(files).address if at is None else typed_address("--at", at)


def seat_of(who: Who, at: str | None, files: Path) -> Seat:
    """A participant at a ceremony."""
    return Seat(who.desk(), ceremony_at(at, files), FileDrop(files))
