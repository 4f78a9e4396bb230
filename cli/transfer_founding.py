"""The `quorate transfer` commands before the first transfer where each party acts for itself.

An author lays down the key of a finished ceremony, organisations approve it, an author deploys the
contract, the others adopt it. `prepare` does all of that at once, with a test key, where one
machine has every party's account.
"""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.agreement_choice import Choice, RuleFile, StatementOption, built_circuit, chosen
from cli.ceremony.seats import AtOption, FilesOption, ceremony_at
from cli.ceremony.show import bars
from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.light_reader import light_reader
from cli.options import AccountOption, GroupOption, NetworkOption
from cli.output import JsonOption, emit_fields
from cli.preparation import STATEMENTS
from cli.typed import typed_address, typed_hash
from contracts.bindings.circuits import CircuitRegistry
from contracts.bindings.keys import key_id
from ledger.values import Hash32, address_from_hex, checksum_address, keccak, to_hex
from ledger.whole_file import write_whole
from workflows.ceremony.files import FileDrop, read_file
from workflows.equity_transfer.adopt import adopt_contract
from workflows.equity_transfer.deploy import (
    SetUpDesk,
    approve_key,
    deploy_contract,
    register_key,
)
from workflows.equity_transfer.deployment import Deployment, RegisteredCircuit
from workflows.equity_transfer.readiness import (
    check_agreed,
    check_key_in_force,
    check_proving_key,
    check_registry,
    check_rule,
    registered_circuit,
)
from workflows.equity_transfer.register_circuit import approve_circuit, propose_circuit
from workflows.equity_transfer.statement_key import StatementKey, ceremony_key
from workflows.workspace import read_json

app = typer.Typer(help="The key that proofs are checked with. 验证密钥的登记与批准。")

StatementName = Annotated[
    str, typer.Option("--statement", help="equity_v1, or equity_v2: drawn from holdings.")
]
RegistryOption = Annotated[
    str | None,
    typer.Option(
        help="equity_v2: the registry of circuits; by default the one that the folder knows."
    ),
]
EntryOption = Annotated[
    str | None,
    typer.Option(help="equity_v2: the circuit's entry; by default its only active one."),
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--zkey", help="The proving key, which the applicant's desk needs; checked."),
]
SkipOption = Annotated[
    bool, typer.Option("--skip-phase-1", help="Take the initial key as the terms name it.")
]


def add_commands(transfer: typer.Typer) -> None:
    """Put the commands beside the steps of a transfer."""
    transfer.add_typer(app, name="circuit")
    transfer.command("deploy")(deploy)
    transfer.command("adopt")(adopt)


