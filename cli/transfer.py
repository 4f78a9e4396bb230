"""The `quorate transfer` commands: one for each step of the equity transfer.

`--as` names the account that acts; each step is its own transaction or a file in its own folder.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from cli import holdings, transfer_founding
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, flat, table
from cli.preparation import prepare as prepare_network
from cli.result_file import write_result
from cli.transfer_options import (
    IdOption,
    InOption,
    desk_of,
    emit_outcome,
    read_input,
)
from ledger.genesis import load_genesis
from ledger.values import address_from_hex, checksum_address
from workflows.equity_transfer import amend, handover
from workflows.equity_transfer import apply as applying
from workflows.equity_transfer import attest as attesting
from workflows.equity_transfer import confirm as confirming
from workflows.equity_transfer.certificate import Evidence, check_certificate, make_certificate
from workflows.equity_transfer.declare import declare as take_declaration
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    market_opening,
    opening_path,
    tax_opening,
)
from workflows.equity_transfer.details import accept_details, send_details
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.money import format_yuan
from workflows.equity_transfer.opening import Opening, save_opening
from workflows.equity_transfer.prove import prove as make_proof
from workflows.equity_transfer.show import show as show_item
from workflows.equity_transfer.verify import verify as send_proof
from workflows.workspace import opened_content

app = typer.Typer(help="The equity transfer, step by step. 个人股权转让，逐步办理。")

KEYS_DEFAULT = Path("build/keys")
APPLICANT = "applicant"


def _read_opening(path: Path) -> bytes:
    """An opening's file, of this desk or handed over; opened where it stands sealed."""
    return opened_content(path, read_input(path))


def _hand_over(network: LocalNetwork, opening: Opening, receiver: str | None) -> None:
    """Give the applicant its copy of an opening, as a bureau does at its counter."""
    if receiver is None:
        names = {entry.name for entry in network.file.accounts}
        receiver = APPLICANT if APPLICANT in names else None
    if receiver is not None:
        desk = network.desk(receiver)
        save_opening(opening_path(desk, opening.id, opening.side), opening)


HandOption = Annotated[
    str | None,
    typer.Option("--hand-to", help="Whose desk gets the opening; by default the applicant's."),
]


def _add_step(name: str, about: str, act: Callable[[Desk, bytes], Outcome]) -> None:
    """A command for a step that takes nothing but an id."""

    @app.command(name, help=about)
    def step(
        network: NetworkOption,
        account: AccountOption,
        item: IdOption,
        group: GroupOption = None,
        as_json: JsonOption = False,
    ) -> None:
        emit_outcome(act(desk_of(network, account, group), parse_id(item)), as_json)


