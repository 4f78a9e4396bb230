"""Who calls over TLS: the judgement of a token or of a client certificate, anew at each request.

What it refuses it counts, logs with the reason and writes into the audit log; the caller hears
only that it was not let in.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import structlog
from cryptography import x509

from node.audit.log import AuditLog, AuditUnavailable, Caller, utc_now
from node.metrics import Metrics
from node.p2p.tls import refusal_of
from node.p2p.trust import RefusedPeer, Trust
from node.pki import InvalidNodeCertificate, decode_der_certificate, officer_id, officer_of
from node.rare_lines import RareLines
from node.rpc.grants import Grant, Grants, InvalidGrant, load_grants
from node.rpc.principal import Principal

CERTIFICATES_REMEMBERED_MAX = 256
_BEARER = "Bearer "
_log = structlog.get_logger("rpc")


class Reason(StrEnum):
    """Why a caller is not let in, beside what a handshake can fail of."""

    NO_CREDENTIALS = "no_credentials"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a reason, no secret
    EXPIRED_GRANT = "expired_grant"
    REVOKED_GRANT = "revoked_grant"
    NO_GRANT = "no_grant"
    NO_GRANTS_FILE = "no_grants_file"
    NOT_ALLOWED = "not_allowed"


class NotAdmitted(Exception):
    """A caller that is not let in: the reason for counting, whom it claims to be for the log."""

    def __init__(self, reason: str, message: str, caller: Caller | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.caller = caller


@dataclass(frozen=True)
class Credentials:
    """What a caller shows: an Authorization header, a certificate as TLS carries it."""

    authorization: str | None
    certificate: bytes | None


class Doorkeeper:
    """Turns credentials into a principal. `admit` is called for every request."""

    def __init__(
        self,
        grants_path: Path,
        trust: Callable[[], Trust],
        *,
        metrics: Metrics,
        audit: AuditLog | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._path = grants_path
        self._trust = trust
        self._metrics = metrics
        self._audit = audit
        self._now = now
        self._grants = Grants()
        self._stamp: tuple[int, ...] | None = None
        self._is_first = True
        self._lines = RareLines(_log, "reason")
        self._decode = lru_cache(CERTIFICATES_REMEMBERED_MAX)(decode_der_certificate)

    def admit(self, credentials: Credentials) -> Principal:
        """The principal, or NotAdmitted, which is counted and logged."""
        try:
            return self.judge(credentials)
        except NotAdmitted as refusal:
            self.refused(refusal.reason, str(refusal), refusal.caller)
            raise

    def judge(self, credentials: Credentials) -> Principal:
        """As `admit`, without a trace: for a look at connections that are open."""
        grants = self._present_grants()
        if credentials.authorization is not None:
            return self._principal(self._of_token(grants, credentials.authorization))
        if credentials.certificate is not None:
            return self._principal(self._of_certificate(grants, credentials.certificate))
        raise NotAdmitted(Reason.NO_CREDENTIALS, "expected a client certificate or a token")

    def refused(self, reason: str, message: str, caller: Caller | None = None) -> None:
        """Count and log a refusal, of a handshake too."""
        who = caller or Caller()
        self._metrics.rpc_refused.labels(reason).inc()
        self._lines.warning(
            "rpc.refused", reason=reason, detail=message,
            officer=who.name, organisation=who.organisation,
        )  # fmt: skip
        if self._audit is not None:
            self._audit.refused(reason, caller)

    def refused_handshake(self, error: ssl.SSLError) -> None:
        """Count and log a TLS handshake that failed."""
        refusal = refusal_of(error)
        self.refused(refusal.reason.value, str(refusal))

    def _of_token(self, grants: Grants, authorization: str) -> Grant:
        scheme, token = authorization[: len(_BEARER)], authorization[len(_BEARER) :]
        grant = grants.of_token(token) if scheme.lower() == _BEARER.lower() else None
        if grant is None:
            raise NotAdmitted(Reason.WRONG_TOKEN, "no grant here has that token")
        return grant

    def _of_certificate(self, grants: Grants, der: bytes) -> Grant:
        try:
            certificate: x509.Certificate = self._decode(der)
            organisation, name = officer_of(certificate)
        except InvalidNodeCertificate as error:
            raise NotAdmitted("bad_certificate", str(error)) from error
        caller = Caller(name, "", organisation)
        try:
            self._trust().check_in_force(
                certificate, organisation, officer_id(organisation, name), self._now()
            )
        except RefusedPeer as refusal:
            raise NotAdmitted(refusal.reason.value, str(refusal), caller) from refusal
        grant = grants.of_officer(organisation, name)
        if grant is None:
            raise NotAdmitted(
                Reason.NO_GRANT, "the certificate is good, and no grant here names it", caller
            )
        return grant

    def _principal(self, grant: Grant) -> Principal:
        caller = Caller(grant.name, grant.role, grant.organisation)
        if grant.revoked is not None:
            raise NotAdmitted(Reason.REVOKED_GRANT, f"grant {grant.id} was revoked", caller)
        if self._now() >= grant.expires:
            raise NotAdmitted(Reason.EXPIRED_GRANT, f"grant {grant.id} has expired", caller)
        return Principal(
            name=grant.name,
            role=grant.caller_role,
            organisation=grant.organisation,
            groups=frozenset(grant.groups) or None,
            account=grant.account_address,
        )

    def _present_grants(self) -> Grants:
        try:
            status = self._path.stat()
            stamp: tuple[int, ...] = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = ()
        if stamp == self._stamp:
            return self._grants
        try:
            grants = load_grants(self._path)
        except (InvalidGrant, OSError) as error:
            # Nobody is let in by a file that cannot be trusted.
            self._grants, self._stamp = Grants(), None
            raise NotAdmitted(Reason.NO_GRANTS_FILE, str(error)) from error
        if self._is_first:
            # What was done while the node was down: what is in force now says it.
            present = sum(1 for grant in grants.entries if grant.revoked is None)
            self._write("operator", None, method="grants", asked=f"{present} in force at the start")
            self._is_first = False
        else:
            self._note_changes(self._grants, grants)
        self._grants, self._stamp = grants, stamp
        return grants

    def _note_changes(self, before: Grants, after: Grants) -> None:
        """The operator's acts on the grants, as this node comes to see them."""
        known = {grant.id: grant for grant in before.entries}
        for grant in after.entries:
            old = known.pop(grant.id, None)
            if grant == old:
                continue
            act = "grant" if grant.revoked is None else "revoke"
            self._note(act, grant)
        for grant in known.values():
            self._note("remove", grant)

    def _note(self, act: str, grant: Grant) -> None:
        caller = Caller(grant.name, grant.role or "account", grant.organisation)
        self._write(
            "operator", caller, method=act, asked=f"{grant.id} until {grant.expires:%Y-%m-%d}"
        )

    def _write(self, kind: str, caller: Caller | None, *, method: str, asked: str) -> None:
        if self._audit is None:
            return
        try:
            self._audit.add(kind, caller, method=method, asked=asked, outcome="in force")
        except AuditUnavailable as error:
            _log.error("audit.unwritten", act=method, reason=str(error))
