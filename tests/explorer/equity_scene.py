"""One equity transfer on a served group, and a client between it and the explorer that can lie."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from client.rpc import Client
from contracts.bindings import agreements
from contracts.bindings.contract import Call
from contracts.bindings.equity import EquityTransfer, Terms, transfer_deploy_data
from ledger.values import Address, Hash32, address_from_hex, keccak, to_hex
from tests.rpc.local_network import ORGANISATIONS, ServedNode, account, address
from zkp.groth16.keys import Proof

TRANSFER = bytes.fromhex("a1" * 16)
OTHER_TRANSFER = bytes.fromhex("a2" * 16)
ATTESTATION = bytes.fromhex("b1" * 16)
OLD_ATTESTATION = bytes.fromhex("b0" * 16)
AGREEMENT = keccak(b"rule file")
ENVELOPE = keccak(b"sealed")
RULE = 1
GAS = 1_000_000

Lie = Callable[[Any], Any]


class LyingClient(Client):
    """Passes a node's answers on, changed by the lie for their method."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.lies: dict[str, Lie] = {}

    def _post(self, body: Any) -> Any:
        answers = super()._post(body)
        requests = body if isinstance(body, list) else [body]
        methods = {request["id"]: request["method"] for request in requests}
        for answer in answers if isinstance(answers, list) else [answers]:
            lie = self.lies.get(methods.get(answer.get("id"), ""))
            if lie is not None and answer.get("result") is not None:
                answer["result"] = lie(copy.deepcopy(answer["result"]))
        return answers


@dataclass
class Scene:
    """Where the transfer stands, and the hashes of its transactions by step."""

    served: ServedNode
    contract: Address
    sent: dict[str, str]

    def send(self, step: str, sender: str, call: Call) -> dict[str, Any]:
        client = self.served.client()
        found = client.send_transaction(account(sender), to_hex(call.to), call.data, gas=GAS)
        self.sent[step] = found
        return client.confirm(found)


def play(served: ServedNode) -> Scene:
    """From the agreement to the accepted envelope, with a second application on the side."""
    client = served.client()
    scene = Scene(served, Address(bytes(20)), {})
    signatories = [address("tax-officer"), address("registrar")]
    scene.send("propose", "author", agreements.propose(AGREEMENT, signatories))
    scene.send("sign-tax", "tax-officer", agreements.sign(AGREEMENT))
    scene.send("sign-market", "registrar", agreements.sign(AGREEMENT))
    terms = Terms(
        genesis_hash=Hash32(served.group.group_id),
        agreement=AGREEMENT,
        circuit=keccak(b"circuit"),
        tax_organisation=ORGANISATIONS.index("tax") + 1,
        market_organisation=ORGANISATIONS.index("market") + 1,
    )
    deployed = client.send_transaction(account("author"), None, transfer_deploy_data(terms))
    scene.contract = address_from_hex(client.confirm(deployed)["contractAddress"])
    equity = EquityTransfer(scene.contract)
    proof = Proof((1, 2), ((3, 4), (5, 6)), (7, 8))
    scene.send("attest-old", "tax-officer", equity.attest(OLD_ATTESTATION, 5, RULE))
    scene.send("correct", "tax-officer", equity.correct(OLD_ATTESTATION, ATTESTATION, 6, RULE))
    scene.send("countersign", "tax-reviewer", equity.countersign(ATTESTATION, 6, RULE))
    applicant = address("applicant")
    scene.send("apply", "registrar", equity.apply(TRANSFER, ATTESTATION, 9, applicant))
    scene.send("verify", "applicant", equity.verify(TRANSFER, proof))
    scene.send("apply-again", "registrar", equity.apply(OTHER_TRANSFER, ATTESTATION, 9, applicant))
    scene.send("verify-again", "applicant", equity.verify(OTHER_TRANSFER, proof))
    scene.send("confirm", "registrar", equity.confirm(TRANSFER))
    scene.send("send", "registrar", equity.send_envelope(TRANSFER, ENVELOPE, 1))
    scene.send("accept", "tax-officer", equity.accept_envelope(ENVELOPE))
    return scene
