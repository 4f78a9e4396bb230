"""Nothing of a deal is in any node's blocks, state, answers, logs or metrics; planted leaks are.

Two transfers of one person are carried and all material of all nodes, the owners' too, is searched
for every amount, identity, name and salt. Then one leak of each kind is planted, and each is found
where it was put. The two transfers share no word that comes from the person.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from cli.desks import LocalNetwork
from contracts.bindings.equity import ApplicationStatus, AttestationStatus
from ledger.values import address_from_hex, keccak
from scripts.transfer_story import Officers, applied, attested
from tests.acceptance import plants
from tests.acceptance.equity_storage import envelope_slots, record_slots
from tests.acceptance.harness import ROOT, Network, quorate, rpc, run_quorate, running_network
from tests.acceptance.harvest import Harvest, Watch, files, pages
from tests.acceptance.irregular_deals import (
    approval_number,
    case_file,
    secrets_of,
    two_deals,
)
from tests.acceptance.leaks import Finding, Form, Material, Secret, forms_of, search
from tests.acceptance.ledger_files import block_store, changes, state_image
from tests.acceptance.plants import Plant, Tail, append, describe, in_metrics, send_masked, word_of
from workflows.equity_transfer.confirm import confirm
from workflows.equity_transfer.desk import market_opening, tax_opening
from workflows.equity_transfer.details import accept_details, send_details
from workflows.equity_transfer.prove import prove
from workflows.equity_transfer.verify import verify

KEYS = ROOT / "build" / "keys"
SEED = 20_261_121
OBSERVER = "audit-1"
STATUSES_MAX = max(map(max, (AttestationStatus, ApplicationStatus)))
KINDS = {
    "block", "configuration", "envelope", "journal", "log", "metrics", "page", "rpc", "state",
    "store file", "subscription", "wal",
}  # fmt: skip


def run(folder: Path) -> dict[str, Any]:
    """Carry, search, plant, search again."""
    with running_network(folder / "network") as network:
        run_quorate("transfer", "prepare", "--network", network.folder, "--keys", KEYS)
        local = LocalNetwork(network.folder)
        officers = Officers.of(local)
        with Watch(network) as watch:
            deals = [_carried(officers, deal) for deal in two_deals(SEED)]
        secrets = [secret for _, _, own in deals for secret in own]
        secrets = list({(secret.kind, secret.value): secret for secret in secrets}.values())
        forms = [form for secret in secrets for form in forms_of(secret)]
        forms_found = _every_form_is_found(forms)
        materials = watch.materials + _asked(network, deals)
        run_quorate("network", "down", network.folder)
        materials += _taken(network, local, folder / "clean")
        _is_complete(network, materials)
        _none(search(materials, forms))
        desks = _in_the_desks(network, secrets, forms)
        run_quorate("network", "up", network.folder)
        shared = _shared_words(network, local, folder / "clean", deals)
        planted = _planted(network, local, folder / "planted", secrets, forms)
    return {
        "secrets": dict(Counter(secret.kind for secret in secrets)),
        "forms": len(forms),
        "forms_found_when_written_down": forms_found,
        "searched": {
            kind: {
                "items": sum(1 for material in materials if material.kind == kind),
                "bytes": sum(len(material.data) for material in materials if material.kind == kind),
            }
            for kind in sorted(KINDS)
        },
        "found": 0,
        "secrets_found_in_the_owners_desks": desks,
        "planted": planted,
        "shared_words": shared,
    }


Carried = tuple[bytes, bytes, list[Secret]]
"""A transfer, its attestation, and all that is secret about them."""


def _carried(officers: Officers, deal: dict[str, Any]) -> Carried:
    case = case_file(deal)
    attestation, _ = attested(officers, case)
    transfer, _ = applied(officers, case, attestation)
    prove(officers.applicant, transfer)
    assert verify(officers.applicant, transfer).code is None
    assert confirm(officers.registrar, transfer).status == "REGISTERED"
    send_details(officers.registrar, transfer, approval_number(deal))
    accept_details(officers.officer, transfer)
    tax = tax_opening(officers.officer, attestation)
    market = market_opening(officers.registrar, transfer)
    rule = officers.officer.agreement.rule
    return transfer, attestation, secrets_of(deal, tax, market, rule)


# Material


def _asked(network: Network, deals: list[Carried]) -> list[Material]:
    """Every answer and page of every node."""
    contract = _contract(network)
    slots = [
        (contract, slot)
        for transfer, attestation, _ in deals
        for slot in (
            *record_slots(transfer, attestation).values(),
            *envelope_slots(keccak(_envelope(network, transfer))).values(),
        )
    ]
    found: list[Material] = []
    for node in network.urls:
        found += Harvest(network, node, slots).materials()
        found += pages(network, node)
    return found


def _contract(network: Network) -> str:
    """The equity transfer's address."""
    desk = LocalNetwork(network.folder).desk("auditor")
    return "0x" + desk.deployment.address.hex()


