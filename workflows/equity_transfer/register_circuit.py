"""Before a contract with holdings: a registry of circuits, the circuit in it, its approval.

Each function is one party's act and can be repeated: what stands on chain already is left alone.
"""

from pathlib import Path

from contracts.bindings import accounts
from contracts.bindings.circuits import (
    CircuitRegistry,
    CircuitStatus,
    Draft,
    circuits_deploy_data,
)
from ledger.values import Hash32, address_from_hex, checksum_address
from workflows.equity_transfer.deploy import SetUpDesk, SetUpRefused
from workflows.waiting import wait_for
from workflows.workspace import read_json, write_private_json


def deploy_registry(desk: SetUpDesk, path: Path) -> CircuitRegistry:
    """By an author: deploy a registry and write where it stands to `path`; or the one in `path`."""
    if path.exists():
        return CircuitRegistry(address_from_hex(str(read_json(path).get("registry"))))
    address = desk.deploy("circuit-registry", circuits_deploy_data())
    write_private_json(path, {"registry": checksum_address(address)})
    return CircuitRegistry(address)


def propose_circuit(desk: SetUpDesk, registry: CircuitRegistry, draft: Draft) -> Hash32:
    """By an author or admin: lay a circuit down for approval; its entry's id."""
    if desk.ask(registry.circuit(draft.entry)).status is CircuitStatus.ABSENT:
        desk.act(f"circuit-propose-{draft.entry.hex()[:8]}", registry.propose(draft))
    return draft.entry


def approve_circuit(desk: SetUpDesk, registry: CircuitRegistry, entry: Hash32) -> bool:
    """By an author or admin: approve for its organisation. True once the circuit is active."""
    found = wait_for(
        lambda: desk.ask(registry.circuit(entry)),
        lambda circuit: circuit.status is not CircuitStatus.ABSENT,
        desk.lag_s_max,
    )
    if found.status is CircuitStatus.ABSENT:
        raise SetUpRefused("no such circuit is laid down in this registry; an author does that")
    if found.status is CircuitStatus.RETIRED:
        raise SetUpRefused("this circuit is retired for good; lay down one with another key")
    if found.status is CircuitStatus.PROPOSED and not _has_agreed(desk, registry, entry):
        desk.act(f"circuit-approve-{entry.hex()[:8]}", registry.approve(entry))
    return desk.ask(registry.circuit(entry)).status is CircuitStatus.ACTIVE


def _has_agreed(desk: SetUpDesk, registry: CircuitRegistry, entry: Hash32) -> bool:
    query = registry.contract.query("approvals", entry, int(CircuitStatus.ACTIVE))
    approvals: int = desk.ask(query)
    organisation = desk.ask(accounts.permission(desk.sender)).organisation
    return bool(approvals >> organisation & 1)
