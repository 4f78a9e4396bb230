"""What a suite came to, and whether that is what the list of exceptions says.

The list is `exceptions.toml`: each case in which an implementation is known to differ, with what it
does wrong. A failure that is not listed is wrong, and so is an entry whose case passes.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

LIST = Path(__file__).parent / "exceptions.toml"


@dataclass
class Results:
    """Cases by name: `file test`, and for state tests the indexes of data, gas and value."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, case: str, error: str | None) -> None:
        """One more case."""
        assert case not in self.passed
        assert case not in self.failed
        if error is None:
            self.passed.add(case)
        else:
            self.failed[case] = error


def exceptions_of(suite: str, implementation: str) -> dict[str, str]:
    """The reason of each listed case."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["exception"]
    return {
        case: entry["reason"]
        for entry in entries
        if entry["suite"] == suite and entry["implementation"] == implementation
        for case in entry["cases"]
    }


def surprises(suite: str, implementation: str, results: Results) -> list[str]:
    """In words: what fails without an entry, and entries that are none any more."""
    known = exceptions_of(suite, implementation)
    found = [f"{case}: {error}" for case, error in results.failed.items() if case not in known]
    found += [f"{case}: listed, but it passes" for case in sorted(known.keys() & results.passed)]
    gone = known.keys() - results.passed - results.failed.keys()
    return found + [f"{case}: listed, but there is no such case" for case in sorted(gone)]