def _taken(network: Network, local: LocalNetwork, copy: Path) -> list[Material]:
    """Every file and pair of every stopped node, read from a copy."""
    shutil.copytree(network.folder / "nodes", copy)
    return [
        material for node in network.urls for material in files(copy / node, node, local.group.name)
    ]


def _is_complete(network: Network, materials: list[Material]) -> None:
    """Of every node there is material of every kind."""
    wanted = {(node, kind) for node in network.urls for kind in KINDS}
    # Only the receiver keeps envelopes; the sender's copy goes when it is acknowledged.
    wanted -= {(node, "envelope") for node in network.urls if node != "tax-1"}
    there = {(material.node, material.kind) for material in materials if material.data}
    assert wanted <= there, f"nothing to search: {sorted(wanted - there)}"
    assert {kind for _, kind in there} <= KINDS, there


def _none(findings: list[Finding]) -> None:
    assert not findings, f"{len(findings)} leaks: " + "; ".join(map(str, findings[:20]))


# The search can find


def _every_form_is_found(forms: list[Form]) -> int:
    """Each form of each secret, written into a line of its own, is found; a neighbour is not."""
    for form in forms:
        written = Material("nobody", "test", "", b"level=info seen " + form.pattern + b" done")
        found = {finding.form.secret for finding in search([written], [form])}
        assert found == {form.secret}, f"{form} is not found where it is written"
    for form in forms:
        if form.is_number:
            longer = Material("nobody", "test", "", b"x1" + form.pattern + b"7 ")
            assert not search([longer], [form]), "a part of a longer number is no leak"
    return len(forms)


def _in_the_desks(network: Network, secrets: list[Secret], forms: list[Form]) -> int:
    """The owners' private folders hold them, so the search knows what to look for."""
    desks = [
        Material("desk", "desk", str(path), path.read_bytes())
        for path in sorted((network.folder / "desks").rglob("*"))
        if path.is_file()
    ]
    found = {finding.form.secret for finding in search(desks, forms)}
    computed = ("digest",)  # nobody writes these down
    missing = {secret.kind for secret in secrets} - {secret.kind for secret in found}
    assert missing <= set(computed), f"not even their owners have {missing}"
    written = ("salt", "name")
    assert all(secret in found for secret in secrets if secret.kind in written)
    return len(found)


# Planted leaks


