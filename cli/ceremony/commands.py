"""The `quorate zk ceremony` commands: a key that nobody has to trust alone.

Each participant acts on its own machine, at its own node; the key's files go through a folder that
all of them reach. Nothing here decides a rule: those stand in the contract.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.ceremony.seats import (
    AccountOption,
    AtOption,
    FilesOption,
    KeyFileOption,
    NetworkOption,
    Who,
    ceremony_at,
    seat_of,
)
from cli.ceremony.show import (
    bars,
    show_standing,
    show_verified,
    standing_json,
    step_json,
    verified_json,
)
from cli.failure import CommandFailed
from cli.options import GenesisOption, GroupOption, PasswordOption, RpcOption
from cli.output import JsonOption, emit, emit_fields
from cli.reach import remote
from cli.result_file import write_result
from cli.zk_circuits import circuit_file
from contracts.bindings.ceremony import Terms
from ledger.values import checksum_address
from workflows.ceremony.acts import finish as finish_ceremony
from workflows.ceremony.acts import object_to_last, take_turn
from workflows.ceremony.acts import start as start_ceremony
from workflows.ceremony.files import KEY, FileDrop, read_file
from workflows.ceremony.opening import open_ceremony
from workflows.ceremony.place import FILE_NAME, CeremonyPlace, save_place
from workflows.ceremony.standing import standing
from workflows.ceremony.verify import verify_ceremony
from zkp.ceremony.contribute import TEXT_CHARS_MAX
from zkp.snarkjs.randomness import BEACON_EXPONENT_MAX, BEACON_EXPONENT_MIN

app = typer.Typer(help="A key made by several organisations. 多方可信设置仪式。")

TURN_S = 86_400
BEACON_AFTER_BLOCKS = 1_000
EXPONENT = 16


@app.command()
@remote
def start(
    files: FilesOption,
    circuit: Annotated[str, typer.Option(help="A circuit's name, or its .r1cs file.")],
    ptau: Annotated[Path, typer.Option(help="Phase 1, prepared for phase 2, .ptau.")],
    participant: Annotated[
        list[str], typer.Option(help="An account, in the order of turns; again for each.")
    ],
    initial: Annotated[
        Path | None, typer.Option(help="The initial .zkey; by default made of the two.")
    ] = None,
    turn_s: Annotated[int, typer.Option(min=1, help="How long a turn lasts.")] = TURN_S,
    beacon_after: Annotated[
        int, typer.Option(min=1, help="The beacon's block, counted from now.")
    ] = BEACON_AFTER_BLOCKS,
    exponent: Annotated[
        int,
        typer.Option(
            min=BEACON_EXPONENT_MIN,
            max=BEACON_EXPONENT_MAX,
            help="The beacon is hashed 2^this times.",
        ),
    ] = EXPONENT,
    least: Annotated[
        int | None, typer.Option(min=1, help="Contributions needed; by default all.")
    ] = None,
    network: NetworkOption = None,
    account: AccountOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    key_file: KeyFileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a ceremony; the account must be an author or admin. 发起仪式。"""
    if (files / FILE_NAME).exists():
        raise CommandFailed(f"{files}: a ceremony was started here already; name another folder")
    who = Who(network, account, group, rpc, key_file, password_file)
    desk, drop = who.desk(), FileDrop(files)
    with bars() as progress:
        opened = open_ceremony(
            drop,
            constraints=circuit_file(circuit).r1cs,
            powers=read_file(ptau),
            initial=None if initial is None else read_file(initial),
            progress=progress,
        )
    head = desk.client.block_number()
    terms = Terms(
        circuit=opened.circuit,
        constraints=opened.constraints,
        powers=opened.powers,
        initial=opened.initial,
        turn_s=turn_s,
        beacon_block=head + beacon_after,
        beacon_exponent=exponent,
        least=len(participant) if least is None else least,
    )
    address = start_ceremony(desk, terms, who.addresses(participant))
    save_place(files, CeremonyPlace(desk.client.group or "", address))
    value = {
        "contract": checksum_address(address),
        "circuit": "0x" + terms.circuit.hex(),
        "initial_key": terms.initial.hex(),
        "beacon_block": terms.beacon_block,
        "participants": [checksum_address(entry) for entry in who.addresses(participant)],
    }
    emit_fields("Started 已发起", value, as_json)


