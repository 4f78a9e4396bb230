"""The `quorate bench` commands."""

import shutil
import signal
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.bench.plan import Engine, Plan, Transport, check_disk, check_ports, parse_rate
from cli.bench.report import report
from cli.bench.run import run
from cli.failure import CommandFailed
from cli.network.create import BASE_PORT_DEFAULT
from cli.output import JsonOption, emit
from cli.progress import say

app = typer.Typer(help="Measure a network on this machine. 性能测量。")


@app.callback()
def bench() -> None:
    """Measure a network on this machine. 性能测量。"""


@app.command()
def network(
    transactions: Annotated[int, typer.Option(help="How many transfers.")] = 30_000,
    senders: Annotated[int, typer.Option(help="By how many accounts.")] = 1_000,
    engine: Annotated[Engine, typer.Option(help="What the validators run.")] = "native",
    rate: Annotated[str, typer.Option(help="Transactions a second, or max.")] = "max",
    transport: Annotated[Transport, typer.Option(help="How they are sent.")] = "both",
    stop_one: Annotated[
        bool, typer.Option("--stop-one", help="With one validator stopped, not the primary.")
    ] = False,
    base_port: Annotated[
        int, typer.Option(help="The first of eight free ports.")
    ] = BASE_PORT_DEFAULT,
    folder: Annotated[
        Path, typer.Option("--dir", help="Where the run's folder is made: on the disk to measure.")
    ] = Path(),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the run's folder there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Four validators, transfers over JSON-RPC, speed, finality and a profile. 全网测量。"""
    plan = Plan(
        transactions, senders, engine, parse_rate(rate), transport, stop_one, base_port
    ).checked()
    if not folder.is_dir():
        raise CommandFailed(f"--dir {folder}: no such folder")
    check_ports(base_port)
    check_disk(folder, transactions)
    # A terminated run ends its nodes as an interrupted one does.
    signal.signal(signal.SIGTERM, _interrupt)
    home = Path(tempfile.mkdtemp(prefix="quorate-bench-", dir=folder))
    try:
        outcome = run(plan, home, say)
    finally:
        if keep:
            say(f"kept: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    emit(outcome, as_json, lambda: report(outcome))


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
