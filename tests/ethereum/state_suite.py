"""GeneralStateTests, all of Cancun, through the command as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

from tests.ethereum.results import Results
from tests.ethereum.samples import STATE_TESTS

PROCESSES = 2


def state_tests(engine: str, folder: Path = STATE_TESTS) -> Results:
    """Every case on an engine; its progress goes to standard error."""
    command = [sys.executable, "-m", "cli.main", "evm", "statetest", "--engine", engine]
    command += ["--json", "--processes", str(PROCESSES), str(folder)]
    results = Results()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = ""
        for last in process.stdout:
            if last.startswith("{"):
                verdict = json.loads(last)
                results.add(_name(verdict, folder), verdict["error"])
    expected = f"{len(results.passed)} passed, {len(results.failed)} failed\n"
    assert (last, process.returncode) == (expected, 1 if results.failed else 0)
    return results


def _name(verdict: dict[str, object], folder: Path) -> str:
    file = Path(str(verdict["file"])).relative_to(folder)
    index = verdict["index"]
    numbers = [str(number) for number in index.values()] if isinstance(index, dict) else ["?"]
    return " ".join([str(file), str(verdict["name"]), *numbers])
