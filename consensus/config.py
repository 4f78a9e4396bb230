"""What a replica is told once: who it is, its group, and its limits in abstract ticks."""

from dataclasses import dataclass

from ledger.suite import Suite
from ledger.values import Address, Hash32


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """Limits of one replica.

    address: the consensus key's. A replica outside the epoch's set follows without voting.
    may_vote: false for a key whose log was lost (rule 4): it follows for good.
    window_blocks: W, fixed at genesis.
    The *_ticks are in the driver's ticks, 100 ms each by default. `view_ticks` is the first
    time-out of a view; it doubles with each view that fails up to `view_ticks_max`. Execution
    pauses it, for `execution_ticks_max` at most, the bound on one block's execution.
    """

    suite: Suite
    group: Hash32
    address: Address
    window_blocks: int = 16
    may_vote: bool = True
    view_ticks: int = 40
    view_ticks_max: int = 320
    request_ticks: int = 60
    execution_ticks_max: int = 10
    heartbeat_ticks: int = 100
    resend_ticks: int = 10
    lag_ticks: int = 8
    requests_max: int = 4096

    def __post_init__(self) -> None:
        assert 1 <= self.window_blocks <= 1024
        assert 1 <= self.view_ticks <= self.view_ticks_max
        assert self.execution_ticks_max >= 0
        assert min(self.request_ticks, self.heartbeat_ticks, self.resend_ticks, self.lag_ticks) > 0
