"""Leaks made on purpose, one of each kind, so that a search that finds nothing can be believed.

Three tiny contracts undo a mask, so that what was masked in the transaction is plain in the state
alone, in an event alone, or in the answer to a call alone.
"""

import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from cli.desks import LocalNetwork
from client.rpc import Client
from tests.acceptance.leaks import Material, Secret

GAS = 500_000


class Tail(Enum):
    """What a planted contract does with the plain word."""

    STORE = "5f5500"  # sstore(0, word)
    EMIT = "5f5260205fa000"  # an event without topics
    ANSWER = "5f5260205ff3"  # return


@dataclass(frozen=True)
class Plant:
    """A leak: the secret, and the kinds of material in which it must be found, on these nodes."""

    name: str
    secret: Secret
    kinds: frozenset[str]
    nodes: tuple[str, ...]


def word_of(value: int | str) -> bytes:
    """A 32-byte word: an integer on the right, a text on the left."""
    if isinstance(value, int):
        return value.to_bytes(32)
    return value.encode().ljust(32, b"\0")


def send_word(network: LocalNetwork, account: str, word: bytes) -> None:
    """A transaction to oneself with a word behind a selector."""
    entry = network.file.account(account)
    client = network.client(entry.org)
    sent = client.send_transaction(
        network.account(account), to=entry.address, data=secrets.token_bytes(4) + word, gas=GAS
    )
    client.confirm(sent)


def send_masked(network: LocalNetwork, author: str, tail: Tail, word: bytes) -> None:
    """Deploy the contract and send it the word under a mask."""
    mask = secrets.token_bytes(32)
    runtime = b"\x5f\x35\x7f" + mask + b"\x18" + bytes.fromhex(tail.value)
    entry = network.file.account(author)
    client: Client = network.client(entry.org)
    account = network.account(author)
    deployed = client.confirm(
        client.send_transaction(account, to=None, data=_creation(runtime), gas=GAS)
    )
    masked = bytes(a ^ b for a, b in zip(word, mask, strict=True))
    sent = client.send_transaction(account, to=deployed["contractAddress"], data=masked, gas=GAS)
    client.confirm(sent)


def _creation(runtime: bytes) -> bytes:
    """Code that leaves `runtime`: codecopy(0, 10, size), return(0, size)."""
    size = bytes([len(runtime)])
    return b"\x60" + size + b"\x60\x0a\x5f\x39" + b"\x60" + size + b"\x5f\xf3" + runtime


def append(path: Path, data: bytes) -> None:
    """Add to the end of a copied file."""
    with path.open("ab") as file:
        file.write(data)


def in_metrics(material: Material, secret: Secret) -> Material:
    """A page of metrics with one series too many."""
    series = f'quorate_last_payment{{fen="{secret.value}"}} 1.0\n'
    return Material(material.node, material.kind, material.place, material.data + series.encode())


def describe(plants: list[Plant]) -> list[dict[str, Any]]:
    """The plants as figures."""
    return [
        {"leak": plant.name, "secret": plant.secret.kind, "found_in": sorted(plant.kinds)}
        for plant in plants
    ]
