"""The engine and the database of a group with their processor time told to the node's stages.

What they do is untouched: the ledger has no clock, so the measuring stands around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import thread_time
from typing import Any

from ledger.engine import BlockResult, CallResult, Candidate, Engine, Environment, Message
from ledger.gate import Gate
from ledger.keyvalue import Batch, LevelDB
from ledger.native import NativeEngine
from ledger.state import StateReader
from ledger.transactions import InvalidTransaction, Transaction
from ledger.trie import Node, Proven
from ledger.values import Hash32
from node.stages import Stages


class MeasuredEngine:
    """An engine whose blocks are counted; calls and traces are RPC's own."""

    def __init__(self, engine: Engine, stages: Stages) -> None:
        self.stages = stages
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.name

    def decode(self, batch: Sequence[bytes]) -> Sequence[Transaction | InvalidTransaction]:
        with self.stages.measure("decode"):
            return self._engine.decode(batch)

    def prove(self, root: Hash32, keys: Sequence[bytes], node: Node) -> list[Proven]:
        return self._engine.prove(root, keys, node)

    def execute_block(
        self, env: Environment, gate: Gate, batch: Sequence[Candidate], state: StateReader
    ) -> BlockResult:
        start_s = thread_time()
        result = self._engine.execute_block(env, gate, batch, state)
        if isinstance(self._engine, NativeEngine):
            self._split(self._engine, thread_time() - start_s)
        return result

    def _split(self, engine: NativeEngine, spent_s: float) -> None:
        """The crate tells how long its parts took by the wall; the thread's time is shared so."""
        parts = engine.profile()
        whole_s = sum(parts.values())
        if whole_s > 0:
            root_s = spent_s * parts["roots"] / whole_s
            self.stages.add("execute", -root_s)
            self.stages.add("root", root_s)

    def call(
        self, env: Environment, gate: Gate, message: Message, state: StateReader
    ) -> CallResult:
        return self._engine.call(env, gate, message, state)

    def trace(
        self,
        env: Environment,
        gate: Gate,
        batch: Sequence[Candidate],
        index: int,
        state: StateReader,
    ) -> dict[str, Any]:
        return self._engine.trace(env, gate, batch, index, state)


class MeasuredStore(LevelDB):
    """A database whose writes are counted."""

    def __init__(self, path: Path, stages: Stages) -> None:
        super().__init__(path)
        self._stages = stages

    def write(self, batch: Batch, *, sync: bool) -> None:
        with self._stages.measure("store"):
            super().write(batch, sync=sync)
