"""Which waiting transactions follow an account's nonce without a gap, and which wait for one.

Counts only: the pool keeps the transactions, and gives what waits for a missing nonce a part of its
room. Otherwise whoever leaves out the first nonce of each account fills the pool for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.values import Address


@dataclass(slots=True)
class _Chain:
    """Sizes in bytes by nonce; `following` is the nonce that would make the run longer."""

    following: int
    run: dict[int, int] = field(default_factory=dict)
    stranded: dict[int, int] = field(default_factory=dict)


class Chains:
    """All senders' chains. `stranded_count` and `stranded_bytes` are of all those behind a gap."""

    def __init__(self) -> None:
        self._chains: dict[Address, _Chain] = {}
        self.stranded_count = 0
        self.stranded_bytes = 0

    def follows(self, sender: Address, nonce: int, state_nonce: int) -> bool:
        """Whether a transaction with this nonce would stand behind no gap."""
        chain = self._chains.get(sender)
        return nonce == (state_nonce if chain is None else chain.following)

    def add(self, sender: Address, nonce: int, size_bytes: int, state_nonce: int) -> None:
        """A transaction waits from now on; `state_nonce` is the account's."""
        chain = self._chains.get(sender)
        if chain is None:
            chain = self._chains[sender] = _Chain(state_nonce)
        chain.stranded[nonce] = size_bytes
        self.stranded_count += 1
        self.stranded_bytes += size_bytes
        self._extend(chain)

    def remove(self, sender: Address, nonce: int) -> None:
        """It waits no more. What came after it is judged anew by `settle`."""
        chain = self._chains[sender]
        if chain.run.pop(nonce, None) is None:
            self.stranded_count -= 1
            self.stranded_bytes -= chain.stranded.pop(nonce)
        if not chain.run and not chain.stranded:
            del self._chains[sender]

    def settle(self, sender: Address, state_nonce: int) -> None:
        """The account's nonce is this one now, and all that left has been removed."""
        chain = self._chains.get(sender)
        if chain is None or len(chain.run) == chain.following - state_nonce:
            return
        self.stranded_count += len(chain.run)
        self.stranded_bytes += sum(chain.run.values())
        chain.stranded.update(chain.run)
        chain.run, chain.following = {}, state_nonce
        self._extend(chain)

    def _extend(self, chain: _Chain) -> None:
        while (size_bytes := chain.stranded.pop(chain.following, None)) is not None:
            chain.run[chain.following] = size_bytes
            chain.following += 1
            self.stranded_count -= 1
            self.stranded_bytes -= size_bytes
