"""What the commands of the equity transfer share: options, the account's desk, a step's outcome."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.output import emit, table
from ledger.bounded_file import read_bounded
from workflows.equity_transfer.desk import Desk, Outcome

INPUT_BYTES_MAX = 32 * 1024 * 1024

IdOption = Annotated[str, typer.Option("--id", help="An attestation's or transfer's id.")]
InOption = Annotated[Path, typer.Option("--in", help="A file: a case, an opening, a proof.")]


def desk_of(network: Path, account: str, group: str | None) -> Desk:
    return LocalNetwork(network, group).desk(account)


def read_input(path: Path) -> bytes:
    return read_bounded(path, INPUT_BYTES_MAX, CommandFailed)


def emit_outcome(outcome: Outcome, as_json: bool) -> None:
    emit(outcome, as_json, lambda: _outcome_table(outcome))


def _outcome_table(outcome: Outcome) -> Table:
    rows = [
        (name, value)
        for name, value in msgspec.to_builtins(outcome).items()
        if value is not None and name != "step"
    ]
    return table(f"transfer {outcome.step}", ("", ""), rows)
