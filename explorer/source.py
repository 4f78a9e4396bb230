"""Where the explorer's facts come from: a node, checked against the genesis file if there is one.

Each reading says whether it was verified. Without a genesis file nothing is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from client.light import CertifiedHeader, InvalidAnswer, LightClient, parse_certified
from client.rpc import Client, RpcFailure
from contracts.bindings import accounts
from ledger.gate import GATE_CONTRACT, Permission, decode_permission, permission_slot
from ledger.genesis import Genesis
from ledger.header import Header
from ledger.record import Record
from ledger.values import Address, address_from_hex, to_hex

from .values import Party

HEARTBEATS_LATE_MAX = 3
HEARTBEAT_MS_DEFAULT = 10_000


@dataclass(frozen=True)
class Sealed:
    """A header with its record and signers, and whether they were verified."""

    header: Header
    record: Record
    signers: tuple[Address, ...]
    verified: bool
    problem: str | None = None


@dataclass
class Source:
    """One node's view of one group. Keeps what it learned: certified headers do not change."""

    client: Client
    genesis: Genesis | None = None
    _sealed: dict[int, Sealed] = field(default_factory=dict)
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
        if self.genesis is None:
            return HEARTBEAT_MS_DEFAULT
        return self.genesis.parameters.heartbeat_ms

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

    # -- names

    @cached_property
    def nodes(self) -> dict[Address, str]:
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
        """A proposer or signer with its node's name."""
        return Party(address=to_hex(address), node=self.nodes.get(address))

    def permission(self, address: Address, number: int) -> Permission:
        """An account's permission after a block, verified where possible."""
        slot = permission_slot(address)
        if self.light is not None:
            proven = self.light.account(GATE_CONTRACT, [slot], number)
            return decode_permission(proven.storage[slot])
        return decode_permission(self.client.storage(to_hex(GATE_CONTRACT), slot, number))

    def account_party(self, address: Address, number: int) -> Party:
        """An account with its organisation as of a block."""
        organisation = self.permission(address, number).organisation
        return Party(address=to_hex(address), organisation=self.organisation(organisation))

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

    def organisation_label(self, name: str | None, lang: str) -> str:
        """An organisation's name in a language, where the genesis file gives one."""
        if name and lang == "zh" and self.genesis is not None:
            for entry in self.genesis.organisations:
                if entry.name == name and entry.label_zh:
                    return entry.label_zh
        return name or ""
