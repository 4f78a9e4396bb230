"""What a verified snapshot hands to a store: one block with its state, headers before it, sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.block import Block
from ledger.certificate import Certificate
from ledger.header import Header
from ledger.parameters import Parameters
from ledger.record import Record
from ledger.recovery import Recovery
from ledger.state import Writes
from ledger.validators import ValidatorSet

if TYPE_CHECKING:
    from ledger.store import Outcome


@dataclass(frozen=True)
class Boundary:
    """The certified last block before an epoch, and the set and parameters of that epoch."""

    header: Header
    record: Record
    certificate: Certificate
    epoch: int
    validators: ValidatorSet
    parameters: Parameters


@dataclass(frozen=True)
class Restored:
    """`headers` ends with the block's own; `validators` is the contract's list by block number,
    `parameters` what it had voted, where that is not genesis's."""

    block: Block
    certificate: Certificate
    outcome: "Outcome"
    headers: tuple[tuple[Header, Record], ...]
    boundaries: tuple[Boundary, ...]
    validators: Mapping[int, ValidatorSet]
    parameters: Mapping[int, Parameters]
    writes: Writes
    recoveries: tuple[Recovery, ...] = ()
