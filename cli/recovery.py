"""The `quorate recovery` commands: a group whose quorum is lost for good goes on with a new set.

One operator proposes, each organisation signs offline with its recovery key, each operator applies
the signed file to its own nodes. What a certificate must say is `ledger/recovery.py`'s.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.group_status import group_status
from cli.new_file import check_new
from cli.options import (
    AskedGroupOption,
    Language,
    LanguageOption,
    NewFileArgument,
    NodeGroupOption,
)
from cli.output import JsonOption, emit
from cli.reach import reach, remote
from cli.recovery_apply import apply_to_node, followed_by
from cli.result_file import write_result
from cli.second_factor import CodeOption, confirm
from client.light import InvalidAnswer, LightClient
from client.rpc import Client
from ledger.genesis import Genesis, genesis_block, load_genesis
from ledger.recovery import (
    InvalidRecovery,
    RecoveredValidator,
    Recovery,
    recovery_of,
    sign_recovery,
    verified_signers,
    verify_recovery,
)
from ledger.recovery_file import load_recovery, recovery_json
from ledger.suite import KeySigner
from ledger.values import Address, InvalidValue, address_from_hex, to_hex
from node.config import NodeFolder
from node.keyfile import load_private_key, own_address

app = typer.Typer(help="A quorum that is lost for good. 恢复永久失去的法定数。")

EPOCH_MARGIN = 2
"""Above a node's epoch: blocks that nobody is left to show may have opened the next one."""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The certificate's file.")]
GenesisOption = Annotated[Path, typer.Option("--genesis", help="The group's genesis file.")]

_WORDS = {
    "en": {
        "group": "group",
        "after": "last block that counts",
        "void": "what the old set certified above it is void",
        "epoch": "epoch, counter",
        "set": "new validators",
        "quorum": "{n} validators, {quorum} decide",
        "signed": "signed by",
        "nobody": "nobody yet",
        "enough": "{count} of {needed} signatures: it can be applied",
        "few": "{count} of {needed} signatures: it cannot be applied yet",
    },
    "zh": {
        "group": "群组",
        "after": "最后有效区块",
        "void": "此后旧集合认证的区块作废",
        "epoch": "纪元、计数",
        "set": "新共识节点",
        "quorum": "{n} 个共识节点，法定数 {quorum}",
        "signed": "已签署部门",
        "nobody": "尚无",
        "enough": "签署 {count}/{needed}：可以应用",
        "few": "签署 {count}/{needed}：尚不能应用",
    },
}


