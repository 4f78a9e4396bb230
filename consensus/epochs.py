"""An epoch: a span of sequences with one validator set. Where sets come from is the chain's."""

from dataclasses import dataclass

from ledger.validators import ValidatorSet


@dataclass(frozen=True, slots=True)
class Epoch:
    """Epoch `number` starts at sequence `first_sequence` (the first one at 1) in view 0."""

    number: int
    first_sequence: int
    validators: ValidatorSet
