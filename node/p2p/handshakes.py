"""How many handshakes go on at a time, and of whom: before anyone has shown who it is.

Strangers share one bound. An address where a member is at home has places of its own, so that
strangers who connect and say nothing, however many, do not keep a member out. Each address has its
own bound besides.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from node.membership import parse_host_port
from node.p2p.limits import Limits


class Handshakes:
    """Counts those that go on. `begin` is followed by `end` if it answered True."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_host: Counter[str] = Counter()
        self._of_strangers = 0
        self._home: frozenset[str] = frozenset()
        self._met: dict[str, str] = {}
        self._is_stranger: dict[str, bool] = {}

    def expect(self, addresses: Iterable[str]) -> None:
        """Where members are at home: `host:port` each; names instead of numbers say nothing."""
        self._home = frozenset(
            host for host, _ in map(parse_host_port, addresses) if _is_number(host)
        )

    def meet(self, node_id: str, host: str) -> None:
        """A member came from there: its address may be a name, or behind another one."""
        self._met[node_id] = host

    def begin(self, host: str) -> bool:
        """Whether there is a place for one more from this address."""
        if self._by_host[host] >= self._limits.handshakes_per_host_max:
            return False
        if not self._by_host[host]:
            # What an address counts as stays while handshakes of it go on.
            self._is_stranger[host] = host not in self._home and host not in self._met.values()
        if self._is_stranger[host]:
            if self._of_strangers >= self._limits.handshakes_count_max:
                self._forget_unused(host)
                return False
            self._of_strangers += 1
        self._by_host[host] += 1
        return True

    def end(self, host: str) -> None:
        """A handshake that had a place is over."""
        self._by_host[host] -= 1
        self._of_strangers -= self._is_stranger[host]
        self._forget_unused(host)

    def _forget_unused(self, host: str) -> None:
        if not self._by_host[host]:
            del self._by_host[host], self._is_stranger[host]


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
