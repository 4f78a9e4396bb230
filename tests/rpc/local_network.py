"""A served group for tests: the real chain and pool, four validators' keys in one hand, real RPC.

What is missing is consensus: each block is executed and certified on the spot.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount

from client.rpc import Client
from contracts.bindings.contract import Call
from contracts.system_alloc import AccountEntry, OrganisationEntry, ValidatorEntry, system_alloc
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.chain import Chain, ExecutedBlock
from ledger.engine import Engine, decode_each
from ledger.gate import GATE_CONTRACT, GROTH16_CONTRACT, KEYS_CONTRACT, Role, SystemGate
from ledger.genesis import Allocation, Genesis, Organisation
from ledger.genesis import ValidatorEntry as GenesisValidator
from ledger.keyvalue import MemoryStore
from ledger.parameters import Parameters
from ledger.proposal import propose
from ledger.pyevm import PyEvmEngine
from ledger.reasons import Reason
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.transactions import InvalidTransaction, Transaction
from ledger.values import Address, Hash32, keccak, to_hex
from node.admission import Admission
from node.journal import Refusal
from node.metrics import Metrics
from node.pool import BatchLimits, BlockOutcome, Pool, PoolLimits
from node.rpc.limits import Limits
from node.rpc.server import Door, RpcServer
from node.rpc.view import GroupEvent, NewHead, NewPending, Unavailable
from node.stages import Stages
from node.subscriptions import Subscriptions

T = TypeVar("T")
WINDOW_BLOCKS = 2
HEARTBEAT_MS = 10_000
CHAIN_ID = 7_700_321
ORGANISATIONS = ("tax", "market", "data", "audit")
LABELS = {"tax": "税务局", "market": "市场监管局", "data": "政务服务数据管理局", "audit": "审计局"}
ACCOUNTS = {
    "tax-officer": ("tax", Role.MEMBER),
    "tax-reviewer": ("tax", Role.MEMBER),
    "registrar": ("market", Role.MEMBER),
    "applicant": ("data", Role.MEMBER),
    "author": ("data", Role.AUTHOR),
    "auditor": ("audit", Role.REGULATOR),
    **{f"{name}-admin": (name, Role.ADMIN) for name in ORGANISATIONS},
}
BALANCE = 10**18
ANSWERS_ONE = bytes.fromhex("60015f5260205ff3")
"""Code that returns the word 1 whatever it is asked."""


def signer(name: str) -> KeySigner:
    """A key that depends on its name only."""
    return KeySigner(STANDARD, keccak(f"test key of {name}".encode()))


def account(name: str) -> LocalAccount:
    """The same key for eth-account."""
    made: LocalAccount = Account.from_key(keccak(f"test key of {name}".encode()))
    return made


def address(name: str) -> Address:
    return signer(name).address


def make_genesis(
    *,
    name: str = "main",
    chain_id: int = CHAIN_ID,
    trusting: bool = False,
    age_ms: int = 60_000,
    joined: str | None = None,
) -> Genesis:
    """Four organisations with real system contracts.

    `trusting` puts contracts in place of the key registry and the verifier that accept anything:
    a whole transfer without a proof. `joined` is an organisation of the state that the document
    does not name, with one member, `newcomer`.
    """
    parameters = Parameters(
        chain_id=chain_id, window_blocks=WINDOW_BLOCKS, heartbeat_ms=HEARTBEAT_MS
    )
    newcomers = () if joined is None else (joined,)
    contracts = system_alloc(
        organisations=[OrganisationEntry(entry) for entry in (*ORGANISATIONS, *newcomers)],
        accounts=[
            *(
                AccountEntry(address(entry), organisation, role)
                for entry, (organisation, role) in ACCOUNTS.items()
            ),
            *(AccountEntry(address("newcomer"), entry, Role.MEMBER) for entry in newcomers),
        ],
        validators=[ValidatorEntry(address(f"{org}-node"), org, "node1") for org in ORGANISATIONS],
        parameters=parameters,
        production=False,
    )
    if trusting:
        for where in (KEYS_CONTRACT, GROTH16_CONTRACT):
            contracts[where] = replace(contracts[where], code=ANSWERS_ONE)
    alloc = {to_hex(where): entry.as_allocation() for where, entry in contracts.items()}
    for funded in ("author", "applicant"):
        alloc[to_hex(address(funded))] = Allocation(balance=hex(BALANCE))
    return Genesis(
        name=name,
        timestamp_ms=time.time_ns() // 1_000_000 - age_ms,
        parameters=parameters,
        organisations=[
            Organisation(
                name=entry,
                recovery_key=to_hex(address(f"{entry}-recovery")),
                label_zh=LABELS[entry],
            )
            for entry in ORGANISATIONS
        ],
        recovery_threshold=3,
        validators=[
            GenesisValidator(
                address=to_hex(address(f"{entry}-node")), node=f"{entry}/node1", organisation=entry
            )
            for entry in ORGANISATIONS
        ],
        alloc=alloc,
    ).checked()


class LocalGroup:
    """One group as RPC sees it. With `instant`, each submitted transaction makes a block."""

    role = "validator"

    def __init__(
        self, genesis: Genesis, *, instant: bool = True, engine: Engine | None = None
    ) -> None:
        self.name = genesis.name
        self.genesis = genesis
        self.chain = Chain(genesis, BlockStore(MemoryStore(), STANDARD), engine or PyEvmEngine())
        self.group_id = self.chain.group
        self.instant = instant
        self._admission = Admission(
            lambda: self.chain.parameters,
            SystemGate(),
            self.chain.latest_state,
            decode_each,
            Stages(),
        )
        self.pool = Pool(PoolLimits(), self._admission.nonce_of)
        self._subscriptions = Subscriptions()
        self.validators = {
            address(name): signer(name)
            for name in [*(f"{org}-node" for org in ORGANISATIONS), "audit-node2"]
        }
        self.envelopes: list[Mapping[str, Any]] = []
        self.submitted_batches: list[int] = []

    async def submit_batch(
        self, raws: Sequence[bytes]
    ) -> Sequence[Hash32 | InvalidTransaction | Unavailable]:
        self.submitted_batches.append(len(raws))
        answers: list[Hash32 | InvalidTransaction | Unavailable] = []
        for raw in raws:
            try:
                transaction, sender = self._admission.examine(raw)
                if self.pool.add(transaction, sender):
                    self._subscriptions.tell(NewPending(transaction.hash))
            except InvalidTransaction as error:
                answers.append(error)
                continue
            answers.append(transaction.hash)
        if self.instant and len(self.pool):
            self.mine()
        return answers

    def mine(self, *batch: bytes, time_ms: int | None = None) -> ExecutedBlock:
        """A block of the pool's transactions, or of those given, certified by a quorum."""
        if not batch:
            limits = BatchLimits(self.genesis.parameters.gas_limit, 1000, 1 << 20)
            batch = tuple(entry.transaction.raw for entry in self.pool.take_batch(limits))
        number = self.chain.head.number + 1
        epoch, validators = self.chain.validators_for(number)
        executed = self.chain.execute(
            propose(
                STANDARD,
                group=self.group_id,
                epoch=epoch,
                sequence=number,
                origin_view=0,
                proposer=validators.primary(number),
                timestamp_ms=time.time_ns() // 1_000_000 if time_ms is None else time_ms,
                transactions=batch,
            )
        )
        digest = checkpoint_digest(STANDARD, self.group_id, epoch, number, executed.hash)
        votes = {
            member: self.validators[member].sign(digest)
            for member in validators.members[: validators.quorum]
        }
        self.chain.commit(executed, certificate_of(epoch, number, executed.hash, votes))
        outcome = BlockOutcome(
            tuple(entry.transaction.hash for entry in executed.outcome.included),
            tuple((entry.hash, entry.reason) for entry in executed.outcome.dropped),
            executed.result.writes.accounts,
            is_gate_changed=GATE_CONTRACT in executed.result.writes.storage,
        )
        self._admission.follow(outcome)
        self.pool.apply_block(outcome)
        self._subscriptions.tell(NewHead(number))
        return executed

    def status(self) -> Mapping[str, Any]:
        head = self.chain.head
        epoch, validators = self.chain.validators_for(head.number + 1)
        return {
            "name": self.name,
            "chain_id": self.genesis.parameters.chain_id,
            "epoch": epoch,
            "view": 0,
            "sequence": head.number,
            "stable": {"number": head.number, "hash": to_hex(head.hash)},
            "primary": "node1",
            "quorum": validators.quorum,
            "missing": [],
            "syncing": False,
        }

    def transaction_status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        found = self.chain.transaction_status(transaction_hash)
        if found is not None:
            reason = None if found.reason is None else found.reason.value
            return {"status": found.status, "block": found.number, "reason": reason}
        if transaction_hash in self.pool:
            return {"status": "pending", "block": None, "reason": None}
        refusal = self.pool.refusal(transaction_hash)
        return refusal and {"status": "dropped", "block": None, "reason": refusal.reason}

    def refuse(self, transaction: Transaction, reason: Reason) -> None:
        """Take a transaction out of the pool for a reason."""
        self.pool.remove(transaction.hash, Refusal(reason.value, reason.remedy))

    def subscribe(self) -> asyncio.Queue[GroupEvent]:
        return self._subscriptions.add()

    def unsubscribe(self, events: asyncio.Queue[GroupEvent]) -> None:
        self._subscriptions.remove(events)


