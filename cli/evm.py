"""The `quorate evm` commands: Ethereum's own test suites on the engines that nodes run."""

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import CommandFailed
from cli.output import JsonOption
from cli.statetests import Verdict, files_under, judge_files
from node.engines import AUTO, NATIVE, PY_EVM, resolve_engine, why_not_native

app = typer.Typer(help="Ethereum's tests on the engines. 以太坊官方测试。")

PROGRESS_EVERY_S = 5
PROCESSES = 2


class EngineName(StrEnum):
    """Of the engines that nodes run on."""

    native = NATIVE
    py_evm = PY_EVM


class Fork(StrEnum):
    """Forks whose rules the engines have."""

    cancun = "Cancun"


@app.callback()
def _group() -> None:
    """Keeps `statetest` a word of its own while it is the only one."""


@app.command()
def statetest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", exists=True, help="Files, or folders of .json files."),
    ],
    engine: Annotated[
        EngineName | None, typer.Option(help="By default native where it is built.")
    ] = None,
    fork: Annotated[Fork, typer.Option(help="Which post states to compare.")] = Fork.cancun,
    processes: Annotated[
        int, typer.Option(min=1, help="At most so many at once, where there are many files.")
    ] = PROCESSES,
    as_json: JsonOption = False,
) -> None:
    """Run GeneralStateTests by Ethereum's own rules and compare roots and logs. 运行状态测试。

    Prints what fails (with --json a line for every case), then how many passed and failed; exit
    code 1 if any failed.
    """
    files = files_under(paths)
    if not files:
        raise typer.BadParameter(
            f"expected .json files, there is none in {', '.join(map(str, paths))}"
        )
    progress = _Progress(len(files))
    for verdicts in judge_files(_chosen(engine), fork, files, processes):
        for verdict in verdicts:
            _print(verdict, as_json)
        progress.add(verdicts)
    if progress.cases == 0:
        print(f"quorate: no case for the fork {fork} in {len(files)} file(s)", file=sys.stderr)
    print(f"{progress.cases - progress.failed} passed, {progress.failed} failed")
    if progress.failed:
        raise typer.Exit(1)


def _chosen(engine: EngineName | None) -> str:
    """The engine to use; says which where nobody chose."""
    missing = why_not_native()
    if engine is None:
        chosen = resolve_engine(AUTO)
        reason = f" ({missing})" if missing else ""
        print(f"quorate: on {chosen}{reason}", file=sys.stderr)
        return chosen
    if engine == NATIVE and missing is not None:
        raise CommandFailed(f"{missing}. Or take --engine {PY_EVM}")
    return engine.value


def _print(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        print(json.dumps(verdict.to_json(), ensure_ascii=False), flush=True)
    elif verdict.error is not None:
        place = [verdict.file, verdict.name or ""]
        if verdict.index is not None:
            index = verdict.index
            place.append(f"data {index.data} gas {index.gas} value {index.value}")
        print(f"{' '.join(filter(None, place))}: {verdict.error}", flush=True)


class _Progress:
    """Counts, and says on standard error how far a long run has come."""

    def __init__(self, files: int) -> None:
        self._files_total = files
        self._files = 0
        self._said = time.monotonic()
        self.cases = 0
        self.failed = 0

    def add(self, verdicts: list[Verdict]) -> None:
        """One more file is done."""
        self._files += 1
        self.cases += len(verdicts)
        self.failed += sum(verdict.error is not None for verdict in verdicts)
        if time.monotonic() - self._said >= PROGRESS_EVERY_S:
            self._said = time.monotonic()
            print(
                f"file {self._files} of {self._files_total}: "
                f"{self.cases} cases, {self.failed} failed",
                file=sys.stderr,
                flush=True,
            )
