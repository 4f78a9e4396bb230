"""Four organisations make a key over a running network, and nobody has to trust one of them.

Phase 1 is made by snarkjs here; a group's contract orders phase 2. One organisation disappears and
the others go on after its deadline; a process is killed in its contribution and begins again. Keys
with a wrong parent, a wrong proof of knowledge, unequal delta in G1 and G2, altered L or H, and
replayed ones are refused. Nobody contributes once the beacon can be known. A fifth party verifies
with the genesis file, one node and the files, and `snarkjs zkey verify` accepts the key.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from client.rpc import Client, TransactionReverted
from contracts.bindings.ceremony import CeremonyContract
from contracts.bindings.contract import Call
from ledger.values import address_from_hex, checksum_address, from_hex
from tests.acceptance.harness import (
    QUORATE,
    ROOT,
    Network,
    Refused,
    eventually,
    quorate,
    rpc,
    run_quorate,
    running_network,
    sign,
)
from workflows.ceremony.files import KEY, FileDrop
from zkp.ceremony.contribute import contribute
from zkp.ceremony.key_file import CeremonyKey, decode_key, encode_key
from zkp.ceremony.points import public_points
from zkp.curve.g1 import G1
from zkp.curve.g2 import G2

SNARKJS = ROOT / "tests" / "snarkjs" / "node_modules" / "snarkjs" / "build" / "cli.cjs"
CIRCUIT = ROOT / "tests" / "vectors" / "snarkjs" / "m500.r1cs"
POWER = "10"
PARTICIPANTS = ("tax-officer", "registrar", "applicant", "audit-admin")
GROUP = "equity"
TURN_S, LONG_TURN_S = 30, 86_400
BEACON_AFTER = 150
WAIT_S = 240.0
SNARKJS_S = 900


def run(folder: Path) -> dict[str, Any]:
    """One ceremony to its end, one that is attacked."""
    phase1 = _phase1(folder)
    with running_network(folder / "network") as network:
        main = _Ceremony(network, folder, "main", phase1, TURN_S)
        refused = main.carry_out()
        main.assert_beacon_was_unknown()
        refused += _Ceremony(network, folder, "attacked", phase1, LONG_TURN_S).attack()
        verified = _fifth_party(network, folder, main)
    accepted = _snarkjs("zkey", "verify", CIRCUIT, phase1 / "c.ptau", verified["file"])
    assert "ZKey Ok!" in accepted, accepted[-400:]
    return {
        "contributions": verified["contributions"],
        "missed": verified["missed"],
        "refused": sorted(refused),
        "contribution_gas": main.gas,
        "snarkjs": "ZKey Ok!",
    }


def _snarkjs(*arguments: str | Path) -> str:
    node = shutil.which("node")
    assert node is not None, "Node.js is not installed: the outside judge cannot be asked"
    assert SNARKJS.is_file(), "snarkjs is not installed: run npm ci in tests/snarkjs"
    done = subprocess.run(
        [node, str(SNARKJS), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SNARKJS_S,
        check=False,
    )
    return done.stdout


def _refused(words: str, act: Callable[..., Any], *arguments: Any) -> None:
    """That the command refuses, for this reason."""
    try:
        act(*arguments)
    except Refused as refused:
        said = refused.text
    else:
        raise AssertionError(f"expected a refusal with {words!r}")
    assert words in said, said


def _hash(key: CeremonyKey) -> bytes:
    return sha256(encode_key(key)).digest()


def _phase1(folder: Path) -> Path:
    """Powers of tau, by the tool that shall judge in the end."""
    made = folder / "phase1"
    made.mkdir()
    _snarkjs("powersoftau", "new", "bn128", POWER, made / "0.ptau")
    _snarkjs("powersoftau", "contribute", made / "0.ptau", made / "1.ptau", "-e=some text")
    _snarkjs("powersoftau", "prepare", "phase2", made / "1.ptau", made / "c.ptau")
    assert (made / "c.ptau").is_file(), "snarkjs made no powers"
    return made


class _Ceremony:
    def __init__(
        self, network: Network, folder: Path, name: str, phase1: Path, turn_s: int
    ) -> None:
        self.network, self.folder = network, folder
        self.drop = FileDrop(folder / name)
        self.gas: list[int] = []
        started = quorate(
            "zk", "ceremony", "start", "--files", self.drop.folder, "--circuit", CIRCUIT,
            "--ptau", phase1 / "c.ptau",
            *(part for who in PARTICIPANTS for part in ("--participant", who)),
            "--turn-s", str(turn_s), "--beacon-after", str(BEACON_AFTER), "--exponent", "10",
            "--least", "2", "--network", network.folder, "--as", "author",
        )  # fmt: skip
        self.address = address_from_hex(started["contract"])
        self.initial = self.drop.get(from_hex("0x" + started["initial_key"]), KEY)
        self.contract = CeremonyContract(self.address)
        self.beacon_block = int(started["beacon_block"])

    def command(self, act: str, who: str, *more: str | Path) -> Any:
        return quorate("zk", "ceremony", act, *self._options(who), *more)

    def _options(self, who: str) -> tuple[str | Path, ...]:
        return ("--files", self.drop.folder, "--network", self.network.folder, "--as", who)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = quorate(
            "zk", "ceremony", "status", "--files", self.drop.folder, "--network",
            self.network.folder,
        )  # fmt: skip
        return found

    def client(self) -> Client:
        return Client(self.network.urls["tax-1"], GROUP)

    def refusal(self, who: str, call: Call) -> str:
        """What the contract answers to a call that it must not take."""
        sender = self.network.account(who).address
        message = {"from": sender, "to": checksum_address(call.to), "data": "0x" + call.data.hex()}
        try:
            self.client().estimate_gas(message)
        except TransactionReverted as reverted:
            return str(reverted)
        raise AssertionError(f"the contract takes what {who} must not send")

    def head(self) -> CeremonyKey:
        return decode_key(self.drop.get(from_hex("0x" + self.status()["head_key"]), KEY))

    def carry_out(self) -> list[str]:
        """Tax and market contribute, data is gone, audit goes on without it; the beacon."""
        self.contribute_killed_once(PARTICIPANTS[0])
        second = self.command("contribute", PARTICIPANTS[1])
        self.note_gas(second)
        again = self.command("contribute", PARTICIPANTS[1])
        assert again["new"] is False, "a contribution was made twice"
        standing = self.status()
        assert (standing["phase"], standing["participants"][2]["presence"]) == ("turn", "next")
        eventually(
            "the next participant may go on",
            lambda: run_quorate("zk", "ceremony", "contribute", *self._options(PARTICIPANTS[3])),
            WAIT_S,
            pause_s=1.0,
        )
        waited = self.time_of(self.status()["steps"][-1]["block"]) - self.time_of(second["block"])
        assert waited >= TURN_S, f"audit went on after {waited} s of a turn of {TURN_S}"
        _refused("turn has passed", self.command, "contribute", PARTICIPANTS[2])
        self.pass_blocks(self.beacon_block + 1)
        key = self.head()
        late = self.contract.contribute(*self.child(key))
        assert "beacon's block is there" in self.refusal(PARTICIPANTS[3], late)
        self.command("finish", PARTICIPANTS[0])
        assert self.status()["phase"] == "finished"
        return ["after another went on", "after the beacon"]

    def time_of(self, number: int) -> int:
        """Of a block, in seconds since 1970."""
        block = self.client().block(number)
        assert block is not None
        return int(block["timestamp"], 16)

    def attack(self) -> list[str]:
        """Everything that must be refused, where turns last long."""
        self.command("contribute", PARTICIPANTS[0])
        refused = self.refuse_forgeries(PARTICIPANTS[1])
        _refused("it is the turn of participant 2", self.command, "contribute", PARTICIPANTS[2])
        return [*refused, "before the deadline", *self.refuse_altered_rows()]

    def contribute_killed_once(self, who: str) -> None:
        """A process that dies when its file is there and its transaction perhaps not."""
        command = [QUORATE, "zk", "ceremony", "contribute", *self._options(who), "--json"]
        before = set(self.drop.folder.glob("*.zkey"))
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            eventually(
                "the contribution's file is written",
                lambda: set(self.drop.folder.glob("*.zkey")) != before,
                WAIT_S,
                pause_s=0.005,
            )
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        self.note_gas(self.command("contribute", who))
        assert self.status()["participants"][0]["presence"] == "contributed"

    def note_gas(self, step: dict[str, Any]) -> None:
        receipts = self.client().receipts(int(step["block"]))
        self.gas += [
            int(entry["gasUsed"], 16)
            for entry in receipts
            if (entry["to"] or "").lower() == "0x" + self.address.hex()
        ]

    def child(self, parent: CeremonyKey) -> tuple[bytes, bytes, Any]:
        made = contribute(parent, "child")
        return _hash(parent), _hash(made), public_points(made)

    def refuse_forgeries(self, who: str) -> list[str]:
        """By the contract alone, though it is this participant's turn."""
        head = self.head()
        parent, key, points = self.child(head)
        first = _hash(decode_key(self.initial))
        replayed = public_points(head)
        doubled_g1, doubled_g2 = G1.multiply(points.g1_sx, 2), G2.multiply(points.delta2, 2)
        assert doubled_g1 is not None
        assert doubled_g2 is not None
        cases = {
            "wrong parent": (first, key, points),
            "wrong proof of knowledge": (parent, key, replace(points, g1_sx=doubled_g1)),
            "unequal delta": (parent, key, replace(points, delta2=doubled_g2)),
            "replay": (parent, parent, replayed),
        }
        messages = {
            "wrong parent": "wrong parent",
            "wrong proof of knowledge": "proof of knowledge does not hold",
            "unequal delta": "delta is unequal in G1 and G2",
            "replay": "by another factor than the proven one",
        }
        for name, arguments in cases.items():
            said = self.refusal(who, self.contract.contribute(*arguments))
            assert messages[name] in said, (name, said)
        self.refusal(who, self.contract.contribute(parent, parent, points))
        out_of_turn = self.refusal(PARTICIPANTS[2], self.contract.contribute(parent, key, points))
        assert "not the sender's turn yet" in out_of_turn
        return [*cases, "out of turn"]

    def refuse_altered_rows(self) -> list[str]:
        """The contract cannot see L and H: who is next does, and most take the key back."""
        parent = self.head()
        refused = []
        for place, row in enumerate(("l", "h"), 1):
            made = contribute(parent, "altered")
            points = list(getattr(made, row))
            where = next(number for number, point in enumerate(points) if point is not None)
            points[where] = G1.add(points[where], G1.generator)
            altered = replace(made, **{row: points})
            digest = self.drop.put(encode_key(altered), KEY)
            who, following = PARTICIPANTS[place], PARTICIPANTS[place + 1]
            self.send(who, self.contract.contribute(_hash(parent), digest, public_points(altered)))
            _refused(f"{row.upper()} was altered", self.command, "contribute", following)
            others = [entry for entry in PARTICIPANTS if entry != who]
            answers = [self.command("object", entry)["taken_back"] for entry in others]
            assert answers == [False, False, True], answers
            refused.append(f"altered {row.upper()}")
        done = self.command("contribute", PARTICIPANTS[3])
        assert done["parent"] == _hash(parent).hex()
        return refused

    def send(self, who: str, call: Call) -> None:
        client = self.client()
        sent = client.send_transaction(
            self.network.account(who), checksum_address(call.to), call.data
        )
        client.confirm(sent)

    def pass_blocks(self, height: int) -> None:
        """Transactions until the group is at a height; an idle group makes few blocks."""
        client, account = self.client(), self.network.account("tax-reviewer")
        while client.block_number() < height:
            nonce = client.nonce(account.address)
            sent = client.send_raw(from_hex(sign(account, client.chain_id(), nonce)))
            client.confirm(sent)

    def assert_beacon_was_unknown(self) -> None:
        """Every contribution stands in a block before the beacon's, whose height never changed."""
        found = self.status()
        beacon = rpc(
            f"{self.network.urls['market-1']}/groups/{GROUP}",
            "eth_getBlockByNumber",
            hex(self.beacon_block),
            False,
        )
        assert found["terms"]["beacon_block"] == self.beacon_block
        *contributions, last = found["steps"]
        assert all(step["block"] < self.beacon_block for step in contributions)
        assert last["beacon"] == beacon["hash"]


