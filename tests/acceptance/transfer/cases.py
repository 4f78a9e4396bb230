"""Every published case does what its `expect` says, its tax to the fen; every cheat is refused.

Cases are carried over four processes and checked on chain through the explorer. Around each
refusal the storage is the same but for the refusal's record: by RPC, and in the whole state.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.desks import LocalNetwork
from contracts.bindings.contract import log_from_rpc
from contracts.bindings.equity import AlarmCode, ApplicationStatus
from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    GROTH16_CONTRACT,
    KEYS_CONTRACT,
)
from ledger.values import checksum_address, keccak
from scripts.cheats import try_all
from scripts.transfer_story import Officers, carry
from tests.acceptance.equity_storage import Slots, record_slots
from tests.acceptance.harness import (
    ROOT,
    Network,
    fetch,
    quorate,
    rpc,
    run_quorate,
    running_network,
)
from tests.acceptance.ledger_files import Change, block_store, changes, state_image
from workflows.equity_transfer.case import InvalidCase, load_case
from workflows.equity_transfer.declare import compute, declare
from workflows.equity_transfer.desk import Desk
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.prove import proof_path

CASES = ROOT / "tests" / "vectors" / "tax"
KEYS = ROOT / "build" / "keys"
CHEATS_CASE = "A07"
OBSERVER = "audit-1"
SYSTEM_CONTRACTS = (GATE_CONTRACT, AGREEMENTS_CONTRACT, KEYS_CONTRACT, GROTH16_CONTRACT)
STEPS = (
    "Attested",
    "Countersigned",
    "Applied",
    "Verified",
    "Registered",
    "EnvelopeSent",
    "EnvelopeAccepted",
)
# What must come of each cheat, written down here once more.
CHEATS = {
    "proof altered in one bit": ("contract", "E_PROOF"),
    "proof for other amounts": ("contract", "E_PROOF"),
    "re-randomised proof of a used attestation": ("contract", "E_USED"),
    "proof for another contract": ("contract", "E_PROOF"),
    "proof for another genesis": ("contract", "E_PROOF"),
    "refunded tax": ("contract", "E_STATUS"),
    "no attestation": ("contract", "E_NOT_ATTESTED"),
    "application with another price, proven": ("prover", "MISMATCH"),
    "application with another price, sent": ("contract", "E_PROOF"),
    "sender not on the whitelist": ("pool", "NO_PERMISSION"),
}
NOTHING: Callable[[str], None] = lambda _: None  # noqa: E731


@dataclass(frozen=True)
class Judged:
    """A transaction that called `verify`: where it stands, what it was about, who sent it."""

    block: int
    transfer: bytes
    attestation: bytes
    sender: bytes
    code: AlarmCode | None
    refusals: int


def run(folder: Path) -> dict[str, Any]:
    """All cases, then all cheats, then the books."""
    with running_network(folder / "network") as network:
        run_quorate("transfer", "prepare", "--network", network.folder, "--keys", KEYS)
        local = LocalNetwork(network.folder)
        officers = Officers.of(local)
        cases = {
            path.stem: _case(network, officers, path) for path in sorted(CASES.glob("A*.json"))
        }
        assert sorted(cases) == [f"A{number:02d}" for number in range(1, 13)]
        registered = next(case for case in cases.values() if case["status"] == "REGISTERED")
        foreign = proof_path(officers.applicant, parse_id(registered["transfer"])).read_bytes()
        first = network.height(OBSERVER) + 1
        case = (CASES / f"{CHEATS_CASE}.json").read_bytes()
        cheats = try_all(officers, case, foreign, NOTHING)
        assert {cheat.name: (cheat.layer, cheat.code) for cheat in cheats} == CHEATS
        _stranger_is_counted(network)
        judged = _judged(network, local, first)
        unchanged = _check_by_rpc(local.desk("auditor"), judged)
        explorer = quorate("explorer", "verify", "--network", network.folder)
        assert explorer["ok"], explorer["problems"]
    unchanged |= _check_whole_state(network, local, judged)
    return {
        "cases": cases,
        "cheats": [{"name": c.name, "layer": c.layer, "code": c.code} for c in cheats],
        "storage": unchanged,
        "blocks": explorer["end"] + 1,
    }


# Cases


def _case(network: Network, officers: Officers, path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    expected, _, code = document["expect"].partition(":")
    figures = _computed(officers, path)
    if expected == "register":
        return figures | _registered(network, officers, path)
    before = _state_root(network)
    if expected == "refuse":
        carried = carry(officers, path.read_bytes(), NOTHING)
        assert (carried.status, carried.code) == ("REFUSED", code), carried
        asked = run_quorate(
            "transfer", "declare", "--network", network.folder, "--as", "tax-officer",
            "--in", path, check=False,
        )  # fmt: skip
        assert asked.returncode == 1, "the command took a declaration that the rules refuse"
    else:
        assert expected == "compute_only", document["expect"]
        try:
            declare(officers.officer, path.read_bytes())
        except InvalidCase:
            code = ""
        else:
            raise AssertionError(f"{path.stem}: carried although its source says too little")
    assert _state_root(network) == before, f"{path.stem}: something of it stands on chain"
    status = {"refuse": "REFUSED", "compute_only": "COMPUTED"}[expected]
    return figures | {"status": status} | ({"code": code} if code else {})


def _computed(officers: Officers, path: Path) -> dict[str, Any]:
    """What we compute, held against every figure that the source printed."""
    document = json.loads(path.read_text(encoding="utf-8"))
    case = load_case(path.read_bytes())
    computed = compute(case, officers.officer.agreement.rule)
    ours: dict[str, int] = {"stamp_duty_fen": computed.stamp_duty}
    found = computed.assessment
    if found is not None:
        ours |= {
            "tax_due_fen": found.due,
            "taxable_income_fen": found.taxable,
            "gain_fen": found.taxable - found.loss,
        }
    published = {
        name: document[name]
        for name in ("tax_due_fen", "taxable_income_fen", "gain_fen", "stamp_duty_fen")
        if document.get(name) is not None
    }
    assert published, f"{path.stem}: its source prints no figure to hold ours against"
    for name, figure in published.items():
        assert ours[name] == figure, f"{path.stem}: {name} is {ours[name]}, published {figure}"
    return {name: str(figure) for name, figure in published.items()}


def _registered(network: Network, officers: Officers, path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    carried = carry(officers, path.read_bytes(), NOTHING)
    assert carried.status == "REGISTERED", carried
    assert carried.id is not None
    shown = quorate(
        "transfer", "show", "--network", network.folder, "--as", "auditor", "--id", carried.id
    )
    assert (shown["status"], shown["attestation_status"]) == ("REGISTERED", "CONSUMED"), shown
    assert not shown["refusals"], shown
    assert tuple(step["name"] for step in shown["steps"]) == STEPS, shown["steps"]
    _traced(network, carried.id)
    # The opening is checked against C_tax on chain, so this is the tax that was attested.
    opened = quorate(
        "transfer", "open", "--network", network.folder, "--as", "tax-officer",
        "--id", shown["attestation"],
    )["openings"]  # fmt: skip
    (tax,) = [opening["content"] for opening in opened if opening["side"] == "tax"]
    paid = int(tax["financials"]["paid"])
    assert paid == document["tax_due_fen"], f"{path.stem}: {paid} fen stand attested as paid"
    return {"status": carried.status, "transfer": carried.id, "seconds": carried.seconds}


def _traced(network: Network, transfer: str) -> None:
    """The auditor's own node tells the transfer's life, every step verified from genesis."""
    genesis = network.folder / network.file["groups"][0]["genesis"]
    traced = quorate(
        "explorer", "trace", transfer, "--rpc", network.urls[OBSERVER], "--genesis", genesis
    )
    assert traced["verified"], traced
    assert all(step["verified"] for step in traced["steps"])
    own = [step["step"] for step in traced["steps"] if step["step"] in STEPS]
    assert tuple(own) == STEPS, own
    for step in traced["steps"]:
        assert step["transaction"], step
        assert step["proposer"]["node"], step
        assert len({signer["node"] for signer in step["signers"]}) >= 3, step


def _state_root(network: Network) -> str:
    block = rpc(network.urls[OBSERVER], "eth_getBlockByNumber", "latest", False)
    return str(block["stateRoot"])


# Cheats


def _stranger_is_counted(network: Network) -> None:
    """Nothing of a stranger is in any block, and a pool counted it."""
    ours = {entry["address"].lower() for entry in network.file["accounts"]}
    url = network.urls[OBSERVER]
    for number in range(network.height(OBSERVER) + 1):
        block = rpc(url, "eth_getBlockByNumber", hex(number), True)
        senders = {transaction["from"].lower() for transaction in block["transactions"]}
        assert senders <= ours, f"block {number} holds a stranger's transaction"
    counted = 0
    for node_url in network.urls.values():
        for line in fetch(node_url, "/metrics").splitlines():
            if line.startswith("quorate_transactions_refused_total") and "NO_PERMISSION" in line:
                counted += int(float(line.rpartition(" ")[2]))
    assert counted == 1, f"the pools counted {counted} refused strangers, one came"


def _judged(network: Network, local: LocalNetwork, first: int) -> list[Judged]:
    """Every call of `verify` since a block, by the events that it left."""
    desk = local.desk("applicant")
    contract = desk.deployment.contract.contract
    found = []
    for name in ("Alarm", "Verified"):
        entries = desk.client.logs(
            address=checksum_address(desk.deployment.address),
            topics=["0x" + contract.event_topic(name).hex()],
            from_block=first,
        )
        for entry in entries:
            (event,) = contract.decode_events([log_from_rpc(entry)])
            facts = event.arguments
            code = AlarmCode(facts["code"]) if name == "Alarm" else None
            number = int(entry["blockNumber"], 16)
            block = rpc(network.urls[OBSERVER], "eth_getBlockByNumber", hex(number), False)
            assert len(block["transactions"]) == 1, f"block {number} tells not of one act alone"
            found.append(
                Judged(
                    number,
                    facts["transfer"],
                    facts["attestation"],
                    bytes(facts["sender"]),
                    code,
                    facts.get("refusals", 0),
                )
            )
    refused = [judged for judged in found if judged.code is not None]
    assert len(refused) == sum(layer == "contract" for layer, _ in CHEATS.values())
    assert len(found) == len(refused) + 1, "the honest proof between the cheats passed, once"
    return sorted(found, key=lambda judged: judged.block)


def _expected(judged: Judged, before: dict[str, int]) -> dict[str, int]:
    """The records after a refusal: its own record, the count, and the end at the third."""
    place = judged.refusals - 1
    assert judged.code is not None
    assert before["application.refusals"] == place
    expected = before | {
        "application.refusals": judged.refusals,
        f"refusal {place}.code": int(judged.code),
        f"refusal {place}.sender": int.from_bytes(judged.sender),
    }
    if judged.refusals == 3:
        expected["application.status"] = int(ApplicationStatus.REFUSED)
    return expected


def _words(desk: Desk, slots: Slots, block: int) -> dict[str, int]:
    address = checksum_address(desk.deployment.address)
    return {name: desk.client.storage(address, slot, block) for name, slot in slots.items()}


def _system_storage(desk: Desk, block: int) -> dict[str, str]:
    names = [checksum_address(address) for address in SYSTEM_CONTRACTS]
    return {name: desk.client.proof(name, [], block)["storageHash"] for name in names}


def _check_by_rpc(desk: Desk, judged: list[Judged]) -> dict[str, Any]:
    """eth_getStorageAt of both records, eth_getProof of the system contracts, before and after."""
    compared = 0
    for entry in judged:
        slots = record_slots(entry.transfer, entry.attestation)
        before, after = (_words(desk, slots, entry.block - step) for step in (1, 0))
        compared += len(slots)
        if entry.code is None:
            # The same comparison sees a change where there is one.
            changed = {name for name in slots if before[name] != after[name]}
            assert changed == {"application.status", "attestation.status", "attestation.transfer"}
        else:
            assert after == _expected(entry, before), f"block {entry.block}: {before} to {after}"
            assert after != before
        assert _system_storage(desk, entry.block - 1) == _system_storage(desk, entry.block)
    # So does the one of the system contracts, in the blocks before the first transfer.
    founded, prepared = (_system_storage(desk, block) for block in (0, judged[0].block))
    changed_contracts = [address for address in founded if founded[address] != prepared[address]]
    assert len(changed_contracts) >= 2, "agreement and key registry must have changed since block 0"
    return {"refusals": len(judged) - 1, "slots_compared": compared}


def _check_whole_state(
    network: Network, local: LocalNetwork, judged: list[Judged]
) -> dict[str, Any]:
    """All accounts and slots of the state, from the observer's files: nothing else changed."""
    desk = local.desk("auditor")
    contract = keccak(desk.deployment.address)
    node = next(entry for entry in network.nodes if entry["name"] == OBSERVER)
    looked_at = 0
    with block_store(network.folder / node["dir"], local.group.name) as store:
        for entry in judged:
            before, after = (state_image(store, entry.block - step) for step in (1, 0))
            looked_at += sum(1 + len(account.storage) for account in after.values())
            slots = record_slots(entry.transfer, entry.attestation)
            hashes = {keccak(slot.to_bytes(32)): name for name, slot in slots.items()}
            was = {
                name: before[contract].storage.get(slot_hash, 0)
                for slot_hash, name in hashes.items()
            }
            found = changes(before, after)
            if entry.code is None:
                assert len(found) == 4, f"the honest proof changes 3 slots and a nonce: {found}"
                continue
            then = _expected(entry, was)
            wanted = [
                Change(contract, slot_hash, was[name], then[name])
                for slot_hash, name in hashes.items()
                if was[name] != then[name]
            ]
            nonce = before[keccak(entry.sender)].nonce
            wanted.append(Change(keccak(entry.sender), "nonce", nonce, nonce + 1))
            assert set(found) == set(wanted), f"block {entry.block}: {found}, not {wanted}"
    return {"state_values_compared": looked_at}