@app.command()
def prepare(
    network: NetworkOption,
    keys: Annotated[Path, typer.Option(help="Where the test key is cached.")] = KEYS_DEFAULT,
    statement: Annotated[
        str, typer.Option(help="equity_v1, or equity_v2: the basis is drawn from holdings.")
    ] = "equity_v1",
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Agreement, key, rule and contract, by all parties of a local network. 签约与部署。"""

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    deployment = prepare_network(LocalNetwork(network, group), keys, progress, statement)
    address = checksum_address(deployment.address)
    emit({"contract": address}, as_json, lambda: f"Ready: contract {address}.")


@app.command()
def declare(
    network: NetworkOption,
    account: AccountOption,
    case: InOption,
    hand_to: HandOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a declaration and compute the tax; nothing is sent. 申报。"""
    content = read_input(case)
    local = LocalNetwork(network, group)
    desk = local.desk(account)
    declared = take_declaration(desk, content)
    _hand_over(local, tax_opening(desk, parse_id(declared.id)), hand_to)
    figures = declared.assessment
    emit(
        declared,
        as_json,
        lambda: table(
            f"attestation {declared.id}",
            ("", "元"),
            [
                ("income 收入", format_yuan(figures.income)),
                ("taxable 应纳税所得额", format_yuan(figures.taxable)),
                ("tax due 应纳税额", format_yuan(figures.due)),
                ("paid 已缴", format_yuan(declared.paid)),
                ("stamp duty 印花税", format_yuan(declared.stamp_duty)),
            ],
        ),
    )


_add_step("attest", "Put the tax bureau's commitment on chain. 完税证明上链。", attesting.attest)
_add_step(
    "countersign",
    "The second officer's signature that money arrived. 复核。",
    attesting.countersign,
)


@app.command()
def apply(
    network: NetworkOption,
    account: AccountOption,
    item: Annotated[str, typer.Option("--id", help="The attestation that the applicant names.")],
    case: InOption,
    prover: Annotated[str, typer.Option(help="The account or address that proves.")] = APPLICANT,
    hand_to: HandOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Commit to the application received; the id shown is the transfer's. 受理。"""
    content = read_input(case)
    local = LocalNetwork(network, group)
    desk = local.desk(account)
    address = prover if prover.startswith("0x") else local.file.account(prover).address
    outcome = applying.apply(desk, content, parse_id(item), address_from_hex(address))
    _hand_over(local, market_opening(desk, parse_id(outcome.id)), hand_to)
    emit_outcome(outcome, as_json)


@app.command()
def prove(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the zero-knowledge proof from both openings; seconds. 证明。"""
    proved = make_proof(desk_of(network, account, group), parse_id(item))
    value = {"id": proved.id, "proof": str(proved.proof), "public": str(proved.public)}
    emit(value, as_json, lambda: f"Proof of {proved.id}: {proved.proof}")


@app.command()
def verify(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    proof: Annotated[
        Path | None, typer.Option("--in", help="Another proof file than the one `prove` left.")
    ] = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand the proof to the contract, which verifies by itself. 核验。"""
    content = read_input(proof) if proof else None
    outcome = send_proof(desk_of(network, account, group), parse_id(item), content)
    emit_outcome(outcome, as_json)
    if outcome.code is not None:
        raise CommandFailed(f"the contract refused the proof: {outcome.code}")


@app.command()
def confirm(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    approval: Annotated[
        str | None,
        typer.Option(help="核准文号: the details go back to the tax bureau under this number."),
    ] = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a verified transfer; with --approval its details go back sealed. 核准登记与回传。"""
    desk = desk_of(network, account, group)
    outcome = confirming.confirm(desk, parse_id(item))
    if approval is not None:
        send_details(desk, parse_id(item), approval)
    emit_outcome(outcome, as_json)


@app.command("import")
def import_(
    network: NetworkOption,
    account: AccountOption,
    item: Annotated[
        str | None, typer.Option("--id", help="Accept this transfer's envelope.")
    ] = None,
    opening: Annotated[Path | None, typer.Option("--in", help="Keep this opening.")] = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept the registration's envelope (--id), or keep an opening (--in). 签收或存入。"""
    if (item is None) == (opening is None):
        raise typer.BadParameter("give either --id (an envelope) or --in (an opening)")
    desk = desk_of(network, account, group)
    value: Any
    if opening is not None:
        value = handover.import_opening(desk, _read_opening(opening))
    else:
        value = accept_details(desk, parse_id(str(item)))
    emit(value, as_json, lambda: f"Accepted {value.id}.")


@app.command("open")
def open_(
    network: NetworkOption,
    account: AccountOption,
    item: Annotated[str | None, typer.Option("--id", help="Openings of this desk.")] = None,
    opening: Annotated[Path | None, typer.Option("--in", help="An opening's file.")] = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check an opening against its commitment on chain and show it. 核对承诺。"""
    if (item is None) == (opening is None):
        raise typer.BadParameter("give either --id or --in")
    desk = desk_of(network, account, group)
    if opening is not None:
        opened = [handover.open_commitment(desk, _read_opening(opening))]
    else:
        opened = handover.open_own(desk, parse_id(str(item)))
    rows = [(entry.side, *row) for entry in opened for row in flat(entry.content)]
    emit({"openings": opened}, as_json, lambda: table("openings", ("side", "field", "value"), rows))


@app.command()
def correct(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    case: InOption,
    hand_to: HandOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Supersede an attestation by a corrected case; shows the new id. 更正。"""
    content = read_input(case)
    local = LocalNetwork(network, group)
    desk = local.desk(account)
    outcome = amend.correct(desk, parse_id(item), content)
    _hand_over(local, tax_opening(desk, parse_id(outcome.id)), hand_to)
    emit_outcome(outcome, as_json)


holdings.add_commands(app)
transfer_founding.add_commands(app)
_add_step("withdraw", "Declare an attestation void. 作废。", amend.withdraw)
_add_step("refund", "Declare that the tax was paid back. 退税。", amend.refund)
_add_step("cancel", "Take an application back. 撤回。", applying.cancel)
_add_step("revoke", "Revoke a registration. 撤销。", confirming.revoke)


@app.command()
def show(
    network: NetworkOption,
    account: AccountOption,
    item: IdOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Everything on chain about an attestation or a transfer. 查看。"""
    shown = show_item(desk_of(network, account, group), parse_id(item))
    emit(shown, as_json, lambda: _shown_table(shown))


def _shown_table(shown: Any) -> Table:
    title = f"transfer {shown.transfer}: {shown.status} · attestation: {shown.attestation_status}"
    rows = [
        (step.name, step.data_type, step.sender, step.block, step.time, step.code or "")
        for step in shown.steps
    ]
    return table(title, ("step", "data type", "sender", "block", "time (Beijing)", "code"), rows)


@app.command()
def certificate(
    item: Annotated[str, typer.Argument(metavar="ID", help="The transfer's id.")],
    network: NetworkOption,
    account: AccountOption,
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export the evidence certificate, checkable with no network. 存证凭证。"""
    if out.suffix != ".json":
        raise CommandFailed(f"--out {out}: certificates are written as .json")
    local = LocalNetwork(network, group)
    genesis = local.genesis
    data = make_certificate(local.desk(account), genesis, parse_id(item))
    write_result(out, data)
    digest = check_certificate(data, genesis).digest
    emit({"certificate": str(out), "digest": digest}, as_json, lambda: f"{out}, digest {digest}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate's JSON file.")],
    genesis: Annotated[Path, typer.Option(help="The group's genesis file.")],
    as_json: JsonOption = False,
) -> None:
    """Check a certificate from the genesis file alone; no network is used. 核验存证凭证。"""
    evidence = check_certificate(read_input(file), load_genesis(genesis))
    release = {"release": evidence.release.label, "is_current": evidence.release.is_current}
    emit(
        {
            "valid": True,
            "digest": evidence.digest,
            "contract": release,
            "statement": evidence.statement,
        },
        as_json,
        lambda: _evidence_tables(evidence),
    )


def _evidence_tables(evidence: Evidence) -> RenderableType:
    statement = dict(evidence.statement)
    steps = statement.pop("steps")
    release = evidence.release.label
    if not evidence.release.is_current:
        release += ", of an earlier release than this program's 早于本程序的版本"
    facts = [*flat(statement), ("contract's release 合约版本", release)]
    return Group(
        table(f"certificate {evidence.id}: valid", ("", ""), facts),
        table(
            "steps",
            ("step", "office", "receiver", "code", "block", "time (Beijing)", "transaction"),
            (
                (
                    step["name"],
                    _office(step["office"]),
                    _office(step["receiver"]),
                    step.get("code", ""),
                    step["block"],
                    step["time"],
                    step["transaction"],
                )
                for step in steps
            ),
        ),
    )


def _office(entry: Mapping[str, str] | None) -> str:
    return "" if entry is None else entry["label"] or entry["name"]
