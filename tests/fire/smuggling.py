"""A network whose first primary smuggles transactions into its batches, for acceptance scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.harness import Network
from tests.fire.frozen_batch import SMUGGLED
from tests.fire.processes import Processes, processes_of


@dataclass(frozen=True)
class Smuggling:
    """The processes, the liar's name, the other nodes' names."""

    processes: Processes
    liar: str
    honest: list[str]


@contextmanager
def smuggling(network: Network, smuggled: Path) -> Iterator[Smuggling]:
    """Start all nodes; what stands in `smuggled`, hex lines, goes into the primary's batches."""
    # Validators are ordered by address, and the first one is the primary of view 0.
    liar = min(network.nodes, key=lambda node: bytes.fromhex(node["address"][2:]))["name"]
    with processes_of(network) as processes:
        processes.module[liar] = "tests.fire.frozen_batch"
        processes.environment[liar] = {SMUGGLED: str(smuggled.resolve())}
        processes.start_all()
        yield Smuggling(processes, liar, [name for name in network.urls if name != liar])
