"""Each line of the permission matrix, allowed and refused, at the door and in a batch.

Four departments, one account in each standing. What the matrix refuses is tried twice: honest nodes
refuse it at the door, and a Byzantine primary puts all of it into batches, which every honest node
executes without it. What the matrix allows, and what a contract refuses, is sent and looked at.
Reading: each standing asks over TLS for a method of each class; its account on chain decides.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from contracts.bindings import accounts
from contracts.bindings.contract import Call, log_from_rpc
from contracts.permission_matrix import ACTS, STANDINGS, Act, Verdict
from contracts.roles import role_label
from ledger.gate import Role
from ledger.values import Address, address_from_hex, checksum_address
from node.config import NodeFolder
from node.rpc.access import account_reads
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
from tests.acceptance.manifests import group_manifest
from tests.acceptance.rpc_door import NO_GROUP, UNAUTHORIZED, RpcDoor
from tests.fire.smuggling import smuggling
from tests.permission_attempts import (
    HOME,
    PREPARER,
    REGULATOR,
    STOP,
    Attempt,
    Surroundings,
    attempt,
    load_verifying_key,
)
from tests.rpc_samples import SAMPLES

SETTLE_S = 240.0
GAS, REFUSED_GAS = 1_200_000, 60_000
"""All that is refused fits in one block's gas, so that one batch can hold it."""
CODES = ("FROZEN", "NO_PERMISSION", "NOT_THE_GATE", "NO_DEPLOY")
ORGANISATIONS = ("tax", "market", "data", "audit")
BYSTANDER = "data-admin"
DOOR, DOOR_OFFICE = "tax-1", "tax"


@dataclass
class Town:
    """A running network, and what this script knows of its accounts."""

    network: Network
    url: str
    chain_id: int
    keys: dict[str, LocalAccount] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)

    def account(self, name: str) -> LocalAccount:
        """By name; one that the network does not know is drawn."""
        if name not in self.keys:
            known = {entry["name"] for entry in self.network.file["accounts"]}
            self.keys[name] = self.network.account(name) if name in known else Account.create()
        return self.keys[name]

    def signed(self, name: str, call: Call | bytes, gas: int, *, counts: bool = True) -> str:
        """The next transaction of an account; with `counts` false its nonce stays free."""
        nonce = self.nonces.get(name, 0)
        self.nonces[name] = nonce + counts
        to, data = (None, call) if isinstance(call, bytes) else call
        fields: dict[str, Any] = {"data": "0x" + data.hex(), "gas": gas}
        # Nothing stands for the creation of a contract.
        fields["to"] = b"" if to is None else checksum_address(to)
        return sign(self.account(name), self.chain_id, nonce, **fields)

    def send(self, name: str, call: Call | bytes) -> str:
        """A transaction's hash once the node has taken it."""
        raw = self.signed(name, call, GAS)
        return str(eventually("room in the pool", lambda: self._taken(raw), SETTLE_S))

    def _taken(self, raw: str) -> str | None:
        try:
            return str(rpc(self.url, "eth_sendRawTransaction", raw))
        except Refused as refused:
            if "POOL_FULL" in refused.text:
                return None
            raise

    def receipt(self, transaction: str) -> dict[str, Any]:
        """Waits for it."""

        def found() -> Any:
            return rpc(self.url, "eth_getTransactionReceipt", transaction)

        receipt: dict[str, Any] = eventually("a receipt", found, SETTLE_S)
        return receipt


def run(folder: Path, *, base_port: int | None = None, engine: str = "auto") -> dict[str, Any]:
    """Prepare, be refused, smuggle, then try what is not refused."""
    base_port = any_base_port() if base_port is None else base_port
    manifest = folder / "roles.toml"
    manifest.write_text(_manifest(engine), encoding="utf-8")
    made = folder / "network"
    run_quorate("network", "create", made, "--config", manifest, "--base-port", str(base_port))
    network = Network(made)
    door = RpcDoor(
        NodeFolder(made / "nodes" / DOOR), made / "organisations" / DOOR_OFFICE / "ca.crt"
    )
    smuggled = folder / "smuggled"
    with smuggling(network, smuggled) as started:
        honest = started.honest
        chain_id = int(network.file["groups"][0]["chain_id"])
        town = Town(network, network.urls[honest[0]], chain_id)
        around = _surroundings(town)
        refused = _refused_at_the_door(town, around)
        reasons = _smuggle(town, honest, smuggled, refused)
        reading = _read(town, door)
        figures = _try_the_rest(town, around)
    return {
        "reading": reading,
        "refused_at_the_door": len(refused),
        "left_out_of_blocks": reasons,
        **figures,
    }


def _manifest(engine: str) -> str:
    entries = [(role_label(role), HOME[role_label(role)], role_label(role)) for role in Role]
    entries += [(f"{name}-admin", name, "admin") for name in ORGANISATIONS]
    entries += [("frozen", "tax", "member")]
    return group_manifest("roles", ORGANISATIONS, entries, engine=engine)


def _surroundings(town: Town) -> Surroundings:
    frozen = address_from_hex(town.account("frozen").address)
    freeze = town.send(REGULATOR, accounts.freeze(frozen))
    deployed = [town.send("author", STOP) for _ in range(2)]
    assert town.receipt(freeze)["status"] == "0x1"
    contracts = [town.receipt(sent)["contractAddress"] for sent in deployed]
    return Surroundings(
        chain_id=town.chain_id,
        contract=address_from_hex(contracts[0]),
        spare_contract=address_from_hex(contracts[1]),
        signatories=(_address(town, PREPARER), _address(town, "tax-admin")),
        verifying_key=load_verifying_key(),
    )


