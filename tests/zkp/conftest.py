"""Both backends, the circuit's test key (made once, under build/keys), snarkjs as a command."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zkp.backend import Backend, backend_named
from zkp.circuits import equity_v1
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.keys import CircuitKey, load_test_key

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def vectors() -> Path:
    return ROOT / "tests" / "vectors" / "snarkjs"


@pytest.fixture(scope="session", params=["reference", "native"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Whoever computes: what a test asks of one backend it asks of the other."""
    found = backend_named(request.param)
    if found is None:
        pytest.skip("the native backend is not built: run make native")
    return found


@pytest.fixture(scope="session")
def equity_key() -> CircuitKey:
    return load_test_key(equity_v1.build(), ROOT / "build" / "keys")


@pytest.fixture(scope="session")
def snarkjs() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs snarkjs with arguments. Skips where it is not installed; in CI that fails."""
    script = ROOT / "tests" / "snarkjs" / "node_modules" / "snarkjs" / "build" / "cli.cjs"
    node = shutil.which("node")
    if node is None or not script.exists():
        reason = "snarkjs is not installed: run npm ci in tests/snarkjs (needs Node.js)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [node, str(script), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture(scope="session")
def equity_witness() -> tuple[int, ...]:
    """A witness of a lawful transfer."""
    core = EquityCore(7, 8, 9, 30_000, 100_000, 1_500_000_000, 10)
    financials = EquityFinancials(0, 0, 0, 0, 1_000_000_000, 50_000, 0, 99_990_000, 1)
    record, salts = EquityRecord(core, financials), {"salt_tax": 2**200, "salt_reg": 2**201}
    statement = equity_v1.public_inputs(record, **salts, rate_bps=2000, ctx=2**240)
    return equity_v1.assign(statement, record, **salts)
