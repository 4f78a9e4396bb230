"""Telling a running node that its folder names other groups, and waiting until it has followed."""

import time
from collections.abc import Callable
from typing import TypeVar

from cli.failure import CommandFailed
from cli.network.process import running_pid, tell_to_reload
from client.rpc import Client, NodeUnreachable, RpcFailure
from ledger.keyvalue import StoreInUse
from ledger.values import to_hex
from node.config import NodeFolder, load_node_config

FOLLOW_S_MAX = 60.0
POLL_S = 0.1
T = TypeVar("T")


def tell(folder: NodeFolder) -> int | None:
    """Have the node that runs in this folder read it anew; its pid, None where none runs."""
    return tell_to_reload(folder.pid_file)


def wait_taken_up(folder: NodeFolder, name: str, identity: bytes) -> None:
    """Return once the running node serves the group. Raises CommandFailed if it does not."""
    client = Client(f"http://{load_node_config(folder).rpc.listen}", name)
    _wait(folder, f"take up group '{name}'", lambda: _serves(client, name, identity))


def when_closed(folder: NodeFolder, name: str, work: Callable[[], T]) -> T:
    """The result of work on the group's store, once no node has it open any more."""
    done: list[T] = []

    def attempt() -> bool:
        try:
            done.append(work())
        except StoreInUse:
            return False
        return True

    _wait(folder, f"close group '{name}'", attempt)
    return done[0]


def _serves(client: Client, name: str, identity: bytes) -> bool:
    try:
        groups = client.groups()
    except (RpcFailure, NodeUnreachable):
        return False
    return (name, to_hex(identity)) in {(g["name"], g["genesis_hash"]) for g in groups}


def _wait(folder: NodeFolder, what: str, is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FOLLOW_S_MAX
    while not is_done():
        if time.monotonic() > deadline:
            pid = running_pid(folder.pid_file)
            who = f"process {pid}" if pid is not None else "no running node"
            raise CommandFailed(
                f"{folder.path}: {who} did not {what} within {FOLLOW_S_MAX:.0f} s; "
                f"{folder.logs}/node.log says why"
            )
        time.sleep(POLL_S)