class LocalNode:
    """A node of the groups given; the first is the default."""

    name = "node1"
    version = "0.0.test"
    engine = "py-evm"

    def __init__(self, *groups: LocalGroup) -> None:
        self.groups = {group.name: group for group in groups}
        self.default_group = groups[0].name
        self.obstacles: dict[str, str] = {}

    def peers(self) -> list[Mapping[str, Any]]:
        return [
            {"node": "market/node1", "connected": True},
            {"node": "data/node1", "connected": False},
        ]

    def certificate(self) -> Mapping[str, Any]:
        return {"serial": "1f", "not_after": "2027-01-01", "days_left": 100, "refused": None}

    def expiring(self) -> list[Mapping[str, Any]]:
        return []

    def readiness(self) -> Mapping[str, str]:
        return self.obstacles

    async def send_envelope(self, group: str, receiver: str, envelope: bytes) -> Hash32:
        if receiver not in ORGANISATIONS:
            raise ValueError(f"no node of organisation {receiver!r} is a member of group {group}")
        digest = keccak(envelope)
        self.groups[group].envelopes.append(
            {"digest": digest, "sender": "tax/node1", "received_ms": 1, "envelope": envelope}
        )
        return digest

    def envelopes(self, group: str) -> list[Mapping[str, Any]]:
        return self.groups[group].envelopes


