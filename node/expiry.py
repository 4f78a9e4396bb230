"""Certificates that run out: how many days are left, and a warning a day, weeks ahead.

The node's own certificate is renewed by its organisation alone; a CA by a new membership document,
which takes the others' signatures and so is said earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from node.membership import Membership
from node.metrics import Metrics
from node.pki import NodeIdentity, days_left

CERTIFICATE_DAYS_MIN = 30
AUTHORITY_DAYS_MIN = 90
WARNING_INTERVAL = timedelta(days=1)
_LOOK_INTERVAL = timedelta(minutes=1)

_log = structlog.get_logger("node")


@dataclass(frozen=True)
class Lifetime:
    """What runs out, in how many whole days, from how many on it is said, and the way out.

    `organisation` is set for a CA, empty for the node's certificate.
    """

    what: str
    organisation: str
    days_left: int
    days_min: int
    remedy: str

    @property
    def is_due(self) -> bool:
        return self.days_left < self.days_min


def lifetimes(identity: NodeIdentity, membership: Membership, now: datetime) -> Iterator[Lifetime]:
    """The node's certificate, then the CAs: of several in one organisation the newest counts."""
    yield Lifetime(
        f"certificate of {identity.node_id}",
        "",
        identity.days_left(now),
        CERTIFICATE_DAYS_MIN,
        "renew it: quorate member request, issue, install",
    )
    for name, organisation in sorted(membership.organisations.items()):
        yield Lifetime(
            f"CA of {name}",
            name,
            max(days_left(certificate, now) for certificate in organisation.ca_certificates),
            AUTHORITY_DAYS_MIN,
            f"{name} makes a new CA and the organisations sign it in: "
            f"quorate member change --renew-ca {name}=FILE",
        )


class ExpiryWatch:
    """Keeps the metrics of days left current and writes what is due into the log, once a day."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: tuple[NodeIdentity, Membership] | None = None
        self._looked_at: datetime | None = None
        self._warned_at: dict[str, datetime] = {}

    def update(self, identity: NodeIdentity, membership: Membership, now: datetime) -> None:
        """Look, if a minute has passed or something was renewed. Cheap to call each second."""
        present = (identity, membership)
        is_known = self._seen is not None and all(
            old is new for old, new in zip(self._seen, present, strict=True)
        )
        if is_known and self._looked_at is not None and now - self._looked_at < _LOOK_INTERVAL:
            return
        self._seen, self._looked_at = present, now
        self._metrics.authority_days_left.clear()
        for lifetime in lifetimes(identity, membership, now):
            if lifetime.organisation:
                gauge = self._metrics.authority_days_left.labels(lifetime.organisation)
            else:
                gauge = self._metrics.certificate_days_left
            gauge.set(lifetime.days_left)
            self._warn(lifetime, now)

    def _warn(self, lifetime: Lifetime, now: datetime) -> None:
        if not lifetime.is_due:
            self._warned_at.pop(lifetime.what, None)
            return
        warned_at = self._warned_at.get(lifetime.what)
        if warned_at is not None and now - warned_at < WARNING_INTERVAL:
            return
        self._warned_at[lifetime.what] = now
        _log.warning(
            "node.certificate_expires",
            what=lifetime.what,
            days_left=lifetime.days_left,
            remedy=lifetime.remedy,
        )
