"""Evidence from a served group: over RPC, through a change of validators, and by the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import command
from client.light import LightClient
from client.rpc import Client, RpcFailure
from contracts.bindings import accounts as gate
from ledger.evidence import Anchor, Evidence, decode_evidence, verify_evidence
from ledger.gate import Role
from ledger.genesis import genesis_block, save_genesis
from ledger.suite import STANDARD
from ledger.values import Hash32, from_hex, to_hex
from tests.rpc.local_network import ServedNode, account, address


def act(client: Client) -> Hash32:
    """A transaction with one log, in the next block."""
    call = gate.set_account(address("stranger"), Role.MEMBER)
    hashed = client.send_transaction(
        account("tax-admin"), to_hex(call.to), call.data, gas=1_000_000
    )
    client.confirm(hashed)
    return Hash32(from_hex(hashed))


def evidence(client: Client, transaction: Hash32, start: int) -> Evidence:
    answer = client.evidence(to_hex(transaction), start)
    assert answer is not None
    return decode_evidence(from_hex(answer["evidence"]))


def test_it_leads_from_genesis_through_a_change_of_validators(
    served: ServedNode, two_epochs: int
) -> None:
    client = served.client()
    transaction = act(client)
    block = genesis_block(served.genesis)
    anchor = Anchor(block.header.hash, 0, 0, block.record.certifiers_hash)
    found = evidence(client, transaction, 0)
    shown = verify_evidence(STANDARD, anchor, found)
    assert [entry.header.number for entry in found.descent] == [two_epochs - 1]
    assert shown.header.number >= two_epochs
    light = LightClient(served.genesis, client)
    receipt = light.receipt(transaction)
    assert [log.data for log in shown.logs] == [log.data for log in receipt.logs]
    assert shown.record.epoch == 1
    later = Anchor(anchor.group, 1, two_epochs, light.epoch(1).validators.hash(STANDARD))
    short = evidence(client, transaction, 1)
    assert short.descent == ()
    verify_evidence(STANDARD, later, short)


def test_what_cannot_be_shown(served: ServedNode) -> None:
    client = served.client()
    transaction = act(client)
    assert client.evidence("0x" + "00" * 32, 0) is None
    with pytest.raises(RpcFailure, match="start from that one or an earlier one"):
        client.evidence(to_hex(transaction), 1)


def run(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(command(["evidence"]), [*map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_the_command_exports_and_verifies(
    served: ServedNode, two_epochs: int, tmp_path: Path
) -> None:
    transaction = to_hex(act(served.client()))
    genesis, file, anchor = (tmp_path / name for name in ("genesis.json", "e.rlp", "anchor.json"))
    save_genesis(served.genesis, genesis)
    reach = ("--rpc", served.url, "--genesis", genesis, "--group", served.group.name)
    written = run("evidence", "export", transaction, "--out", file, *reach)
    assert written["sets_before"] == 1
    assert run("evidence", "verify", file, "--genesis", genesis) == written
    with pytest.raises(CommandFailed, match="is there already"):
        run("evidence", "export", transaction, "--out", file, *reach)
    made = run("evidence", "anchor", "--out", anchor, *reach)
    assert (made["epoch"], made["first_block"]) == (1, two_epochs)
    with pytest.raises(CommandFailed, match="another set of validators was due"):
        run("evidence", "verify", file, "--anchor", anchor)
    late = tmp_path / "late.rlp"
    run("evidence", "export", transaction, "--out", late, "--from-epoch", 1, *reach)
    assert run("evidence", "verify", late, "--anchor", anchor)["logs"] == written["logs"]


def test_a_damaged_file_is_refused(served: ServedNode, tmp_path: Path) -> None:
    genesis, file = tmp_path / "genesis.json", tmp_path / "e.rlp"
    save_genesis(served.genesis, genesis)
    file.write_bytes(b"\xc0")
    with pytest.raises(CommandFailed, match="no evidence"):
        run("evidence", "verify", file, "--genesis", genesis)
    anchor = tmp_path / "anchor.json"
    anchor.write_text("{}")
    transaction = to_hex(act(served.client()))
    whole = tmp_path / "whole.rlp"
    reach = ("--rpc", served.url, "--genesis", genesis, "--group", served.group.name)
    run("evidence", "export", transaction, "--out", whole, *reach)
    with pytest.raises(CommandFailed, match="no anchor"):
        run("evidence", "verify", whole, "--anchor", anchor)
