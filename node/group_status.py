"""A group's object in `quorate_status`: view, quorum, who is missing and since when.

Says what the replica says, with node names, times and sentences added; nothing is decided by it.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict
from typing import Any

from consensus.effects import AlarmKind
from consensus.status import ReplicaStatus
from ledger.chain import Chain
from ledger.values import Address
from node.clock_check import Apart
from node.conditions import Place, find_conditions
from node.group_members import GroupMembers
from node.header_comparison import HeaderMismatch
from node.parameters import parameters_status
from node.upgrades import lack_ahead, upgrade_status

ALARMS_COUNT_MAX = 16


class GroupStatus:
    """Remembers the latest alarms, and whether this node's key was ever listed."""

    def __init__(
        self,
        name: str,
        chain: Chain,
        members: GroupMembers,
        own: Address,
        *,
        has_voted: bool,
        tick_ms: int,
    ) -> None:
        self._name = name
        self._chain = chain
        self._members = members
        self._own = own
        self._tick_ms = tick_ms
        self._was_listed = has_voted or own in chain.genesis.validator_set
        self._alarms: deque[dict[str, Any]] = deque(maxlen=ALARMS_COUNT_MAX)
        self._mismatch: HeaderMismatch | None = None

    def alarm(self, kind: AlarmKind, message: str) -> None:
        """Keep an alarm for those who ask."""
        now_ms = time.time_ns() // 1_000_000
        self._alarms.append({"kind": kind.value, "message": message, "at_ms": now_ms})

    def mismatch(self, mismatch: HeaderMismatch) -> None:
        """Keep the latest difference between headers."""
        self._mismatch = mismatch

    def as_dict(
        self,
        replica: ReplicaStatus,
        *,
        role: str,
        halted: str | None,
        log_lost: str | None,
        pool: int,
        clock: Apart | None,
    ) -> dict[str, Any]:
        """Plain values only; `missing` names validators silent for longer than a view time-out.

        view_change: None while the view is open. asking: who waits for a later view than this.
        parameters: those that a vote may change, in force and pending.
        upgrade: the protocol in force, what this build speaks, what is scheduled.
        clock: how far another validator's clock was from ours when its latest proposal came.
        mismatch: the latest block on which a header differs from ours, field and both values.
        conditions: what an operator should know, the gravest first, each in one sentence.
        """
        head = self._chain.head
        self._was_listed |= self._own in replica.validators
        place = Place(
            self._own,
            self._tick_ms,
            halted,
            log_lost,
            self._was_listed,
            self._mismatch,
            lack_ahead(self._chain),
        )
        return {
            "name": self._name,
            "chain_id": self._chain.parameters.chain_id,
            "role": role,
            "epoch": replica.epoch,
            "view": replica.view,
            "view_active": replica.is_active,
            "sequence": replica.executed,
            "stable": {"number": head.number, "hash": "0x" + head.header.hash.hex()},
            "primary": self._node(replica.primary),
            "quorum": replica.quorum,
            "validators": [self._node(address) for address in replica.validators],
            "missing": [
                {"node": self._node(address), "since_ms": ticks * self._tick_ms}
                for address, ticks in zip(replica.missing, replica.missing_ticks, strict=True)
            ],
            "unheard": [self._node(address) for address in replica.unheard],
            "view_change": self._view_change(replica),
            "asking": [self._node(address) for address in replica.leavers],
            "syncing": replica.is_catching_up,
            "pool": pool,
            "parameters": parameters_status(self._chain),
            "upgrade": upgrade_status(self._chain),
            "clock": {
                "tolerance_ms": self._chain.parameters.clock_tolerance_ms,
                "apart_ms": None if clock is None else clock.apart_ms,
                "from": None if clock is None else self._node(clock.proposer),
            },
            "halted": halted,
            "log_lost": log_lost,
            "retired": replica.retired,
            "conditions": [
                asdict(condition) for condition in find_conditions(replica, place, self._node)
            ],
            "mismatch": None if self._mismatch is None else asdict(self._mismatch),
            "alarms": list(self._alarms),
        }

    def _node(self, address: Address) -> str:
        node_id = self._members.node_of(address)
        return "0x" + address.hex() if node_id is None else node_id.rpartition("/")[2]

    def _view_change(self, replica: ReplicaStatus) -> dict[str, Any] | None:
        if replica.leaving_reason is None:
            return None
        return {
            "to": replica.view,
            "because": str(replica.leaving_reason),
            "since_ms": replica.leaving_ticks * self._tick_ms,
            "alone": set(replica.leavers) <= {self._own},
        }
