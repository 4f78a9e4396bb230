"""A registration in one group counts in a contract of another, which learns nothing else of it.

`two-groups` with real processes: a transfer is carried through in `equity`; its receipt travels as
a file; a contract in `export-refund` takes it, once, after its own organisations voted an anchor.
Every forged file is refused. The validators of `equity` change, the anchor moves on, and a receipt
of the new set counts. Nodes that are in `export-refund` alone hold nothing of `equity` but what
that file says, and before the vote not even the hash by which its validators sign.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from cli.desks import LocalNetwork
from ledger.codec import InvalidEncoding
from ledger.evidence import (
    Anchor,
    InvalidEvidence,
    decode_evidence,
    encode_evidence,
    verify_evidence,
)
from ledger.genesis import genesis_block, load_genesis
from ledger.suite import STANDARD
from ledger.values import from_hex, to_hex
from scripts.transfer_story import Officers, carry
from tests.acceptance.group_load import group_url, height
from tests.acceptance.harness import (
    ROOT,
    Network,
    Refused,
    eventually,
    quorate,
    rpc,
    run_quorate,
    running_network,
)

CASE = ROOT / "tests" / "vectors" / "tax" / "A09.json"
KEYS = ROOT / "build" / "keys"
CONSUMER = ROOT / "contracts" / "examples" / "registrations.vy"
PORTS = 16
EQUITY, REFUND = "equity", "export-refund"
NAME = "registry"
ADMINS = ("refund-tax-admin", "refund-customs-admin", "refund-treasury-admin")
EQUITY_ADMINS = ("tax-admin", "market-admin", "data-admin")
ONLY_REFUND = ("customs-1", "customs-2", "treasury-1")
JOINER, JOINER_ADMIN = "audit-1", "audit-admin"
"""An observer that becomes a validator: another set certifies from then on."""
WAIT_S = 240.0
GAS_MAX = 400_000
"""A twentieth of a block's limit: evidence is for everyday use."""


def run(folder: Path) -> dict[str, Any]:
    """One transfer, its evidence, every forgery, a change of validators, what the others hold."""
    with running_network(folder / "network", "two-groups", PORTS) as network:
        scene = _Scene(network, folder)
        scene.carry_transfer()
        scene.assert_strange("before the vote", [scene.group, *scene.secrets])
        figures = scene.found_and_accept()
        figures["forgeries_refused"] = scene.forgeries()
        figures["change"] = scene.change_validators()
        scene.assert_strange("at the end", scene.secrets)
    return figures


