"""Sends each step's transaction once, whatever crashes in between.

The signed transaction is in the workspace before it is on its way, so that a later run finds out
what became of it instead of sending another. It is no queue: one file, one transaction.
"""

from pathlib import Path
from typing import Any

from client.rpc import Account, Client, RpcFailure, TransactionFailed
from ledger.values import keccak
from workflows.workspace import InvalidWorkspaceFile, read_json, write_private_json

attempts_max = 5
_gas_margin_percent = 20

# Another transaction of this account took the nonce meanwhile: sign anew with the next one.
_NONCE_TAKEN = frozenset({"NONCE_USED", "NONCE_GAP"})


class SendingFailed(Exception):
    """A transaction that the group does not take; the reason and the way out are the node's."""


def unsettled_receipt(client: Client, path: Path) -> dict[str, Any] | None:
    """The receipt of a transaction that an interrupted run left in `path`.

    None if there is none, its outcome was seen before, or it can no longer take effect.
    """
    if not path.exists():
        return None
    record = read_json(path)
    if record.get("settled") is not False:
        return None
    transaction_hash, raw = record.get("hash"), record.get("raw")
    if not isinstance(transaction_hash, str) or not isinstance(raw, str):
        raise InvalidWorkspaceFile(f"{path.name}: expected hash and raw; remove the file")
    receipt = client.receipt(transaction_hash)
    if receipt is None and _drop_reason(client, transaction_hash) is None:
        try:
            client.send_raw(bytes.fromhex(raw.removeprefix("0x")))
        except RpcFailure as failure:
            # A node that knows it already is as good as one that takes it.
            if client.transaction_status(transaction_hash) is None:
                if failure.reason in _NONCE_TAKEN:
                    return None
                raise SendingFailed(str(failure)) from failure
        receipt = _receipt_or_none(client, transaction_hash)
    if receipt is None:
        return None
    write_private_json(path, {**record, "settled": True})
    return receipt if receipt.get("status") == "0x1" else None


def send_once(
    client: Client,
    account: Account,
    path: Path,
    *,
    to: str | None,
    data: bytes,
    gas: int | None = None,
) -> dict[str, Any]:
    """Sign, note in `path`, send, and wait: the receipt of a transaction that took effect.

    `to` None deploys; without `gas` the node's estimate and a margin. Raises `SendingFailed` with
    the node's reason, and `TransactionReverted` where the estimate already shows the contract's.
    """
    message = {"from": account.address, "data": "0x" + data.hex()}
    if to is not None:
        message["to"] = to
    if gas is None:
        gas = client.estimate_gas(message) * (100 + _gas_margin_percent) // 100
    for _ in range(attempts_max):
        raw = _sign(client, account, to, data, gas)
        transaction_hash = "0x" + keccak(raw).hex()
        record = {"hash": transaction_hash, "raw": "0x" + raw.hex(), "settled": False}
        write_private_json(path, record)
        try:
            client.send_raw(raw)
        except RpcFailure as failure:
            write_private_json(path, {**record, "settled": True})
            if failure.reason in _NONCE_TAKEN:
                continue
            raise SendingFailed(str(failure)) from failure
        try:
            receipt = client.wait_receipt(transaction_hash)
        except TransactionFailed as failure:
            write_private_json(path, {**record, "settled": True})
            if _drop_reason(client, transaction_hash) in _NONCE_TAKEN:
                continue
            raise SendingFailed(str(failure)) from failure
        write_private_json(path, {**record, "settled": True})
        if receipt.get("status") != "0x1":
            raise SendingFailed(
                f"{transaction_hash} was executed and reverted; the state changed after it was "
                "estimated: look with `transfer show` and repeat the step"
            )
        return receipt
    raise SendingFailed(
        f"another program sends from {account.address} at the same time; let one send at a time"
    )


def sent_transaction(client: Client, path: Path) -> tuple[str | None, int | None]:
    """Hash and block number of the transaction noted in `path`, None for what there is not."""
    if not path.exists():
        return None, None
    transaction_hash = str(read_json(path).get("hash"))
    receipt = client.receipt(transaction_hash)
    return transaction_hash, None if receipt is None else int(receipt["blockNumber"], 16)


def _sign(client: Client, account: Account, to: str | None, data: bytes, gas: int) -> bytes:
    transaction: dict[str, Any] = {
        "type": 2,
        "chainId": client.chain_id(),
        "nonce": client.nonce(account.address),
        "gas": gas,
        "maxFeePerGas": 0,
        "maxPriorityFeePerGas": 0,
        "value": 0,
        "data": "0x" + data.hex(),
    }
    if to is not None:
        transaction["to"] = to
    return bytes(account.sign_transaction(transaction).raw_transaction)


def _receipt_or_none(client: Client, transaction_hash: str) -> dict[str, Any] | None:
    """The receipt, None if the ledger drops the transaction after all."""
    try:
        return client.wait_receipt(transaction_hash)
    except TransactionFailed:
        return None


def _drop_reason(client: Client, transaction_hash: str) -> str | None:
    """The ledger's reason code if it dropped the transaction, else None."""
    status = client.transaction_status(transaction_hash)
    if status is None or status.get("status") != "dropped":
        return None
    return str(status.get("reason"))
