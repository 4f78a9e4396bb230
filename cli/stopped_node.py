"""The folder of a node that is down, held so that none starts while a command works in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.failure import CommandFailed
from ledger.keyvalue import CorruptStore, StoreInUse
from ledger.sealing import WrongSealKey
from node.config import NodeConfig, NodeFolder, load_node_config
from node.pid_file import PidFile
from node.wal import LostLog


@contextmanager
def stopped_node(folder: Path) -> Iterator[tuple[NodeFolder, NodeConfig]]:
    """The folder and its configuration; the node is down for as long as the block lasts.

    What is wrong with a store or a log in there raises CommandFailed.
    """
    home = NodeFolder(folder)
    load_node_config(home)  # first, for what is no node's folder is refused as such
    lock = PidFile(home.pid_file)
    try:
        yield home, load_node_config(home)
    except (CorruptStore, LostLog, StoreInUse, WrongSealKey) as error:
        raise CommandFailed(f"{folder}: {error}") from None
    finally:
        lock.release()


def carried_group(folder: Path, config: NodeConfig, group: str | None) -> str:
    """The name of a group that the node carries, by default its default one, else its first.

    Raises CommandFailed.
    """
    carried = [entry.name for entry in config.group]
    name = group or config.default_group or next(iter(carried), "")
    if name not in carried:
        raise CommandFailed(
            f"{folder}: this node carries no group '{name}'; "
            f"its groups are: {', '.join(carried) or 'none'}"
        )
    return name
