"""What every step works with: a connection, an account, a private folder, the contract.

A step asks the chain, does its part, and sends at most one transaction. Run again after any crash
it finishes what was begun; run again when all is done it says so and sends nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from client.rpc import Account, Client
from contracts.bindings.agreements import AgreementStatus, agreement_state
from contracts.bindings.contract import Call, Event, Query, log_from_rpc
from contracts.bindings.equity import ID_BYTES, Application, Attestation
from contracts.bindings.keys import rule_input
from ledger.values import Address, address_from_hex, checksum_address
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deployment import Deployment
from workflows.equity_transfer.opening import (
    InvalidOpening,
    MarketOpening,
    TaxOpening,
    load_opening,
)
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.sending import send_once, sent_transaction, unsettled_receipt
from workflows.waiting import node_lag_s_max, wait_for

T = TypeVar("T")
K = TypeVar("K", TaxOpening, MarketOpening)


class StepRefused(Exception):
    """A step that the present state does not allow; the message says what to do first."""


@dataclass(frozen=True)
class Desk:
    """One officer or applicant at work. `workspace` belongs to `organisation` alone.

    `proving_key` is the `.zkey` of the circuit in use; only `prove` needs it. `lag_s_max` is how
    long a step waits for this node to see what another office did before.
    """

    client: Client
    account: Account
    organisation: str
    workspace: Path
    agreement: Agreement
    deployment: Deployment
    proving_key: Path | None = None
    lag_s_max: float = node_lag_s_max

    def __post_init__(self) -> None:
        if self.agreement.id != self.deployment.terms.agreement:
            raise StepRefused(
                "this rule file is not the agreement that the contract was deployed under; "
                "use the file that both bureaus signed"
            )

    @property
    def sender(self) -> Address:
        """The account's address."""
        return address_from_hex(self.account.address)

    @property
    def keys(self) -> Path:
        """Where the organisation's envelope key is."""
        return self.workspace / "keys"

    def folder(self, item: bytes) -> Path:
        """The folder of one attestation or transfer (16 bytes), or of one lot (32 bytes)."""
        kind = "transfers" if len(item) == ID_BYTES else "lots"
        return self.workspace / kind / item.hex()


@dataclass(frozen=True)
class Outcome:
    """A step's result: the id, the state it is in now, and the transaction if this desk sent one.

    `code` is the contract's refusal code where a verification was refused, else None.
    """

    step: str
    id: str
    status: str
    transaction: str | None
    block: int | None
    code: str | None = None


def ask(desk: Desk, query: Query[T], *, block: int | str = "latest") -> T:
    """The contract's answer to a question."""
    return query.decode(desk.client.call(checksum_address(query.to), query.data, block=block))


def attestation_of(desk: Desk, attestation: bytes) -> Attestation:
    """The attestation as it stands now."""
    return ask(desk, desk.deployment.contract.attestation(attestation))


def application_of(desk: Desk, transfer: bytes) -> Application:
    """The application as it stands now."""
    return ask(desk, desk.deployment.contract.application(transfer))


def attestation_here(desk: Desk, attestation: bytes) -> Attestation:
    """The attestation, once this node knows of one under this id."""
    return wait_for(
        lambda: attestation_of(desk, attestation), lambda found: found.status != 0, desk.lag_s_max
    )


def application_here(desk: Desk, transfer: bytes) -> Application:
    """The application, once this node knows of one under this id."""
    return wait_for(
        lambda: application_of(desk, transfer), lambda found: found.status != 0, desk.lag_s_max
    )


def check_agreement(desk: Desk) -> None:
    """Raise `StepRefused` unless both bureaus have signed the agreement and it is active."""
    state = agreement_state(desk.agreement.id)
    status = wait_for(
        lambda: ask(desk, state).status,
        lambda found: found is AgreementStatus.ACTIVE,
        desk.lag_s_max,
    )
    if status is not AgreementStatus.ACTIVE:
        raise StepRefused(
            f"E_AGREEMENT: the sharing agreement is {status.name}; nothing is shared before both "
            "bureaus have signed it, nor while it is suspended"
        )


def resume(desk: Desk, item: bytes, step: str) -> dict[str, Any] | None:
    """Finish what an interrupted run of this step sent; its receipt if that took effect."""
    return unsettled_receipt(desk.client, _note(desk, item, step))


def act(desk: Desk, item: bytes, step: str, call: Call, *, gas: int | None = None) -> list[Event]:
    """Send one step's transaction and wait; the contract's events in its receipt."""
    note = _note(desk, item, step)
    to = checksum_address(call.to)
    return events_of(
        desk, send_once(desk.client, desk.account, note, to=to, data=call.data, gas=gas)
    )


def events_of(desk: Desk, receipt: dict[str, Any]) -> list[Event]:
    """The equity contract's events in a receipt."""
    logs = [log_from_rpc(entry) for entry in receipt["logs"]]
    return desk.deployment.contract.contract.decode_events(logs)


def outcome(desk: Desk, item: bytes, step: str, status: str, code: str | None = None) -> Outcome:
    """The step's result, with the transaction that this desk's notes name."""
    transaction, block = sent_transaction(desk.client, _note(desk, item, step))
    return Outcome(step, "0x" + item.hex(), status, transaction, block, code)


def _note(desk: Desk, item: bytes, step: str) -> Path:
    return desk.folder(item) / f"{step}.transaction.json"


def opening_path(desk: Desk, item: bytes, side: str) -> Path:
    """Where this desk keeps an opening; side is `tax` or `market`."""
    return desk.folder(item) / f"opening.{side}.json"


def tax_opening(desk: Desk, attestation: bytes) -> TaxOpening:
    """The tax bureau's opening of an attestation, from this workspace."""
    return _opening(desk, attestation, TaxOpening)


def market_opening(desk: Desk, transfer: bytes) -> MarketOpening:
    """The registrar's opening of a transfer, from this workspace."""
    return _opening(desk, transfer, MarketOpening)


def _opening(desk: Desk, item: bytes, kind: type[K]) -> K:
    path = opening_path(desk, item, kind.side)
    if not path.exists():
        raise StepRefused(
            f"no {kind.side} opening of 0x{item.hex()} in this workspace; ask the bureau that made "
            "it for the file and bring it in with `transfer import`"
        )
    found = load_opening(path)
    if not isinstance(found, kind) or found.id != item:
        raise InvalidOpening(f"{path.name} of 0x{item.hex()} is another's; restore the file")
    return found


def rule_in_force(desk: Desk, rule_id: int) -> int:
    """The public input `rule` of a version. Raises `Refusal(RULE_VERSION)` if not in force."""
    query = rule_input(desk.deployment.terms.circuit, rule_id)
    word = wait_for(lambda: ask(desk, query), lambda found: found != 0, desk.lag_s_max)
    if word == 0:
        raise Refusal(
            RefusalCode.RULE_VERSION,
            f"rule version {rule_id} is not in force on chain; have it approved, or use the one "
            "that is",
        )
    return word


def check_office(desk: Desk, organisation: str, step: str) -> None:
    """Raise `StepRefused` unless the desk is of the organisation that takes this step."""
    if desk.organisation != organisation:
        raise StepRefused(
            f"{step} is for officers of {organisation!r}, this account is of "
            f"{desk.organisation!r}; use an account of that office"
        )
