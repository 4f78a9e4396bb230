"""A node's wall clock made wrong: run as `python -m tests.fire.clocks node run FOLDER`.

The product's node with another answer to "what time is it": so much is added as a file says, which
a test may rewrite while the node runs. Monotonic time goes on as it is.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

CLOCK_FILE = "FIRE_CLOCK"
MODULE = "tests.fire.clocks"
POLL_S = 0.1


class Clock:
    """One node's clock; `environment` is for the node's process, before it starts."""

    def __init__(self, file: Path) -> None:
        self._file = file.resolve()
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """Names the file to the process."""
        return {CLOCK_FILE: str(self._file)}

    def set(self, minutes: float) -> None:
        """So many minutes ahead of the truth, or behind it."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{minutes * 60:.0f}", encoding="ascii")
        draft.replace(self._file)


class _WrongTime:
    """In the place of the two functions of `time` that the node asks."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset_s = float(file.read_text(encoding="ascii"))
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        return self._time() + self._offset_s

    def time_ns(self) -> int:
        return self._time_ns() + int(self._offset_s * 1e9)

    def follow(self) -> None:
        while True:
            time.sleep(POLL_S)
            self._offset_s = float(self._file.read_text(encoding="ascii"))


if __name__ == "__main__":
    wrong = _WrongTime(Path(os.environ[CLOCK_FILE]))
    time.time, time.time_ns = wrong.time, wrong.time_ns
    threading.Thread(target=wrong.follow, daemon=True).start()
    from cli.main import main  # the node is imported once its clock is the wrong one

    main()
