"""What has to be true of every run, whatever the implementation does.

Checkers see messages at the network and blocks in the stores, never a replica. They count with
arithmetic of their own.
"""

from collections.abc import Iterable

from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    Signed,
    ViewChange,
)
from ledger.certificate import Certificate, checkpoint_digest
from ledger.suite import Suite
from ledger.values import Address, Hash32
from tests.simulation.model_chain import ModelBlock, ModelChain


class Violation(AssertionError):
    """A safety or liveness property that a run broke."""


PROGRESS_MS_MAX = 30_000
"""Three of the longest views (f = 3 of ten validators lead badly one after the other), and their
requests' clocks. Epochs and backlogs may be many, so a run as a whole has no bound."""


class ProgressChecker:
    """Once the network is healed, a block follows the one before within a bound."""

    def __init__(self) -> None:
        self.wait_ms_max = 0
        self._last_ms: int | None = None

    def begin(self, now_ms: int) -> None:
        """The network is healed, and there is load from now on."""
        self._last_ms = now_ms

    def end(self) -> None:
        """There is no load any more, so no block need come."""
        self._last_ms = None

    def on_block(self, now_ms: int) -> None:
        """Somebody honest stored a block that nobody had."""
        if self._last_ms is not None:
            self.wait_ms_max = max(self.wait_ms_max, now_ms - self._last_ms)
            self._last_ms = now_ms

    def check(self, now_ms: int) -> None:
        """Raises Violation if the next block is overdue."""
        if self._last_ms is not None and now_ms - self._last_ms > PROGRESS_MS_MAX:
            raise Violation(f"healed, and no block for {now_ms - self._last_ms} ms")


CATCH_UP_MS_MAX = 3_000
"""Positions are said once a second, and what lags fetches half a second later, from two peers of
which one may lie. In most runs a replica stands still for 0.6 s at most."""


class CatchUpChecker:
    """Once the network is healed, no honest replica stands still while others have more blocks."""

    def __init__(self) -> None:
        self.lag_ms_max = 0
        self._since: dict[str, tuple[int, int]] = {}

    def check(self, name: str, height: int, height_max: int, now_ms: int) -> None:
        """Raises Violation if this replica should have had another block by now."""
        known, since_ms = self._since.get(name, (-1, now_ms))
        if height != known or height >= height_max:
            self._since[name] = height, now_ms
            return
        self.lag_ms_max = max(self.lag_ms_max, now_ms - since_ms)
        if now_ms - since_ms > CATCH_UP_MS_MAX:
            raise Violation(
                f"{name} stands at block {height} for {now_ms - since_ms} ms, others have "
                f"{height_max}"
            )


class VoteChecker:
    """No honest replica contradicts a vote of its own, before or after a crash."""

    def __init__(self) -> None:
        self._votes: dict[tuple[object, ...], Hash32] = {}
        self._lists: dict[tuple[Address, int, int], tuple[int, tuple[Hash32, ...]]] = {}
        self._left_for: dict[tuple[Address, int], int] = {}

    def on_sent(self, signed: Signed) -> None:
        """An honest replica's message left its node."""
        message, sender = signed.message, signed.sender
        key: tuple[object, ...]
        match message:
            case PrePrepare() | Prepare():
                self._check_view(sender, message)
                key = (sender, "prepare", message.epoch, message.view, message.sequence)
                self._check(key, message.digest)
            case Commit():
                self._check_view(sender, message)
                key = (sender, "commit", message.epoch, message.view, message.sequence)
                self._check(key, message.digest)
            case Checkpoint():
                self._check((sender, "checkpoint", message.number), message.header_hash)
            case ViewChange():
                place = (sender, message.epoch)
                self._left_for[place] = max(self._left_for.get(place, 0), message.view)
            case NewView():
                listed = (message.first_sequence, message.digests)
                opened = (sender, message.epoch, message.view)
                if self._lists.setdefault(opened, listed) != listed:
                    raise Violation(f"{sender.hex()[:6]} opens view {message.view} with two lists")
            case _:
                pass

    def _check(self, key: tuple[object, ...], value: Hash32) -> None:
        said = self._votes.setdefault(key, value)
        if said != value:
            raise Violation(f"vote contradicted: {_show(key)}: {said.hex()[:8]}, {value.hex()[:8]}")

    def _check_view(self, sender: Address, message: PrePrepare | Prepare | Commit) -> None:
        place = (sender, message.epoch)
        left = self._left_for.get(place, 0)
        if message.view < left:
            raise Violation(
                f"{sender.hex()[:6]} votes in view {message.view} after it was in view {left}"
            )
        self._left_for[place] = message.view


class AgreementChecker:
    """All honest stores hold the same blocks, each under a certificate that proves it."""

    def __init__(self, suite: Suite, group: Hash32) -> None:
        self._suite = suite
        self._group = group
        self._blocks: dict[int, tuple[Hash32, Hash32]] = {}
        self._proven: dict[int, Certificate] = {}

    def on_stored(
        self, name: str, chain: ModelChain, block: ModelBlock, proof: Certificate
    ) -> None:
        """A node stored a block; `chain` is what it held before."""
        found = (block.proposal.digest, block.header_hash)
        agreed = self._blocks.setdefault(block.number, found)
        if agreed != found:
            raise Violation(
                f"{name} stored another block {block.number}: digest {found[0].hex()[:8]} "
                f"instead of {agreed[0].hex()[:8]}"
            )
        before = chain.blocks[-1].header_hash if chain.blocks else self._group
        if block.parent != before or block.number != len(chain.blocks) + 1:
            raise Violation(f"{name} stored block {block.number} on another parent")
        count_max = chain.parameters_for(block.number).batch_transactions_max
        if len(block.proposal.transactions) > count_max:
            raise Violation(f"block {block.number} holds more than {count_max} transactions")
        if self._proven.get(block.number) != proof:
            self._check_certificate(chain, block, proof)
            self._proven[block.number] = proof

    def _check_certificate(self, chain: ModelChain, block: ModelBlock, proof: Certificate) -> None:
        due = [e for e in chain.epochs if e.first_sequence <= block.number][-1]
        members = set(due.validators.members)
        digest = checkpoint_digest(
            self._suite, self._group, due.number, block.number, block.header_hash
        )
        signers = {
            self._suite.recover(digest, signature) for signature in proof.signatures
        } & members
        faulty = (len(members) - 1) // 3
        if 2 * len(signers) < len(members) + faulty + 1:
            raise Violation(f"the certificate of block {block.number} has {len(signers)} signers")


def check_acknowledged(acknowledged: Iterable[bytes], chains: Iterable[ModelChain]) -> None:
    """Every acknowledged transaction is in each chain, exactly once."""
    wanted = list(acknowledged)
    for chain in chains:
        count: dict[bytes, int] = {}
        for block in chain.blocks:
            for transaction in block.included:
                count[transaction] = count.get(transaction, 0) + 1
        for transaction in wanted:
            if count.get(transaction, 0) != 1:
                raise Violation(
                    f"transaction {transaction!r} was executed {count.get(transaction, 0)} times"
                )


def _show(key: tuple[object, ...]) -> str:
    return " ".join(part.hex()[:6] if isinstance(part, bytes) else str(part) for part in key)
