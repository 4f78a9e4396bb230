"""One thing that the doctor looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether it is well, what was seen, what to do if it is not."""

    what: str
    well: bool
    seen: str
    remedy: str = ""
