"""What an honest replica promises by a message, held against what it said and stored before.

It sees what leaves a node and what the node stored; lists are computed here anew.
"""

from consensus.messages import Commit, Message, NewView, Prepare, PrePrepare, ViewChange
from ledger.proposal import Proposal, null_request
from ledger.values import Address, Hash32
from tests.simulation.checkers import Violation
from tests.simulation.fake_suite import FAKE
from tests.simulation.simulated_node import TRANSACTION_BYTES_MAX, SimulatedNode

WAITED_MS_MAX = 14_000
"""So long a proposal may lie between its receipt and the vote: less than a bad clock is wrong."""


class PromiseChecker:
    """Votes stay in the window, on good batches; VIEW-CHANGE and NEW-VIEW keep what is locked."""

    def __init__(self) -> None:
        self._commits: dict[tuple[Address, int], dict[int, int]] = {}
        self._ends: dict[Address, int] = {}
        self._checked: set[Hash32] = set()

    def on_sent(self, node: SimulatedNode, message: Message) -> None:
        """An honest replica's own message left its node."""
        match message:
            case PrePrepare() | Prepare():
                self._check_window(node, message.sequence)
                self._check_batch(node, message)
            case Commit():
                self._check_window(node, message.sequence)
                locks = self._commits.setdefault((node.address, message.epoch), {})
                locks[message.sequence] = max(message.view, locks.get(message.sequence, 0))
            case ViewChange():
                self._check_locks(node, message)
            case NewView():
                self._check_list(node, message)
            case _:
                pass

    def _check_window(self, node: SimulatedNode, sequence: int) -> None:
        # A vote may be said again after the store was lost: the window never moves back.
        end = max(self._ends.get(node.address, 0), node.chain.height + node.world.window_blocks)
        self._ends[node.address] = end
        if sequence > end:
            raise Violation(f"{node.name} votes at {sequence}, its window ends at {end}")

    def _check_batch(self, node: SimulatedNode, message: PrePrepare | Prepare) -> None:
        """In the view that a batch is from: form and clock, by whoever votes for it first."""
        if message.digest in self._checked or node.has_bad_clock:
            return
        body = node.replica.batch(message.digest)
        if body is None or body.origin_view != message.view:
            return
        parameters = node.world.parameters_for(message.sequence)
        if parameters is None:
            return
        self._checked.add(message.digest)
        ahead_ms, tolerance_ms = body.timestamp_ms - node.now_ms(), parameters.clock_tolerance_ms
        if not -tolerance_ms - WAITED_MS_MAX <= ahead_ms <= tolerance_ms:
            raise Violation(f"{node.name} votes for a batch {ahead_ms} ms ahead of its clock")
        if not _is_well_formed(body, parameters.batch_transactions_max):
            raise Violation(f"{node.name} votes for a batch of bad form")

    def _check_locks(self, node: SimulatedNode, message: ViewChange) -> None:
        """Whoever committed says so until the block is stable."""
        said = {item.sequence: item.view for item in message.prepared}
        for sequence, view in self._commits.get((node.address, message.epoch), {}).items():
            if sequence > message.stable_number and said.get(sequence, -1) < view:
                raise Violation(
                    f"{node.name} committed {sequence} in view {view}, and its VIEW-CHANGE("
                    f"{message.view}) has no certificate of that view or a later one"
                )

    def _check_list(self, node: SimulatedNode, message: NewView) -> None:
        """For each sequence above the highest stable one what the highest view prepared."""
        changes = [item.message for item in message.view_changes]
        changes = [change for change in changes if isinstance(change, ViewChange)]
        first = max(change.stable_number for change in changes) + 1
        prepared = [item for change in changes for item in change.prepared]
        expected = []
        for sequence in range(first, max([first - 1, *(item.sequence for item in prepared)]) + 1):
            here = [(item.view, item.digest) for item in prepared if item.sequence == sequence]
            null = null_request(
                FAKE, group=node.world.group, epoch=message.epoch, sequence=sequence
            )
            expected.append(max(here)[1] if here else null.digest)
        if (message.first_sequence, list(message.digests)) != (first, expected):
            raise Violation(f"{node.name} opens view {message.view} with a list of its own making")


def _is_well_formed(body: Proposal, count_max: int) -> bool:
    transactions = body.transactions
    return (
        len(set(transactions)) == len(transactions) <= count_max
        and max(map(len, transactions), default=0) <= TRANSACTION_BYTES_MAX
    )
