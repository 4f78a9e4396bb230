"""Recovery certificates that an operator put into a group's folder, until the node follows them.

A file stays where it is until the chain has it on disk or refuses it; then it gets another name.
Nothing is decided here, but that what cannot be read is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import structlog

from ledger.recovery import InvalidRecovery, Recovery
from ledger.recovery_file import load_recovery, recovery_json
from ledger.whole_file import write_whole
from node.config import GroupFolder

FILES_COUNT_MAX = 64

log = structlog.get_logger("node")


def place_recovery(folder: GroupFolder, recovery: Recovery) -> Path:
    """Put a certificate where the node finds it at its start, or when it is told to reload."""
    path = folder.recovery / f"{recovery.counter:06}.json"
    path.with_suffix(".refused").unlink(missing_ok=True)  # of an earlier attempt
    write_whole(path, recovery_json(recovery))
    return path


def waiting_recoveries(folder: GroupFolder) -> Iterator[tuple[Path, Recovery]]:
    """The files that wait, in order of their names; those that cannot be read are refused."""
    for path in sorted(folder.recovery.glob("*.json"))[:FILES_COUNT_MAX]:
        try:
            recovery = load_recovery(path)
        except OSError as error:
            refuse(path, f"cannot be read: {error.strerror}")
        except InvalidRecovery as error:
            refuse(path, str(error))
        else:
            yield path, recovery


def mark_followed(path: Path) -> None:
    """The chain follows it: the file is kept for the record."""
    path.replace(path.with_suffix(".followed"))


def refuse(path: Path, reason: str) -> None:
    """It is not tried again; the reason goes into the log and stands beside it."""
    log.error("recovery.refused", file=str(path), reason=reason)
    path.with_suffix(".reason").write_text(f"{reason}\n", encoding="utf-8")
    path.replace(path.with_suffix(".refused"))


def reason_of(path: Path) -> str | None:
    """Why a file was refused that was placed under this name; None if it was not."""
    if not path.with_suffix(".refused").exists():
        return None
    return path.with_suffix(".reason").read_text(encoding="utf-8").strip()
