"""The `quorate audit` commands: the log of who read what at a node, shown and checked."""

from collections import deque
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.failure import CommandFailed
from cli.options import NodeArgument
from cli.output import JsonOption, emit, table
from node.audit.chain import Census, Head, check_log, parse_head, read_entries
from node.config import NodeFolder, load_node_config

app = typer.Typer(help="What a node did and was asked. 审计。")
log = typer.Typer(help="The node's audit log. 审计日志。")
app.add_typer(log, name="log")

KINDS = ("read", "refused", "operator", "log")
"""Of entries, as whoever writes them names them."""


@log.command()
def verify(
    folder: NodeArgument,
    seen: Annotated[
        str | None, typer.Option(help="NUMBER:HASH that was noted earlier: it must be there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check every line and the chain; a crash is told from tampering. 校验审计日志。"""
    census = check_log(_place(folder), None if seen is None else _head(seen))
    value = {
        "whole": not census.is_tampered,
        "first": census.first,
        "entries": census.entries,
        "last": {"number": census.last.number, "hash": census.last.hash},
        "findings": [
            {
                "fault": finding.fault.value,
                "tampering": finding.is_tampering,
                "file": finding.file,
                "line": finding.line,
                "what": finding.what,
            }
            for finding in census.findings
        ],
    }
    emit(value, as_json, lambda: _said(census))
    if census.is_tampered:
        worst = next(finding for finding in census.findings if finding.is_tampering)
        raise CommandFailed(f"{worst.file} line {worst.line}: {worst.what}")


@log.command()
def show(
    folder: NodeArgument,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 50,
    who: Annotated[str | None, typer.Option(help="Only of this pseudonym.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Only of this group.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only read, refused, operator or log.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The last entries, as they stand: `verify` says whether they can be trusted. 查看审计日志。"""
    if kind is not None and kind not in KINDS:
        raise CommandFailed(f"--kind: expected one of {', '.join(KINDS)}, got {kind!r:.40}")
    wanted = {"who": who, "group": group, "kind": kind}
    entries = deque(
        (
            entry
            for entry in read_entries(_place(folder))
            if all(value is None or getattr(entry, name) == value for name, value in wanted.items())
        ),
        maxlen=last,
    )
    columns = (
        *("number", "at", "kind", "who", "role", "organisation"),
        *("method", "group", "asked", "outcome", "count"),
    )
    rows: list[dict[str, Any]] = [msgspec.to_builtins(entry) for entry in entries]
    emit(
        {"entries": rows},
        as_json,
        lambda: table("Audit log", columns, ([row[column] for column in columns] for row in rows)),
    )


def _place(folder: Path) -> Path:
    home = NodeFolder(folder)
    load_node_config(home)
    return home.audit


def _head(text: str) -> Head:
    number, _, digest = text.partition(":")
    head = parse_head(f"{number:0>20} {digest}\n".encode())
    if head is None:
        raise CommandFailed(
            f"--seen: expected NUMBER:HASH as `verify` prints it, got {text!r:.100}"
        )
    return head


def _said(census: Census) -> str:
    lines = [
        f"{census.entries} entries, {census.first} to {census.last.number}; "
        f"note elsewhere: {census.last.number}:{census.last.hash}"
    ]
    lines += [f"{f.fault.value}: {f.file} line {f.line}: {f.what}" for f in census.findings]
    return "\n".join(lines if census.findings else [*lines, "The chain is whole."])
