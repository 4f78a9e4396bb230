"""A gas limit, a system contract's code and a protocol version are voted in on a running network.

Two validators run the native engine, two py-evm. Each vote is by the commands of an operator, and
afterwards every block has one hash everywhere. A node whose build is too old for the version warns
as soon as the vote is enacted, stops before the block and says so; with a newer build it goes on.
"""

import json
from pathlib import Path
from typing import Any

from contracts.compiler import SOURCES
from ledger.native import is_available
from ledger.parameters import Parameters
from ledger.protocol import PROTOCOL_VERSION
from ledger.values import keccak
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
from tests.fire.books import blocks_alike, level
from tests.fire.processes import Processes, processes_of

SETTLE_S = 180
VOTERS = ("market-admin", "data-admin")
"""With the proposer's, the threshold's votes."""
OLD = "audit-1"
GAS_LIMIT = 7_000_000
GROTH16 = "0x" + (0x7004).to_bytes(20).hex()
AHEAD = 40
"""Blocks between a vote and what it schedules."""


def run(folder: Path, *, base_port: int | None = None) -> dict[str, Any]:
    """One vote after the other; each waits for its effect on every node."""
    config = "mixed-engines" if is_available() else "four-departments"
    made = folder / "network"
    port = any_base_port() if base_port is None else base_port
    run_quorate("network", "create", made, "--config", config, "--base-port", str(port))
    network = Network(made)
    with processes_of(network) as processes:
        for name in network.urls:
            if name != OLD:
                processes.module[name] = "tests.fire.newer_build"
        processes.start_all()
        town = Town(network)
        gas = _vote_gas_limit(town)
        code = _vote_code(town, folder)
        version = _vote_version(town, processes)
        level(network)
        compared = blocks_alike(network)
        checked = _verify(network)
    engines = {node["name"]: node["engine"] for node in network.nodes}
    return {
        "engines": engines,
        **gas,
        **code,
        **version,
        "blocks_compared": compared,
        "blocks_verified": checked,
    }