def _planted(
    network: Network, local: LocalNetwork, copy: Path, secrets: list[Secret], forms: list[Form]
) -> list[dict[str, Any]]:
    """One leak of each kind; every one is found wherever it is, and nothing else."""
    everywhere = tuple(network.urls)
    amounts = [secret for secret in secrets if secret.kind == "amount"]
    salts = [secret for secret in secrets if secret.kind == "salt"]
    names = [secret for secret in secrets if secret.name in ("transferor", "transferee")]
    numbers = [secret for secret in secrets if secret.name.endswith("'s number")]
    encoded = [secret for secret in secrets if secret.name == "company code, encoded"]
    chain = frozenset({"block", "rpc", "store file"})
    planted = [
        Plant("ABI word in calldata", amounts[0], chain, everywhere),
        Plant("reversed bytes in calldata", amounts[1], chain, everywhere),
        Plant("field element in calldata", encoded[0], chain, everywhere),
        Plant("name in an event", names[0], chain | {"subscription"}, everywhere),
        Plant("salt in the state", salts[0], frozenset({"state", "rpc", "store file"}), everywhere),
        Plant("salt in an answer", salts[1], frozenset({"rpc"}), everywhere),
        Plant("decimal in a log line", amounts[2], frozenset({"log"}), (OBSERVER,)),
        Plant("identity number in the journal", numbers[0], frozenset({"journal"}), (OBSERVER,)),
        Plant("name in the vote log", names[1], frozenset({"wal"}), (OBSERVER,)),
        Plant("decimal in a label of the metrics", amounts[3], frozenset({"metrics"}), (OBSERVER,)),
        Plant("identity number in an envelope", numbers[1], frozenset({"envelope"}), (OBSERVER,)),
    ]  # fmt: skip
    assert len({plant.secret for plant in planted}) == len(planted)
    with Watch(network) as watch:
        plants.send_word(local, "applicant", word_of(amounts[0].value))
        plants.send_word(local, "applicant", word_of(amounts[1].value)[::-1])
        plants.send_word(local, "applicant", word_of(encoded[0].value))
        send_masked(local, "author", Tail.EMIT, word_of(names[0].value))
        send_masked(local, "author", Tail.STORE, word_of(salts[0].value))
        send_masked(local, "author", Tail.ANSWER, word_of(salts[1].value))
        _level(network)
    materials = watch.materials + _asked(network, [])
    run_quorate("network", "down", network.folder)
    nodes = network.folder / "nodes" / OBSERVER
    group = nodes / "groups" / local.group.name
    append(
        nodes / "logs" / "node.log", f'{{"event": "paid", "fen": {amounts[2].value}}}\n'.encode()
    )
    append(group / "journal", str(numbers[0].value).encode())
    append(next((group / "wal").glob("wal.0*")), str(names[1].value).encode())
    (nodes / "envelopes" / "in" / "open").write_bytes(str(numbers[1].value).encode())
    materials += _taken(network, local, copy)
    materials = [
        in_metrics(material, amounts[3])
        if (material.node, material.kind) == (OBSERVER, "metrics")
        else material
        for material in materials
    ]
    return _all_found(planted, search(materials, forms))


def _level(network: Network) -> None:
    """Wait until every node has what the first one has."""
    client = LocalNetwork(network.folder).client
    head = max(network.height(node) for node in network.urls)
    for node in network.nodes:
        client(node["org"]).wait_block(head)


def _all_found(planted: list[Plant], findings: list[Finding]) -> list[dict[str, Any]]:
    for plant in planted:
        there = {
            (found.material.node, found.material.kind)
            for found in findings
            if found.form.secret == plant.secret
        }
        wanted = {(node, kind) for node in plant.nodes for kind in plant.kinds}
        assert wanted <= there, f"{plant.name}: not found in {sorted(wanted - there)}"
        assert {node for node, _ in there} == set(plant.nodes), f"{plant.name}: {sorted(there)}"
        own = {"salt in the state": {"block"}, "salt in an answer": {"block", "state"}}
        for kind in own.get(plant.name, set()):
            assert all(kind != found for _, found in there), f"{plant.name}: in a {kind} too"
    # A planted number shows its own first digits as well.
    shown = [str(plant.secret.value) for plant in planted]
    _none(
        [
            finding
            for finding in findings
            if not any(str(finding.form.secret.value) in text for text in shown)
        ]
    )
    return describe(planted)


# Shared words


def _shared_words(
    network: Network, local: LocalNetwork, copy: Path, deals: list[Carried]
) -> dict[str, Any]:
    """Every 32-byte word of both transfers' transactions, events and storage, held together."""
    public = _public_words(network, local)
    words = [_words(network, local, copy, transfer, deal) for transfer, _, deal in deals]
    shared = words[0].keys() & words[1].keys()
    unexplained = {word.hex(): words[0][word] for word in shared - public.keys()}
    assert not unexplained, f"words in both transfers: {unexplained}"
    _none(search([Material("both", "word", "", word) for word in shared], _forms(deals)))
    # A stable pseudonym of the person, had it been there, would stand out.
    pseudonym = keccak(next(str(s.value) for s in deals[0][2] if s.kind == "identity").encode())
    assert (words[0].keys() | {pseudonym}) & (words[1].keys() | {pseudonym}) - public.keys() == {
        pseudonym
    }
    envelopes = [_windows(_envelope(network, transfer)) for transfer, _, _ in deals]
    assert all(envelopes), "no envelope was sent"
    assert not envelopes[0] & envelopes[1], "two envelopes have a word in common"
    return {
        "words": [len(seen) for seen in words],
        "shared_and_public": sorted(public[word] for word in shared),
        "shared_otherwise": 0,
    }