class ServedNode:
    """A node's RPC in a thread of its own, for clients that block."""

    def __init__(
        self,
        *groups: LocalGroup,
        limits: Limits | None = None,
        door: Callable[[Metrics], Door] | None = None,
    ) -> None:
        self._door = door
        self.node = LocalNode(*groups)
        self.group = groups[0]
        self.metrics = Metrics()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self.run(self._make(limits))

    async def _make(self, limits: Limits | None) -> RpcServer:
        server = RpcServer(
            self.node,
            "127.0.0.1",
            0,
            metrics=self.metrics,
            limits=limits,
            organisation="tax",
            door=self._door and self._door(self.metrics),
        )
        await server.start()
        return server

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def genesis(self) -> Genesis:
        return self.group.genesis

    def client(self, group: str | None = None) -> Client:
        return Client(self.url, group)

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(60)

    def do(self, work: Callable[[], T]) -> T:
        """Run a function in the node's loop."""

        async def wait() -> T:
            return work()

        return self.run(wait())

    def mine(self, *batch: bytes, time_ms: int | None = None) -> ExecutedBlock:
        return self.do(lambda: self.group.mine(*batch, time_ms=time_ms))

    def stop(self) -> None:
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        for group in self.node.groups.values():
            group.chain.close()


def enact(served: ServedNode, calls: Sequence[tuple[str, Call]]) -> int:
    """Send each account's call, mine until they are in force; the first block of that epoch."""
    client = served.client()
    for name, call in calls:
        sent = client.send_transaction(account(name), to_hex(call.to), call.data, gas=1_000_000)
        client.confirm(sent)
    changed = client.block_number()
    for _ in range(WINDOW_BLOCKS + 2):
        served.mine()
    return changed + WINDOW_BLOCKS + 1
