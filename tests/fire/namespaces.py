"""A network namespace for each node, all on one bridge: a cut takes a node's cable off the bridge.

It needs root and `ip`; `why_not` says what is missing. Nodes listen for peers on addresses of the
bridge; their RPC stays on their own loopback, and what comes to its port here is carried there.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from node.config import NodeFolder, PeerConfig, load_node_config, parse_address, save_node_config
from tests.acceptance.harness import Network

CLONE_NEWNET = 0x40000000
CHUNK_BYTES = 1 << 16
START_S_MAX = 30
HERE = "127.0.0.1"


def why_not() -> str | None:
    """Why no namespaces can be made here; None if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip: apt-get install iproute2"
    name = f"qf{os.getpid()}t"
    if _try("netns", "add", name) or _try("link", "add", name, "type", "bridge"):
        _try("netns", "del", name)
        return "network namespaces or bridges are not allowed here"
    _ip("netns", "del", name)
    _ip("link", "del", name)
    return None


class Namespaces:
    """Made by `lay`; `cut` and `heal` take a node's name."""

    def __init__(self) -> None:
        self._key = f"qf{os.getpid()}"
        self._cables: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def lay(self, network: Network) -> None:
        """Bridge, namespaces and addresses; each node's `node.toml` names them."""
        self._thread.start()
        _ip("link", "add", self._key, "type", "bridge")
        _ip("link", "set", self._key, "up")
        subnet = f"10.231.{os.getpid() % 250}"
        addresses = {}
        for place, node in enumerate(network.nodes, start=1):
            port = parse_address(node["p2p"])[1]
            addresses[node["node_id"]] = f"{subnet}.{place}:{port}"
            self._plug(node["name"], place, f"{subnet}.{place}/24")
        for node in network.nodes:
            folder = NodeFolder(Path(network.folder / node["dir"]))
            config = load_node_config(folder)
            listening = msgspec.structs.replace(config.p2p, listen=addresses[node["node_id"]])
            peers = tuple(PeerConfig(peer.node, addresses[peer.node]) for peer in config.peer)
            save_node_config(msgspec.structs.replace(config, p2p=listening, peer=peers), folder)
            rpc_port = parse_address(config.rpc.listen)[1]
            serving = self._serve(self._namespace(node["name"]), rpc_port)
            asyncio.run_coroutine_threadsafe(serving, self._loop).result(START_S_MAX)

    def prefix(self, name: str) -> Sequence[str]:
        """What runs a node's command in its namespace."""
        return ("ip", "netns", "exec", self._namespace(name))

    def cut(self, name: str) -> None:
        """From now on nothing passes between this node and any other; nobody is told."""
        _ip("link", "set", self._cables[name], "nomaster")

    def heal(self, name: str) -> None:
        """Plug the cable in again."""
        _ip("link", "set", self._cables[name], "master", self._key)

    def close(self) -> None:
        """Take all of it away; a namespace takes its cable with it."""
        for name in self._cables:
            _try("netns", "del", self._namespace(name))
        _try("link", "del", self._key)
        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(START_S_MAX)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_S_MAX)
        self._loop.close()

    def _namespace(self, name: str) -> str:
        return f"{self._key}-{name}"

    def _plug(self, name: str, place: int, address: str) -> None:
        space, cable, end = self._namespace(name), f"{self._key}-{place}", f"{self._key}e{place}"
        _ip("netns", "add", space)
        self._cables[name] = cable
        _ip("link", "add", cable, "type", "veth", "peer", "name", end)
        _ip("link", "set", end, "netns", space)
        _ip("link", "set", cable, "master", self._key)
        _ip("link", "set", cable, "up")
        _ip("-n", space, "addr", "add", address, "dev", end)
        for device in (end, "lo"):
            _ip("-n", space, "link", "set", device, "up")

    async def _serve(self, space: str, port: int) -> None:
        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(_carry(space, port, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        await asyncio.start_server(take, HERE, port)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _carry(
    space: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One RPC connection, to the same port of the namespace's loopback."""
    try:
        inside = _socket_in(space)
        await asyncio.get_running_loop().sock_connect(inside, (HERE, port))
        other_reader, other_writer = await asyncio.open_connection(sock=inside)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, other_writer))
                both.create_task(_pump(other_reader, writer))
        finally:
            other_writer.close()
    except* OSError:
        pass
    finally:
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError("one side hung up")


def _socket_in(space: str) -> socket.socket:
    """A socket belongs to the namespace of the thread that makes it, for as long as it lives."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{space}", "rb") as there:
        if setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {space}")
        try:
            made = socket.socket()
        finally:
            assert setns(own.fileno(), CLONE_NEWNET) == 0, "no way back to the own namespace"
    made.setblocking(False)
    return made


def _ip(*arguments: str) -> None:
    complaint = _try(*arguments)
    assert not complaint, f"ip {' '.join(arguments)}: {complaint}"


def _try(*arguments: str) -> str:
    """Run `ip`; what it complains of, empty if nothing."""
    done = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, timeout=START_S_MAX, check=False
    )
    return "" if done.returncode == 0 else done.stderr.strip() or f"code {done.returncode}"


@contextmanager
def namespaces_of(network: Network) -> Iterator[Namespaces]:
    """The namespaces, laid before any node runs; gone at the end."""
    spaces = Namespaces()
    try:
        spaces.lay(network)
        yield spaces
    finally:
        spaces.close()
