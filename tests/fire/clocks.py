"""A node's wall clock made wrong from outside: libfaketime, preloaded into the node's process.

Monotonic time goes on as it is. The node itself has no hook for it. `why_not` says what is missing.
"""

from pathlib import Path

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)


def why_not() -> str | None:
    """Why no clock can be made wrong here; None if one can."""
    return None if _library() else "clock-skew needs libfaketime: apt-get install faketime"


class Clock:
    """One node's clock; `environment` is for the node's process, before it starts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """What has the process read its clock through the library."""
        library = _library()
        assert library is not None
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, minutes: float) -> None:
        """So many minutes ahead of the truth, or behind it."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{minutes * 60:+.0f}s\n", encoding="ascii")
        draft.replace(self._file)


def _library() -> str | None:
    return next((path for path in LIBRARIES if Path(path).is_file()), None)
