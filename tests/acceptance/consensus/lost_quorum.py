"""Three of four validators are lost for ever; the organisations' recovery keys let the group go on.

The one that is left says why nothing moves. The organisations sign a certificate offline, new nodes
and the survivor follow it, every old block stays, and `explorer verify` holds and reports it. What
is replayed, forged, signed by too few or of another branch is refused with a sentence.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.genesis import load_genesis
from ledger.recovery import sign_recovery
from ledger.recovery_file import load_recovery, recovery_json
from ledger.suite import STANDARD, KeySigner
from node.keyfile import load_private_key
from tests.acceptance.harness import Network, eventually, quorate, rpc, run_quorate, sign
from tests.fire.books import blocks_alike
from tests.fire.ground import make_ground
from tests.fire.processes import Processes, processes_of

SURVIVOR, LOST = "tax-1", ("market-1", "data-1", "audit-1")
NEW = {"market": "market-2", "data": "data-2", "audit": "audit-2"}
NAMES = (SURVIVOR, *NEW.values())
SIGNERS = ("tax", "market", "data")
"""Three of four organisations are the threshold."""
SAID_S_MAX = 60
GO_ON_S_MAX = 60


def run(folder: Path, *, engine: str = "native", base_port: int | None = None) -> dict[str, Any]:
    """Lose three for good, recover, and lose the power of all four once more."""
    ground = make_ground(folder, engine=engine, base_port=base_port)
    network = ground.network
    with processes_of(network) as processes:
        processes.start_all()
        sender = _Sender(network, ground.chain_id)
        sender.executed(4)
        for name in LOST:
            processes.kill(name)
            shutil.rmtree(processes.folder(name))
        waiting = sender.send()
        sentence = _says_why(network)
        for organisation, name in NEW.items():
            _new_node(network, organisation, name)
        recovery = _Recovery(network)
        certificate, refusals = recovery.refused_before()
        height = network.height(SURVIVOR)
        old = [network.block_hash(SURVIVOR, number) for number in range(height + 1)]
        shown = recovery.sign(certificate, *SIGNERS[2:])
        assert shown["complete"] is True, shown
        _apply_and_start(recovery, processes, certificate)
        receipt = sender.wait(waiting)
        sender.executed(2)
        refusals |= recovery.refused_after()
        _lose_power(processes)
        processes.stop(NEW["audit"])
        sender.executed(2)
        processes.start(NEW["audit"])
        _moves(network)
        for name in NAMES:
            shown = [network.block_hash(name, number) for number in range(height + 1)]
            assert shown == old, f"{name} has other old blocks"
        verified = _verified(network, height)
        compared = blocks_alike(network, NAMES)
    return {
        "says": sentence,
        "last_block_that_counts": height,
        "acknowledged_then_executed_in": int(receipt["blockNumber"], 16),
        "refused": refusals,
        "blocks_compared": compared,
        **verified,
    }


class _Sender:
    """One account that sends through the survivor."""

    def __init__(self, network: Network, chain_id: int) -> None:
        self._url = network.urls[SURVIVOR]
        self._account = network.account("tax-admin")
        self._chain_id = chain_id
        self._nonce = 0

    def send(self) -> str:
        raw = sign(self._account, self._chain_id, self._nonce)
        self._nonce += 1
        return str(rpc(self._url, "eth_sendRawTransaction", raw))

    def wait(self, transaction: str) -> Any:
        return eventually(
            f"a receipt of {transaction}",
            lambda: rpc(self._url, "eth_getTransactionReceipt", transaction),
            GO_ON_S_MAX,
        )

    def executed(self, count: int) -> None:
        for _ in range(count):
            self.wait(self.send())


class _Recovery:
    """The certificate's way through the commands."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.folder = network.folder
        self.genesis = self.folder / network.file["groups"][0]["genesis"]

    def propose(self, name: str, *more: str) -> Path:
        file = self.folder / name
        members = [f"--validator={SURVIVOR.partition('-')[0]}/{SURVIVOR}"]
        members += [f"--validator={organisation}/{node}" for organisation, node in NEW.items()]
        source = ["--network", str(self.folder), "--rpc", self.network.urls[SURVIVOR]]
        run_quorate("recovery", "propose", file, *members, *source, *more)
        return file

    def sign(self, file: Path, *organisations: str) -> Any:
        shown = None
        for name in organisations:
            key = self.folder / "organisations" / name / "recovery.key"
            shown = quorate("recovery", "sign", file, "--genesis", self.genesis, "--key", key)
        return shown

    def apply(self, node: str, file: Path) -> Any:
        entry = next(entry for entry in self.network.nodes if entry["name"] == node)
        return quorate("recovery", "apply", self.folder / entry["dir"], file)

    def refused(self, file: Path, words: str, node: str = SURVIVOR) -> str:
        """The sentence with which a node refuses a file."""
        entry = next(entry for entry in self.network.nodes if entry["name"] == node)
        done = run_quorate("recovery", "apply", self.folder / entry["dir"], file, check=False)
        assert done.returncode != 0, f"{node} took {file.name}"
        said = " ".join(done.stderr.split())
        assert words in said, said
        return said.partition(f"{file}: ")[2] or said

    def changed(self, source: Path, name: str, change: Callable[[dict[str, Any]], Any]) -> Path:
        """A copy of a file with a change by hand."""
        file = self.folder / name
        document = json.loads(source.read_text(encoding="utf-8"))
        change(document)
        file.write_text(json.dumps(document), encoding="utf-8")
        return file

    def signed(self, file: Path) -> Path:
        """Signed by all who are needed, without the command: it takes its time."""
        genesis, recovery = load_genesis(self.genesis), load_recovery(file)
        for name in SIGNERS:
            key = load_private_key(self.folder / "organisations" / name / "recovery.key")
            recovery = sign_recovery(genesis, recovery, KeySigner(STANDARD, key))
        file.write_bytes(recovery_json(recovery))
        return file

    def refused_before(self) -> tuple[Path, dict[str, str]]:
        """What no node takes while the group stands still; and the file that lacks a signature."""
        few = self.propose("recovery.json")
        bare = self.changed(few, "bare.json", lambda _: None)
        shown = self.sign(few, *SIGNERS[:2])
        assert shown["complete"] is False, shown
        twice = self.changed(few, "twice.json", _sign_twice)
        group = self.changed(bare, "group.json", lambda d: d.update(group="0x" + "ab" * 32))
        branch = self.changed(bare, "branch.json", lambda d: d.update(hash="0x" + "cd" * 32))
        found = {
            "below the threshold": self.refused(few, "this group asks for 3"),
            "by a new node too": self.refused(few, "this group asks for 3", NEW["data"]),
            "a signer twice": self.refused(twice, "twice among the signers"),
            "another group": self.refused(group, "it is for the group"),
            "another block H": self.refused(self.signed(branch), "is another branch"),
        }
        assert rpc(self.network.urls[SURVIVOR], "quorate_getRecoveries") == []
        return few, found

    def refused_after(self) -> dict[str, str]:
        """Replays, once a certificate is followed."""
        bare = self.propose("later.json")
        replay = self.changed(bare, "replay.json", lambda d: d.update(counter=1))
        lower = self.changed(bare, "lower.json", lambda d: d.update(epoch=1))
        return {
            "a counter again": self.refused(self.signed(replay), "its counter is 1"),
            "a lower epoch": self.refused(self.signed(lower), "its epoch is 1"),
        }


