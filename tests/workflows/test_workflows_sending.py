"""One transaction a step: what a group may answer, and what is kept in the workspace."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from client.rpc import Client, RpcFailure, TransactionFailed
from workflows.sending import SendingFailed, send_once, sent_transaction, unsettled_receipt
from workflows.workspace import InvalidWorkspaceFile, read_json, write_private_json

ACCOUNT = Account.from_key(b"\1" * 32)


class ScriptedClient(Client):
    """Answers as the test says; every signed transaction that it is given is counted."""

    def __init__(self, *receipts: Any, refusals: tuple[str, ...] = ()) -> None:
        super().__init__("http://node.invalid")
        self.sent: list[bytes] = []
        self._receipts = iter(receipts)
        self._refusals: Iterator[str] = iter(refusals)
        self.known: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, dict[str, Any]] = {}

    def chain_id(self) -> int:
        return 1

    def nonce(self, address: str, block: int | str = "pending") -> int:
        return len(self.sent)

    def estimate_gas(self, message: Any) -> int:
        return 100_000

    def send_raw(self, raw: bytes) -> str:
        self.sent.append(raw)
        refusal = next(self._refusals, None)
        if refusal is not None:
            raise RpcFailure(-32003, f"refused: {refusal}", {"reason": refusal})
        return ""

    def receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        return self.known.get(transaction_hash)

    def transaction_status(self, transaction_hash: str) -> dict[str, Any] | None:
        return self.statuses.get(transaction_hash)

    def wait_receipt(self, transaction_hash: str, timeout_s: float = 0) -> dict[str, Any]:
        answer = next(self._receipts)
        if isinstance(answer, str):
            self.statuses[transaction_hash] = {"status": "dropped", "reason": answer}
            raise TransactionFailed(f"dropped: {answer}")
        self.known[transaction_hash] = answer
        return dict(answer)


GOOD = {"status": "0x1", "blockNumber": "0x7"}
REVERTED = {"status": "0x0", "blockNumber": "0x7"}


def send(client: Client, path: Path) -> dict[str, Any]:
    return send_once(client, ACCOUNT, path, to=ACCOUNT.address, data=b"\1")


def test_what_took_effect_is_noted_and_not_resumed(tmp_path: Path) -> None:
    client, path = ScriptedClient(GOOD), tmp_path / "note.json"
    assert send(client, path) == GOOD
    assert sent_transaction(client, path) == (read_json(path)["hash"], 7)
    assert unsettled_receipt(client, path) is None
    assert len(client.sent) == 1


@pytest.mark.parametrize("reason", ["NONCE_USED", "NONCE_GAP"])
def test_a_taken_nonce_is_signed_anew(tmp_path: Path, reason: str) -> None:
    refused = ScriptedClient(GOOD, refusals=(reason,))
    assert send(refused, tmp_path / "refused.json") == GOOD
    dropped = ScriptedClient(reason, GOOD)
    assert send(dropped, tmp_path / "dropped.json") == GOOD
    assert len(refused.sent) == len(dropped.sent) == 2


def test_two_senders_at_once_are_named_in_the_end(tmp_path: Path) -> None:
    with pytest.raises(SendingFailed, match="one send at a time"):
        send(ScriptedClient(refusals=("NONCE_USED",) * 9), tmp_path / "note.json")


def test_a_refusal_or_drop_carries_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    with pytest.raises(SendingFailed, match="NO_PERMISSION"):
        send(ScriptedClient(refusals=("NO_PERMISSION",)), path)
    with pytest.raises(SendingFailed, match="FROZEN"):
        send(ScriptedClient("FROZEN"), path)
    assert unsettled_receipt(ScriptedClient(), path) is None


def test_a_revert_after_the_estimate_is_an_error_and_is_not_resumed(tmp_path: Path) -> None:
    client, path = ScriptedClient(REVERTED), tmp_path / "note.json"
    with pytest.raises(SendingFailed, match="reverted"):
        send(client, path)
    assert unsettled_receipt(client, path) is None


def unsettled(path: Path) -> str:
    """As a crash leaves it: signed and noted, nothing known of its fate."""
    client = ScriptedClient(GOOD)
    send(client, path)
    write_private_json(path, {**read_json(path), "settled": False})
    return str(read_json(path)["hash"])


def test_a_crash_before_sending_sends_the_very_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    unsettled(path)
    client = ScriptedClient(GOOD)
    assert unsettled_receipt(client, path) == GOOD
    assert "0x" + client.sent[0].hex() == read_json(path)["raw"]


def test_a_crash_after_execution_sends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    client = ScriptedClient()
    client.known[unsettled(path)] = GOOD
    assert unsettled_receipt(client, path) == GOOD
    assert client.sent == []


def test_a_node_that_knows_it_already_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    client = ScriptedClient(GOOD, refusals=("KNOWN",))
    client.statuses[unsettled(path)] = {"status": "pending"}
    assert unsettled_receipt(client, path) == GOOD


def test_one_that_can_no_longer_take_effect_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    dropped = ScriptedClient()
    dropped.statuses[unsettled(path)] = {"status": "dropped", "reason": "NONCE_USED"}
    assert unsettled_receipt(dropped, path) is None
    assert unsettled_receipt(ScriptedClient(refusals=("NONCE_USED",)), path) is None
    assert unsettled_receipt(ScriptedClient("NONCE_USED"), path) is None
    with pytest.raises(SendingFailed):
        unsettled_receipt(ScriptedClient(refusals=("NO_PERMISSION",)), path)


def test_a_note_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write_private_json(path, {"settled": False})
    with pytest.raises(InvalidWorkspaceFile):
        unsettled_receipt(ScriptedClient(), path)
    path.write_text("{")
    with pytest.raises(InvalidWorkspaceFile):
        unsettled_receipt(ScriptedClient(), path)
