"""Runs the acceptance scripts of one topic: `python -m tests.acceptance.run TOPIC [--only NAME]`.

With `--only`, `--set NAME=VALUE` (again and again) changes a script's own parameters: a shorter run
for a try, another engine. What was changed stands with the results.
A script is a module of `tests/acceptance/<topic>/` with a `run(folder)` that returns its figures
and raises `AssertionError` where a promise is not kept; its docstring's first line is the promise.
Results go to build/accept/<topic>.json and, as a table, to the terminal.
"""

import argparse
import importlib.util
import json
import shutil
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"acceptance_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _setting(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`; a value that is JSON is taken as JSON, any other as text."""
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _run_one(path: Path, workspace: Path, settings: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    module = _load(path)
    promise = (module.__doc__ or "").strip().splitlines()[0]
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    try:
        figures, error = module.run(workspace, **settings), None
    except (Exception, SystemExit) as failure:
        traceback.print_exc()
        figures, error = None, f"{type(failure).__name__}: {failure}"
    return {
        "name": path.stem,
        "promise": promise,
        "passed": error is None,
        "error": error,
        "figures": figures,
        **({"settings": settings} if settings else {}),
        "seconds": round(time.monotonic() - started, 1),
    }


def _save(report: Path, results: list[dict[str, Any]]) -> None:
    """Write the results; those of scripts that did not run now are kept."""
    kept = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else []
    merged = {result["name"]: result for result in [*kept, *results]}
    text = json.dumps([merged[name] for name in sorted(merged)], ensure_ascii=False, indent=2)
    report.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Run a topic's scripts one after another; 1 if any promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("topic")
    parser.add_argument("--only")
    parser.add_argument("--set", type=_setting, action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    if arguments.settings and not arguments.only:
        parser.error("--set needs --only: it changes one script's parameters")
    folder = HERE / arguments.topic
    scripts = sorted(folder.glob("[a-z]*.py"))
    if arguments.only:
        scripts = [path for path in scripts if path.stem == arguments.only]
    if not scripts:
        topics = ", ".join(sorted(path.name for path in HERE.iterdir() if path.is_dir()))
        print(f"no acceptance script matches; topics: {topics}", file=sys.stderr)
        return 2
    results = []
    for path in scripts:
        print(f"--- {arguments.topic}/{path.stem}", flush=True)
        workspace = ROOT / "build" / "accept" / arguments.topic / path.stem
        results.append(_run_one(path, workspace, dict(arguments.settings)))
        print(json.dumps(results[-1], ensure_ascii=False, indent=2), flush=True)
    _save(ROOT / "build" / "accept" / f"{arguments.topic}.json", results)
    drawn = Table("name", "kept", "seconds", "promise")
    for result in results:
        drawn.add_row(
            result["name"],
            "yes" if result["passed"] else "NO",
            str(result["seconds"]),
            result["promise"],
        )
    Console().print(drawn)
    passed = sum(result["passed"] for result in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
