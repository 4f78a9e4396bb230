"""web3.py, as it comes from its package, with its default middleware, against a served group."""

from typing import Any

import pytest
from web3 import Web3
from web3.exceptions import (
    BlockNotFound,
    ContractCustomError,
    ContractLogicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.middleware import SignAndSendRawMiddlewareBuilder

from ledger.values import to_hex
from tests.rpc.local_network import BALANCE, CHAIN_ID, ServedNode, account, address


@pytest.fixture
def w3(served: ServedNode) -> Web3:
    client = Web3(Web3.HTTPProvider(served.url))
    author = account("author")
    client.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(author), layer=0)
    client.eth.default_account = author.address
    return client


@pytest.fixture
def contract(w3: Web3, countbook: dict[str, Any]) -> Any:
    """Deployed without naming a fee, a gas limit or a nonce."""
    factory = w3.eth.contract(abi=countbook["abi"], bytecode=countbook["bytecode"])
    receipt = w3.eth.wait_for_transaction_receipt(factory.constructor().transact())
    assert receipt["status"] == 1
    return w3.eth.contract(address=receipt["contractAddress"], abi=countbook["abi"])


def test_deploys_calls_and_reads_back(w3: Web3, contract: Any) -> None:
    assert contract.functions.owner().call() == w3.eth.default_account
    assert contract.functions.add(7).call() == 7
    receipt = w3.eth.wait_for_transaction_receipt(contract.functions.add(7).transact())
    assert receipt["status"] == 1
    assert receipt["effectiveGasPrice"] == 0
    assert receipt["from"] == w3.eth.default_account
    assert contract.functions.counts(w3.eth.default_account).call() == 7
    sent = w3.eth.get_transaction(receipt["transactionHash"])
    assert sent["type"] == 2
    assert sent["maxFeePerGas"] == 0
    assert to_hex(sent["input"]) == contract.encode_abi("add", [7])
    assert w3.eth.get_code(contract.address)
    assert w3.eth.get_code(w3.eth.default_account) == b""


def test_state_of_an_older_block_is_readable(w3: Web3, contract: Any) -> None:
    for step in (1, 2, 4):
        w3.eth.wait_for_transaction_receipt(contract.functions.add(step).transact())
    head = w3.eth.block_number
    counts = contract.functions.counts(w3.eth.default_account)
    assert [counts.call(block_identifier=head - back) for back in (0, 1, 2, 3)] == [7, 3, 1, 0]
    older = w3.eth.get_block(head - 1)["hash"]
    assert counts.call(block_identifier=older) == 3
    assert counts.call(block_identifier="finalized") == 7
    author = w3.eth.default_account
    assert w3.eth.get_transaction_count(author, head - 1) == 3
    assert w3.eth.get_transaction_count(author) == 4


def test_logs_are_found_by_event_and_by_filter(w3: Web3, contract: Any) -> None:
    changes = contract.events.Counted.create_filter(from_block="latest")
    blocks = w3.eth.filter("latest")
    receipts = [
        w3.eth.wait_for_transaction_receipt(contract.functions.add(step).transact())
        for step in (5, 6)
    ]
    found = contract.events.Counted.get_logs(from_block=0)
    assert [log["args"]["total"] for log in found] == [5, 11]
    assert [log["transactionHash"] for log in found] == [r["transactionHash"] for r in receipts]
    six = contract.events.Counted.get_logs(from_block=0, argument_filters={"step": 6})
    assert [log["args"]["step"] for log in six] == [6]
    assert [log["args"]["step"] for log in changes.get_new_entries()] == [5, 6]
    assert changes.get_new_entries() == []
    assert list(blocks.get_new_entries()) == [r["blockHash"] for r in receipts]
    assert w3.eth.uninstall_filter(changes.filter_id)
    assert not w3.eth.uninstall_filter(changes.filter_id)


def test_pending_filter_hears_of_transactions(w3: Web3, contract: Any) -> None:
    pending = w3.eth.filter("pending")
    sent = contract.functions.add(1).transact()
    assert list(pending.get_new_entries()) == [sent]
    assert list(pending.get_new_entries()) == []


def test_reverts_say_why(contract: Any) -> None:
    with pytest.raises(ContractLogicError, match="step must be above zero"):
        contract.functions.add(0).call()
    with pytest.raises(ContractCustomError):
        contract.functions.add(101).call()
    with pytest.raises(ContractLogicError, match="step must be above zero"):
        contract.functions.add(0).transact()


def test_failed_execution_has_a_receipt_with_status_0(w3: Web3, contract: Any) -> None:
    sent = contract.functions.add(0).transact({"gas": 100_000})
    receipt = w3.eth.wait_for_transaction_receipt(sent)
    assert receipt["status"] == 0
    assert receipt["logs"] == []


def test_blocks_are_read_and_recomputed(w3: Web3, served: ServedNode, contract: Any) -> None:
    receipt = w3.eth.wait_for_transaction_receipt(contract.functions.add(3).transact())
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block["hash"] == receipt["blockHash"]
    assert [entry["hash"] for entry in block["transactions"]] == [receipt["transactionHash"]]
    assert len(block["extraData"]) == 32
    assert block["baseFeePerGas"] == 0
    assert w3.eth.get_block(block["hash"])["number"] == block["number"]
    assert w3.eth.get_block("earliest")["hash"] == served.group.group_id
    assert w3.eth.get_block_transaction_count(block["number"]) == 1
    assert w3.eth.get_block_receipts(block["number"]) == [receipt]
    assert (
        w3.eth.get_transaction_by_block(block["number"], 0)["hash"] == (receipt["transactionHash"])
    )
    with pytest.raises(BlockNotFound):
        w3.eth.get_block(10_000)
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction(b"\1" * 32)


def test_fees_are_zero_everywhere(w3: Web3) -> None:
    assert w3.eth.gas_price == 0
    assert w3.eth.max_priority_fee == 0
    history = w3.eth.fee_history(4, "latest", [10, 90])
    assert set(history["baseFeePerGas"]) == {0}
    assert all(set(rewards) == {0} for rewards in history["reward"])


def test_the_node_says_who_it_is(w3: Web3) -> None:
    assert w3.is_connected()
    assert w3.eth.chain_id == CHAIN_ID
    assert w3.net.version == str(CHAIN_ID)
    assert w3.net.peer_count == 1
    assert w3.client_version.startswith("quorate/v")
    assert w3.eth.syncing is False
    assert list(w3.eth.accounts) == []


def test_value_moves_and_estimates_are_enough(w3: Web3) -> None:
    receiver = Web3.to_checksum_address(to_hex(address("registrar")))
    estimate = w3.eth.estimate_gas({"to": receiver, "value": 5})
    assert estimate == 21_000
    sent = w3.eth.send_transaction({"to": receiver, "value": 5})
    assert w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    assert w3.eth.get_balance(receiver) == 5
    assert w3.eth.get_balance(w3.eth.default_account) == BALANCE - 5


def test_a_fee_above_zero_is_refused_with_the_remedy(w3: Web3) -> None:
    with pytest.raises(Web3RPCError, match="Gas is free here") as refusal:
        w3.eth.send_transaction({"to": w3.eth.default_account, "gasPrice": 1, "gas": 21_000})
    assert refusal.value.rpc_response["error"]["data"] == {"reason": "FEE_NOT_ZERO"}


def test_a_proof_leads_to_the_state_root(w3: Web3, contract: Any) -> None:
    proof = w3.eth.get_proof(contract.address, [0], "latest")
    assert proof["accountProof"]
    assert proof["address"] == contract.address
