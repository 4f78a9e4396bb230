"""Markdown in the few forms that the generated pages need."""

from collections.abc import Iterable

NOTE = "<!-- Written by scripts/reference.py from the code; do not edit. -->"


def page(title: str, *parts: str) -> str:
    """A whole page: title, note, paragraphs and tables with an empty line between them."""
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table; a `|` in a cell would end it, so it is escaped."""
    head = tuple(columns)
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(text: object) -> str:
    """A word as it is typed."""
    return f"`{text}`"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
