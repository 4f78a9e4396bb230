"""web3.py, unmodified, deploys a contract compiled by solc without naming any fee, and uses it.

Deploy, call, wait for receipts, filter logs, read blocks, and see a revert with its reason.
"""

import json
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError
from web3.middleware import SignAndSendRawMiddlewareBuilder

from tests.acceptance.harness import ROOT, running_network

COMPILED = ROOT / "tests" / "vectors" / "solidity" / "Countbook.json"
STEPS = (3, 4, 100)
RECEIPT_TIMEOUT_S = 60


def run(folder: Path) -> dict[str, Any]:
    """An author deploys, a member uses."""
    with running_network(folder / "network") as network:
        web3 = Web3(HTTPProvider(network.urls["data-1"]))
        assert web3.is_connected()
        author, member = network.account("author"), network.account("applicant")
        contract = _deploy(web3, author)
        receipts = [_send(web3, member, contract.functions.add(step)) for step in STEPS]
        assert all(receipt["status"] == 1 for receipt in receipts)
        assert contract.functions.counts(member.address).call() == sum(STEPS)
        assert contract.functions.owner().call() == author.address
        _see_logs(contract, member)
        _see_blocks(web3, receipts)
        return {
            "contract": contract.address,
            "gas_of_a_call": receipts[0]["gasUsed"],
            "reverts": _see_reverts(contract, member),
            "blocks": web3.eth.block_number,
        }


def _signing(web3: Web3, account: LocalAccount) -> Web3:
    signing = Web3(web3.provider)
    signing.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    return signing


def _deploy(web3: Web3, author: LocalAccount) -> Contract:
    compiled = json.loads(COMPILED.read_text(encoding="utf-8"))
    signing = _signing(web3, author)
    factory = signing.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    sent = factory.constructor().transact({"from": author.address})
    receipt = signing.eth.wait_for_transaction_receipt(sent, RECEIPT_TIMEOUT_S)
    assert receipt["status"] == 1, receipt
    return web3.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"])


def _send(web3: Web3, account: LocalAccount, call: Any) -> Any:
    signing = _signing(web3, account)
    filled = call.build_transaction({"from": account.address})
    assert filled.get("maxFeePerGas", 0) == 0, "a fee was filled in although gas is free"
    sent = signing.eth.send_transaction(filled)
    return signing.eth.wait_for_transaction_receipt(sent, RECEIPT_TIMEOUT_S)


def _see_logs(contract: Contract, member: LocalAccount) -> None:
    logs = contract.events.Counted.get_logs(from_block=0, argument_filters={"who": member.address})
    assert [log["args"]["step"] for log in logs] == list(STEPS)
    assert logs[-1]["args"]["total"] == sum(STEPS)
    narrowed = contract.events.Counted.get_logs(from_block=0, argument_filters={"step": STEPS[1]})
    assert len(narrowed) == 1


def _see_blocks(web3: Web3, receipts: list[Any]) -> None:
    for receipt in receipts:
        block = web3.eth.get_block(receipt["blockNumber"], full_transactions=True)
        assert receipt["transactionHash"] in [entry["hash"] for entry in block["transactions"]]
        assert block["hash"] == receipt["blockHash"]
        assert len(block["extraData"]) == 32


def _see_reverts(contract: Contract, member: LocalAccount) -> list[str]:
    seen = []
    for step in (0, 101):
        try:
            contract.functions.add(step).call({"from": member.address})
        except ContractLogicError as error:
            seen.append(str(error))
        else:
            raise AssertionError(f"add({step}) did not revert")
    assert "step must be above zero" in seen[0]
    return seen
