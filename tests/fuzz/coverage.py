"""What a run of duels has hit: opcodes and precompiles as the reference ran them, and all reasons.

Counts only; whether the engines agree is the duel's.
"""

import collections
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eth.vm import opcode_values
from rich.table import Table

from ledger.pyevm import GatedComputation, PyEvmEngine
from ledger.reasons import Reason
from ledger.values import Address

HITS_MIN = 100
INVALID = 0xFE
_NAMES = {value: name for name, value in vars(opcode_values).items() if name.isupper()}


class _CountedOpcodes(dict[int, Any]):
    """The opcodes of the reference, each counted when it is run; INVALID as one of them."""

    def __init__(self, opcodes: dict[int, Any], counts: collections.Counter[int]) -> None:
        super().__init__({n: _counted(n, opcode, counts) for n, opcode in opcodes.items()})
        self._counts = counts

    def __missing__(self, number: int) -> Any:
        if number == INVALID:
            self._counts[INVALID] += 1
        raise KeyError(number)


@dataclass
class Coverage:
    """Counts over any number of duels."""

    opcodes: collections.Counter[int] = field(default_factory=collections.Counter)
    precompiles: collections.Counter[int] = field(default_factory=collections.Counter)
    results: collections.Counter[str] = field(default_factory=collections.Counter)
    """What a duel counts: transactions, succeeded, logs, calls and each reason to drop."""
    known_precompiles: tuple[int, ...] = ()

    @contextmanager
    def counted_opcodes(self) -> Iterator[None]:
        """While this lasts, every opcode that the reference runs is counted."""
        whole = GatedComputation.opcodes
        GatedComputation.opcodes = _CountedOpcodes(whole, self.opcodes)
        try:
            yield
        finally:
            GatedComputation.opcodes = whole

    def count_precompiles(self, engine: PyEvmEngine) -> None:
        """Have the calls of this engine's precompiles counted."""
        table: dict[Address, Any] = engine.computation_class._precompiles
        for address, run in list(table.items()):
            table[address] = _counted(int.from_bytes(address), run, self.precompiles)
        self.known_precompiles = tuple(sorted(int.from_bytes(address) for address in table))

    def hits(self) -> dict[str, dict[str, int]]:
        """How often each opcode, precompile and reason was met, also those that never were."""
        numbers = sorted((*GatedComputation.opcodes, INVALID))
        return {
            "opcode": {_NAMES.get(n, f"{n:#04x}"): self.opcodes[n] for n in numbers},
            "precompile": {f"{n:#x}": self.precompiles[n] for n in self.known_precompiles},
            "reason": {str(reason): self.results[f"dropped {reason}"] for reason in Reason},
        }

    @property
    def rare(self) -> list[str]:
        """What was hit less than HITS_MIN times."""
        return [
            f"{kind} {name}: {count}"
            for kind, counts in self.hits().items()
            for name, count in counts.items()
            if count < HITS_MIN
        ]

    def table(self) -> Table:
        """The counts, four a line."""
        columns = 4
        drawn = Table(title="hits", box=None, show_header=False)
        for kind, counts in self.hits().items():
            drawn.add_row(f"[bold]{kind}s: {len(counts)}, least {min(counts.values())}")
            cells = [f"{name} {count}" for name, count in counts.items()]
            for start in range(0, len(cells), columns):
                drawn.add_row(*cells[start : start + columns])
        return drawn


def _counted(number: int, function: Any, counts: collections.Counter[int]) -> Callable[..., Any]:
    def run(computation: Any) -> Any:
        counts[number] += 1
        return function(computation)

    return run
