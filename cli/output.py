"""What every command prints: a table or sentence for people, one JSON object for machines."""

import codecs
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table

JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, for machines.")
]


def emit(value: Any, as_json: bool, render: Callable[[], RenderableType]) -> None:
    """Print `value` as JSON, or what `render` makes of it."""
    if as_json:
        # Machines expect UTF-8, or escapes where the terminal has another encoding.
        is_utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
        print(json.dumps(msgspec.to_builtins(value), ensure_ascii=not is_utf8))
    else:
        shown = render()
        # Paths and names are no markup; a sentence is wrapped by who reads it, so that its paths
        # and commands can be copied.
        console = Console(markup=False, emoji=False)
        console.print(shown, soft_wrap=isinstance(shown, str))


def emit_fields(title: str, value: Mapping[str, Any], as_json: bool) -> None:
    """Print `value` as JSON, or as a table of two columns without heads."""
    emit(value, as_json, lambda: table(title, ("", ""), flat(value)))


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A plain table; cells are shown as `str` makes them."""
    columns = tuple(columns)
    # Without edges and boxes: nine columns are to fit a terminal of eighty characters.
    drawn = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        show_header=any(columns),
        min_width=cell_len(title),
    )
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    return drawn


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A nested object as rows of a table, names joined by dots; a list's entries on lines."""
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            yield from flat(entry, f"{prefix}{name}.")
        elif isinstance(entry, list | tuple):
            yield f"{prefix}{name}", "\n".join(map(str, entry))
        else:
            yield f"{prefix}{name}", str(entry)
