"""Whether this build knows the rules that the group has voted for, now and ahead.

Reading and telling: when a vote comes into force is the ledger's, stopping is the driver's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.chain import Chain
from ledger.parameters import Parameters
from ledger.protocol import BuildTooOld
from ledger.upgrade import Upgrade, scheduled_upgrade
from ledger.values import to_hex


@dataclass(frozen=True, slots=True)
class Lack:
    """The first block that this build cannot execute, and why: `reason` says it in a sentence."""

    number: int
    needed: str
    speaks: int
    reason: str


def lack_ahead(chain: Chain) -> Lack | None:
    """What is voted and this build lacks, in force or to come; None if it can go on for good."""
    head = chain.head.number
    last = head + chain.parameters.window_blocks + 1
    if chain.too_old(last) is not None:
        numbers = range(head + 1, last + 1)
        return _lack(next(filter(None, (chain.too_old(number) for number in numbers))))
    upgrade = scheduled_upgrade(chain.latest_state())
    if upgrade is None or not upgrade.version:
        return None
    needed = chain.build.lacks(_upgraded(chain.parameters_for(last), upgrade))
    number = upgrade.at + chain.parameters.window_blocks + 1
    return None if needed is None else _lack(BuildTooOld(number, chain.build, needed))


def upgrade_status(chain: Chain) -> dict[str, Any]:
    """`{protocol_version, features, supported, scheduled}` for `quorate_status`.

    scheduled: `{at, target, code_hash}` or `{at, protocol_version, features, in_force_from}`, or
    None; applied at the start of block `at`.
    """
    parameters = chain.parameters
    upgrade = scheduled_upgrade(chain.latest_state())
    return {
        "protocol_version": parameters.protocol_version,
        "features": parameters.features,
        "supported": chain.build.protocol_version,
        "scheduled": None if upgrade is None else _scheduled(upgrade, parameters.window_blocks),
    }


def _scheduled(upgrade: Upgrade, window_blocks: int) -> dict[str, Any]:
    if upgrade.target is not None and upgrade.code_hash is not None:
        target, code_hash = to_hex(upgrade.target), to_hex(upgrade.code_hash)
        return {"at": upgrade.at, "target": target, "code_hash": code_hash}
    return {
        "at": upgrade.at,
        "protocol_version": upgrade.version,
        "features": upgrade.features,
        "in_force_from": upgrade.at + window_blocks + 1,
    }


def _upgraded(parameters: Parameters, upgrade: Upgrade) -> Parameters:
    return parameters.with_voted(
        {"protocol_version": upgrade.version, "features": upgrade.features}
    )


def _lack(reason: BuildTooOld) -> Lack:
    return Lack(reason.number, reason.needed, reason.build.protocol_version, str(reason))
