"""Look for a fault in the code as it stands: all scenarios, the tests of the rules and of the log,
then seeds, until something is wrong.

`python -m tests.simulation.hunt [--seeds K] [--start N] [--lies A,B] [--sequences S]`: prints what
found it and ends with status 1; with 0 if nothing did. What does not end is a find as well.
"""

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.consensus.scenario import play
from tests.simulation.world import SEQUENCES_MIN, World

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "tests" / "consensus" / "scenarios"
TESTS = ("tests/consensus", "tests/simulation/test_simulation_log.py")
CPU_S_MAX = 120
"""Of one scenario or seed: many times what the longest takes."""


class Endless(Exception):
    """A run that used up its processor time."""


@contextmanager
def _bounded() -> Iterator[None]:
    """Raises Endless inside after CPU_S_MAX. A process that is stopped uses no processor time."""

    def give_up(*_: object) -> None:
        raise Endless(f"no end within {CPU_S_MAX} s of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S_MAX)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def find_in_scenarios() -> str | None:
    """The first scenario that fails or prints something else than it should."""
    for script in sorted(SCENARIOS.glob("*.txt")):
        text = script.read_text(encoding="utf-8")
        try:
            with _bounded():
                told = play(text)
            if told != text:
                return f"scenario {script.stem}"
        except Exception as error:
            return f"scenario {script.stem} ({type(error).__name__})"
    return None


def find_in_tests() -> str | None:
    """The first test of a rule, a trap or the log that fails; scenarios have been played."""
    options = ["-x", "-q", "-n", "0", "--noconftest", "--import-mode=importlib"]
    options += ["--timeout", str(10 * CPU_S_MAX), "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-k", "not scenarios", *TESTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) \S+?(?:::(\S+))?( |$)", run.stdout, re.MULTILINE)
    return f"test {(failed and failed[1]) or 'of a rule'}"


def find_in_seeds(
    start: int, count: int, lies: frozenset[str] | None, sequences: int
) -> str | None:
    """The first seed that ends in an error, and the error's first line."""
    for seed in range(start, start + count):
        try:
            with _bounded():
                World(seed, lies=lies, sequences=sequences).run()
        except Exception as error:
            words = (str(error).splitlines() or [""])[0][:90]
            return f"seed {seed} ({type(error).__name__}: {words})"
    return None


def main() -> int:
    """1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--lies", help="what liars do, comma between; nothing: no liars")
    parser.add_argument("--sequences", type=int, default=SEQUENCES_MIN)
    parser.add_argument("--only", choices=["scenarios", "tests", "seeds"])
    options = parser.parse_args()
    lies = None
    if options.lies is not None:
        lies = frozenset(filter(None, options.lies.split(",")))
    hunts: dict[str, Callable[[], str | None]] = {
        "scenarios": find_in_scenarios,
        "tests": find_in_tests,
        "seeds": lambda: find_in_seeds(options.start, options.seeds, lies, options.sequences),
    }
    chosen = [options.only] if options.only else list(hunts)
    found = next((hit for name in chosen if (hit := hunts[name]()) is not None), None)
    print(found or "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