@app.command("lay-down")
def lay_down(
    network: NetworkOption,
    account: AccountOption,
    files: FilesOption,
    statement: StatementName,
    at: AtOption = None,
    registry: RegistryOption = None,
    skip_phase_1: SkipOption = False,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a finished ceremony and lay its key down for approval; an author. 登记仪式密钥。"""
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    circuits = _checked_registry(desk, local, statement, registry)
    key = _ceremony_key(local, statement, at, files, skip_phase_1)
    if circuits is None:
        named = register_key(desk, key.circuit, key.verifying, test_only=False)
    else:
        named = propose_circuit(desk, circuits, key.draft(_source(statement)))
    emit_fields("Laid down 已登记", _described(key, named, circuits), as_json)


@app.command()
def approve(
    network: NetworkOption,
    account: AccountOption,
    files: FilesOption,
    statement: StatementName,
    at: AtOption = None,
    registry: RegistryOption = None,
    skip_phase_1: SkipOption = False,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the ceremony oneself and approve the key that was laid down. 核验并批准密钥。

    Of equity_v2 an author of each organisation approves, of equity_v1 an administrator.
    """
    local = LocalNetwork(network, group)
    desk = local.set_up_desk(account)
    circuits = _checked_registry(desk, local, statement, registry)
    key = _ceremony_key(local, statement, at, files, skip_phase_1)
    if circuits is None:
        named = key_id(key.circuit, key.verifying, test_only=False)
        in_force = approve_key(desk, key.circuit, named)
    else:
        named = key.draft(_source(statement)).entry
        in_force = approve_circuit(desk, circuits, named)
    title = "In force 已启用" if in_force else "Approved; others have to as well 已批准，待其他方"
    emit_fields(title, _described(key, named, circuits) | {"in_force": in_force}, as_json)


def deploy(
    network: NetworkOption,
    account: AccountOption,
    file: RuleFile = None,
    statement: StatementOption = None,
    registry: RegistryOption = None,
    entry: EntryOption = None,
    zkey: KeyOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy the contract once all that it relies on is in force; an author. 部署合约。"""
    local, choice = LocalNetwork(network, group), chosen(file, statement)
    agreement, desk = choice.agreement, local.set_up_desk(account)
    circuit = _circuit(agreement.circuit)
    check_agreed(desk, agreement)
    circuits, registered = _registry(local, agreement.circuit, registry), None
    if circuits is None:
        if entry is not None:
            raise CommandFailed("--entry belongs to equity_v2; equity_v1 has its key from a vote")
        check_key_in_force(desk, agreement.circuit, circuit)
    else:
        named = None if entry is None else typed_hash("--entry", entry)
        registered = registered_circuit(desk, circuits, agreement.circuit, circuit, named)
    check_rule(desk, circuit, agreement)
    key = _checked_key(desk, circuit, registered, zkey)
    deployment = deploy_contract(desk, agreement, circuit, local.deployment_file, registered)
    _keep(local, choice, key)
    _emit_deployment("Deployed 已部署", choice.named, deployment, as_json)


def adopt(
    network: NetworkOption,
    account: AccountOption,
    at: Annotated[str, typer.Option("--at", help="The contract's address.")],
    file: RuleFile = None,
    statement: StatementOption = None,
    zkey: KeyOption = None,
    group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a contract that another party deployed, and work with it from here on. 采用合约。"""
    local, choice = LocalNetwork(network, group), chosen(file, statement)
    agreement, desk = choice.agreement, local.set_up_desk(account)
    deployment, release = adopt_contract(
        desk,
        agreement,
        _circuit(agreement.circuit),
        typed_address("--at", at),
        local.deployment_file,
    )
    terms, registered = deployment.terms, deployment.registered
    _keep(local, choice, _checked_key(desk, terms.circuit, registered, zkey))
    named = choice.named | {"release": release.label}
    _emit_deployment("Adopted 已采用", named, deployment, as_json)


def _circuit(statement: str) -> Hash32:
    """The id of a statement's circuit as this program builds it."""
    _check_statement(statement)
    return built_circuit(statement)


def _check_statement(statement: str) -> None:
    if statement not in STATEMENTS:
        raise CommandFailed(f"no statement '{statement}' here; there are: {', '.join(STATEMENTS)}")


def _source(statement: str) -> Hash32:
    """The hash of the circuit's source file, which an entry names."""
    path = inspect.getsourcefile(STATEMENTS[statement])
    assert path is not None, "a statement's circuit is built by code of ours"
    return keccak(Path(path).read_bytes())


def _registry(local: LocalNetwork, statement: str, typed: str | None) -> CircuitRegistry | None:
    """The registry that a statement's key goes into; None for the one that every group has."""
    if statement == "equity_v1":
        if typed is not None:
            raise CommandFailed(
                "--registry belongs to equity_v2; the key of equity_v1 goes into the registry that "
                "every group has"
            )
        return None
    if typed is not None:
        return CircuitRegistry(typed_address("--registry", typed))
    if local.registry_file.is_file():
        known = str(read_json(local.registry_file).get("registry"))
        return CircuitRegistry(address_from_hex(known))
    raise CommandFailed(
        f"{statement} needs a registry of circuits: give --registry ADDRESS; an author deploys "
        "one with quorate zk registry deploy"
    )


def _checked_registry(
    desk: SetUpDesk, local: LocalNetwork, statement: str, typed: str | None
) -> CircuitRegistry | None:
    """The same, asked for before a ceremony is verified, which takes minutes."""
    _check_statement(statement)
    circuits = _registry(local, statement, typed)
    if circuits is not None:
        check_registry(desk, circuits)
    return circuits


def _ceremony_key(
    local: LocalNetwork, statement: str, at: str | None, files: Path, skip_phase_1: bool
) -> StatementKey:
    circuit = _circuit(statement)
    light = light_reader(None, None, local.folder, local.group.name)
    with bars() as progress:
        return ceremony_key(
            light,
            ceremony_at(at, files),
            FileDrop(files),
            statement=statement,
            circuit=circuit,
            phase_1=not skip_phase_1,
            progress=progress,
        )


def _checked_key(
    desk: SetUpDesk, circuit: Hash32, registered: RegisteredCircuit | None, zkey: Path | None
) -> bytes | None:
    """The proving key's file, once it is the one that proofs are checked with."""
    if zkey is None:
        return None
    data = read_file(zkey)
    check_proving_key(desk, circuit, registered, data, str(zkey))
    return data


def _keep(local: LocalNetwork, choice: Choice, key: bytes | None) -> None:
    """Keep rule file and proving key where the desks look for them."""
    write_whole(local.agreement_file, choice.path.read_bytes())
    if key is not None:
        write_whole(local.proving_key_of(choice.agreement.circuit), key)


def _described(
    key: StatementKey, named: Hash32, circuits: CircuitRegistry | None
) -> dict[str, Any]:
    value = {
        "statement": key.statement,
        "circuit": to_hex(key.circuit),
        "transcript": to_hex(key.transcript),
    }
    if circuits is None:
        return value | {"key": to_hex(named)}
    return value | {"registry": checksum_address(circuits.address), "entry": to_hex(named)}


def _emit_deployment(
    title: str, named: dict[str, str], deployment: Deployment, as_json: bool
) -> None:
    value = {
        **named,
        "contract": checksum_address(deployment.address),
        "circuit": to_hex(deployment.terms.circuit),
    }
    if deployment.registered is not None:
        value["registry"] = checksum_address(deployment.registered.registry)
        value["entry"] = to_hex(deployment.registered.entry)
    emit_fields(title, value, as_json)
