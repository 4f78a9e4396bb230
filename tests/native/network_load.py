"""A load that asks everything of an engine, for real networks: and what came of it, node by node.

Random programs are deployed and called; three contracts are sure to do what chance may leave out:
call a precompile and log its answer, revert, create. Black box: JSON-RPC only.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from eth_account.signers.local import LocalAccount

from ledger.codec import encode
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, keccak, to_hex
from tests.acceptance.harness import Network, Refused, eventually, post, rpc
from tests.native.programs import PRECOMPILES, Programs, init_code, signed

CREATORS = ("author", "data-admin")
CALLERS = ("tax-officer", "registrar", "applicant")
GAS = 900_000
BLOCKS_AT_ONCE = 20
_PRECOMPILE_NUMBERS = frozenset(int.from_bytes(address) for address in PRECOMPILES)
SETTLE_S = 120


def _asker() -> bytes:
    """Calls the precompile of word 0 with the rest, and logs the answer under (address, success);
    reverts with its input if there is less than a word."""
    asked = bytes.fromhex(
        "5b"  # size = calldatasize - 32
        "6020 36 03"
        "80 6020 5f 37"  # memory = calldata[32:]
        "5f 5f 82 5f 5f 35 5a fa"  # success = staticcall(gas, word 0, memory)
        "3d 5f 5f 3e"  # memory = what it returned
        "5f 35 3d 5f a2 00"  # log2(memory, word 0, success)
    )
    refused = bytes.fromhex("36 5f 5f 37 36 5f fd")
    start = bytes.fromhex("601f 36 11 60") + bytes([6 + 1 + len(refused)]) + bytes.fromhex("57")
    return start + refused + asked


@dataclass
class Load:
    """Signed transactions of some accounts; `known` contracts grow with every round."""

    network: Network
    seed: int
    hashes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.urls = list(self.network.urls.values())
        self.chain_id = self.network.file["groups"][0]["chain_id"]
        accounts = {name: self.network.account(name) for name in (*CREATORS, *CALLERS)}
        self.signers = {
            name: KeySigner(STANDARD, bytes(account.key)) for name, account in accounts.items()
        }
        self.nonces = {name: self._nonce(account) for name, account in accounts.items()}
        self.asker = self._next_contract("author")
        self.contracts: list[Address] = [self.asker]

    def _nonce(self, account: LocalAccount) -> int:
        return int(rpc(self.urls[0], "eth_getTransactionCount", account.address, "latest"), 16)

    def _next_contract(self, creator: str) -> Address:
        sender = self.signers[creator].address
        return Address(keccak(encode([sender, self.nonces[creator]]))[12:])

    def start(self) -> None:
        """Deploy the contract that asks precompiles."""
        self._send([self._transaction("author", None, init_code(_asker()))])
        self.settle()

    def round(self, creations: int, calls: int) -> None:
        """So many creations and calls, mixed, over all nodes; does not wait."""
        kinds = [True] * creations + [False] * calls
        self.random.shuffle(kinds)
        self._send([self._creation() if is_creation else self._call() for is_creation in kinds])

    def _creation(self) -> tuple[str, bytes]:
        creator = self.random.choice(CREATORS)
        made = self._next_contract(creator)
        known = (*self.contracts[-12:], *(signer.address for signer in self.signers.values()))
        program = Programs(self.random, (*known, *PRECOMPILES)).code()
        code = init_code(program) if self.random.random() < 0.8 else program
        self.contracts.append(made)
        return self._transaction(creator, None, code)

    def _call(self) -> tuple[str, bytes]:
        sender = self.random.choice(CALLERS)
        chance = self.random.random()
        if chance < 0.3:
            address = self.random.choice(PRECOMPILES)
            asked = Programs(self.random, ()).precompile_input(address)
            return self._transaction(sender, self.asker, bytes(12) + address + asked)
        if chance < 0.4:
            return self._transaction(sender, self.asker, self.random.randbytes(20))
        data = self.random.randbytes(self.random.choice((0, 4, 32, 100)))
        return self._transaction(sender, self.random.choice(self.contracts), data)

    def _transaction(self, sender: str, to: Address | None, data: bytes) -> tuple[str, bytes]:
        kind = self.random.choice((0, 1, 2))
        slots = tuple(self.random.randrange(6) for _ in range(self.random.randrange(3)))
        fields: dict[str, Any] = {
            "chain_id": self.chain_id,
            "nonce": self.nonces[sender],
            "fee": 0,
            "gas": GAS,
            "to": to,
            "value": 0,
            "data": data,
            "access": ((self.random.choice(self.contracts), slots),) if kind else (),
        }
        self.nonces[sender] += 1
        return sender, signed(self.signers[sender], kind, fields)

    def _send(self, transactions: list[tuple[str, bytes]]) -> None:
        """Each sender's by a node of its own, so that every node takes in some."""
        for place, name in enumerate(self.signers):
            raws = [to_hex(raw) for sender, raw in transactions if sender == name]
            body = [
                {"jsonrpc": "2.0", "id": n, "method": "eth_sendRawTransaction", "params": [raw]}
                for n, raw in enumerate(raws)
            ]
            answers = post(self.urls[place % len(self.urls)], body) if body else []
            refused = [answer["error"] for answer in answers if "error" in answer]
            if refused:
                raise Refused(f"{name}: {refused[0]}")
            self.hashes += [answer["result"] for answer in answers]

    def settle(self) -> None:
        """Wait until every node has executed all that was sent."""
        wanted = {to_hex(self.signers[name].address): n for name, n in self.nonces.items()}

        def settled() -> bool:
            return all(
                int(rpc(url, "eth_getTransactionCount", address, "latest"), 16) == nonce
                for url in self.urls
                for address, nonce in wanted.items()
            )

        eventually("every node executes the load", settled, SETTLE_S)


