"""Times as officers read them: Beijing time, which has had no summer time since 1991."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "UTC+8")


def beijing(time_ms: int) -> str:
    """A time in ms UTC as date and time in Beijing, to the second.

    >>> beijing(0)
    '1970-01-01 08:00:00'
    """
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC)
        .astimezone(BEIJING)
        .strftime("%Y-%m-%d %H:%M:%S")
    )
