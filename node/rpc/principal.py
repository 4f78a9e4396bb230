"""Who asks: the caller of an RPC handler, and what this caller may see.

Every handler takes one. On loopback it is the operator; certificates and tokens will map to
others without a change to any handler.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A caller. `groups` is None for whoever may read every group of this node."""

    name: str
    is_operator: bool
    groups: frozenset[str] | None = None

    def may_read(self, group: str) -> bool:
        """Whether this caller may learn anything about the group, its existence included."""
        return self.groups is None or group in self.groups


OPERATOR = Principal(name="operator", is_operator=True)
