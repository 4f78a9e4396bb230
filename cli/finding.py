"""One thing that the doctor looked at."""

from dataclasses import dataclass

from cli.finding_codes import Code


@dataclass(frozen=True)
class Finding:
    """Whether it is well, what was expected and seen, what to do if it is not.

    `code` is for programs and never changes its meaning; `what` names the very thing.
    """

    code: Code
    what: str
    well: bool
    seen: str
    remedy: str = ""
