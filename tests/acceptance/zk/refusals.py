"""Each row of the refusal table is refused: by both backends, and on chain by both engines.

The rows are data in `tests/zkp/refusals.py`: a re-randomised proof of a used statement (a verifier
accepts it, the contract refuses), inputs + r, points off the curve and outside the subgroup,
coordinates from q on, zero points, altered unused signals. On chain each is put to the registry of
circuits, to the verifier that is written from the key, to the system's verifier, and, in a
transaction, to a contract that took the honest statement before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cli.contract_desk import ContractDesk
from cli.desks import LocalNetwork
from client.rpc import Client
from contracts.bindings import keys
from contracts.bindings.circuits import CircuitRegistry
from contracts.bindings.contract import Contract, Query
from contracts.compiler import compile_source, deploy_data
from ledger.values import Hash32, address_from_hex, checksum_address, from_hex
from tests.acceptance.harness import (
    ROOT,
    Network,
    eventually,
    quorate,
    rpc,
    run_quorate,
    running_network,
)
from tests.zkp.refusals import TABLE, Row, honest
from zkp.backend import backend_named
from zkp.groth16.keys import Proof
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.snarkjs.texts import encode_proof, encode_publics, encode_verifying_key
from zkp.snarkjs.zkey import encode_zkey

TAKER = ROOT / "tests" / "contracts" / "sources" / "taker.vy"
CIRCUIT_SOURCE = ROOT / "tests" / "zkp" / "refusals.py"
MANIFEST = "mixed-engines"
NODES = {"native": "data-1", "py-evm": "market-1"}
ADMINS = ("tax-admin", "market-admin", "data-admin")
TAKE_GAS = 1_000_000
RECEIPTS_S_MAX = 120.0

Statement = tuple[Proof, Sequence[int]]


def run(folder: Path) -> dict[str, Any]:
    """Backends first, then a network of two engines."""
    figures: dict[str, Any] = {"rows": len(TABLE), "backends": _on_backends()}
    with running_network(folder / "network", MANIFEST) as network:
        place = _Place.made(network, folder)
        figures["verifiers_on_chain"] = {
            engine: _on_chain(place, network.urls[node]) for engine, node in NODES.items()
        }
        figures["transactions_refused"] = _taken_once(place)
        heights = {name: network.height(name) for name in network.urls}
        common = min(heights.values())
        hashes = {network.block_hash(name, common) for name in network.urls}
        assert len(hashes) == 1, f"nodes differ at block {common}"
    return figures


def _on_backends() -> dict[str, int]:
    refused = {}
    it = honest()
    for name in ("reference", "native"):
        backend = backend_named(name)
        assert backend is not None, f"backend {name} is not built"
        assert backend.verify(it.key, it.proof, it.publics)
        for row in TABLE:
            proof, publics = row.change(it)
            assert backend.verify(it.key, proof, publics) is row.is_true, f"{name}: {row.name}"
        refused[name] = sum(not row.is_true for row in TABLE)
    return refused


@dataclass(frozen=True)
class _Place:
    """The contracts of one network, with one circuit in all of them."""

    network: Network
    local: LocalNetwork
    registry: CircuitRegistry
    entry: Hash32
    circuit: Hash32
    verifier: Contract
    taker: Contract

    @classmethod
    def made(cls, network: Network, folder: Path) -> "_Place":
        """All by the command, as an author and three administrators type it."""
        local = LocalNetwork(network.folder)
        it, files = honest(), _files(folder)
        at = quorate("zk", "registry", "deploy", *_by(network, "author"))["contract"]
        entry = quorate(
            "zk", "registry", "propose", "refusals", "--source", CIRCUIT_SOURCE,
            "--r1cs", files["r1cs"], "--vkey", files["vkey"], "--at", at, *_by(network, "author"),
        )["entry"]  # fmt: skip
        for admin in ADMINS:
            approved = quorate("zk", "registry", "approve", entry, "--at", at, *_by(network, admin))
        assert approved["status"] == "active", approved
        _checked_by_command(network, files, entry, at)
        circuit = Hash32(circuit_id(files["r1cs"].read_bytes()))
        author = ContractDesk(local, "author")
        author.act(keys.register(circuit, it.key, test_only=True))
        for admin in ADMINS:
            key = keys.key_id(circuit, it.key, test_only=True)
            ContractDesk(local, admin).act(keys.approve_key(key))
        registry = CircuitRegistry(address_from_hex(at))
        verifier = _deployed(author, files["vyper"])
        taker = _deployed(author, TAKER, registry.address, from_hex(entry, size=32))
        return cls(network, local, registry, Hash32(from_hex(entry)), circuit, verifier, taker)

    def questions(self, statement: Statement, row: Row | None) -> dict[str, Query[bool]]:
        """What each verifier is asked about a statement."""
        proof, publics = statement
        a, b, c = keys.proof_arguments(proof)
        asked = {
            "registry": self.registry.verify(self.entry, proof, publics),
            "registry, batch": self.registry.verify_batch(
                self.entry, [(honest().proof, honest().publics), statement]
            ),
            "system": keys.verify(self.circuit, proof, publics),
        }
        # Another number of inputs is a call that the generated verifier does not have.
        if row is None or not row.changes_count:
            mine = (*keys.proof_arguments(honest().proof), list(honest().publics))
            batch = [mine, (a, b, c, list(publics))]
            asked["generated"] = self.verifier.query("verifyProof", a, b, c, list(publics))
            asked["generated, batch"] = self.verifier.query("verifyBatch", batch)
        return asked


def _by(network: Network, account: str) -> tuple[str | Path, ...]:
    return "--network", network.folder, "--as", account


def _files(folder: Path) -> dict[str, Path]:
    """Key, system, proof and inputs as files, and the contract that the command writes."""
    it = honest()
    ends = {"zkey": ".zkey", "r1cs": ".r1cs", "vkey": ".vkey.json", "vyper": ".vy"}
    files = {name: folder / f"refusals{end}" for name, end in ends.items()}
    files["proof"], files["public"] = folder / "proof.json", folder / "public.json"
    files["zkey"].write_bytes(encode_zkey(it.proving))
    files["r1cs"].write_bytes(encode_r1cs(it.circuit.system))
    files["vkey"].write_text(encode_verifying_key(it.key))
    files["proof"].write_text(encode_proof(it.proof))
    files["public"].write_text(encode_publics(it.publics))
    quorate(
        "zk", "export", "--zkey", files["zkey"], "--r1cs", files["r1cs"], "--vyper", files["vyper"]
    )
    return files


def _checked_by_command(network: Network, files: dict[str, Path], entry: str, at: str) -> None:
    """`quorate zk registry verify` says it by its exit code."""
    asked = ("zk", "registry", "verify", entry, "--at", at, "--proof", files["proof"])
    where = _by(network, "applicant")
    run_quorate(*asked, "--public", files["public"], *where)
    other = files["public"].with_name("other.json")
    other.write_text(encode_publics((honest().publics[0] + 1, *honest().publics[1:])))
    assert run_quorate(*asked, "--public", other, *where, check=False).returncode == 1


def _deployed(author: ContractDesk, source: Path, *arguments: object) -> Contract:
    compiled = compile_source(source)
    address = author.send(None, deploy_data(compiled, *arguments))["contract"]
    return Contract(address_from_hex(address), compiled.abi)


def _on_chain(place: _Place, url: str) -> dict[str, int]:
    """Every row to every verifier, at one node."""

    client, it = Client(url), honest()

    def ask(query: Query[bool]) -> bool:
        return query.decode(client.call(checksum_address(query.to), query.data))

    for name, query in place.questions((it.proof, it.publics), None).items():
        assert ask(query), f"{name} refuses the honest statement"
    refused: dict[str, int] = {}
    for row in TABLE:
        for name, query in place.questions(row.change(it), row).items():
            assert ask(query) is row.is_true, f"{name} at {url}: {row.name}"
            refused[name] = refused.get(name, 0) + (not row.is_true)
    return refused


def _taken_once(place: _Place) -> dict[str, int]:
    """The honest statement is taken; then every row comes in a transaction and changes nothing."""
    it = honest()
    sender = ContractDesk(place.local, "applicant")
    taken = place.taker.call("take_statement", keys.proof_arguments(it.proof), list(it.publics))
    sender.act(taken)
    before = _storage(place)
    account = place.local.account("applicant")
    nonce = sender.client.nonce(account.address)
    hashes = {}
    for offset, row in enumerate(TABLE):
        proof, publics = row.change(it)
        call = place.taker.call("take_statement", keys.proof_arguments(proof), list(publics))
        hashes[row.name] = sender.client.send_transaction(
            account, checksum_address(call.to), call.data, gas=TAKE_GAS, nonce=nonce + offset
        )
    for name, transaction in hashes.items():
        for url in place.network.urls.values():
            ask = partial(rpc, url, "eth_getTransactionReceipt", transaction)
            receipt = eventually(f"the receipt of '{name}'", ask, RECEIPTS_S_MAX)
            assert int(receipt["status"], 16) == 0, f"{name} was taken"
            assert int(receipt["gasUsed"], 16) < TAKE_GAS, f"{name} took all gas"
    assert _storage(place) == before, "a refused statement changed the contract's storage"
    return {"refused": len(hashes), "nodes": len(place.network.urls)}


def _storage(place: _Place) -> str:
    """The root of the contract's storage, once all nodes agree on it."""
    where = checksum_address(place.taker.address)
    roots: set[str] = set()

    def agreed() -> bool:
        roots.clear()
        for url in place.network.urls.values():
            roots.add(rpc(url, "eth_getProof", where, [], "latest")["storageHash"])
        return len(roots) == 1

    eventually("one storage root", agreed, RECEIPTS_S_MAX)
    return roots.pop()
