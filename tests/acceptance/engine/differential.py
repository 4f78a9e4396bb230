"""20,000 random transactions on both engines, half of them succeed, all is hit: no difference.

Every opcode of Cancun, every precompile, ours too, and every reason to drop is met at least a
hundred times. That the run would see a fault is shown by ten that are planted in the reference.
"""

import warnings
from pathlib import Path
from typing import Any

from ledger.native import is_available

SEED = 20_260


def run(folder: Path) -> dict[str, Any]:
    """Counts of the run, and the seed that shows each planted fault."""
    assert is_available(), "the native engine is not built: make native builds it"
    from tests.fuzz.engines import TRANSACTIONS, fight, shortfalls
    from tests.native.planted_differences import PLANTS, find

    warnings.filterwarnings("ignore", "SELFDESTRUCT")
    coverage = fight(SEED, transactions=TRANSACTIONS)
    missed = shortfalls(coverage)
    assert not missed, "; ".join(missed)
    assert coverage.results["transactions"] >= TRANSACTIONS
    planted = {plant.__name__.strip("_"): find(plant) for plant in PLANTS}
    assert len(planted) == 10, sorted(planted)
    hits = coverage.hits()
    return {
        "seed": SEED,
        "results": dict(coverage.results),
        "least": {kind: min(counts.values()) for kind, counts in hits.items()},
        "hits": hits,
        "seed_of_planted": planted,
    }
