"""Epochs as the chain tells them, in the form in which consensus wants them.

Reading only: which set and which parameters are due is rule 8, kept by `ledger.chain`.
"""

from __future__ import annotations

from consensus.epochs import Epoch, EpochLimits
from ledger.chain import Chain
from ledger.parameters import Parameters

TICK_MS = 100


def epoch_limits(parameters: Parameters, tick_ms: int = TICK_MS) -> EpochLimits:
    """The parameters' times in ticks."""
    view_ticks = max(2, parameters.view_timeout_ms // tick_ms)
    return EpochLimits(
        view_ticks=view_ticks,
        view_ticks_max=max(view_ticks, parameters.view_timeout_ms_max // tick_ms),
        request_ticks=view_ticks * 3 // 2,
        execution_ticks_max=parameters.block_execution_ms_max // tick_ms,
        heartbeat_ticks=max(1, parameters.heartbeat_ms // tick_ms),
    )


def due_epochs(chain: Chain, number: int, tick_ms: int = TICK_MS) -> tuple[Epoch, ...]:
    """The epoch of number + 1, and the next one if it begins by number + W + 1.

    `number` is the last stable block's.
    """
    first_number, validators = chain.validators_for(number + 1)
    limits = epoch_limits(chain.parameters_for(number + 1), tick_ms)
    first = Epoch(first_number, epoch_start(chain, first_number, number), validators, limits)
    last = number + chain.parameters.window_blocks + 1
    if chain.validators_for(last)[0] == first_number:
        return (first,)
    for sequence in range(number + 2, last + 1):
        epoch, following = chain.validators_for(sequence)
        if epoch != first_number:
            limits = epoch_limits(chain.parameters_for(sequence), tick_ms)
            return first, Epoch(epoch, sequence, following, limits)
    raise AssertionError("an epoch ends within the window and none begins")


def previous_epoch(chain: Chain, epoch: int, number: int) -> Epoch | None:
    """The epoch before `epoch`, None for the first one."""
    if epoch == 0:
        return None
    last = epoch_start(chain, epoch, number) - 1
    before = chain.record(last).epoch  # a recovery leaves numbers out
    start = epoch_start(chain, before, number)
    return Epoch(before, start, chain.validators_for(start)[1])


def epoch_start(chain: Chain, epoch: int, number: int) -> int:
    """The first sequence of an epoch that is in force by number + 1."""
    if epoch == 0:
        return 1
    boundaries = chain.epoch_boundaries(epoch, epoch)
    return boundaries[0].header.number + 1 if boundaries else number + 1
