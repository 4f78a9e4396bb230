"""The `quorate agreement rule` commands: a rule version comes into force, and ends, by approvals.

A version is approved for a circuit, with its rate; enough organisations put it in force. It never
changes: another rate is another version. One that has ended stays so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from cli.agreement_choice import Choice, RuleFile, StatementOption, chosen, circuit_of
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit_fields
from ledger.values import Hash32, to_hex
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deploy import SetUpDesk, approve_rule
from workflows.equity_transfer.suspension import end_rule, rule_version

app = typer.Typer(help="Rule versions: approve, end, show. 税率规则版本。")

Act = Callable[[SetUpDesk, Hash32, Agreement], str]


@app.command()
def approve(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a rule file's version and rate for one's organisation. 批准规则版本。"""
    _carry_out(network, account, chosen(file, statement), group, as_json, _approve)


@app.command()
def end(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve that a rule version ends; enough of that ends it for good. 终止规则版本。"""
    _carry_out(network, account, chosen(file, statement), group, as_json, _end)


@app.command()
def show(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether a rule file's version is in force for its circuit. 查看规则版本。"""
    _carry_out(network, account, chosen(file, statement), group, as_json, _look)


def _approve(desk: SetUpDesk, circuit: Hash32, agreement: Agreement) -> str:
    rule = agreement.rule
    if rule_version(desk, circuit, rule.rule_id)["ended"]:
        raise CommandFailed(
            f"rule version {rule.rule_id} has ended and stays so: a new version has a new id, in "
            "a rule file of its own"
        )
    in_force = approve_rule(desk, circuit, agreement)
    return (
        "In force 已生效" if in_force else "Approved; others have to approve too 已批准，待其他方"
    )


def _end(desk: SetUpDesk, circuit: Hash32, agreement: Agreement) -> str:
    ended = end_rule(desk, circuit, agreement.rule)
    return "Ended 已终止" if ended else "Noted; others have to approve too 已记录，待其他方"


def _look(desk: SetUpDesk, circuit: Hash32, agreement: Agreement) -> str:
    return "rule version 规则版本"


def _carry_out(
    network: Path, account: str, choice: Choice, group: str | None, as_json: bool, act: Act
) -> None:
    """One act on a rule version, and how it stands afterwards."""
    local = LocalNetwork(network, group)
    desk, circuit = local.set_up_desk(account), circuit_of(local, choice.agreement)
    title = act(desk, circuit, choice.agreement)
    emit_fields(title, _described(desk, choice, circuit), as_json)


def _described(desk: SetUpDesk, choice: Choice, circuit: Hash32) -> dict[str, Any]:
    rule = choice.agreement.rule
    version = rule_version(desk, circuit, rule.rule_id)
    state = "ended" if version["ended"] else "in force" if version["in_force"] else "not in force"
    return {
        **choice.named,
        "circuit": to_hex(circuit),
        "rule": rule.rule_id,
        "rate_bps": rule.rate_bps,
        "state": state,
    }
