"""An epoch: a span of sequences with one validator set and one pace.

Where sets and limits come from is the chain's; here is only what a replica needs of them.
"""

from dataclasses import dataclass

from ledger.validators import ValidatorSet


@dataclass(frozen=True, slots=True)
class EpochLimits:
    """What may change at an epoch's first block, in ticks; as in `ReplicaConfig`."""

    view_ticks: int
    view_ticks_max: int
    request_ticks: int
    execution_ticks_max: int
    heartbeat_ticks: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """Epoch `number` starts at sequence `first_sequence` (the first one at 1) in view 0.

    limits: None keeps those in force.
    """

    number: int
    first_sequence: int
    validators: ValidatorSet
    limits: EpochLimits | None = None

    def voids(self, epoch: int, number: int) -> bool:
        """Whether an older epoch's word about a block counts no more: this epoch begins before it.

        Never so where epochs follow each other by the contract's list; it is what a recovery epoch
        does to whatever the old set certified above its starting point.
        """
        return epoch < self.number and number >= self.first_sequence
