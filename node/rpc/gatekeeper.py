"""Before a method runs: whether its caller may use it, and after it, the entry in the audit log.

The table is `access`'s; here it meets a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from node.audit.asked import Describer
from node.audit.log import AuditLog, AuditUnavailable
from node.metrics import Metrics

from .access import CallerRole, class_of, is_logged, may_use
from .context import Context
from .errors import RESOURCE_UNAVAILABLE, UNAUTHORIZED, RpcError
from .principal import Principal


@dataclass(frozen=True)
class AuditDesk:
    """Where entries go, and how what was asked is put into them."""

    log: AuditLog
    describe: Describer


@dataclass
class Visit:
    """One HTTP request or WebSocket message. `entry` is the last one that it left in the log."""

    principal: Principal
    context: Context
    entry: int = 0


class Gatekeeper:
    """One node's. Without a desk nothing is logged: for servers that tests make."""

    def __init__(self, organisation: str, metrics: Metrics, desk: AuditDesk | None = None) -> None:
        self._organisation = organisation
        self._metrics = metrics
        self._desk = desk

    def check(self, visit: Visit, method: str, params: Any) -> bool:
        """Whether the table asks for an entry of this request, once it is answered: `note`.

        Raises RpcError unless the caller may use the method with these parameters.
        """
        role, kind = visit.principal.role_in(visit.context.group), class_of(method, params)
        is_due = is_logged(role, kind)
        if is_due and self._desk is not None and self._desk.log.failure:
            raise _unavailable(self._desk.log.failure)
        principal = visit.principal
        if not may_use(
            role, kind, organisation=principal.organisation, node_organisation=self._organisation
        ):
            self._metrics.rpc_refused.labels("not_allowed").inc()
            self.note(visit, method, params, "refused")
            raise RpcError(
                UNAUTHORIZED,
                f"a caller of role {role.value if role else 'none'} may not use {method[:64]}: "
                "ask this node's operator, or a caller whose role allows it",
            )
        return is_due

    async def settle(self, visit: Visit) -> None:
        """Wait until the entries of a watched caller are safe. Raises RpcError."""
        if self._desk is None or not visit.entry:
            return
        if visit.principal.role is CallerRole.OPERATOR:
            return  # within half a second anyway, and the operator holds the disk
        try:
            await self._desk.log.durable(visit.entry)
        except AuditUnavailable as error:
            raise _unavailable(str(error)) from error

    def note(self, visit: Visit, method: str, params: Any, outcome: str) -> None:
        """Leave an entry for a request. Raises RpcError where the log takes none."""
        if self._desk is None:
            return
        group = visit.context.group
        try:
            visit.entry = self._desk.log.add(
                "read",
                visit.principal.as_caller(group),
                method=method,
                group=group.name,
                asked=self._desk.describe(params),
                outcome=outcome,
            )
        except AuditUnavailable as error:
            raise _unavailable(str(error)) from error


def _unavailable(reason: str) -> RpcError:
    return RpcError(
        RESOURCE_UNAVAILABLE,
        f"this node cannot write its audit log, and does not answer without: {reason}",
    )
