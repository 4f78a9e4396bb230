"""The `quorate zk registry` commands: which circuits count in a group, what holds under them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.contract_desk import ContractDesk
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit, emit_fields, table
from cli.typed import typed_address, typed_hash
from cli.zk_circuits import read
from contracts.bindings.circuits import (
    NO_CEREMONY,
    CircuitEntry,
    CircuitRegistry,
    CircuitStatus,
    Draft,
    circuits_deploy_data,
)
from contracts.bindings.contract import Call
from ledger.values import Hash32, keccak, to_hex
from zkp.groth16.keys import VerifyingKey
from zkp.r1cs import circuit_id, decode_r1cs
from zkp.snarkjs.texts import decode_proof, decode_publics, decode_verifying_key

app = typer.Typer(help="Circuits on chain: lay down, approve, retire, verify. 链上电路登记。")

AtOption = Annotated[str, typer.Option("--at", help="The registry's address.")]
EntryArgument = Annotated[
    str, typer.Argument(metavar="ENTRY", help="The entry's id, as `propose` and `list` show it.")
]


def system_of_key(r1cs: bytes, key: VerifyingKey) -> bytes:
    """The id of a constraint system, which has to have the key's number of public signals."""
    publics = decode_r1cs(r1cs).publics
    if publics != key.publics:
        raise CommandFailed(
            f"the key is for {key.publics} public signals, the constraint system has {publics}: "
            "give the .r1cs that the key was made for"
        )
    return circuit_id(r1cs)


def _registry(at: str) -> CircuitRegistry:
    return CircuitRegistry(typed_address("--at", at))


def _entry(text: str) -> Hash32:
    return typed_hash("ENTRY", text)


def _described(entry: Hash32, found: CircuitEntry) -> dict[str, Any]:
    ceremony = to_hex(found.transcript) if found.transcript != NO_CEREMONY else None
    return {
        "entry": to_hex(entry),
        "name": found.name,
        "status": found.status.name.lower(),
        "inputs": found.inputs,
        "source": to_hex(found.source),
        "system": to_hex(found.system),
        "key": to_hex(found.key),
        "transcript": ceremony,
    }


def _act(
    desk: ContractDesk, registry: CircuitRegistry, call: Call, entry: Hash32
) -> tuple[CircuitStatus, dict[str, Any]]:
    """Send a call about an entry; how the entry stands after it, with what was sent."""
    sent = desk.act(call)
    found = desk.ask(registry.circuit(entry))
    return found.status, _described(entry, found) | sent


@app.command()
def deploy(
    network: NetworkOption,
    account: AccountOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a registry; the account must be an author. 部署登记合约。"""
    desk = ContractDesk(LocalNetwork(network, group), account)
    emit_fields("Deployed 已部署", desk.send(None, circuits_deploy_data()), as_json)


@app.command()
def propose(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the circuit is called.")],
    source: Annotated[Path, typer.Option(help="The circuit's source: one file, or an archive.")],
    r1cs: Annotated[Path, typer.Option(help="Its constraint system, .r1cs.")],
    vkey: Annotated[Path, typer.Option(help="Its verification key, JSON.")],
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    transcript: Annotated[
        str | None,
        typer.Option(help="The hash of the ceremony's transcript; without it, a test key."),
    ] = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay a circuit down for approval; the account must be an author. 登记电路。"""
    key = decode_verifying_key(read(vkey))
    system = Hash32(system_of_key(read(r1cs), key))
    ceremony = NO_CEREMONY if transcript is None else typed_hash("--transcript", transcript)
    draft = Draft(name, keccak(read(source)), system, ceremony, key)
    registry, desk = _registry(at), ContractDesk(LocalNetwork(network, group), account)
    _, described = _act(desk, registry, registry.propose(draft), draft.entry)
    emit_fields("Laid down 已登记", described, as_json)


@app.command()
def approve(
    entry: EntryArgument,
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a circuit for one's organisation; enough approvals make it active. 批准电路。"""
    registry, desk = _registry(at), ContractDesk(LocalNetwork(network, group), account)
    status, described = _act(desk, registry, registry.approve(_entry(entry)), _entry(entry))
    title = "Active 已启用" if status is CircuitStatus.ACTIVE else "Approved 已批准"
    emit_fields(title, described, as_json)


@app.command()
def retire(
    entry: EntryArgument,
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a circuit shall count no more; enough of that retires it for good. 停用电路。"""
    registry, desk = _registry(at), ContractDesk(LocalNetwork(network, group), account)
    status, described = _act(desk, registry, registry.retire(_entry(entry)), _entry(entry))
    title = "Retired 已停用" if status is CircuitStatus.RETIRED else "Noted 已记录"
    emit_fields(title, described, as_json)


@app.command("list")
def list_(
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """All circuits of a registry, the retired ones too. 列出电路。"""
    registry, desk = _registry(at), ContractDesk(LocalNetwork(network, group), account)
    found = list(_entries(registry, desk))
    columns = ("name", "status", "inputs", "entry", "transcript")
    rows = [[row[column] for column in columns] for row in found]
    emit({"circuits": found}, as_json, lambda: table("Circuits 电路", columns, rows))


def _entries(registry: CircuitRegistry, desk: ContractDesk) -> Iterator[dict[str, Any]]:
    for place in range(desk.ask(registry.count())):
        entry = desk.ask(registry.entry_at(place))
        yield _described(entry, desk.ask(registry.circuit(entry)))


@app.command()
def verify(
    entry: EntryArgument,
    proof: Annotated[Path, typer.Option(help="The proof, JSON.")],
    public: Annotated[Path, typer.Option(help="The public signals, JSON.")],
    network: NetworkOption,
    account: AccountOption,
    at: AtOption,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the registry whether a proof holds: exit code 0 if so, else 1. 链上验证。"""
    registry, desk = _registry(at), ContractDesk(LocalNetwork(network, group), account)
    statement = decode_proof(read(proof)), decode_publics(read(public))
    holds = desk.ask(registry.verify(_entry(entry), *statement))
    emit({"holds": holds}, as_json, lambda: "holds" if holds else "does NOT hold")
    if not holds:
        raise typer.Exit(1)
