"""The clocks of rule 6: how long a transaction that could execute next has been waiting.

Counting only, in ticks that the caller lets pass while the view is active and nothing executes.
"""

from dataclasses import dataclass

from ledger.values import Hash32


@dataclass(slots=True)
class _Clock:
    started: int
    blocks: int
    transactions: int
    ahead: int
    is_forwarded: bool = False
    has_room_passed: bool = False


class RequestClocks:
    """Waiting transactions in the order of local arrival, at most `requests_max`.

    Those beyond the bound have no clock until an older one is gone; the older ones' clocks tell of
    a primary that does not work as well.
    """

    def __init__(self, limit_ticks: int, requests_max: int) -> None:
        self._limit_ticks = limit_ticks
        self._requests_max = requests_max
        self._clocks: dict[Hash32, _Clock] = {}
        self._now = 0
        self._blocks = 0
        self._transactions = 0
        self._largest = 0

    def __len__(self) -> int:
        return len(self._clocks)

    def set_limit(self, limit_ticks: int) -> None:
        """Another time-out, from the next complaint on."""
        self._limit_ticks = limit_ticks

    def start(self, transaction_hash: Hash32, older: int = 0) -> None:
        """A transaction could execute next from now on; `older` ones wait in the pool.

        Those that wait for others of their senders have no clock, and come first all the same.
        """
        if transaction_hash not in self._clocks and len(self._clocks) < self._requests_max:
            ahead = max(len(self._clocks), older)
            self._clocks[transaction_hash] = self._fresh(ahead)

    def stop(self, transaction_hash: Hash32) -> None:
        """A transaction was included, dropped, replaced or has to wait for another one."""
        self._clocks.pop(transaction_hash, None)

    def on_block(self, transactions: int, *, has_room: bool) -> None:
        """A block became stable. Blocks on their way when a transaction came are not held against
        the primary: room counts from half of the transaction's time on."""
        self._blocks += 1
        self._transactions += transactions
        self._largest = max(self._largest, transactions)
        if has_room:
            for clock in self._clocks.values():
                if 2 * (self._now - clock.started) >= self._limit_ticks:
                    clock.has_room_passed = True

    def restart(self) -> None:
        """A new view: every transaction gets its whole time again."""
        for place, (key, clock) in enumerate(self._clocks.items()):
            self._clocks[key] = self._fresh(self._ahead(place, clock))

    def tick(self) -> tuple[tuple[Hash32, ...], bool]:
        """Transactions whose half time is over, once each, and whether one is owed a complaint."""
        self._now += 1
        forward = []
        is_overdue = False
        for place, (key, clock) in enumerate(self._clocks.items()):
            elapsed = self._now - clock.started
            if 2 * elapsed < self._limit_ticks:
                continue
            if not clock.is_forwarded:
                clock.is_forwarded = True
                forward.append(key)
            if elapsed < self._limit_ticks:
                continue
            if self._is_owed(clock):
                is_overdue = True
            else:
                self._clocks[key] = self._fresh(self._ahead(place, clock))
        return tuple(forward), is_overdue

    def is_starving(self, ticks: int) -> bool:
        """Whether a transaction waited this long while nothing became stable."""
        return any(
            self._now - clock.started >= ticks and self._blocks == clock.blocks
            for clock in self._clocks.values()
        )

    def _is_owed(self, clock: _Clock) -> bool:
        passed = self._transactions - clock.transactions
        return (
            self._blocks == clock.blocks
            or clock.has_room_passed
            or passed > clock.ahead + self._largest
        )

    def _ahead(self, place: int, clock: _Clock) -> int:
        """What may still come before it: those with older clocks, or the rest of its backlog."""
        passed = self._transactions - clock.transactions
        return max(place, clock.ahead - passed)

    def _fresh(self, ahead: int) -> _Clock:
        return _Clock(self._now, self._blocks, self._transactions, ahead)