def _forms(deals: list[Carried]) -> list[Form]:
    return [form for _, _, own in deals for secret in own for form in forms_of(secret)]


def _public_words(network: Network, local: LocalNetwork) -> dict[bytes, str]:
    """Words that say nothing of anybody: who acts, under which rule, what kind of step."""
    desk = local.desk("auditor")
    deployment = desk.deployment
    contract = deployment.contract.contract
    rule = desk.agreement.rule
    public = {
        number.to_bytes(32): "a status, organisation or count"
        for number in range(max(STATUSES_MAX, len(network.nodes)) + 1)
    }
    public |= {
        address_from_hex(entry["address"].lower()).rjust(32, b"\0"): f"account {entry['name']}"
        for entry in network.file["accounts"]
    }
    public |= {
        contract.event_topic(item["name"]): f"event {item['name']}"
        for item in contract.abi
        if item["type"] == "event"
    }
    labels = (
        "attestation countersignature application verification registration envelope acceptance"
    )
    public |= {label.encode().ljust(32, b"\0"): f"label {label}" for label in labels.split()}
    public |= {
        deployment.address.rjust(32, b"\0"): "the contract",
        deployment.terms.agreement: "the agreement",
        deployment.terms.circuit: "the circuit",
        deployment.terms.genesis_hash: "the genesis",
        rule.rule_id.to_bytes(32): "the rule's number",
        rule.word.to_bytes(32): "the rule and its rate",
    }
    assert all(len(word) == 32 for word in public)
    return public


def _words(
    network: Network, local: LocalNetwork, copy: Path, transfer: bytes, secrets: list[Secret]
) -> dict[bytes, str]:
    """The words of one transfer, with a place where each was seen."""
    shown = quorate(
        "transfer", "show", "--network", network.folder, "--as", "auditor",
        "--id", "0x" + transfer.hex(),
    )  # fmt: skip
    assert len(shown["steps"]) == 7, shown["steps"]
    words: dict[bytes, str] = {}
    for step in shown["steps"]:
        words |= _words_of_transaction(network, step["transaction"], step["name"])
    with block_store(copy / OBSERVER, local.group.name) as store:
        for step in shown["steps"]:
            before, after = (state_image(store, step["block"] - back) for back in (1, 0))
            for change in changes(before, after):
                if isinstance(change.slot, bytes):
                    assert isinstance(change.after, int)
                    words[change.slot] = f"slot of {step['name']}"
                    words[change.after.to_bytes(32)] = f"storage of {step['name']}"
    return words


def _words_of_transaction(network: Network, transaction: str, step: str) -> dict[bytes, str]:
    url = network.urls[OBSERVER]
    sent = rpc(url, "eth_getTransactionByHash", transaction)
    receipt = rpc(url, "eth_getTransactionReceipt", transaction)
    words = {
        bytes.fromhex(sent[name][2:].rjust(64, "0")): f"{name} of {step}"
        for name in ("hash", "r", "s", "from", "to")
    }
    for word in _aligned(bytes.fromhex(sent["input"][2:])[4:]):
        words[word] = f"calldata of {step}"
    for log in receipt["logs"]:
        for topic in log["topics"]:
            words[bytes.fromhex(topic[2:])] = f"topic of {step}"
        for word in _aligned(bytes.fromhex(log["data"][2:])):
            words[word] = f"event of {step}"
    return words


def _aligned(data: bytes) -> list[bytes]:
    assert len(data) % 32 == 0, "calls and events of the contract are whole words"
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _envelope(network: Network, transfer: bytes) -> bytes:
    path = network.folder / "desks" / "market" / "transfers" / transfer.hex() / "details.sealed"
    return path.read_bytes()


def _windows(data: bytes) -> set[bytes]:
    return {data[at : at + 32] for at in range(len(data) - 31)}
