"""What stands on chain about one attestation or transfer: statuses, refusals, every step.

Public facts only, as the node tells them; `certificate` has the ones that are proven.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from contracts.bindings.contract import log_from_rpc
from contracts.bindings.equity import AlarmCode, ApplicationStatus, AttestationStatus
from ledger.values import checksum_address, to_hex
from workflows.equity_transfer.desk import (
    Desk,
    StepRefused,
    application_of,
    ask,
    attestation_of,
)
from workflows.equity_transfer.ids import NO_ID, show_id

# Asia/Shanghai has had no other offset since 1991; not every machine has a zone database.
_BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True)
class Step:
    """One event: what, by whom, for which organisation (its number), where, when (Beijing)."""

    name: str
    data_type: str
    sender: str
    receiver: int
    transaction: str
    block: int
    time: str
    code: str | None


@dataclass(frozen=True)
class Shown:
    """A transfer or attestation with what belongs to it. Ids and statuses are None where absent."""

    transfer: str | None
    status: str | None
    attestation: str | None
    attestation_status: str | None
    refusals: tuple[str, ...]
    steps: tuple[Step, ...]


def show(desk: Desk, item: bytes) -> Shown:
    """Everything on chain about an id, whichever of the two kinds it is."""
    application = application_of(desk, item)
    if application.status is not ApplicationStatus.ABSENT:
        attestation, transfer = application.attestation, item
    else:
        attested = attestation_of(desk, item)
        if attested.status is AttestationStatus.ABSENT:
            raise StepRefused(f"nothing on chain is named {show_id(item)}")
        attestation, transfer = item, attested.transfer
        application = application_of(desk, transfer)
    contract = desk.deployment.contract
    codes = [ask(desk, contract.refusal(transfer, i)).code for i in range(application.refusals)]
    attested = attestation_of(desk, attestation)
    return Shown(
        transfer=None if transfer == NO_ID else show_id(transfer),
        status=None if transfer == NO_ID else application.status.name,
        attestation=show_id(attestation),
        attestation_status=attested.status.name,
        refusals=tuple(code.name for code in codes),
        steps=steps_of(desk, attestation, transfer),
    )


def steps_of(desk: Desk, attestation: bytes, transfer: bytes) -> tuple[Step, ...]:
    """The events of an attestation and of a transfer, in the order of the chain.

    Events of other transfers that named the same attestation are left out.
    """
    address = checksum_address(desk.deployment.address)
    entries: dict[tuple[int, int], dict[str, Any]] = {}
    for item in (attestation, transfer):
        word = to_hex(item.ljust(32, b"\0"))
        for topics in ([None, word], [None, None, word]):
            for entry in desk.client.logs(address=address, topics=topics):
                place = int(entry["blockNumber"], 16), int(entry["logIndex"], 16)
                entries[place] = entry
    times: dict[int, str] = {}
    steps = []
    for _, entry in sorted(entries.items()):
        block = int(entry["blockNumber"], 16)
        if block not in times:
            times[block] = beijing_time(int((desk.client.block(block) or {})["timestamp"], 16))
        step = _step(desk, entry, block, times[block], transfer)
        if step is not None:
            steps.append(step)
    return tuple(steps)


def _step(desk: Desk, entry: dict[str, Any], block: int, time: str, transfer: bytes) -> Step | None:
    (event,) = desk.deployment.contract.contract.decode_events([log_from_rpc(entry)])
    if event.arguments.get("transfer", transfer) != transfer:
        return None
    code = event.arguments.get("code")
    return Step(
        name=event.name,
        data_type=event.arguments["data_type"].rstrip(b"\0").decode(),
        sender=checksum_address(event.arguments["sender"]),
        receiver=event.arguments["receiver"],
        transaction=entry["transactionHash"],
        block=block,
        time=time,
        code=None if code is None else AlarmCode(code).name,
    )


def beijing_time(timestamp_s: int) -> str:
    """Seconds since 1970 as people in Beijing read them: `2026-11-21 14:30:05`."""
    return datetime.fromtimestamp(timestamp_s, _BEIJING).strftime("%Y-%m-%d %H:%M:%S")