class _Scene:
    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.equity = group_url(network, "tax-1", EQUITY)
        self.group = from_hex(rpc(self.equity, "eth_getBlockByNumber", "0x0", False)["hash"])
        self.secrets: list[bytes] = []
        self.contract = self.consumer = ""

    def command(self, *arguments: str | Path) -> Any:
        return quorate("evidence", *arguments, "--network", self.network.folder, "--group", REFUND)

    def carry_transfer(self) -> None:
        """All of a transfer, and what of it nobody in the other group may hold."""
        run_quorate("transfer", "prepare", "--network", self.network.folder, "--keys", KEYS)
        local = LocalNetwork(self.network.folder, EQUITY)
        officers = Officers.of(local)
        carried = carry(officers, CASE.read_bytes(), lambda _: None)
        assert carried.confirmed_tx is not None
        self.confirmed = carried.confirmed_tx
        self.transfers = officers.registrar.deployment.contract
        for name in filter(None, (carried.attested_tx, carried.verified_tx, self.confirmed)):
            entry = rpc(self.equity, "eth_getTransactionByHash", name)
            self.secrets += [from_hex(name), from_hex(entry["input"])]
        self.secrets += [bytes(officers.officer.sender), bytes(officers.applicant.sender)]
        self.secrets = [secret for secret in self.secrets if len(secret) > 16]

    def assert_strange(self, when: str, secrets: list[bytes]) -> None:
        """No file of a node that is in the other group alone has any of these."""
        for node in ONLY_REFUND:
            entry = next(found for found in self.network.nodes if found["name"] == node)
            for path in sorted((self.network.folder / entry["dir"]).rglob("*")):
                data = path.read_bytes() if path.is_file() else b""
                for secret in secrets:
                    assert secret not in data, f"{when}: {path} has 0x{secret.hex()[:40]}"
                    assert secret.hex().encode() not in data, f"{when}: {path}, as text"
            groups = rpc(self.network.urls[node], "quorate_groups")
            assert [group["name"] for group in groups] == [REFUND], when

    def export(self, transaction: str, out: str, epoch: int = 0) -> Path:
        genesis = next(g for g in self.network.file["groups"] if g["name"] == EQUITY)["genesis"]
        path = self.folder / out
        quorate(
            "evidence", "export", transaction, "--out", path, "--rpc", self.network.urls["tax-1"],
            "--group", EQUITY, "--genesis", self.network.folder / genesis,
            "--from-epoch", str(epoch),
        )  # fmt: skip
        return path

    def found_and_accept(self) -> dict[str, Any]:
        """The vote, the contract that lets registrations count, and one that does, once."""
        self.evidence = self.export(self.confirmed, "evidence.rlp")
        anchor = self.folder / "anchor.json"
        quorate(
            "evidence", "anchor", "--out", anchor, "--network", self.network.folder,
            "--group", EQUITY, "--epoch", "0",
        )  # fmt: skip
        self.contract = self.command("deploy", "--as", "refund-author")["contract"]
        at = ("--at", self.contract)
        for admin, in_force in zip(ADMINS, (False, False, True), strict=True):
            voted = self.command("approve", NAME, anchor, "--as", admin, "--grace-s", "3600", *at)
            assert voted["in_force"] is in_force, voted
        binding = self.transfers.contract
        word = to_hex(NAME.encode().ljust(32, b"\0"))
        arguments = [self.contract, word, to_hex(binding.address)]
        arguments.append(to_hex(binding.event_topic("Registered")))
        self.consumer = quorate(
            "contract", "deploy", CONSUMER, "--network", self.network.folder, "--group", REFUND,
            "--as", "refund-author", "--args", str(arguments).replace("'", '"'),
        )["address"]  # fmt: skip
        sent = self.submit(self.evidence)
        assert sent["gas_used"] < GAS_MAX, sent
        for again in ("customs-officer", "treasurer"):
            self.refused("registration has been accepted", self.submit, self.evidence, again)
        return {"evidence_bytes": self.evidence.stat().st_size, "accept_gas": sent["gas_used"]}

    def submit(self, path: Path, account: str = "customs-officer") -> Any:
        return self.command("submit", path, "--to", self.consumer, "--as", account)

    def refused(self, reason: str, act: Any, *arguments: Any) -> None:
        try:
            act(*arguments)
        except Refused as refusal:
            text = refusal.text
        else:
            raise AssertionError(f"expected a refusal: {reason}")
        assert reason in text, text

    def read(self, path: Path) -> Any:
        return self.command(
            "read", NAME, path, "--as", "treasurer", "--at", self.contract, "--log", "0"
        )

    def forgeries(self, asked_max: int = 6) -> dict[str, int]:
        """A bit in each byte, signatures that do not count: refused here and by the contract."""
        data, file = self.evidence.read_bytes(), self.folder / "forged.rlp"
        entry = next(group for group in self.network.file["groups"] if group["name"] == EQUITY)
        block = genesis_block(load_genesis(self.network.folder / entry["genesis"]))
        anchor = Anchor(block.header.hash, 0, 0, block.record.certifiers_hash)
        decoded = []
        for place in range(len(data)):
            altered = bytearray(data)
            altered[place] ^= 1 << place % 8
            try:
                forged = decode_evidence(bytes(altered))
                verify_evidence(STANDARD, anchor, forged)
            except InvalidEvidence:
                if forged.group == anchor.group:
                    decoded.append(bytes(altered))
                continue
            except InvalidEncoding:
                continue
            raise AssertionError(f"byte {place} was altered, and it is believed")
        signers = len(decode_evidence(data).block.certificate.signers)
        decoded = [_with_signers(data, places) for places in ([0, 1], [0, 0, 0])] + decoded
        for forged_data in decoded[:: max(1, len(decoded) // asked_max)][:asked_max]:
            file.write_bytes(forged_data)
            done = run_quorate(
                "evidence", "verify", file, "--genesis", self.network.folder / entry["genesis"],
                check=False,
            )  # fmt: skip
            assert done.returncode == 1
            self.refused("", self.read, file)
        return {"altered_bytes": len(data), "asked_the_contract": asked_max, "signers": signers}

    def change_validators(self) -> dict[str, Any]:
        """A validator joins; that moves the anchor, and a receipt under the new set counts."""
        options = ("--network", self.network.folder, "--group", EQUITY, "--as")
        quorate("governance", "ready", *options, JOINER_ADMIN, "--node", JOINER)
        kind = ("governance", "propose", "add-validator", JOINER)
        number = str(quorate(*kind, *options, EQUITY_ADMINS[0])["number"])
        for admin in EQUITY_ADMINS[1:]:
            row = quorate("governance", "vote", number, *options, admin)
        assert row["state"] == "enacted", row
        changed = height(self.equity)
        eventually(
            "the next epoch",
            lambda: rpc(self.equity, "quorate_validators")["epoch"] == 1,
            WAIT_S,
        )
        local = LocalNetwork(self.network.folder, EQUITY)
        second = carry(Officers.of(local), CASE.read_bytes(), lambda _: None)
        assert second.confirmed_tx
        path = self.export(second.confirmed_tx, "later.rlp")
        self.refused("another set is due", self.submit, path)
        moved = self.command("advance", NAME, path, "--as", "treasurer", "--at", self.contract)
        assert (moved["moved"], moved["epoch"]) == (1, 1), moved
        sent = self.submit(path, "treasurer")
        short = self.export(second.confirmed_tx, "short.rlp", 1)
        return {
            "proposed_at": changed,
            "first_block": moved["first_block"],
            "advance_gas": moved["sent"][0]["gas_used"],
            "accept_gas": sent["gas_used"],
            "evidence_bytes_with_descent": path.stat().st_size,
            "evidence_bytes_without": short.stat().st_size,
        }


def _with_signers(data: bytes, places: list[int]) -> bytes:
    """The evidence with these of its signatures."""
    found = decode_evidence(data)
    certificate = found.block.certificate
    chosen = msgspec.structs.replace(
        certificate,
        signers=tuple(certificate.signers[place] for place in places),
        signatures=tuple(certificate.signatures[place] for place in places),
    )
    return encode_evidence(replace(found, block=replace(found.block, certificate=chosen)))
