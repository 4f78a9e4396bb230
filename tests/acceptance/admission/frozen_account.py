"""A frozen account's transaction that a Byzantine primary puts into a batch is in no honest block.

Four departments, f = 1. A regulator freezes an account; honest nodes refuse its transactions at
the door. The primary does not: it puts them into every batch, first of all. The honest nodes order
and execute those batches, and leave the transactions out, all alike and for the same reason. An
admin alone cannot lift the freezing; three of four organisations can, and then it is executed.
"""

from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from tests.acceptance.harness import (
    Network,
    Refused,
    eventually,
    quorate,
    rpc,
    run_quorate,
    sign,
)
from tests.acceptance.harness import free_base_port as any_base_port
from tests.fire.smuggling import smuggling

SETTLE_S = 120.0
BLOCKS = 5
FROZEN, BYSTANDER, REGULATOR = "applicant", "registrar", "auditor"
VOTERS = ("tax-admin", "market-admin", "data-admin")


def run(
    folder: Path, *, config: str = "four-departments", base_port: int | None = None
) -> dict[str, Any]:
    """Freeze, smuggle, compare the honest nodes, lift, execute."""
    base_port = any_base_port() if base_port is None else base_port
    made = folder / "network"
    run_quorate("network", "create", made, "--config", config, "--base-port", str(base_port))
    network = Network(made)
    smuggled = folder / "smuggled"
    with smuggling(network, smuggled) as started:
        liar, honest, processes = started.liar, started.honest, started.processes
        figures = _freeze_and_smuggle(network, honest, smuggled)
        figures |= _lift(network, honest, figures.pop("raw"))
        views = {name: network.status(name)["view"] for name in honest}
        assert set(views.values()) == {0}, f"the primary that lies was replaced: {views}"
        assert liar in processes.running, processes.said(liar)
    return {"primary": liar, **figures}


def _freeze_and_smuggle(network: Network, honest: list[str], smuggled: Path) -> dict[str, Any]:
    folder = network.folder
    chain_id = int(network.file["groups"][0]["chain_id"])
    victim, bystander = network.account(FROZEN), network.account(BYSTANDER)
    answer = quorate("account", "freeze", FROZEN, "--network", folder, "--as", REGULATOR)
    assert answer["frozen"], answer
    raw = sign(victim, chain_id, 0)
    for name in honest:
        eventually(f"{name} knows of it", lambda n=name: _refuses(network, n, raw), SETTLE_S)
    smuggled.write_text(raw.removeprefix("0x"), encoding="ascii")
    hidden = _hash_of(raw)
    carried: list[int] = []
    for nonce in range(BLOCKS):
        told = sign(bystander, chain_id, nonce)
        sent = rpc(network.urls[honest[0]], "eth_sendRawTransaction", told)
        receipt = eventually("a block", lambda h=sent: _receipt(network, honest[0], h), SETTLE_S)
        carried.append(int(receipt["blockNumber"], 16))
    for name in honest:
        eventually(f"{name} is there", lambda n=name: network.height(n) >= carried[-1], SETTLE_S)
        status = rpc(network.urls[name], "quorate_getTransactionStatus", hidden)
        # The block says that a batch held it: what the door alone refused has none.
        assert status["block"] in carried, f"{name}: nothing was smuggled: {status}"
        assert (status["status"], status["reason"]) == ("dropped", "FROZEN"), (name, status)
        assert _receipt(network, name, hidden) is None
        nonce_of = ("eth_getTransactionCount", victim.address, "latest")
        assert rpc(network.urls[name], *nonce_of) == "0x0"
        for number in carried:
            block = rpc(network.urls[name], "eth_getBlockByNumber", hex(number), False)
            assert hidden not in block["transactions"], (name, number)
            assert block["hash"] == network.block_hash(honest[0], number), (name, number)
    smuggled.unlink()
    return {"blocks_with_it_in_the_batch": len(carried), "dropped_as": "FROZEN", "raw": raw}


def _lift(network: Network, honest: list[str], raw: str) -> dict[str, Any]:
    folder = network.folder
    seen = []
    for voter in VOTERS:
        answer = quorate("account", "lift", FROZEN, "--network", folder, "--as", voter)
        seen.append(answer["frozen"])
        if answer["frozen"]:
            assert _refuses(network, honest[0], raw)
    assert seen == [True, True, False], f"frozen after each organisation's vote: {seen}"
    hidden = _hash_of(raw)
    name = honest[0]
    send = ("eth_sendRawTransaction", raw)
    eventually("it is taken now", lambda: rpc(network.urls[name], *send), SETTLE_S)
    receipt = eventually("it is executed", lambda: _receipt(network, name, hidden), SETTLE_S)
    assert receipt["status"] == "0x1", receipt
    return {"votes_to_lift": len(seen)}


def _hash_of(raw: str) -> str:
    return "0x" + keccak(hexstr=raw).hex()


def _refuses(network: Network, name: str, raw: str) -> bool:
    """Whether a node refuses the transaction at the door, and says why."""
    try:
        rpc(network.urls[name], "eth_sendRawTransaction", raw)
    except Refused as refused:
        return "FROZEN" in refused.text
    raise AssertionError(f"{name} took a frozen account's transaction")


def _receipt(network: Network, name: str, transaction: str) -> Any:
    return rpc(network.urls[name], "eth_getTransactionReceipt", transaction)
