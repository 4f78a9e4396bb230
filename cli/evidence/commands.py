"""The `quorate evidence` commands that make and read files; who acts in a group is in `acts.py`.

Nothing here believes a node: what is written was verified from the group's genesis document.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.evidence.acts import app as acts
from cli.evidence.files import (
    anchor_json,
    encode_anchor,
    load_anchor,
    load_evidence,
)
from cli.failure import CommandFailed
from cli.light_reader import light_reader
from cli.new_file import check_new
from cli.options import AskedGroupOption, GenesisOption, LocalNetworkOption, RpcOption
from cli.output import JsonOption, emit_fields
from cli.reach import remote
from cli.result_file import write_result
from cli.typed import typed_hash
from client.light import InvalidAnswer, LightClient
from client.rpc import RpcFailure
from ledger.codec import InvalidEncoding
from ledger.evidence import (
    Anchor,
    Evidence,
    InvalidEvidence,
    ProvenLogs,
    decode_evidence,
    encode_evidence,
    verify_evidence,
)
from ledger.genesis import genesis_block, load_genesis
from ledger.suite import STANDARD
from ledger.values import from_hex, to_hex

app = typer.Typer(help="A receipt of one group counts in another. 跨群组证据。")
app.registered_commands += acts.registered_commands

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The evidence's file.")]
OutOption = Annotated[Path, typer.Option("--out", help="A file that is not there yet.")]


@app.command()
@remote
def export(
    transaction: Annotated[str, typer.Argument(metavar="HASH", help="The transaction's hash.")],
    out: OutOption,
    rpc: RpcOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    group: AskedGroupOption = None,
    from_epoch: Annotated[
        int, typer.Option(min=0, help="The epoch of the other group's anchor.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a receipt with all that another group needs to check it. 导出证据。"""
    check_new(out)
    light = light_reader(rpc, genesis, network, group)
    wanted = typed_hash("HASH", transaction)
    try:
        receipt = light.receipt(wanted)
        anchor = _anchor(light, from_epoch)
        answer = light.client.evidence(to_hex(wanted), from_epoch)
        found = decode_evidence(from_hex(str(answer and answer.get("evidence"))))
        shown = verify_evidence(light.suite, anchor, found)
    except (InvalidAnswer, InvalidEvidence, InvalidEncoding, RpcFailure) as error:
        raise CommandFailed(str(error)) from None
    place = receipt.transaction
    if (shown.header, shown.index) != (place.block.header, place.index):
        raise CommandFailed("the node gave evidence of another transaction: ask another node")
    write_result(out, encode_evidence(found))
    emit_fields(f"Written to {out} 已写入", _description(found, shown), as_json)


@app.command()
@remote
def anchor(
    out: OutOption,
    rpc: RpcOption = None,
    genesis: GenesisOption = None,
    network: LocalNetworkOption = None,
    group: AskedGroupOption = None,
    epoch: Annotated[
        int | None, typer.Option(min=0, help="By default the node's last one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write what another group is to believe: this group's validators at an epoch. 导出信任锚。"""
    check_new(out)
    light = light_reader(rpc, genesis, network, group)
    try:
        number = light.head().epoch.number if epoch is None else epoch
        made = _anchor(light, number)
    except (InvalidAnswer, RpcFailure) as error:
        raise CommandFailed(str(error)) from None
    write_result(out, encode_anchor(made))
    emit_fields(f"Written to {out} 已写入", anchor_json(made), as_json)


@app.command()
def verify(
    file: FileArgument,
    anchor_file: Annotated[
        Path | None, typer.Option("--anchor", help="The anchor's file, of who has no genesis.")
    ] = None,
    genesis: GenesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check evidence and show what it proves; 1 if it proves nothing. 验证证据。"""
    held, found = _held(anchor_file, genesis), load_evidence(file)
    try:
        shown = verify_evidence(STANDARD, held, found)
    except (InvalidEvidence, InvalidEncoding) as error:
        raise CommandFailed(f"{file}: {error}") from None
    emit_fields("Proven 已证明", _description(found, shown), as_json)


def _anchor(light: LightClient, number: int) -> Anchor:
    epoch = light.epoch(number)
    return Anchor(light.group_id, number, epoch.first_block, epoch.validators.hash(light.suite))


def _held(anchor_file: Path | None, genesis: Path | None) -> Anchor:
    """What is believed: an anchor's file, or a genesis document."""
    if anchor_file is not None and genesis is None:
        return load_anchor(anchor_file)
    if genesis is None or anchor_file is not None:
        raise typer.BadParameter("give --anchor FILE, or --genesis FILE")
    block = genesis_block(load_genesis(genesis))
    return Anchor(block.header.hash, 0, 0, block.record.certifiers_hash)


def _description(found: Evidence, shown: ProvenLogs) -> dict[str, Any]:
    """What the evidence shows, and so what whoever receives it learns."""
    return {
        "group": to_hex(found.group),
        "block": shown.header.number,
        "block_hash": to_hex(shown.header.hash),
        "timestamp": shown.header.timestamp,
        "epoch": shown.record.epoch,
        "sets_before": len(found.descent),
        "index": shown.index,
        "signers": [to_hex(signer) for signer in found.block.certificate.signers],
        "logs": [
            {
                "position": position,
                "id": to_hex(shown.log_id(position)),
                "address": to_hex(log.address),
                "topics": [to_hex(topic) for topic in log.topics],
                "data": to_hex(log.data),
            }
            for position, log in enumerate(shown.logs)
        ],
    }
