"""Where the explorer's facts come from: a node, checked against the genesis file if there is one.

Each reading says whether it was verified. Without a genesis file nothing is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from client.light import (
    InvalidAnswer,
    LightClient,
    ProvenReceipt,
    parse_certified,
)
from client.rpc import Client, RpcFailure
from contracts.bindings import accounts
from ledger.epoch_chain import CertifiedHeader
from ledger.gate import GATE_CONTRACT, Permission, decode_permission, permission_slot
from ledger.genesis import Genesis
from ledger.header import Header
from ledger.participants import key_holder
from ledger.record import Record
from ledger.values import Address, Hash32, address_from_hex, to_hex

from .values import Party

HEARTBEATS_LATE_MAX = 3
LOG_BLOCKS_MAX = 100_000
"""Blocks in one question for logs: what our nodes take."""
HEARTBEAT_MS_DEFAULT = 10_000


@dataclass(frozen=True)
class Sealed:
    """A header with its record and signers, and whether they were verified."""

    header: Header
    record: Record
    signers: tuple[Address, ...]
    verified: bool
    problem: str | None = None


@dataclass(frozen=True)
class _ProvenStorage:
    """Storage words after the head, each with its proof checked; raises InvalidAnswer."""

    light: LightClient

    def storage(self, address: Address, slot: int) -> int:
        return self.light.account(address, [slot]).storage[slot]


@dataclass
class Source:
    """One node's view of one group. Keeps what it learned: certified headers do not change."""

    client: Client
    genesis: Genesis | None = None
    _sealed: dict[int, Sealed] = field(default_factory=dict)
    _receipts: dict[Hash32, ProvenReceipt] = field(default_factory=dict)
    _organisations: dict[int, str] = field(default_factory=dict)

    @cached_property
    def light(self) -> LightClient | None:
        """The verifying client, if there is a genesis file."""
        return None if self.genesis is None else LightClient(self.genesis, self.client)

    @cached_property
    def group(self) -> str:
        """The group's name: the genesis file's, else the node's."""
        if self.genesis is not None:
            return self.genesis.name
        chain_id = self.client.chain_id()
        for entry in self.client.groups():
            if entry.get("chain_id") == chain_id:
                return str(entry.get("name"))
        return self.client.group or ""

    @property
    def heartbeat_ms(self) -> int:
        """How often an idle group makes a block."""
        return HEARTBEAT_MS_DEFAULT if self.light is None else self.light.parameters.heartbeat_ms

    def head_age_ms(self, head: Sealed) -> int:
        """How long ago the head was made, by this machine's clock."""
        return max(0, time.time_ns() // 1_000_000 - head.record.timestamp_ms)

    def is_stale(self, age_ms: int) -> bool:
        """Whether an idle group would have made a newer block by now."""
        return age_ms > HEARTBEATS_LATE_MAX * self.heartbeat_ms

    # -- blocks

    def sealed(self, number: int) -> Sealed:
        """Header, record and signers of a block."""
        if number not in self._sealed:
            self._sealed[number] = self._seal(self.client.block_certificate(number), number)
        return self._sealed[number]

    def head(self) -> Sealed:
        """Those of the node's last stable block."""
        sealed = self._seal(self.client.block_certificate("latest"), None)
        self._sealed[sealed.header.number] = sealed
        return sealed

    def _seal(self, answer: Any, number: int | None) -> Sealed:
        header, record, certificate = parse_certified(answer)
        if self.light is None:
            return Sealed(header, record, certificate.signers, False)
        try:
            proven: CertifiedHeader = self.light.verify_certified(answer, number)
        except InvalidAnswer as problem:
            return Sealed(header, record, certificate.signers, False, str(problem))
        return Sealed(proven.header, proven.record, proven.signers, True)

    def proven_receipt(self, transaction_hash: Hash32) -> ProvenReceipt:
        """A transaction's receipt, proven from the genesis file; raises InvalidAnswer."""
        assert self.light is not None
        if transaction_hash not in self._receipts:
            self._receipts[transaction_hash] = self.light.receipt(transaction_hash)
        return self._receipts[transaction_hash]

    def logs(self, topics: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
        """All logs with these topics, asked for in ranges that nodes answer."""
        head = self.client.block_number()
        for first in range(0, head + 1, LOG_BLOCKS_MAX):
            last = min(head, first + LOG_BLOCKS_MAX - 1)
            yield from self.client.logs(from_block=first, to_block=last, topics=topics)

    # -- names

    @cached_property
    def _nodes(self) -> dict[Address, str | None]:
        """Names of validators' nodes: the genesis file's, else what the node says."""
        if self.genesis is not None:
            return {address_from_hex(v.address): v.node for v in self.genesis.validators}
        answer = self.client.validators()
        return {
            address_from_hex(entry["address"]): str(entry["node"])
            for entry in answer["validators"]
            if entry.get("node")
        }

    def node_party(self, address: Address) -> Party:
        """A proposer or signer with its node's name, where that can be proven."""
        if address not in self._nodes:
            self._nodes[address] = self._later_node(address)
        return Party(address=to_hex(address), node=self._nodes[address])

    def _later_node(self, key: Address) -> str | None:
        """The node of a key that was voted in after genesis: its entry in the state stays."""
        if self.light is None or not any(key):
            return None
        try:
            holder = key_holder(_ProvenStorage(self.light), key)
        except (InvalidAnswer, RpcFailure):
            return None
        return None if holder is None else holder[0]

    def permission(self, address: Address, number: int) -> tuple[Permission, str | None]:
        """An account's permission after a block, and why it could not be verified."""
        slot = permission_slot(address)
        problem = None
        if self.light is not None:
            try:
                proven = self.light.account(GATE_CONTRACT, [slot], number)
                return decode_permission(proven.storage[slot]), None
            except InvalidAnswer as doubt:
                problem = str(doubt)
        return decode_permission(self.client.storage(to_hex(GATE_CONTRACT), slot, number)), problem

    def account_party(self, address: Address, number: int) -> Party:
        """An account with its organisation as of a block; without one if that does not hold."""
        permission, problem = self.permission(address, number)
        organisation = None if problem else self.organisation(permission.organisation)
        return Party(address=to_hex(address), organisation=organisation)

    def organisation(self, number: int) -> str | None:
        """An organisation's name by its number on chain; None for none."""
        if number == 0:
            return None
        if number not in self._organisations:
            self._organisations[number] = self._ask_organisation(number)
        return self._organisations[number]

    def _ask_organisation(self, number: int) -> str:
        if self.genesis is not None and number <= len(self.genesis.organisations):
            return self.genesis.organisations[number - 1].name
        query = accounts.organisation(number)
        try:
            return query.decode(self.client.call(to_hex(query.to), query.data)).name
        except (RpcFailure, ValueError):
            return f"#{number}"

    def organisation_labels(self, lang: str) -> dict[str, str]:
        """Organisations' names in a language, where the genesis file gives them."""
        if self.genesis is None or lang != "zh":
            return {}
        return {
            entry.name: entry.label_zh for entry in self.genesis.organisations if entry.label_zh
        }
