"""A command writes no file over another one that somebody may still need."""

from pathlib import Path

from cli.failure import CommandFailed


def check_new(*paths: Path | None) -> None:
    """Raise CommandFailed for the first path that is there already."""
    for path in paths:
        if path is not None and path.exists():
            raise CommandFailed(f"{path}: is there already; name another file")