class Town:
    """The network, and an account that makes blocks."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.chain_id = int(network.file["groups"][0]["chain_id"])
        self.url = network.urls["tax-1"]
        self._member = network.account("tax-officer")
        self._nonce = 0

    def height(self) -> int:
        """Of the first node."""
        return self.network.height("tax-1")

    def make_blocks(self, to: int) -> None:
        """A transaction a block, until the first node stands there."""
        while self.height() < to:
            raw = sign(self._member, self.chain_id, self._nonce)
            sent = rpc(self.url, "eth_sendRawTransaction", raw)
            self._nonce += 1
            eventually("a receipt", lambda s=sent: self._receipt(s), SETTLE_S)

    def _receipt(self, sent: str) -> Any:
        return rpc(self.url, "eth_getTransactionReceipt", sent)

    def vote(self, *proposal: str) -> dict[str, Any]:
        """Proposed by the tax bureau and agreed to by two more: the enacted proposal."""
        common = ("--network", self.network.folder)
        row = quorate("governance", "propose", *proposal, *common, "--as", "tax-admin")
        for voter in VOTERS:
            row = quorate("governance", "vote", str(row["number"]), *common, "--as", voter)
        assert row["state"] == "enacted", row
        listed = quorate("governance", "list", *common)["proposals"]
        assert listed[-1]["words"] == row["words"], listed
        return dict(row)

    def refused(self, *proposal: str) -> str:
        """What the command says to a proposal that it does not send."""
        try:
            self.vote(*proposal)
        except Refused as refused:
            return refused.text
        raise AssertionError(f"{proposal} was taken")


def _vote_gas_limit(town: Town) -> dict[str, Any]:
    network = town.network
    fixed = town.refused("set-parameter", "window_blocks", "8")
    assert "fixed at genesis" in fixed, fixed
    beyond = town.refused("set-parameter", "gas_limit", "1000")
    assert "expected 5,000,000" in beyond, beyond
    before = _shown(network)["parameters"]["in_force"]["gas_limit"]
    assert before == Parameters(chain_id=1).gas_limit
    town.vote("set-parameter", "gas_limit", str(GAS_LIMIT))
    for name in network.urls:
        eventually(
            f"{name} has the limit in force", lambda n=name: _has_limit(network, n), SETTLE_S
        )
    # In force is what the next block will have; that block may still be to come.
    eventually(
        "a block under the limit", lambda: _gas_limit(town, town.height()) == GAS_LIMIT, SETTLE_S
    )
    begins = next(
        number for number in range(town.height() + 1) if _gas_limit(town, number) == GAS_LIMIT
    )
    assert _gas_limit(town, begins - 1) == before
    return {"gas_limit": [before, GAS_LIMIT], "gas_limit_from": begins}


def _shown(network: Network) -> dict[str, Any]:
    shown: dict[str, Any] = quorate("group", "show", "--rpc", network.urls["tax-1"])
    return shown


def _gas_limit(town: Town, number: int) -> int:
    block = rpc(town.url, "eth_getBlockByNumber", hex(number), False)
    return int(block["gasLimit"], 16)


def _has_limit(network: Network, name: str) -> bool:
    told = network.status(name)["parameters"]
    return told["in_force"]["gas_limit"] == GAS_LIMIT and told["pending"] == {}


def _vote_code(town: Town, folder: Path) -> dict[str, Any]:
    """The verifier of proofs gets one method more."""
    source = folder / "groth16.vy"
    source.write_text(
        (SOURCES / "system" / "groth16.vy").read_text(encoding="utf-8")
        + "\n\n@external\n@pure\ndef edition() -> uint256:\n    return 2\n",
        encoding="utf-8",
    )
    network = town.network
    common = ("--network", network.folder, "--as", "author")
    carrier = quorate("contract", "deploy", source, *common)["address"]
    code = rpc(town.url, "eth_getCode", carrier, "latest")
    before = rpc(town.url, "eth_getCode", GROTH16, "latest")
    at = town.height() + AHEAD
    town.vote("replace-code", "groth16", carrier, "--at", str(at))
    town.make_blocks(at)
    for name, url in network.urls.items():
        eventually(f"{name} has block {at}", lambda n=name: network.height(n) >= at, SETTLE_S)
        assert rpc(url, "eth_getCode", GROTH16, hex(at - 1)) == before, name
        assert rpc(url, "eth_getCode", GROTH16, hex(at)) == code, name
    edition = {"to": GROTH16, "data": "0x" + keccak(b"edition()")[:4].hex()}
    answers = {int(rpc(url, "eth_call", edition, "latest"), 16) for url in network.urls.values()}
    assert answers == {2}, answers
    return {"code_replaced_at": at, "code_bytes": len(code) // 2 - 1}


def _vote_version(town: Town, processes: Processes) -> dict[str, Any]:
    network, version = town.network, PROTOCOL_VERSION + 1
    begins = town.height() + 2 * AHEAD
    town.vote("upgrade-protocol", str(version), "--at", str(begins))
    warning = eventually("the old node warns", lambda: _condition(network, "upgrade-due"), SETTLE_S)
    assert f"block {begins}" in warning["en"], warning
    assert town.height() < begins
    town.make_blocks(begins + 2)
    told = eventually("the old node says", lambda: _condition(network, "build-too-old"), SETTLE_S)
    assert network.height(OLD) == begins - 1
    doctor = run_quorate("doctor", "--rpc", network.urls[OLD], "--json", check=False)
    assert doctor.returncode == 1, doctor
    seen = [finding["seen"] for finding in json.loads(doctor.stdout)["findings"]]
    assert any(f"stopped before block {begins}" in text for text in seen), seen
    processes.stop(OLD)
    processes.module[OLD] = "tests.fire.newer_build"
    processes.start(OLD)
    eventually("the node goes on", lambda: network.height(OLD) > begins, SETTLE_S)
    assert network.status(OLD)["upgrade"]["protocol_version"] == version
    assert _shown(network)["upgrade"]["protocol_version"] == version
    return {"version_from": begins, "warning": warning["en"], "said": told["en"]}


def _condition(network: Network, kind: str) -> dict[str, Any] | None:
    found = network.status(OLD)["conditions"]
    return next((condition for condition in found if condition["kind"] == kind), None)


def _verify(network: Network) -> int:
    """From the genesis file alone, every epoch's parameters among it."""
    genesis = network.folder / network.file["groups"][0]["genesis"]
    urls = [option for url in network.urls.values() for option in ("--rpc", url)]
    answer = quorate("explorer", "verify", *urls, "--genesis", genesis)
    assert not answer["problems"], answer["problems"]
    return int(answer["checked"]["blocks"])
