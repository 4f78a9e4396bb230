"""What one run of the network's benchmark is to do: its options, checked before anything starts."""

import shutil
from pathlib import Path
from typing import Literal

import msgspec

from cli.failure import CommandFailed
from cli.network.create import HOST, PORT_MAX, PORTS_PER_NODE
from cli.network.ports import taken_port
from contracts.system_alloc import ACCOUNTS_MAX
from node.engines import why_not_native

Engine = Literal["native", "py-evm"]
Transport = Literal["http", "websocket", "both"]

NODES = 4
TRANSACTIONS_MAX = 2_000_000
SENDER_TRANSACTIONS_MAX = 100_000
BYTES_PER_TRANSACTION = 8 * 1024
"""Disk that all nodes together may take for a transaction: more than was ever seen."""
BYTES_SPARE = 256 * 1024 * 1024


class Plan(msgspec.Struct, frozen=True):
    """The options of a run. `rate` is in transactions a second, None for as fast as they go."""

    transactions: int = 30_000
    senders: int = 1_000
    engine: Engine = "native"
    rate: int | None = None
    transport: Transport = "both"
    stop_one: bool = False
    base_port: int = 18_540

    def checked(self) -> "Plan":
        """This plan; raises CommandFailed for options that make no run."""
        _check_bounds("--transactions", self.transactions, 1, TRANSACTIONS_MAX)
        _check_bounds("--senders", self.senders, 1, ACCOUNTS_MAX // 2)
        if self.rate is not None:
            _check_bounds("--rate", self.rate, 1, 1_000_000)
        each = -(-self.transactions // self.senders)
        if each > SENDER_TRANSACTIONS_MAX:
            raise CommandFailed(f"{each} transactions a sender; give more --senders")
        missing = why_not_native() if self.engine == "native" else None
        if missing is not None:
            raise CommandFailed(f"--engine native: {missing}. Or give --engine py-evm")
        return self


def _check_bounds(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CommandFailed(f"{name} {value}: expected {least} to {most}")


def parse_rate(text: str) -> int | None:
    """`max`, or transactions a second."""
    if text == "max":
        return None
    if not text.isdecimal() or len(text) > 7:
        raise CommandFailed(f"--rate {text}: expected transactions a second, or max")
    return int(text)


def check_ports(base_port: int) -> None:
    """Raises CommandFailed if one of the network's ports is in use."""
    last = base_port + NODES * PORTS_PER_NODE - 1
    if base_port < 1 or last > PORT_MAX:
        raise CommandFailed(f"--base-port {base_port}: the nodes need ports up to {last}")
    taken = taken_port(HOST, range(base_port, last + 1))
    if taken is not None:
        raise CommandFailed(
            f"{taken}: stop what uses it, or give another --base-port; "
            f"{last - base_port + 1} in a row are needed"
        )


def check_disk(folder: Path, transactions: int) -> None:
    """Raises CommandFailed unless the disk of `folder` has room for the run."""
    wanted = BYTES_SPARE + transactions * BYTES_PER_TRANSACTION
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise CommandFailed(
            f"{folder}: {free >> 20} MiB are free, and {transactions} transactions on {NODES} "
            f"nodes may take {wanted >> 20} MiB: give another --dir, or fewer --transactions"
        )
