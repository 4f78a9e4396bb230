"""Duels of the two engines until enough was seen: `python -m tests.fuzz.engines --seed 1`.

Each duel has a seed of its own, counted up from the first; a difference names the one that brings
it back. Needs the crate; says so where it is not built.
"""

import argparse
import sys
import warnings

from rich.console import Console

from ledger.native import is_available
from ledger.pyevm import PyEvmEngine
from tests.fuzz.coverage import Coverage
from tests.native.duel import PYTHON_PRECOMPILES, Duel

TRANSACTIONS = 20_000


def fight(seed: int, *, transactions: int = TRANSACTIONS, duels: int | None = None) -> Coverage:
    """Duels from `seed` on until as many transactions were included, or just that many duels.

    Raises `tests.native.duel.Difference`.
    """
    coverage = Coverage()
    reference = PyEvmEngine(PYTHON_PRECOMPILES)
    coverage.count_precompiles(reference)
    fought = 0
    with coverage.counted_opcodes():
        while fought < duels if duels else coverage.results["transactions"] < transactions:
            Duel(seed + fought, reference=reference, counts=coverage.results).run()
            fought += 1
    return coverage


def shortfalls(coverage: Coverage) -> list[str]:
    """What a whole run has to reach and this one did not."""
    succeeded, whole = coverage.results["succeeded"], coverage.results["transactions"]
    missed = [f"hit too rarely: {rare}" for rare in coverage.rare]
    if 2 * succeeded < whole:
        missed.append(f"expected half of the transactions to succeed, {succeeded} of {whole} did")
    return missed


def main() -> int:
    """Fight, print the table; 1 for a shortfall. A difference ends the run with its own words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS)
    parser.add_argument("--duels", type=int, help="fight just so many, whatever they cover")
    arguments = parser.parse_args()
    if not is_available():
        print("the duel of the engines needs the crate: see native/README.md")
        return 0
    warnings.filterwarnings("ignore", "SELFDESTRUCT")
    coverage = fight(arguments.seed, transactions=arguments.transactions, duels=arguments.duels)
    Console().print(coverage.table())
    results = coverage.results
    print(
        f"{results['transactions']} transactions, {results['succeeded']} of them succeeded, "
        f"{results['logs']} logs, {results['calls']} calls: no difference"
    )
    missed = shortfalls(coverage) if arguments.duels is None else []
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
