"""A group's object in `quorate_status`: view, quorum, who is missing and since when.

Says what the replica says, with node names and times added; nothing is decided by it.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from consensus.effects import AlarmKind
from consensus.status import ReplicaStatus
from ledger.chain import Chain
from ledger.values import Address
from node.group_members import GroupMembers

ALARMS_COUNT_MAX = 16


class GroupStatus:
    """Remembers when each validator was heard last, and the latest alarms."""

    def __init__(self, name: str, chain: Chain, members: GroupMembers) -> None:
        self._name = name
        self._chain = chain
        self._members = members
        self._started_s = time.monotonic()
        self._heard_s: dict[Address, float] = {}
        self._alarms: deque[dict[str, Any]] = deque(maxlen=ALARMS_COUNT_MAX)

    def heard(self, address: Address) -> None:
        """A verified message of this validator came."""
        self._heard_s[address] = time.monotonic()

    def alarm(self, kind: AlarmKind, message: str) -> None:
        """Keep an alarm for those who ask."""
        now_ms = time.time_ns() // 1_000_000
        self._alarms.append({"kind": kind.value, "message": message, "at_ms": now_ms})

    def as_dict(
        self,
        replica: ReplicaStatus,
        *,
        role: str,
        halted: str | None,
        log_lost: str | None,
        pool: int,
    ) -> dict[str, Any]:
        """Plain values only; `missing` names validators silent for longer than a view time-out."""
        head = self._chain.head
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
                {"node": self._node(address), "since_ms": self._silent_ms(address)}
                for address in replica.missing
            ],
            "syncing": replica.is_behind,
            "pool": pool,
            "halted": halted,
            "log_lost": log_lost,
            "alarms": list(self._alarms),
        }

    def _node(self, address: Address) -> str:
        node_id = self._members.node_of(address)
        return "0x" + address.hex() if node_id is None else node_id.rpartition("/")[2]

    def _silent_ms(self, address: Address) -> int:
        since_s = self._heard_s.get(address, self._started_s)
        return int((time.monotonic() - since_s) * 1000)
