"""A network's folder on one machine: `network.json` and what it points at.

Only names, addresses and paths; the nodes' own settings are in the nodes' folders.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from cli.failure import CommandFailed
from cli.network.manifest import NAME_PATTERN
from ledger.bounded_file import read_bounded
from ledger.whole_file import write_whole

NETWORK_FILE = "network.json"
NETWORK_FILE_BYTES_MAX = 8 * 1024 * 1024


class Membership(msgspec.Struct, frozen=True):
    """A group that a node takes part in."""

    name: str
    role: Literal["validator", "observer"]


class Node(msgspec.Struct, frozen=True):
    """One node; `dir` and `pid_file` are relative to the network's folder."""

    name: str
    org: str
    node_id: str
    address: str
    rpc: str
    p2p: str
    dir: str
    pid_file: str
    engine: str
    default_group: str
    groups: tuple[Membership, ...]


class Group(msgspec.Struct, frozen=True):
    """One ledger; `genesis` is relative to the network's folder."""

    name: str
    chain_id: int
    genesis: str
    validators: tuple[str, ...]


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account's public side and where its encrypted key is.

    `groups` are those that know it; none named means all of its organisation's.
    """

    name: str
    org: str
    role: str
    address: str
    key_file: str
    groups: tuple[str, ...] = ()

    def is_of(self, group: str) -> bool:
        """Whether the account belongs into a group of its organisation."""
        return not self.groups or group in self.groups


class NetworkFile(msgspec.Struct, frozen=True):
    """`network.json` whole."""

    name: str
    nodes: tuple[Node, ...]
    groups: tuple[Group, ...]
    accounts: tuple[Account, ...]

    def node(self, name: str) -> Node:
        """The node called `name`."""
        return _named(self.nodes, name, "node")

    def group(self, name: str) -> Group:
        """The group called `name`."""
        return _named(self.groups, name, "group")

    def account(self, name: str) -> Account:
        """The account called `name`."""
        return _named(self.accounts, name, "account")


Entry = TypeVar("Entry", Node, Group, Account)


def _named(entries: tuple[Entry, ...], name: str, kind: str) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise CommandFailed(f"no {kind} is called '{name}' in this network; there are: {known}")


def check_new_name(name: str, kind: str, taken: Sequence[Node | Group | Account]) -> None:
    """Raise CommandFailed for what is no name, or is another's: `kind` is `a node` or the like."""
    if not NAME_PATTERN.fullmatch(name):
        raise CommandFailed(
            f"--name '{name}': expected a letter of a-z, then a-z, 0-9 and '-', "
            "at most 31 characters"
        )
    if name in {entry.name for entry in taken}:
        raise CommandFailed(
            f"--name '{name}': this network has {kind} of that name; take another name"
        )


def load_network(folder: Path) -> NetworkFile:
    """Read `network.json` of `folder`, or say what is wrong with the folder."""
    path = folder / NETWORK_FILE
    if not folder.is_dir():
        raise CommandFailed(f"{folder}: no such folder; make it with: quorate network create DIR")
    if not path.is_file():
        raise CommandFailed(
            f"{folder}: has no {NETWORK_FILE}, so it is not a whole network; "
            "remove it and run: quorate network create DIR"
        )
    data = read_bounded(path, NETWORK_FILE_BYTES_MAX, CommandFailed, remedy="restore the file")
    try:
        return msgspec.json.decode(data, type=NetworkFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path}: damaged: {error}; restore it or create anew") from None


def save_network(folder: Path, network: NetworkFile) -> None:
    """Write `network.json` whole or not at all."""
    data = msgspec.json.format(msgspec.json.encode(network), indent=2)
    write_whole(folder / NETWORK_FILE, data + b"\n")
