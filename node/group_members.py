"""Whose frames a group exchanges now: admitted nodes, and those of every set that still counts.

Follows the chain block by block (rule 8: the contract's list, and the sets that certify from the
stable block to W + 1 above it), so that who leaves serves until it is out and who joins is heard
before it is in. Decides nothing: nodes are admitted and voted in by contract calls.
"""

from __future__ import annotations

from collections.abc import Mapping

from consensus.epochs import Epoch
from ledger.chain import Chain
from ledger.gate import StorageReader
from ledger.genesis import Genesis
from ledger.participants import admitted_nodes, key_holder
from ledger.values import Address, address_from_hex
from node.epochs import due_epochs

Holder = tuple[str, str]
"""A node id and its organisation."""


class GroupMembers:
    """The members as of the stable block. All calls are on the event loop."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._organisations: dict[str, str] = {}
        self._holders: dict[Address, Holder] = {}
        stable = chain.head.number
        due = due_epochs(chain, stable)
        self._certifiers = chain.validators_for(max(1, stable))[1]
        """The set that certifies the stable block."""
        self._due = tuple(epoch.validators for epoch in due)
        """The sets from the next block to W + 1 above it; the last is the contract's list."""
        self._read()

    @property
    def organisations(self) -> Mapping[str, str]:
        """Every member's node id with its organisation."""
        return self._organisations

    @property
    def node_ids(self) -> frozenset[str]:
        """Every member's node id."""
        return frozenset(self._organisations)

    def node_of(self, key: Address) -> str | None:
        """The node that holds a consensus key, None for a key that counts no more."""
        holder = self._holders.get(key)
        return None if holder is None else holder[0]

    def keys_of(self, node_id: str) -> tuple[Address, ...]:
        """The consensus keys that a node holds: none for an observer."""
        return tuple(key for key, holder in self._holders.items() if holder[0] == node_id)

    def follow(self, epochs: tuple[Epoch, ...], *, nodes_changed: bool) -> bool:
        """A block became stable, these sets are due after it; whether the members changed.

        `nodes_changed` says that the block wrote into the list of admitted nodes.
        """
        known = self._certifiers, self._due
        self._certifiers = self._due[0]
        self._due = tuple(epoch.validators for epoch in epochs)
        if not nodes_changed and known == (self._certifiers, self._due):
            return False
        before = self._organisations, self._holders
        self._read()
        return before != (self._organisations, self._holders)

    def recover(self, epochs: tuple[Epoch, ...]) -> None:
        """A recovery certificate is followed: these sets are due after the stable block now."""
        self._due = tuple(epoch.validators for epoch in epochs)
        self._read()

    def _recovered_keys(self) -> list[Address]:
        """The keys of sets that certificates name and whose blocks are still to come."""
        oldest = self._chain.head.number - self._chain.parameters.window_blocks - 1
        return [
            key
            for recovery in self._chain.recoveries
            if recovery.number >= oldest
            for key in recovery.validators.members
        ]

    def _read(self) -> None:
        state = self._chain.latest_state()
        named = named_holders(self._chain)
        keys = dict.fromkeys(
            key for validators in (self._certifiers, *self._due) for key in validators.members
        )
        keys.update(dict.fromkeys(self._recovered_keys()))
        self._holders = {}
        self._organisations = admitted_nodes(state)
        for key in keys:
            holder = holder_of(state, named, key)
            if holder is not None:
                self._holders[key] = holder
                self._organisations[holder[0]] = holder[1]


def named_holders(chain: Chain) -> dict[Address, Holder]:
    """The holders that genesis and the recovery certificates name, whatever the state says yet."""
    named = genesis_holders(chain.genesis)
    for recovery in chain.recoveries:
        named |= {entry.address: (entry.node, entry.organisation) for entry in recovery.members}
    return named


def genesis_holders(genesis: Genesis) -> dict[Address, Holder]:
    """The holders of the first keys, as the genesis document names them."""
    return {
        address_from_hex(entry.address): (entry.node, entry.organisation)
        for entry in genesis.validators
    }


def holder_of(state: StorageReader, named: Mapping[Address, Holder], key: Address) -> Holder | None:
    """Who holds a consensus key: the founders' word for the first keys, else the group's state."""
    return named.get(key) or key_holder(state, key)
