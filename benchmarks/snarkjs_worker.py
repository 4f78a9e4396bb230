"""Asks one warm Node.js process for its own milliseconds at snarkjs's and circom's verbs."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "tests" / "snarkjs" / "node_modules"
SNARKJS = MODULES / "snarkjs" / "build" / "cli.cjs"

Ask = Callable[..., float]


class WorkerFailed(RuntimeError):
    """The process refused a line, and has ended; why stands on its standard error."""


@contextmanager
def snarkjs_worker() -> Iterator[Ask | None]:
    """A function that takes a verb and its files; None where snarkjs is not installed."""
    node = shutil.which("node")
    if node is None or not (MODULES / "snarkjs").is_dir():
        yield None
        return
    command = [node, str(ROOT / "benchmarks" / "snarkjs_worker.cjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        written, told = process.stdin, process.stdout
        assert written is not None
        assert told is not None

        def ask(*words: str | Path) -> float:
            print(*words, sep="\t", file=written, flush=True)
            answer = told.readline()
            if not answer:
                raise WorkerFailed(f"snarkjs: {' '.join(map(str, words))}")
            return float(answer)

        yield ask
        written.close()
