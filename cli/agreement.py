"""The `quorate agreement` commands: check a rule file, propose, sign and show it on chain."""

from pathlib import Path
from typing import Annotated

import typer

from cli.desks import LocalNetwork
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, emit_fields, table
from contracts.bindings.accounts import organisation
from contracts.bindings.agreements import agreement_state
from contracts.roles import ACCOUNT_ROLES
from ledger.values import to_hex
from workflows.equity_transfer.agreement import load_agreement, shipped_agreement
from workflows.equity_transfer.deploy import propose_agreement, sign_agreement

app = typer.Typer(help="Data-sharing agreements. 数据共享合约。")

RuleFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", show_default=False, help="The rule file; by default the shipped one."
    ),
]


@app.command()
def check(file: RuleFile = shipped_agreement, as_json: JsonOption = False) -> None:
    """Read a rule file strictly and show its id. 检查规则文件。"""
    agreement = load_agreement(file)
    value = {
        "id": to_hex(agreement.id),
        "tax_organisation": agreement.tax_organisation,
        "registrar_organisation": agreement.registrar_organisation,
        "rule": agreement.rule.rule_id,
        "rate_bps": agreement.rule.rate_bps,
    }
    emit_fields(str(file), value, as_json)


@app.command()
def propose(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = shipped_agreement,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a rule file's id up for both bureaus' signature. 提交签署。"""
    local = LocalNetwork(network, group)
    agreement = load_agreement(file)
    signing = (agreement.tax_organisation, agreement.registrar_organisation)
    admins = [local.first_account(organisation, *ACCOUNT_ROLES) for organisation in signing]
    signatories = [local.set_up_desk(admin).sender for admin in admins]
    propose_agreement(local.set_up_desk(account), agreement, signatories)
    value = {"id": to_hex(agreement.id), "signatories": admins}
    emit(value, as_json, lambda: f"Proposed {value['id']}; to sign: {', '.join(admins)}")


@app.command()
def sign(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = shipped_agreement,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a rule file's id for one's organisation. 签署。"""
    agreement = load_agreement(file)
    active = sign_agreement(LocalNetwork(network, group).set_up_desk(account), agreement)
    emit(
        {"id": to_hex(agreement.id), "active": active},
        as_json,
        lambda: "Signed; it binds now." if active else "Signed; others have to sign too.",
    )


@app.command()
def show(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = shipped_agreement,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where an agreement stands on chain. 查看状态。"""
    agreement = load_agreement(file)
    desk = LocalNetwork(network, group).set_up_desk(account)
    state = desk.ask(agreement_state(agreement.id))
    signed = [desk.ask(organisation(number)).name for number in sorted(state.signed)]
    value = {"id": to_hex(agreement.id), "status": state.status.name, "signed": signed}
    emit(
        value,
        as_json,
        lambda: table(
            "agreement",
            ("", ""),
            [("id", value["id"]), ("status", value["status"]), ("signed", ", ".join(signed))],
        ),
    )
