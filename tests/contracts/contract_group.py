"""A group in memory: the real engine over the genesis allocation, one block per transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.bindings.accounts import holder_digest
from contracts.bindings.contract import Call, Contract, Event, Query, decode_revert
from contracts.system_alloc import (
    AccountEntry,
    OrganisationEntry,
    ValidatorEntry,
    system_alloc,
)
from ledger.commitment import commit
from ledger.engine import Candidate, Engine, Environment, Message
from ledger.gate import Role, SystemGate
from ledger.parameters import Parameters
from ledger.reasons import Reason
from ledger.receipts import Receipt
from ledger.state import EMPTY_STATE, Account, Overlay
from ledger.suite import STANDARD
from ledger.values import Address, Hash32, keccak
from node.engines import PY_EVM, engine_named
from tests.unsigned import unsigned

CHAIN_ID = 20_241_107
GAS = 3_000_000
WINDOW_BLOCKS = 3
PARAMETERS = Parameters(chain_id=CHAIN_ID, window_blocks=WINDOW_BLOCKS)

TAX, MARKET, DATA, AUDIT = 1, 2, 3, 4
ORGANISATIONS = ("tax", "market", "data", "audit")


def private_key(name: str) -> bytes:
    """A key that depends on the name only, so that failures repeat."""
    return keccak(f"test key of {name}".encode())


def address(name: str) -> Address:
    return STANDARD.address_of(private_key(name))


ACCOUNTS = {
    "tax-officer": ("tax", Role.MEMBER),
    "tax-reviewer": ("tax", Role.MEMBER),
    "registrar": ("market", Role.MEMBER),
    "applicant": ("data", Role.MEMBER),
    "gateway": ("data", Role.GATEWAY),
    "author": ("data", Role.AUTHOR),
    "auditor": ("audit", Role.REGULATOR),
    **{f"{name}-admin": (name, Role.ADMIN) for name in ORGANISATIONS},
}
GROUP = "equity"
POSTS = {
    "system": Role.SYSTEM_ADMINISTRATOR,
    "security": Role.SECURITY_ADMINISTRATOR,
    "audit": Role.AUDIT_ADMINISTRATOR,
}
VALIDATORS = tuple(f"{name}-1" for name in ORGANISATIONS)


@dataclass(frozen=True)
class Outcome:
    """What became of a transaction: a receipt, or the reason why it was dropped."""

    receipt: Receipt | None
    dropped: Reason | None
    revert: str

    @property
    def ok(self) -> bool:
        return self.receipt is not None and self.receipt.status == 1


class Refused(Exception):
    """A transaction that was expected to succeed and did not."""


def _rows(alloc: Mapping[Address, Any]) -> Overlay:
    codes = {keccak(entry.code): entry.code for entry in alloc.values()}
    writes = commit(
        EMPTY_STATE,
        accounts={
            where: Account(nonce=entry.nonce, balance=entry.balance, code_hash=keccak(entry.code))
            for where, entry in alloc.items()
        },
        storage={where: entry.storage for where, entry in alloc.items()},
        codes=codes,
        cleared=frozenset(),
    )
    return Overlay(EMPTY_STATE, writes)


@dataclass
class Group:
    """Sends by the account's name; every transaction is a block of its own."""

    state: Any
    number: int = 0
    time: int = 1_700_000_000
    engine: Engine = field(default_factory=lambda: engine_named(PY_EVM))

    def send(self, sender: str, call: Call | bytes, *, gas: int = GAS) -> Outcome:
        """Runs a call, or a deployment if it is data only."""
        to, data = (None, call) if isinstance(call, bytes) else call
        self.mine()
        account = self.state.account(address(sender))
        nonce = 0 if account is None else account.nonce
        transaction = unsigned(nonce, to, data, gas, chain_id=CHAIN_ID)
        before = self.state
        candidate = Candidate(0, Hash32(bytes(32)), transaction, address(sender), None)
        result = self.engine.execute_block(self._environment(), SystemGate(), [candidate], before)
        if result.dropped:
            return Outcome(None, result.dropped[0].reason, "")
        self.state = Overlay(before, result.writes)
        receipt = result.receipts[0]
        if receipt.status:
            return Outcome(receipt, None, "")
        message = Message(address(sender), to, data, gas)
        answer = self.engine.call(self._environment(), SystemGate(), message, before)
        return Outcome(receipt, None, decode_revert(answer.output))

    def do(self, sender: str, call: Call | bytes) -> Receipt:
        """Sends what must succeed."""
        outcome = self.send(sender, call)
        if not outcome.ok or outcome.receipt is None:
            raise Refused(f"{sender}: {outcome.dropped or outcome.revert or 'failed'}")
        return outcome.receipt

    def events(self, sender: str, call: Call, contract: Contract) -> list[Event]:
        """Events of what must succeed."""
        return contract.decode_events(self.do(sender, call).logs)

    def ask(self, query: Query[Any], *, sender: str = "applicant") -> Any:
        message = Message(address(sender), query.to, query.data, GAS)
        answer = self.engine.call(self._environment(), SystemGate(), message, self.state)
        assert answer.success, decode_revert(answer.output) or answer.error
        return query.decode(answer.output)

    def copy(self) -> "Group":
        """The same group at this moment; what happens to one does not happen to the other."""
        return replace(self)

    def mine(self, blocks: int = 1) -> None:
        self.number += blocks
        self.time += blocks

    def _environment(self) -> Environment:
        return Environment(
            number=self.number,
            timestamp=self.time,
            coinbase=address("tax-1"),
            gas_limit=30_000_000,
            chain_id=CHAIN_ID,
            ancestor_hash=lambda number: keccak(str(number).encode()),
        )


def production_staff() -> list[AccountEntry]:
    """Three administrators for each organisation, two officers and a regulator."""
    return [
        *(
            AccountEntry(
                address(f"{organisation}-{post}"),
                organisation,
                role,
                holder_digest(GROUP, f"{organisation} {post}"),
            )
            for organisation in ORGANISATIONS
            for post, role in POSTS.items()
        ),
        AccountEntry(address("applicant"), "data", Role.MEMBER),
        AccountEntry(address("author"), "data", Role.AUTHOR),
        AccountEntry(address("auditor"), "audit", Role.REGULATOR),
    ]


def allocate(**changes: Any) -> dict[Address, Any]:
    """The test group's allocation, with some arguments replaced."""
    arguments: dict[str, Any] = {
        "organisations": [OrganisationEntry(name) for name in ORGANISATIONS],
        "accounts": [
            AccountEntry(address(name), organisation, role)
            for name, (organisation, role) in ACCOUNTS.items()
        ],
        "validators": [
            ValidatorEntry(address(node), node.split("-")[0], node) for node in VALIDATORS
        ],
        "parameters": PARAMETERS,
        "production": False,
    }
    return system_alloc(**(arguments | changes))


def new_group(**changes: Any) -> Group:
    return Group(_rows(allocate(**changes)))


def in_state(group: Group, where: Address, slots: dict[int, int]) -> None:
    """Writes slots as no transaction could, to reach a state that the code itself prevents."""
    writes = commit(
        group.state,
        accounts={where: group.state.account(where)},
        storage={where: slots},
        codes={},
        cleared=frozenset(),
    )
    group.state = Overlay(group.state, writes)
