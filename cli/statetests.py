"""Files of Ethereum's state tests through an engine, on as many processes as help.

The I/O around `ledger.ethereum`, which knows the format and the rules.
"""

import multiprocessing
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.failure import CommandFailed
from ledger.bounded_file import read_bounded
from ledger.ethereum.case import Case, Indexes
from ledger.ethereum.fixture import InvalidFixture, read_cases, read_tests
from ledger.ethereum.on_native import NativeRunner
from ledger.ethereum.on_pyevm import PyEvmRunner
from ledger.ethereum.outcome import Runner, fault
from node.engines import CURVE_PRECOMPILES, NATIVE

FILE_BYTES_MAX = 256 * 1024 * 1024
FILES_PER_PROCESS_MIN = 16
"""Starting a process takes as long as some of these."""
PROCESSES_MAX = 64


@dataclass(frozen=True)
class Verdict:
    """Of a case; of a test or a file that cannot be read there are no indexes, perhaps no name."""

    file: str
    name: str | None
    fork: str
    index: Indexes | None
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """As the command's `--json` has it."""
        index = self.index and {
            "data": self.index.data,
            "gas": self.index.gas,
            "value": self.index.value,
        }
        return {
            "file": self.file,
            "name": self.name,
            "fork": self.fork,
            "index": index,
            "pass": self.error is None,
            "error": self.error,
        }


def runner_of(engine: str) -> Runner:
    """The engine under Ethereum's own rules."""
    if engine == NATIVE:
        return NativeRunner()
    # py-evm warns of every self-destruct that it runs.
    warnings.filterwarnings("ignore", message="SELFDESTRUCT")
    return PyEvmRunner(CURVE_PRECOMPILES)


def files_under(paths: Sequence[Path]) -> list[Path]:
    """Each file that is named, and the `.json` files in each folder, in order."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    return found


def judge_files(
    engine: str, fork: str, files: Sequence[Path], processes: int
) -> Iterator[list[Verdict]]:
    """The verdicts of each file, in the files' order."""
    processes = min(processes, PROCESSES_MAX, len(files) // FILES_PER_PROCESS_MIN)
    if processes <= 1:
        runner = runner_of(engine)
        for file in files:
            yield judge_file(runner, fork, file)
        return
    with ProcessPoolExecutor(
        max_workers=processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_Worker.prepare,
        initargs=(engine, fork),
    ) as pool:
        try:
            yield from pool.map(_Worker.judge, files)
        except BrokenProcessPool as error:
            raise CommandFailed(
                "a process of the engine ended; --processes 1 shows in which file"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def judge_file(runner: Runner, fork: str, file: Path) -> list[Verdict]:
    """The verdicts of a file's cases for a fork; a fault in the file is one that failed."""
    try:
        tests = read_tests(read_bounded(file, FILE_BYTES_MAX, InvalidFixture))
    except InvalidFixture as error:
        return [Verdict(str(file), None, fork, None, str(error))]
    except OSError as error:
        return [Verdict(str(file), None, fork, None, f"cannot be read: {error.strerror}")]
    verdicts = []
    for name, test in tests.items():
        try:
            for case in read_cases(name, test, fork):
                verdict = Verdict(str(file), name, fork, case.indexes, _judge(runner, case))
                verdicts.append(verdict)
        except InvalidFixture as error:
            verdicts.append(Verdict(str(file), name, fork, None, str(error)))
    return verdicts


def _judge(runner: Runner, case: Case) -> str | None:
    try:
        return fault(case, runner.run(case))
    except Exception as error:  # whatever an engine does wrong is that case's failure
        return f"{runner.name} failed with {type(error).__name__}: {error}"[:500]


class _Worker:
    """What a process keeps between files."""

    runner: Runner
    fork: str

    @classmethod
    def prepare(cls, engine: str, fork: str) -> None:
        cls.runner, cls.fork = runner_of(engine), fork

    @classmethod
    def judge(cls, file: Path) -> list[Verdict]:
        return judge_file(cls.runner, cls.fork, file)