def _fifth_party(network: Network, folder: Path, ceremony: _Ceremony) -> dict[str, Any]:
    """A folder with the genesis file and copies of the files, one node's address, nothing else."""
    own = folder / "fifth"
    shutil.copytree(ceremony.drop.folder, own / "files")
    genesis = next(entry for entry in network.file["groups"] if entry["name"] == GROUP)["genesis"]
    shutil.copyfile(network.folder / genesis, own / "genesis.json")
    started = time.monotonic()
    found: dict[str, Any] = quorate(
        "zk", "ceremony", "verify", "--files", own / "files", "--rpc", network.urls["data-1"],
        "--group", GROUP, "--genesis", own / "genesis.json", "--out", own / "final.zkey",
    )  # fmt: skip
    assert found["valid"]
    assert found["finished"]
    assert found["missed"] == [3]
    assert found["initial_from_phase_1"]
    # One byte of one file, and the same party refuses.
    path = FileDrop(own / "files").path(from_hex("0x" + found["key"]), KEY)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    _refused(
        "not what the name says", quorate, "zk", "ceremony", "verify", "--files", own / "files",
        "--rpc", network.urls["data-1"], "--group", GROUP, "--genesis", own / "genesis.json",
    )  # fmt: skip
    return {
        "file": own / "final.zkey",
        "contributions": [entry["name"] for entry in found["contributions"]],
        "missed": found["missed"],
        "verify_s": round(time.monotonic() - started, 1),
    }
