"""The `quorate agreement` commands: a rule file is checked, proposed, signed, stopped, shown."""

from typing import Annotated, Any

import typer

from cli import agreement_rule
from cli.agreement_choice import Choice, RuleFile, StatementOption, chosen
from cli.desks import LocalNetwork
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, emit_fields
from contracts.bindings.accounts import organisation
from contracts.bindings.agreements import AgreementState, agreement_state
from contracts.roles import ACCOUNT_ROLES
from ledger.values import address_from_hex
from workflows.equity_transfer.deploy import SetUpDesk, propose_agreement, sign_agreement
from workflows.equity_transfer.suspension import resume_agreement, suspend_agreement

app = typer.Typer(help="Data-sharing agreements. 数据共享合约。")
app.add_typer(agreement_rule.app, name="rule")


@app.command()
def check(
    file: RuleFile = None, statement: StatementOption = None, as_json: JsonOption = False
) -> None:
    """Read a rule file strictly and show its id. 检查规则文件。"""
    choice = chosen(file, statement)
    agreement = choice.agreement
    value = {
        **choice.named,
        "tax_organisation": agreement.tax_organisation,
        "registrar_organisation": agreement.registrar_organisation,
        "rule": agreement.rule.rule_id,
        "rate_bps": agreement.rule.rate_bps,
    }
    emit_fields(choice.file, value, as_json)


@app.command()
def propose(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a rule file's id up for both bureaus' signature. 提交签署。"""
    local, choice = LocalNetwork(network, group), chosen(file, statement)
    agreement = choice.agreement
    signing = (agreement.tax_organisation, agreement.registrar_organisation)
    admins = [local.first_account(organisation, *ACCOUNT_ROLES) for organisation in signing]
    signatories = [address_from_hex(local.file.account(admin).address) for admin in admins]
    propose_agreement(local.set_up_desk(account), agreement, signatories)
    value = {**choice.named, "signatories": admins}
    emit_fields("Proposed, to be signed 已提交，待签署", value, as_json)


@app.command()
def sign(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a rule file's id for one's organisation. 签署。"""
    choice = chosen(file, statement)
    active = sign_agreement(LocalNetwork(network, group).set_up_desk(account), choice.agreement)
    words = "it binds now 已生效" if active else "others have to sign too 待其他方签署"
    emit(
        {**choice.named, "active": active},
        as_json,
        lambda: f"Signed 已签署 {choice.named['id']} ({choice.named['statement']}); {words}.",
    )


@app.command()
def suspend(
    network: NetworkOption,
    account: AccountOption,
    reason: Annotated[
        str,
        typer.Option(
            help="Public, on chain for ever: a short label or a document's number, at most 32 "
            "bytes; nothing about a person."
        ),
    ],
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop an agreement; a party's signatory, who alone resumes it. 中止。"""
    choice = chosen(file, statement)
    desk = LocalNetwork(network, group).set_up_desk(account)
    state = suspend_agreement(desk, choice.agreement, reason)
    title = "Suspended: nothing is shared under it 已中止"
    emit_fields(title, _described(desk, choice, state), as_json)


@app.command()
def resume(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an agreement back in force that one's own party suspended. 恢复。"""
    choice = chosen(file, statement)
    desk = LocalNetwork(network, group).set_up_desk(account)
    state = resume_agreement(desk, choice.agreement)
    emit_fields("In force 已恢复生效", _described(desk, choice, state), as_json)


@app.command()
def show(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where an agreement stands on chain. 查看状态。"""
    choice = chosen(file, statement)
    desk = LocalNetwork(network, group).set_up_desk(account)
    state = desk.ask(agreement_state(choice.agreement.id))
    emit_fields("agreement 共享合约", _described(desk, choice, state), as_json)


def _described(desk: SetUpDesk, choice: Choice, state: AgreementState) -> dict[str, Any]:
    def name(number: int) -> str:
        return desk.ask(organisation(number)).name

    return {
        **choice.named,
        "status": state.status.name,
        "parties": [name(number) for number in sorted(state.parties)],
        "signed": [name(number) for number in sorted(state.signed)],
        "suspended_by": name(state.suspended_by) if state.suspended_by else None,
    }
