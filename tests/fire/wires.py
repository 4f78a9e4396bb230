"""A TCP proxy on every pair of nodes, so that a test can cut one off from its peers and heal it.

A cut is silent, as a lost network is: connections stay open and nothing passes, either way; what
was sent meanwhile arrives after healing. It needs no root, unlike network namespaces, and every
connection between nodes goes through it, whichever side opened it. RPC is not cut.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from node.config import NodeFolder, PeerConfig, load_node_config, parse_address, save_node_config
from tests.acceptance.harness import Network

CHUNK_BYTES = 1 << 16
START_S_MAX = 30
HOST = "127.0.0.1"


class Wires:
    """Runs in a thread of its own. `cut` and `heal` take a node's name."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._cut: set[str] = set()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def lay(self, network: Network) -> None:
        """Put a proxy between every two nodes: each node's `node.toml` names them as its peers."""
        self._thread.start()
        targets = {node["node_id"]: (node["name"], node["p2p"]) for node in network.nodes}
        for node in network.nodes:
            folder = NodeFolder(Path(network.folder / node["dir"]))
            config = load_node_config(folder)
            peers = []
            for peer in config.peer:
                name, address = targets[peer.node]
                port = self._run(self._listen(node["name"], name, parse_address(address)))
                peers.append(PeerConfig(peer.node, f"{HOST}:{port}"))
            save_node_config(msgspec.structs.replace(config, peer=tuple(peers)), folder)

    def cut(self, name: str) -> None:
        """From now on nothing passes between this node and any other."""
        self._run(self._change(self._cut | {name}))

    def heal(self, name: str) -> None:
        """What waited passes again."""
        self._run(self._change(self._cut - {name}))

    def close(self) -> None:
        """Hang up everything and end the thread."""
        if self._thread.is_alive():
            self._run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_S_MAX)
        self._loop.close()

    def _run(self, work):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S_MAX)

    async def _change(self, cut: set[str]) -> None:
        async with self._changed:
            self._cut = cut
            self._changed.notify_all()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, caller: str, called: str, target: tuple[str, int]) -> int:
        pair = frozenset((caller, called))

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._join(pair, target, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(take, HOST, 0)
        return int(server.sockets[0].getsockname()[1])

    async def _join(
        self,
        pair: frozenset[str],
        target: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        ends = [writer]
        try:
            await self._open(pair)
            other_reader, other_writer = await asyncio.open_connection(*target)
            ends.append(other_writer)
            # One side hung up: so does the other. A node that was killed hangs up by its kernel.
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(pair, reader, other_writer))
                both.create_task(self._pump(pair, other_reader, writer))
        except* OSError:
            pass
        finally:
            for end in ends:
                end.close()

    async def _pump(
        self, pair: frozenset[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._open(pair)
            writer.write(data)
            await writer.drain()
        await self._open(pair)
        raise ConnectionResetError("one side hung up")

    async def _open(self, pair: frozenset[str]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not pair & self._cut)


@contextmanager
def wires_of(network: Network) -> Iterator[Wires]:
    """The proxies, laid before any node runs; gone at the end."""
    wires = Wires()
    try:
        wires.lay(network)
        yield wires
    finally:
        with contextlib.suppress(TimeoutError):
            wires.close()
