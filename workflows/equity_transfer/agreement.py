"""The sharing agreement's rule file: who takes part, what is shared, by which rule tax is computed.

Its id is the keccak-256 of the file's bytes: no second spelling of one agreement exists.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.values import Hash32, keccak
from workflows.equity_transfer.rules import InvalidRule, RuleTable

agreement_bytes_max = 64 * 1024
refusals_per_application = 3  # what the contract's code does; a file that says otherwise is refused
shipped_agreement = Path(__file__).with_name("agreement.toml")
shipped_agreements = {
    "equity_v1": shipped_agreement,
    "equity_v2": Path(__file__).with_name("agreement_holdings.toml"),
}

_ROLES = ("tax_bureau", "registrar", "applicant_gateway", "auditor")
_SIGNING_ROLES = ("tax_bureau", "registrar")
_SECTIONS = frozenset(
    [
        "format",
        "name",
        "title",
        "title_en",
        "language",
        "party",
        "item",
        "use",
        "rule",
        "conditions",
        "exceptions",
    ]
)
_ORGANISATION = re.compile(r"[a-z][a-z0-9-]{0,31}")


class InvalidAgreement(ValueError):
    """A rule file that this workflow cannot keep."""


@dataclass(frozen=True)
class Agreement:
    """What the steps need of the file. `organisations` maps a role to its organisation's name."""

    id: Hash32
    name: str
    title: str
    organisations: Mapping[str, str]
    rule: RuleTable
    circuit: str

    @property
    def tax_organisation(self) -> str:
        """The organisation whose member accounts declare and attest."""
        return self.organisations["tax_bureau"]

    @property
    def registrar_organisation(self) -> str:
        """The organisation whose member accounts apply and confirm."""
        return self.organisations["registrar"]


def load_agreement(path: Path = shipped_agreement) -> Agreement:
    """Read a rule file from disk; see `decode_agreement`."""
    return decode_agreement(path.read_bytes())


def shipped_agreement_of(agreement_id: Hash32) -> Agreement:
    """The shipped rule file of this id; where there is none, the first one, which is another's."""
    shipped = [load_agreement(path) for path in shipped_agreements.values()]
    return next((found for found in shipped if found.id == agreement_id), shipped[0])


def decode_agreement(data: bytes) -> Agreement:
    """Read a rule file, TOML in UTF-8. Raises `InvalidAgreement`, also for an unknown section."""
    if len(data) > agreement_bytes_max:
        raise InvalidAgreement(
            f"agreement: expected at most {agreement_bytes_max} bytes, got {len(data)}"
        )
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise InvalidAgreement(f"agreement: expected TOML in UTF-8: {error}") from None
    unknown = sorted(set(document) - _SECTIONS)
    if unknown:
        raise InvalidAgreement(f"agreement: unknown term {unknown[0]!r}; no meaning is guessed")
    if document.get("format") != 1:
        raise InvalidAgreement("agreement: expected format = 1")
    return Agreement(
        id=keccak(data),
        name=_text(document, "name"),
        title=_text(document, "title"),
        organisations=_read_parties(document.get("party")),
        rule=_read_rule(_table(document, "rule")),
        circuit=_read_conditions(_table(document, "conditions")),
    )


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise InvalidAgreement(f"agreement: expected {name} to be a text of 1 to 200 characters")
    return value


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise InvalidAgreement(f"agreement: expected a section [{name}]")
    return value


def _read_parties(parties: object) -> Mapping[str, str]:
    if not isinstance(parties, list) or not all(isinstance(party, dict) for party in parties):
        raise InvalidAgreement("agreement: expected [[party]] sections")
    found: dict[str, str] = {}
    for party in parties:
        role, organisation = _text(party, "role"), _text(party, "organisation")
        if role not in _ROLES or role in found:
            raise InvalidAgreement(f"agreement: expected each of {', '.join(_ROLES)} once")
        if not _ORGANISATION.fullmatch(organisation):
            raise InvalidAgreement(f"agreement: {organisation[:40]!r} is no organisation's name")
        if party.get("signs") is not (role in _SIGNING_ROLES):
            raise InvalidAgreement(f"agreement: {' and '.join(_SIGNING_ROLES)} sign, nobody else")
        found[role] = organisation
    if set(found) != set(_ROLES):
        raise InvalidAgreement(f"agreement: expected each of {', '.join(_ROLES)} once")
    if found["tax_bureau"] == found["registrar"]:
        raise InvalidAgreement("agreement: tax bureau and registrar are two organisations")
    return found


def _read_rule(rule: Mapping[str, Any]) -> RuleTable:
    figures = [rule.get(name) for name in ("id", "rate_bps", "stamp_duty_bps")]
    if any(not isinstance(figure, int) or isinstance(figure, bool) for figure in figures):
        raise InvalidAgreement("agreement: expected id, rate_bps and stamp_duty_bps as integers")
    if sorted(rule.get("low_price", ())) != ["below_cost", "below_net_assets"]:
        raise InvalidAgreement("agreement: low_price names both triggers that can be computed")
    try:
        return RuleTable(*figures)  # type: ignore[arg-type]  # checked just above
    except InvalidRule as error:
        raise InvalidAgreement(f"agreement: {error}") from None


def _read_conditions(conditions: Mapping[str, Any]) -> str:
    if conditions.get("attestation_signatures") != 2:
        raise InvalidAgreement("agreement: an attestation has two signatures")
    if conditions.get("refusals_max") != refusals_per_application:
        raise InvalidAgreement(f"agreement: refusals_max is {refusals_per_application}")
    return _text(conditions, "circuit")