def compare_blocks(network: Network, asker: Address) -> Counter[str]:
    """Every block and every receipt of all nodes, equal at every height; counts what happened.

    Raises `AssertionError` at the first difference, with the height and both sides.
    """
    counts: Counter[str] = Counter()
    top = min(network.height(name) for name in network.urls)
    for first in range(0, top + 1, BLOCKS_AT_ONCE):
        numbers = range(first, min(first + BLOCKS_AT_ONCE, top + 1))
        found = {name: _blocks(url, numbers) for name, url in network.urls.items()}
        names = list(found)
        for place, number in enumerate(numbers):
            block, receipts = found[names[0]][place]
            for name in names[1:]:
                other = found[name][place]
                for mine, theirs in ((block, other[0]), (receipts, other[1])):
                    assert mine == theirs, f"block {number}: {names[0]} {mine}, {name} {theirs}"
            _count(counts, receipts, asker)
    counts["blocks"] = top + 1
    return counts


def _blocks(url: str, numbers: range) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    calls = [
        {"jsonrpc": "2.0", "id": 2 * number + place, "method": method, "params": parameters}
        for number in numbers
        for place, (method, parameters) in enumerate(
            (
                ("eth_getBlockByNumber", [hex(number), True]),
                ("eth_getBlockReceipts", [hex(number)]),
            )
        )
    ]
    answers = {answer["id"]: answer["result"] for answer in post(url, calls)}
    return [(answers[2 * number], answers[2 * number + 1]) for number in numbers]


def _count(counts: Counter[str], receipts: list[dict[str, Any]], asker: Address) -> None:
    for receipt in receipts:
        succeeded = receipt["status"] == "0x1"
        counts["transactions"] += 1
        counts["succeeded" if succeeded else "failed"] += 1
        counts["logs"] += len(receipt["logs"])
        counts["creations"] += succeeded and receipt["contractAddress"] is not None
        # The asker fails only where it is told to revert: its calls have gas enough.
        counts["reverts"] += not succeeded and receipt["to"] == to_hex(asker)
        for log in receipt["logs"]:
            asked = int(log["topics"][0], 16) if log["address"] == to_hex(asker) else None
            if asked in _PRECOMPILE_NUMBERS:
                answered = "answered" if int(log["topics"][1], 16) else "refused"
                counts[f"precompile {asked:#x}"] += 1
                counts[f"precompiles {answered}"] += 1
