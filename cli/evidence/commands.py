"""The `quorate evidence` commands that make and read files; who acts in a group is in `acts.py`.

Nothing here believes a node: what is written was verified from the group's genesis document.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.desks import LocalNetwork
from cli.evidence.acts import app as acts
from cli.evidence.files import (
    InvalidAnchorFile,
    anchor_json,
    encode_anchor,
    load_anchor,
    load_evidence,
)
from cli.explorer import GenesisOption, GroupOption, NetworkOption
from cli.failure import CommandFailed
from cli.output import JsonOption, emit, flat, table
from cli.reach import reach, remote
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
from ledger.values import Hash32, from_hex, to_hex
from ledger.whole_file import write_whole

app = typer.Typer(help="A receipt of one group counts in another. 跨群组证据。")
app.registered_commands += acts.registered_commands

RpcOption = Annotated[str | None, typer.Option("--rpc", help="A node of the group.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The evidence's file.")]
OutOption = Annotated[Path, typer.Option("--out", help="A file that is not there yet.")]


@app.command()
@remote
def export(
    transaction: Annotated[str, typer.Argument(metavar="HASH", help="The transaction's hash.")],
    out: OutOption,
    rpc: RpcOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    group: GroupOption = None,
    from_epoch: Annotated[
        int, typer.Option(min=0, help="The epoch of the other group's anchor.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a receipt with all that another group needs to check it. 导出证据。"""
    _check_new(out)
    light = _light(rpc, genesis, network, group)
    wanted = Hash32(from_hex(transaction, size=32))
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
    write_whole(out, encode_evidence(found))
    value = _description(found, shown)
    emit(value, as_json, lambda: table(f"Written to {out}", ("", ""), flat(value)))


@app.command()
@remote
def anchor(
    out: OutOption,
    rpc: RpcOption = None,
    genesis: GenesisOption = None,
    network: NetworkOption = None,
    group: GroupOption = None,
    epoch: Annotated[
        int | None, typer.Option(min=0, help="By default the node's last one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write what another group is to believe: this group's validators at an epoch. 导出信任锚。"""
    _check_new(out)
    light = _light(rpc, genesis, network, group)
    try:
        number = light.head().epoch.number if epoch is None else epoch
        made = _anchor(light, number)
    except (InvalidAnswer, RpcFailure) as error:
        raise CommandFailed(str(error)) from None
    write_whole(out, encode_anchor(made))
    value = anchor_json(made)
    emit(value, as_json, lambda: table(f"Written to {out}", ("", ""), flat(value)))


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
    try:
        found = load_evidence(file)
        held = _held(anchor_file, genesis)
        shown = verify_evidence(STANDARD, held, found)
    except (InvalidEvidence, InvalidEncoding, InvalidAnchorFile) as error:
        raise CommandFailed(f"{file}: {error}") from None
    value = _description(found, shown)
    emit(value, as_json, lambda: table("Proven", ("", ""), flat(value)))


def _check_new(out: Path) -> None:
    if out.exists():
        raise CommandFailed(f"{out}: is there already; name another file")


def _light(
    rpc: str | None, genesis: Path | None, network: Path | None, group: str | None
) -> LightClient:
    """A reader that verifies, by a local network's folder or by a node and a genesis file."""
    if network is not None:
        local = LocalNetwork(network, group)
        node = next(
            entry
            for entry in local.file.nodes
            if local.group.name in {held.name for held in entry.groups}
        )
        client = reach(rpc or node.rpc, local.group.name)
        return LightClient(load_genesis(genesis) if genesis else local.genesis, client)
    if rpc is None or genesis is None:
        raise typer.BadParameter("give --rpc URL and --genesis FILE, or --network DIR")
    document = load_genesis(genesis)
    return LightClient(document, reach(rpc, group or document.name))


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
