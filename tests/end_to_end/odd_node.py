"""A node as a process of its own that is not quite a node: one records what it hears, one leaks.

python -m tests.end_to_end.odd_node node run NODE_DIR --record FOLDER
python -m tests.end_to_end.odd_node node run NODE_DIR --leak
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from node.p2p.network import PeerNetwork
from node.service import run_node


def record(folder: Path) -> None:
    """Write every byte that any connection to a peer decrypts, a file for each connection."""
    folder.mkdir(parents=True)
    plain = asyncio.StreamReader.feed_data
    names: dict[int, Path] = {}
    kept: list[asyncio.StreamReader] = []  # so that no two have the same id

    def feed_data(reader: asyncio.StreamReader, data: Any) -> None:
        if id(reader) not in names:
            kept.append(reader)
            names[id(reader)] = folder / f"{len(kept)}.bytes"
        with names[id(reader)].open("ab") as file:
            file.write(bytes(data))
        plain(reader, data)

    asyncio.StreamReader.feed_data = feed_data  # type: ignore[method-assign]


def leak() -> None:
    """Count everybody among the members of every group."""
    plain = PeerNetwork.register

    def register(network: PeerNetwork, group: Any, handler: Any, _: Any, **more: Any) -> None:
        plain(network, group, handler, lambda _: True, **more)

    PeerNetwork.register = register  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", nargs=2)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--leak", action="store_true")
    given = parser.parse_args()
    if given.record:
        record(given.record)
    if given.leak:
        leak()
    run_node(given.folder)