@app.command()
@remote
def propose(
    file: NewFileArgument,
    validator: Annotated[
        list[str],
        typer.Option(help="ORG/NAME=0xADDRESS of each new validator; of one that stays ORG/NAME."),
    ],
    rpc: Annotated[str | None, typer.Option("--rpc", help="A node that is left.")] = None,
    genesis: Annotated[
        Path | None, typer.Option("--genesis", help="The group's genesis file.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option("--network", help="A local network: its genesis and addresses.")
    ] = None,
    at: Annotated[int | None, typer.Option(help="Block H; by default the node's last one.")] = None,
    epoch: Annotated[
        int | None, typer.Option(help="The new epoch; by default two above the node's.")
    ] = None,
    group: AskedGroupOption = None,
    as_json: JsonOption = False,
    lang: LanguageOption = Language.en,
) -> None:
    """Write what the organisations are to sign, from a node that is left. 起草恢复证书。"""
    check_new(file)
    document, local = _genesis(genesis, network, group)
    if rpc is None:
        raise CommandFailed("give --rpc URL of a node that is left and has the most blocks")
    client = reach(rpc, document.name)
    try:
        light = LightClient(document, client)
        block = light.head() if at is None else light.header(at)
        status = group_status(client, document.name)
        # The node's own word, which its epochs' proof need not reach: a higher one does no harm.
        known = followed_by(client)
        recovery = recovery_of(
            light.group_id,
            number=block.header.number,
            block_hash=block.header.hash,
            epoch=int(status["epoch"]) + EPOCH_MARGIN if epoch is None else epoch,
            counter=max((entry.counter for entry in known), default=0) + 1,
            members=[_member(text, client, local) for text in validator],
        )
    except (InvalidAnswer, InvalidRecovery) as error:
        raise CommandFailed(str(error)) from None
    write_result(file, recovery_json(recovery))
    _show(file, recovery, document, as_json, lang)


@app.command()
def sign(
    file: FileArgument,
    genesis: GenesisOption,
    key: Annotated[
        Path, typer.Option("--key", help="The organisation's recovery key, a file of mode 600.")
    ],
    as_json: JsonOption = False,
    lang: LanguageOption = Language.en,
) -> None:
    """Add an organisation's signature to the file; needs no network. 离线签署。"""
    document = load_genesis(genesis)
    recovery = _load(file, document)
    signer = KeySigner(document.suite, load_private_key(key))
    try:
        recovery = sign_recovery(document, recovery, signer)
    except InvalidRecovery as error:
        raise CommandFailed(f"{file}: {error}") from None
    write_result(file, recovery_json(recovery))
    _show(file, recovery, document, as_json, lang)


@app.command()
def show(
    file: FileArgument,
    genesis: GenesisOption,
    as_json: JsonOption = False,
    lang: LanguageOption = Language.en,
) -> None:
    """What a certificate says and who signed it; needs no network. 查看恢复证书。"""
    document = load_genesis(genesis)
    _show(file, _load(file, document), document, as_json, lang)


@app.command("apply")
def apply_(
    node: Annotated[
        Path, typer.Argument(metavar="NODE_DIR", help="A node's folder; it may be running.")
    ],
    file: FileArgument,
    group: NodeGroupOption = None,
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have one node follow a certificate; every operator does it. 应用恢复证书。"""
    try:
        recovery = load_recovery(file)
        confirm(NodeFolder(node), code)
        outcome = apply_to_node(node, recovery, group)
    except InvalidRecovery as error:
        raise CommandFailed(f"{file}: {error}") from None
    emit(outcome, as_json, lambda: outcome.sentence)


def _genesis(
    genesis: Path | None, network: Path | None, group: str | None
) -> tuple[Genesis, LocalNetwork | None]:
    if network is None and genesis is None:
        raise CommandFailed("give --genesis FILE of the group, or --network DIR")
    local = None if network is None else LocalNetwork(network, group)
    if genesis is None:
        assert local is not None
        return local.genesis, local
    return load_genesis(genesis), local


def _member(text: str, client: Client, local: LocalNetwork | None) -> RecoveredValidator:
    """A validator from `ORG/NAME=0xADDRESS`, or by its name alone where the address is known."""
    node, _, address = text.partition("=")
    if not address:
        return RecoveredValidator(_known_address(node, client, local), node)
    try:
        return RecoveredValidator(address_from_hex(address), node)
    except InvalidValue as error:
        raise CommandFailed(f"--validator '{text}': {error}") from None


def _known_address(node: str, client: Client, local: LocalNetwork | None) -> Address:
    if local is not None:
        for entry in local.file.nodes:
            if entry.node_id == node:
                home = NodeFolder(local.folder / entry.dir).group(local.group.name)
                return own_address(home, local.genesis.suite)
    for listed in client.validators()["validators"]:
        if listed["node"] == node:
            return address_from_hex(listed["address"])
    raise CommandFailed(
        f"--validator '{node}': its consensus key's address is not known here; give "
        f"{node}=0xADDRESS"
    )


def _load(file: Path, genesis: Genesis) -> Recovery:
    """The file, if it is of this group and what is signed in it is signed rightly.

    Raises CommandFailed.
    """
    try:
        recovery = load_recovery(file)
        if recovery.group != genesis_block(genesis).hash:
            raise InvalidRecovery("it is of another group than this genesis file")
        verified_signers(genesis, recovery)
    except InvalidRecovery as error:
        raise CommandFailed(f"{file}: {error}") from None
    return recovery


def _show(file: Path, recovery: Recovery, genesis: Genesis, as_json: bool, lang: Language) -> None:
    missing = None
    try:
        verify_recovery(genesis, recovery.group, recovery)
    except InvalidRecovery as error:
        missing = str(error)
    value: dict[str, Any] = {
        "file": str(file),
        "group": genesis.name,
        "number": recovery.number,
        "hash": to_hex(recovery.block_hash),
        "epoch": recovery.epoch,
        "counter": recovery.counter,
        "validators": [
            {"node": entry.node, "address": to_hex(entry.address)} for entry in recovery.members
        ],
        "organisations": list(recovery.organisations),
        "threshold": genesis.recovery_threshold,
        "complete": missing is None,
        "missing": missing,
    }
    emit(value, as_json, lambda: "\n".join(_lines(recovery, genesis, _WORDS[lang.value])))


def _lines(recovery: Recovery, genesis: Genesis, words: dict[str, str]) -> Sequence[str]:
    count, needed = len(recovery.signatures), genesis.recovery_threshold
    validators = recovery.validators
    return (
        f"{words['group']}: {genesis.name} {to_hex(recovery.group)}",
        f"{words['after']}: {recovery.number} {to_hex(recovery.block_hash)}",
        f"  {words['void']}",
        f"{words['epoch']}: {recovery.epoch}, {recovery.counter}",
        f"{words['set']}: " + words["quorum"].format(n=validators.n, quorum=validators.quorum),
        *(f"  {entry.node} {to_hex(entry.address)}" for entry in recovery.members),
        f"{words['signed']}: {', '.join(recovery.organisations) or words['nobody']}",
        words["enough" if count >= needed else "few"].format(count=count, needed=needed),
    )
