"""The `quorate transfer` commands for holdings: lots are attested, listed, declared void."""

from collections.abc import Callable
from typing import Annotated

import typer

from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, table
from cli.transfer_options import (
    IdOption,
    InOption,
    desk_of,
    emit_outcome,
    read_input,
)
from workflows.equity_transfer import holdings
from workflows.equity_transfer.desk import Desk, Outcome
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.money import format_yuan, parse_yuan


def add_commands(app: typer.Typer) -> None:
    """Put the commands beside the other steps."""
    app.command("lot")(attest_lot)
    app.command("holdings")(list_holdings)
    _add_step(
        app,
        "lot-countersign",
        "The second officer's signature on a lot. 持股复核。",
        holdings.countersign_lot,
    )
    _add_step(
        app,
        "lot-withdraw",
        "Declare a lot void that no sale has drawn on. 持股作废。",
        holdings.withdraw_lot,
    )


def attest_lot(
    network: NetworkOption,
    account: AccountOption,
    case: InOption,
    capital: Annotated[str, typer.Option(help="元: the subscribed capital of the lot.")],
    basis: Annotated[str, typer.Option(help="元: what it cost.")],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a lot of the case's seller on chain; the id shown is the lot's. 持股存证。"""
    desk = desk_of(network, account, group)
    emit_outcome(
        holdings.attest_lot(desk, read_input(case), parse_yuan(capital), parse_yuan(basis)), as_json
    )


def _add_step(
    app: typer.Typer, name: str, about: str, act: Callable[[Desk, bytes], Outcome]
) -> None:
    """A command for a step that takes nothing but a lot."""

    @app.command(name, help=about)
    def step(
        network: NetworkOption,
        account: AccountOption,
        lot: Annotated[str, typer.Option("--lot", help="A lot's id.")],
        group: GroupOption = None,
        as_json: JsonOption = False,
    ) -> None:
        emit_outcome(act(desk_of(network, account, group), holdings.parse_lot(lot)), as_json)


def list_holdings(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """The lots that an attestation or transfer names, and the one it left. 持股批次。"""
    found = holdings.list_holdings(desk_of(network, account, group), parse_id(item))
    rows = [
        (
            lot.lot,
            lot.status,
            lot.source or "",
            lot.consumed_by or "",
            "" if lot.capital is None else format_yuan(lot.capital),
            "" if lot.basis is None else format_yuan(lot.basis),
        )
        for lot in found
    ]
    names = ("lot", "status", "left by", "consumed by", "capital 元", "basis 元")
    emit({"lots": found}, as_json, lambda: table("holdings", names, rows))