@app.command()
@remote
def contribute(
    files: FilesOption,
    text_file: Annotated[
        Path | None,
        typer.Option(help="A text to stir into the system's randomness: dice, noise, anything."),
    ] = None,
    at: AtOption = None,
    network: NetworkOption = None,
    account: AccountOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    key_file: KeyFileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the last key, and contribute to it in one's turn. 贡献随机性。"""
    who = Who(network, account, group, rpc, key_file, password_file)
    seat = seat_of(who, at, files)
    text = "" if text_file is None else _text(text_file)
    with bars() as progress:
        step, is_new = take_turn(seat, text, progress)
    title = "Contributed 已贡献" if is_new else "Contributed before 先前已贡献"
    emit_fields(title, step_json(step) | {"new": is_new}, as_json)


@app.command()
@remote
def finish(
    files: FilesOption,
    at: AtOption = None,
    network: NetworkOption = None,
    account: AccountOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    key_file: KeyFileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Apply the beacon once its block is there. 应用信标，完成仪式。"""
    who = Who(network, account, group, rpc, key_file, password_file)
    seat = seat_of(who, at, files)
    with bars() as progress:
        step, is_new = finish_ceremony(seat, progress)
    title = "Finished 已完成" if is_new else "Finished before 先前已完成"
    emit_fields(title, step_json(step) | {"new": is_new}, as_json)


@app.command("object")
@remote
def object_(
    files: FilesOption,
    at: AtOption = None,
    network: NetworkOption = None,
    account: AccountOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    key_file: KeyFileOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that the last key is missing or wrong; most together take it back. 反对最近一次贡献。"""
    who = Who(network, account, group, rpc, key_file, password_file)
    step, is_back = object_to_last(seat_of(who, at, files))
    title = "Taken back 已撤回" if is_back else "Objected 已反对"
    emit_fields(title, step_json(step) | {"taken_back": is_back}, as_json)


@app.command()
@remote
def status(
    files: FilesOption,
    at: AtOption = None,
    network: NetworkOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who has contributed, whose turn it is, and when the beacon is. 仪式进度。"""
    client = Who(network=network, group=group, rpc=rpc).client()
    found = standing(client, ceremony_at(at, files))
    emit(standing_json(found), as_json, lambda: show_standing(found))


@app.command()
@remote
def verify(
    files: FilesOption,
    at: AtOption = None,
    skip_phase_1: Annotated[
        bool, typer.Option("--skip-phase-1", help="Take the initial key as the terms name it.")
    ] = False,
    every_file: Annotated[
        bool, typer.Option("--every-file", help="Also check each key in between.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the verified key there, .zkey.")] = None,
    network: NetworkOption = None,
    group: GroupOption = None,
    rpc: RpcOption = None,
    genesis: GenesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check all of a ceremony from ledger and files; anybody may. 验证仪式全程。"""
    light = Who(network=network, group=group, rpc=rpc).light(genesis)
    address, drop = ceremony_at(at, files), FileDrop(files)
    with bars() as progress:
        found = verify_ceremony(
            light,
            address,
            drop,
            phase_1=not skip_phase_1,
            every_file=every_file,
            progress=progress,
        )
    if out is not None:
        write_result(out, drop.get(found.record.head, KEY))
    where = checksum_address(address)
    emit(verified_json(found, where), as_json, lambda: show_verified(found, where))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(TEXT_CHARS_MAX).decode("utf-8", "replace")
