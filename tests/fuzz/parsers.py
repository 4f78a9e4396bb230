"""Every parser under damaged bytes: `python -m tests.fuzz.parsers --seed 1 --seconds 60`.

Input `index` of a seed is always the same, so a finding is replayed with --only and --index. The
process may take so much memory and a parser so much time and no more; a crash names its input.
"""

import argparse
import contextlib
import logging
import mmap
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from tests.fuzz import (
    admission_subjects,
    consensus_subjects,
    ledger_subjects,
    node_subjects,
    zkp_subjects,
)
from tests.fuzz.subject import CPU_S_MAX, Finding, Subject, TooSlow

MEMORY_BYTES_MAX = 2 << 30
"""On top of what the program itself takes when it starts."""
ROUND = 50
LEAST_TRIES_MAX = 2_000
_MARK_BYTES = 256


def every_subject() -> list[Subject]:
    """All parsers, in one order."""
    modules = (
        ledger_subjects,
        consensus_subjects,
        node_subjects,
        zkp_subjects,
        admission_subjects,
    )
    return [subject for module in modules for subject in module.subjects()]


@contextlib.contextmanager
def bounded_time() -> Iterator[None]:
    """Parsers in here get TooSlow after CPU_S_MAX of the processor's time since `restart`."""

    def on_alarm(*_: object) -> None:
        raise TooSlow(f"no answer within {CPU_S_MAX} s")

    before = signal.signal(signal.SIGPROF, on_alarm)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def examine(subject: Subject, data: bytes) -> bool:
    """`subject.examine` within its time."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S_MAX)
    try:
        return subject.examine(data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def least(subject: Subject, data: bytes, finding: Finding) -> bytes:
    """The input with as much taken out as leaves the finding's first words."""
    wanted = str(finding)[:40]
    size = len(data) // 2
    tries = 0
    while size and tries < LEAST_TRIES_MAX:
        place = 0
        while place < len(data) and tries < LEAST_TRIES_MAX:
            shorter = data[:place] + data[place + size :]
            tries += 1
            try:
                examine(subject, shorter)
            except Finding as again:
                if str(again)[:40] == wanted:
                    data = shorter
                    continue
            place += size
        size //= 2
    return data


def report(subject: Subject, seed: int, index: int, finding: Finding) -> str:
    """What somebody needs who is to mend it."""
    data = subject.input(seed, index)
    shortest = least(subject, data, finding)
    return (
        f"{subject.name}: {finding}\n"
        f"  input {index} of seed {seed}, {len(data)} bytes; shortest: {shortest[:400].hex()}\n"
        f"  replay: python -m tests.fuzz.parsers --seed {seed} --only '{subject.name}' "
        f"--index {index}"
    )


def fuzz(
    subjects: Sequence[Subject], seed: int, seconds: float, mark: "mmap.mmap | None" = None
) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Inputs and how many of them were taken, by parser; and the findings, one a parser."""
    counts = {subject.name: (0, 0) for subject in subjects}
    findings: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    with bounded_time():
        while time.monotonic() < deadline and len(findings) < len(subjects):
            for subject in subjects:
                if subject.name in findings or time.monotonic() > deadline:
                    continue
                tried, taken = counts[subject.name]
                for index in range(tried, tried + ROUND):
                    if mark is not None:
                        mark[:_MARK_BYTES] = f"{subject.name} {index}".encode().ljust(_MARK_BYTES)
                    try:
                        taken += examine(subject, subject.input(seed, index))
                    except Finding as finding:
                        findings[subject.name] = report(subject, seed, index, finding)
                        break
                counts[subject.name] = (tried + ROUND, taken)
    return counts, list(findings.values())


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES_MAX
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _fuzz_in_here(arguments: argparse.Namespace) -> int:
    subjects = [s for s in every_subject() if arguments.only in (None, s.name)]
    if not subjects:
        print(f"there is no parser {arguments.only!r}", file=sys.stderr)
        return 2
    _limit_memory()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if arguments.index is not None:
        with bounded_time():
            data = subjects[0].input(arguments.seed, arguments.index)
            print(data.hex())
            print("taken" if examine(subjects[0], data) else "refused")
        return 0
    with open(arguments.mark, "r+b") as file, mmap.mmap(file.fileno(), _MARK_BYTES) as mark:
        counts, findings = fuzz(subjects, arguments.seed, arguments.seconds, mark)
    for name, (tried, taken) in counts.items():
        print(f"{name:20} {tried:9} inputs, {taken:8} taken")
    print("\n".join(findings))
    print(f"{sum(tried for tried, _ in counts.values())} inputs, {len(findings)} findings")
    return 1 if findings else 0


def main() -> int:
    """Fuzz in a process of its own; 1 for a finding or a crash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", metavar="PARSER")
    parser.add_argument("--index", type=int, help="this one input, needs --only")
    parser.add_argument("--mark", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.mark or arguments.index is not None:
        return _fuzz_in_here(arguments)
    with tempfile.NamedTemporaryFile() as mark:
        mark.write(bytes(_MARK_BYTES))
        mark.flush()
        command = [sys.executable, "-m", "tests.fuzz.parsers", *sys.argv[1:], "--mark", mark.name]
        ended = subprocess.run(command, check=False).returncode
        if ended not in (0, 1, 2):
            at = Path(mark.name).read_bytes().strip(b" \0").decode()
            print(f"the process ended with {ended} at seed {arguments.seed}, input {at}")
            return 1
    return ended


if __name__ == "__main__":
    sys.exit(main())