def _address(town: Town, name: str) -> Address:
    return address_from_hex(town.account(name).address)


def _sender(act: Act, standing: str) -> str:
    return f"nobody with {act.name}" if standing == "none" else standing


def _refused_at_the_door(town: Town, around: Surroundings) -> dict[str, str]:
    """Raw transaction by its hash: all that the matrix refuses; the node says why."""
    refused = {}
    for act in ACTS:
        for standing in STANDINGS:
            if act.verdicts[standing] is not Verdict.REFUSED:
                continue
            call = attempt(act.name, standing, around).call(1)
            raw = town.signed(_sender(act, standing), call, REFUSED_GAS, counts=False)
            said = _refusal(town, raw)
            assert any(code in said for code in CODES), (act.name, standing, said)
            refused["0x" + keccak(hexstr=raw).hex()] = raw
    return refused


def _refusal(town: Town, raw: str) -> str:
    """What the node says against a transaction; nothing if it took it."""
    try:
        rpc(town.url, "eth_sendRawTransaction", raw)
    except Refused as answer:
        return answer.text
    return ""


def _smuggle(
    town: Town, honest: list[str], smuggled: Path, refused: dict[str, str]
) -> dict[str, int]:
    """How often each reason was given, the same by every honest node."""
    smuggled.write_text(
        "\n".join(raw.removeprefix("0x") for raw in refused.values()), encoding="ascii"
    )
    bystander = town.account(BYSTANDER)
    raw = sign(bystander, town.chain_id, town.nonces.get(BYSTANDER, 0))
    number = int(town.receipt(rpc(town.url, "eth_sendRawTransaction", raw))["blockNumber"], 16)
    told = []
    for name in honest:
        url = town.network.urls[name]
        eventually(f"{name} is there", lambda n=name: town.network.height(n) >= number, SETTLE_S)
        assert rpc(url, "eth_getBlockByNumber", hex(number), False)["transactions"] == [
            "0x" + keccak(hexstr=raw).hex()
        ]
        reasons: dict[str, int] = {}
        for hidden in refused:
            status = rpc(url, "quorate_getTransactionStatus", hidden)
            # The block says that a batch held it: what the door alone refused has none.
            assert status["status"] == "dropped", (name, status)
            assert status["block"] == number, (name, status)
            assert status["reason"] in CODES, (name, status)
            reasons[status["reason"]] = reasons.get(status["reason"], 0) + 1
        told.append(reasons)
    smuggled.unlink()
    assert all(reasons == told[0] for reasons in told), told
    return told[0]


def _read(town: Town, door: RpcDoor) -> dict[str, int]:
    """Each standing asks with a token for its account: what the chain says of it counts."""
    counts = {"answered": 0, "not_allowed": 0, "unknown_group": 0}
    for standing in STANDINGS:
        name = f"reading-{standing}"
        token = door.node.path.parent.parent / f"{name}.token"
        sender = "nobody that reads" if standing == "none" else standing
        quorate("account", "token", "create", door.node.path, "--name", name,
                "--org", HOME.get(standing, DOOR_OFFICE), "--account",
                town.account(sender).address, "--out", token)  # fmt: skip
        for kind, (method, params) in SAMPLES.items():
            answer = door.ask(method, params, token=token.read_text(encoding="ascii").strip())
            code = answer.get("error", {}).get("code")
            found = {NO_GROUP: "unknown_group", UNAUTHORIZED: "not_allowed"}.get(code, "answered")
            assert (found == "answered") == account_reads(standing, kind), (standing, kind, answer)
            is_known = standing in HOME
            assert (found == "unknown_group") != is_known, (standing, kind, answer)
            counts[found] += 1
    return counts


def _try_the_rest(town: Town, around: Surroundings) -> dict[str, int]:
    """Sends what the matrix does not refuse, and compares what became of it."""
    wanted = [
        (act, standing, attempt(act.name, standing, around))
        for act in ACTS
        for standing in STANDINGS
        if act.verdicts[standing] is not Verdict.REFUSED
    ]
    numbers = _prepare(town, [made for _, _, made in wanted])
    sent = [
        (act, standing, town.send(_sender(act, standing), made.call(number)))
        for (act, standing, made), number in zip(wanted, numbers, strict=True)
    ]
    counts = {Verdict.DONE: 0, Verdict.REVERTED: 0}
    for act, standing, transaction in sent:
        is_done = town.receipt(transaction)["status"] == "0x1"
        found = Verdict.DONE if is_done else Verdict.REVERTED
        assert found is act.verdicts[standing], (act.name, standing, found)
        counts[found] += 1
    return {"done": counts[Verdict.DONE], "reverted_by_contracts": counts[Verdict.REVERTED]}


def _prepare(town: Town, attempts: list[Attempt]) -> list[int]:
    """What each attempt needs first, all first steps before any second; numbers of proposals."""
    last: list[str | None] = [None] * len(attempts)
    for step in range(max(len(made.before) for made in attempts)):
        for place, made in enumerate(attempts):
            if step < len(made.before):
                last[place] = town.send(*made.before[step])
        for transaction in filter(None, last):
            assert town.receipt(transaction)["status"] == "0x1", transaction
    return [
        _proposal_number(town.receipt(transaction)) if made.has_proposal and transaction else 1
        for made, transaction in zip(attempts, last, strict=True)
    ]


def _proposal_number(receipt: dict[str, Any]) -> int:
    events = accounts.gate().decode_events([log_from_rpc(log) for log in receipt["logs"]])
    [number] = [event.arguments["proposal"] for event in events if event.name == "Proposed"]
    return int(number)
