"""The `quorate evidence` commands that act in the receiving group."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.contract_desk import ContractDesk
from cli.desks import LocalNetwork
from cli.evidence.files import load_anchor, load_evidence
from cli.failure import CommandFailed
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit_fields
from cli.typed import typed_address
from contracts.bindings.contract import Contract
from contracts.bindings.evidence import (
    EvidenceContract,
    anchor_name,
    evidence_argument,
    evidence_deploy_data,
)
from contracts.interface import load_abi
from ledger.values import to_hex

app = typer.Typer()

ACCEPTING = "examples/registrations.vy"
"""A contract with the method by which evidence is submitted; another one's has the same form."""

AtOption = Annotated[str, typer.Option("--at", help="The evidence contract's address.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="What this group calls the other one.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The evidence's file.")]
LogOption = Annotated[int, typer.Option("--log", min=0, help="Which of the receipt's logs.")]


@app.command()
def deploy(
    network: NetworkOption,
    account: AccountOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy the contract that holds anchors; the account must be an author. 部署证据合约。"""
    desk = ContractDesk(LocalNetwork(network, group), account)
    emit_fields("Deployed 已部署", desk.send(None, evidence_deploy_data()), as_json)


@app.command()
def approve(
    name: NameArgument,
    anchor_file: Annotated[Path, typer.Argument(metavar="ANCHOR", help="The anchor's file.")],
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    grace_s: Annotated[
        int, typer.Option(min=0, help="How long a former set is believed about its blocks.")
    ] = 0,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve an anchor for one's organisation; enough approvals put it in force. 批准信任锚。"""
    anchor, word = load_anchor(anchor_file), _word(name)
    contract, desk = _contract(at), ContractDesk(LocalNetwork(network, group), account)
    value = desk.act(contract.approve_anchor(word, anchor, grace_s=grace_s))
    held = desk.ask(contract.anchor(word))
    in_force = held.group == anchor.group
    title = "In force 已生效" if in_force else "Approved 已批准"
    emit_fields(title, value | {"in_force": in_force}, as_json)


@app.command()
def end(
    name: NameArgument,
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve that nothing is believed under a name any more. 撤销信任锚。"""
    contract, desk = _contract(at), ContractDesk(LocalNetwork(network, group), account)
    value = desk.act(contract.approve_end(_word(name)))
    ended = not any(desk.ask(contract.anchor(_word(name))).group)
    emit_fields("Ended 已撤销" if ended else "Approved 已批准", value | {"ended": ended}, as_json)


@app.command()
def advance(
    name: NameArgument,
    file: FileArgument,
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move an anchor on by the changes of validators that evidence carries. 推进信任锚。"""
    contract, desk = _contract(at), ContractDesk(LocalNetwork(network, group), account)
    sent = list(_advance(contract, desk, _word(name), file))
    held = desk.ask(contract.anchor(_word(name)))
    link = desk.ask(contract.link(_word(name), held.last))
    value = {"moved": len(sent), "epoch": link.epoch, "first_block": link.first_block, "sent": sent}
    emit_fields(f"{len(sent)} sets later 已推进", value, as_json)


def _advance(
    contract: EvidenceContract, desk: ContractDesk, word: bytes, file: Path
) -> Iterator[dict[str, Any]]:
    """Bring each boundary that the anchor has not passed yet."""
    held = desk.ask(contract.anchor(word))
    known = desk.ask(contract.link(word, held.last)).first_block
    for boundary in load_evidence(file).descent:
        if boundary.header.number >= known:
            yield desk.act(contract.advance(word, boundary))


@app.command()
def read(
    name: NameArgument,
    file: FileArgument,
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    log: LogOption = 0,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the contract what it takes evidence for; nothing is sent. 查询合约对证据的判断。"""
    contract, desk = _contract(at), ContractDesk(LocalNetwork(network, group), account)
    found = desk.ask(contract.read(_word(name), load_evidence(file), log))
    value = {
        "id": to_hex(found.id),
        "block": found.number,
        "timestamp": found.timestamp,
        "address": to_hex(found.emitter),
        "topics": [to_hex(topic) for topic in found.topics],
        "data_hash": to_hex(found.data_hash),
    }
    emit_fields("Proven 已证明", value, as_json)


@app.command()
def submit(
    file: FileArgument,
    to: Annotated[str, typer.Option("--to", help="The contract that lets it count.")],
    network: NetworkOption,
    account: AccountOption,
    log: LogOption = 0,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send evidence to a contract with a method `accept(Evidence, uint256)`. 提交证据。"""
    contract = Contract(typed_address("--to", to), load_abi(ACCEPTING))
    call = contract.call("accept", evidence_argument(load_evidence(file)), log)
    desk = ContractDesk(LocalNetwork(network, group), account)
    emit_fields("Accepted 已接受", desk.act(call), as_json)


def _contract(at: str) -> EvidenceContract:
    return EvidenceContract(typed_address("--at", at))


def _word(name: str) -> bytes:
    try:
        return anchor_name(name)
    except ValueError as error:
        raise CommandFailed(str(error)) from None
