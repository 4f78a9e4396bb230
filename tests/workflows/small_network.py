"""A group of one node: the real ledger, contracts and JSON-RPC; a block as soon as one is sent.

What consensus would do is replaced by four keys that sign each block. Envelopes go from a shelf to
the same shelf.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from client.rpc import Client
from contracts.system_alloc import (
    AccountEntry,
    OrganisationEntry,
    ValidatorEntry,
    system_alloc,
)
from ledger import genesis as documents
from ledger.certificate import certificate_of, checkpoint_digest
from ledger.chain import Chain
from ledger.gate import Role
from ledger.genesis import Genesis
from ledger.keyvalue import MemoryStore
from ledger.parameters import Parameters
from ledger.proposal import propose
from ledger.store import BlockStore
from ledger.suite import STANDARD, KeySigner
from ledger.transactions import InvalidTransaction, decode_transaction
from ledger.values import Address, Hash32, address_from_hex, keccak, to_hex
from node.engines import engine_named
from node.metrics import Metrics
from node.rpc.server import RpcServer

CHAIN_ID = 77_002
ORGANISATIONS = ("tax", "market", "data", "audit")
ROLES = {
    "tax-officer": ("tax", Role.MEMBER),
    "tax-reviewer": ("tax", Role.MEMBER),
    "registrar": ("market", Role.MEMBER),
    "applicant": ("data", Role.MEMBER),
    "author": ("data", Role.AUTHOR),
    **{f"{name}-admin": (name, Role.ADMIN) for name in ORGANISATIONS},
}


def signer(name: str) -> KeySigner:
    """A key that is the same in every run."""
    return KeySigner(STANDARD, keccak(f"test key of {name}".encode()))


def account(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(keccak(f"test key of {name}".encode()))
    return made


def address(name: str) -> Address:
    return address_from_hex(account(name).address)


def small_genesis(
    name: str = "equity",
    accounts: Sequence[AccountEntry] | None = None,
    *,
    production: bool = False,
) -> Genesis:
    """Of these accounts, by default one for each of `ROLES`."""
    validators = {organisation: signer(f"{organisation}-1") for organisation in ORGANISATIONS}
    parameters = Parameters(chain_id=CHAIN_ID, window_blocks=4)
    alloc = system_alloc(
        organisations=[OrganisationEntry(organisation) for organisation in ORGANISATIONS],
        accounts=accounts
        or [AccountEntry(address(who), org, role) for who, (org, role) in ROLES.items()],
        validators=[
            ValidatorEntry(key.address, organisation, f"{organisation}-1")
            for organisation, key in validators.items()
        ],
        parameters=parameters,
        production=production,
    )
    return Genesis(
        name=name,
        timestamp_ms=1_700_000_000_000,
        parameters=parameters,
        organisations=[
            documents.Organisation(name=organisation, recovery_key=to_hex(key.address))
            for organisation, key in validators.items()
        ],
        recovery_threshold=3,
        validators=[
            documents.ValidatorEntry(
                address=to_hex(key.address),
                node=f"{organisation}/{organisation}-1",
                organisation=organisation,
            )
            for organisation, key in validators.items()
        ],
        alloc={to_hex(where): entry.as_allocation() for where, entry in alloc.items()},
    ).checked()


class EmptyPool:
    """Nothing ever waits."""

    def __len__(self) -> int:
        return 0

    def get(self, transaction_hash: Hash32) -> None:
        return None

    def next_nonce(self, sender: Address, state_nonce: int) -> int:
        return state_nonce

    def transactions(self) -> tuple[Any, ...]:
        return ()


def clock_of_2023(number: int) -> int:
    """The same in every run: whoever asks for a fresh head finds this one years old."""
    return 1_700_000_000_000 + number * 1_500


def clock_of_today(_: int) -> int:
    return time.time_ns() // 1_000_000


class SmallGroup:
    """Executes and certifies each transaction in the call that submits it.

    `clock` gives a block's time in milliseconds by its number.
    """

    role = "validator"

    def __init__(self, genesis: Genesis, clock: Callable[[int], int] = clock_of_2023) -> None:
        self.genesis = genesis
        self.clock = clock
        self.name = genesis.name
        self.chain = Chain(genesis, BlockStore(MemoryStore(), STANDARD), engine_named("py-evm"))
        self.group_id = self.chain.group
        self.pool = EmptyPool()
        self._keys = [signer(f"{organisation}-1") for organisation in ORGANISATIONS]

    async def submit_batch(self, raws: Sequence[bytes]) -> Sequence[Hash32 | InvalidTransaction]:
        return [self._submit(raw) for raw in raws]

    def _submit(self, raw: bytes) -> Hash32 | InvalidTransaction:
        try:
            transaction = decode_transaction(raw)
            if self.chain.transaction_status(transaction.hash) is None:
                self.chain.check(transaction)
                self._extend(raw)
        except InvalidTransaction as error:
            return error
        return transaction.hash

    def _extend(self, raw: bytes) -> None:
        number = self.chain.head.number + 1
        epoch, validators = self.chain.validators_for(number)
        proposal = propose(
            STANDARD,
            group=self.group_id,
            epoch=epoch,
            sequence=number,
            origin_view=0,
            proposer=validators.primary(0),
            timestamp_ms=self.clock(number),
            transactions=(raw,),
        )
        executed = self.chain.execute(proposal)
        digest = checkpoint_digest(STANDARD, self.group_id, epoch, number, executed.hash)
        votes = {key.address: key.sign(digest) for key in self._keys[: validators.quorum]}
        self.chain.commit(executed, certificate_of(epoch, number, executed.hash, votes))

    def status(self) -> Mapping[str, Any]:
        return {"name": self.name}

    def transaction_status(self, transaction_hash: Hash32) -> Mapping[str, Any] | None:
        found = self.chain.transaction_status(transaction_hash)
        if found is None:
            return None
        reason = None if found.reason is None else found.reason.value
        return {"status": found.status, "block": found.number, "reason": reason}

    def subscribe(self) -> asyncio.Queue[Any]:
        return asyncio.Queue()

    def unsubscribe(self, events: asyncio.Queue[Any]) -> None:
        pass


@dataclass
class SmallNode:
    """A node of one group and a shelf of envelopes."""

    group: SmallGroup
    name: str = "tax/tax-1"
    version: str = "test"
    engine: str = "py-evm"
    shelf: list[dict[str, Any]] = field(default_factory=list)

    @property
    def groups(self) -> dict[str, SmallGroup]:
        return {self.group.name: self.group}

    @property
    def default_group(self) -> str:
        return self.group.name

    def peers(self) -> list[Mapping[str, Any]]:
        return []

    def readiness(self) -> Mapping[str, str]:
        return {}

    async def send_envelope(self, group: str, receiver: str, envelope: bytes) -> Hash32:
        digest = keccak(envelope)
        if all(entry["digest"] != digest for entry in self.shelf):
            entry = {"digest": digest, "sender": "market/market-1", "received_ms": 0}
            self.shelf.append({**entry, "envelope": envelope})
        return digest

    def envelopes(self, group: str) -> list[Mapping[str, Any]]:
        return list(self.shelf)


class SmallNetwork:
    """The node, served on a loopback port by a thread of its own until `close`."""

    def __init__(
        self, genesis: Genesis | None = None, clock: Callable[[int], int] = clock_of_2023
    ) -> None:
        self.genesis = genesis or small_genesis()
        self.node = SmallNode(SmallGroup(self.genesis, clock))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = RpcServer(self.node, "127.0.0.1", 0, metrics=Metrics())
        self._run(self._server.start())
        self.client = Client(self._server.url)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    @property
    def chain(self) -> Chain:
        return self.node.group.chain

    def close(self) -> None:
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self.chain.close()
