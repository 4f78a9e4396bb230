"""What the explorer answers: plain values, ready for JSON, independent of how they are shown.

Hashes and addresses are `0x` texts, times are milliseconds UTC. `verified` is True only where the
value was derived from the genesis file; `problem` then says why it could not be.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""

    def to_json(self) -> Any:
        """Dictionaries, lists, texts, integers."""
        return msgspec.to_builtins(self)


class Party(Value, frozen=True, kw_only=True):
    """An address with what is known of it; None where nothing is."""

    address: str
    node: str | None = None
    organisation: str | None = None


class GroupStatus(Value, frozen=True, kw_only=True):
    """Where one group's consensus stands, as its node says."""

    name: str
    chain_id: int
    epoch: int
    view: int
    sequence: int
    stable_number: int
    stable_hash: str
    primary: str
    quorum: int
    missing: tuple[str, ...]


class StatusView(Value, frozen=True, kw_only=True):
    """A node, its peers, its groups."""

    node: str
    version: str
    engine: str
    connected: tuple[str, ...]
    disconnected: tuple[str, ...]
    groups: tuple[GroupStatus, ...]
    head_age_ms: int
    is_stale: bool
    verified: bool = False
    problem: str | None = None


class DroppedTransaction(Value, frozen=True, kw_only=True):
    """A transaction of the batch that is not in the block, and why."""

    hash: str
    reason: str


class BlockView(Value, frozen=True, kw_only=True):
    """A block: who made it, who certified it, what stands in it."""

    number: int
    hash: str
    parent_hash: str
    time_ms: int
    epoch: int
    origin_view: int
    proposer: Party
    signers: tuple[Party, ...]
    quorum: int
    state_root: str
    gas_used: int
    gas_limit: int
    transactions: tuple[str, ...]
    dropped: tuple[DroppedTransaction, ...] = ()
    verified: bool = False
    problem: str | None = None


class EventView(Value, frozen=True, kw_only=True):
    """An event; `name` and `arguments` where a known contract's ABI explains it."""

    contract: str
    name: str | None
    arguments: dict[str, Any]
    topics: tuple[str, ...]
    data: str


class TransactionView(Value, frozen=True, kw_only=True):
    """A transaction and what became of it."""

    hash: str
    status: str
    reason: str | None
    block: int | None
    index: int | None
    time_ms: int | None
    sender: Party | None
    to: str | None
    created: str | None
    method: str | None
    nonce: int | None
    value: int
    gas: int | None
    gas_used: int | None
    data_bytes: int
    events: tuple[EventView, ...]
    proposer: Party | None = None
    signers: tuple[Party, ...] = ()
    verified: bool = False
    problem: str | None = None


class AccountView(Value, frozen=True, kw_only=True):
    """An account after a block: what it is and what it may do."""

    address: str
    block: int
    nonce: int
    balance: int
    is_contract: bool
    organisation: str | None
    roles: tuple[str, ...]
    frozen: bool
    verified: bool = False
    problem: str | None = None


class ContractView(Value, frozen=True, kw_only=True):
    """A contract after a block; `kind` names a contract of ours whose code it is.

    `release` says which one, `is_current` whether this build deploys that; None for system
    contracts and for code that no release of ours has.
    """

    address: str
    block: int
    code_hash: str
    code_bytes: int
    storage_root: str
    kind: str | None
    facts: dict[str, Any]
    frozen: bool
    release: str | None = None
    is_current: bool | None = None
    verified: bool = False
    problem: str | None = None


class Step(Value, frozen=True, kw_only=True):
    """One step in an item's life: the trace's row."""

    step: str
    sender: Party
    receiver: str | None
    time_ms: int
    group: str
    data_type: str
    transaction: str
    block: int
    proposer: Party
    signers: tuple[Party, ...]
    contract: str
    details: dict[str, Any]
    verified: bool = False
    problem: str | None = None


class Trace(Value, frozen=True, kw_only=True):
    """An item's whole way, oldest step first."""

    id: str
    group: str
    related: tuple[str, ...]
    steps: tuple[Step, ...]
    verified: bool = False


class Problem(Value, frozen=True, kw_only=True):
    """Something that does not follow from the genesis file; `what` is a short code."""

    rpc: str
    block: int | None
    what: str
    message: str


class Counts(Value, frozen=True, kw_only=True):
    """What a verification looked at."""

    blocks: int = 0
    transactions: int = 0
    receipts: int = 0
    logs: int = 0
    signatures: int = 0
    epochs: int = 0


class VoidBlockView(Value, frozen=True, kw_only=True):
    """A block of the old branch that a node kept; the set that was due there signed it."""

    number: int
    hash: str
    epoch: int
    signers: int


class RecoveryView(Value, frozen=True, kw_only=True):
    """A recovery certificate of the organisations that is a link of the chain."""

    number: int
    hash: str
    epoch: int
    counter: int
    organisations: tuple[str, ...]
    nodes: tuple[str, ...]
    void: tuple[VoidBlockView, ...]


class Verification(Value, frozen=True, kw_only=True):
    """The outcome of `verify`: `ok` without a problem."""

    group: str
    genesis_hash: str
    start: int
    end: int
    head: int
    head_time_ms: int
    checked: Counts
    problems: tuple[Problem, ...]
    ok: bool
    recoveries: tuple[RecoveryView, ...] = ()