def _sign_twice(document: dict[str, Any]) -> None:
    document["signatures"].append(document["signatures"][0])


def _new_node(network: Network, organisation: str, name: str) -> None:
    run_quorate(
        *("network", "add-node", network.folder, "--org", organisation, "--name", name),
        "--for-recovery",
    )
    fresh = Network(network.folder)
    network.nodes[:] = fresh.nodes
    network.urls.update(fresh.urls)


def _says_why(network: Network) -> str:
    """The survivor's own sentence; the doctor says the same."""

    def sentence() -> str | None:
        conditions = network.status(SURVIVOR)["conditions"]
        said = next((one["en"] for one in conditions if one["kind"] == "standstill"), None)
        return said if said and all(one in said for one in LOST) else None

    found = str(eventually("the survivor says why nothing moves", sentence, SAID_S_MAX))
    done = run_quorate("doctor", "--rpc", network.urls[SURVIVOR], check=False)
    assert done.returncode != 0, "the doctor finds nothing wrong with a group that stands still"
    return found


def _apply_and_start(recovery: _Recovery, processes: Processes, certificate: Path) -> None:
    outcome = recovery.apply(SURVIVOR, certificate)
    assert (outcome["changed"], outcome["running"], outcome["void"]) == (True, True, [])
    assert recovery.apply(SURVIVOR, certificate)["changed"] is False, "it is followed already"
    for name in NEW.values():
        assert recovery.apply(name, certificate)["running"] is False
        processes.start(name)


def _lose_power(processes: Processes) -> None:
    """All four at once; they come back by themselves."""
    for name in NAMES:
        processes.kill(name)
    for name in NAMES:
        processes.start(name)
    network = processes.network
    eventually("the survivor answers", lambda: network.height(SURVIVOR) > 0, GO_ON_S_MAX)
    _moves(network)


def _moves(network: Network) -> None:
    height = network.height(SURVIVOR) + 2
    eventually(
        f"block {height} on {', '.join(NAMES)}",
        lambda: all(network.height(name) >= height for name in NAMES),
        GO_ON_S_MAX,
    )


def _verified(network: Network, height: int) -> dict[str, Any]:
    """The explorer's verdict over every block of all four nodes."""
    nodes = [part for name in NAMES for part in ("--rpc", network.urls[name])]
    genesis = network.folder / network.file["groups"][0]["genesis"]
    found = quorate("explorer", "verify", *nodes, "--genesis", genesis)
    assert found["ok"], found["problems"]
    [recovery] = found["recoveries"]
    assert (recovery["number"], recovery["epoch"], recovery["counter"]) == (height, 2, 1)
    assert recovery["organisations"] == sorted(SIGNERS)
    return {"verified_blocks": found["checked"]["blocks"], "recovery": recovery}
