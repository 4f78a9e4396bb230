"""Known ways to break the protocol or its persistence, planted on purpose.

Each is a patch over the real code, under which some seed has to end in a violation: a fault that no
run finds would mean that the checkers see nothing. A missing COMMIT entry is no fault: the prepared
certificate beside it leads to the same COMMIT. A missing CHECKPOINT entry shows only where
execution is not deterministic, and has a test of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from consensus import effects as fx
from consensus import events as ev
from consensus import verify
from consensus.entries import BatchEntry, LogEntry, PreparedEntry, VoteEntry
from consensus.messages import Prepare, PrePrepare, ViewChange
from consensus.views import Views
from ledger.validators import ValidatorSet
from node.wal import WriteAheadLog
from tests.simulation.simulated_files import PowerCut
from tests.simulation.simulated_node import SimulatedNode
from tests.simulation.world import World


@dataclass(frozen=True)
class PlantedFault:
    """A fault, and the lies of the liars that exploit it (None: as drawn from the seed).

    `seed` is one that finds it quickly; a search starts there.
    """

    name: str
    patch: Callable[[], object]
    node_class: type[SimulatedNode] = SimulatedNode
    lies: frozenset[str] | None = None
    seed: int = 1

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The code is broken inside this block."""
        patch = self.patch()
        with patch:  # type: ignore[attr-defined]
            yield

    def find(self, seeds: int) -> tuple[int, Exception] | None:
        """The first of so many seeds that ends in an error under the fault, and the error."""
        for seed in range(self.seed, self.seed + seeds):
            with self.planted():
                try:
                    World(seed, node_class=self.node_class, lies=self.lies).run()
                except Exception as error:
                    return seed, error
        return None


def _forgetting(forgets: Callable[[LogEntry], bool]) -> type[SimulatedNode]:
    """A node whose log drops some entries: what a missing sync comes to."""

    class ForgetfulNode(SimulatedNode):
        def _carry_out(self, effect: fx.Effect, own: list[ev.Event]) -> None:
            if isinstance(effect, fx.Persist | fx.Compact):
                kept = tuple(entry for entry in effect.entries if not forgets(entry))
                effect = type(effect)(kept)
            super()._carry_out(effect, own)

    return ForgetfulNode


class SendingFirst(SimulatedNode):
    """Syncs only after it has sent what depends on it."""

    def step(self, event: ev.Event) -> None:
        self._late: list[fx.Persist] = []
        super().step(event)
        late, self._late = self._late, []
        try:
            for effect in late if self.is_up else []:
                super()._carry_out(effect, [])
        except PowerCut:
            self.world.on_power_cut(self)

    def _carry_out(self, effect: fx.Effect, own: list[ev.Event]) -> None:
        if isinstance(effect, fx.Persist):
            self._late.append(effect)
        else:
            super()._carry_out(effect, own)


def _is_vote(*kinds: type) -> Callable[[LogEntry], bool]:
    return lambda entry: isinstance(entry, VoteEntry) and isinstance(entry.message, kinds)


def _nothing() -> object:
    return mock.patch.object(World, "planted", "nothing", create=True)


def _small_quorum() -> object:
    return mock.patch.object(
        ValidatorSet, "quorum", property(lambda self: (self.n + self.f + 2) // 2 - 1)
    )


def _unsynced_log() -> object:
    def append(log: WriteAheadLog, records: object) -> None:
        """What was never handed to the disk is what a power cut takes."""

    return mock.patch.object(WriteAheadLog, "append", append)


FAULTS = (
    PlantedFault("quorum off by one", _small_quorum),
    PlantedFault("nothing is logged", _unsynced_log),
    PlantedFault("sends before it syncs", _nothing, SendingFirst, frozenset(), 6),
    PlantedFault(
        "votes are not logged", _nothing, _forgetting(_is_vote(PrePrepare, Prepare)), frozenset()
    ),
    PlantedFault(
        "VIEW-CHANGEs are not logged", _nothing, _forgetting(_is_vote(ViewChange)), frozenset()
    ),
    PlantedFault(
        "locks are not logged",
        _nothing,
        _forgetting(lambda entry: isinstance(entry, PreparedEntry)),
        frozenset(),
        5,
    ),
    PlantedFault(
        "batches are not logged",
        _nothing,
        _forgetting(lambda entry: isinstance(entry, BatchEntry)),
        frozenset(),
    ),
    PlantedFault(
        "NEW-VIEW is not recomputed",
        lambda: mock.patch.object(Views, "_is_derived", return_value=True),
        lies=frozenset({"false-list"}),
        seed=27,
    ),
    PlantedFault(
        "repeated signers count",
        lambda: mock.patch.object(verify, "_are_distinct", return_value=True),
        lies=frozenset({"repeat-signer"}),
        seed=11,
    ),
)
