"""The explorer's values as tables for a terminal, in Chinese or English.

Shows what it is given and fetches nothing. What was not verified is marked so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .labels import label
from .times import beijing
from .values import (
    AccountView,
    BlockView,
    ContractView,
    GroupStatus,
    Party,
    RecoveryView,
    StatusView,
    Step,
    Trace,
    TransactionView,
    Verification,
)

SHORT_CHARACTERS = 18
_WHOLE = frozenset({"time", "block", "step"})
"""Columns whose cells stay on one line."""
Names = Mapping[str, str]
"""Organisations' names as they are shown, by their names on chain."""


def render_status(value: StatusView, lang: str) -> RenderableType:
    """A node's status with a row for each group."""
    facts = _facts(
        lang,
        ("node", value.node),
        ("version", value.version),
        ("engine", value.engine),
        ("connected", ", ".join(value.connected) or "-"),
        ("disconnected", ", ".join(value.disconnected) or "-"),
        ("head_age", f"{value.head_age_ms / 1000:.1f} s"),
        ("stale", label("yes", lang) if value.is_stale else None),
    )
    columns = ("group", "epoch", "view", "sequence", "stable", "primary", "quorum", "missing")
    table = _table(lang, "group", columns)
    for group in value.groups:
        _add_row(table, *_group_cells(group))
    return Group(facts, table, _mark(value.verified, value.problem, lang))


def _group_cells(group: GroupStatus) -> list[str]:
    return [
        group.name,
        str(group.epoch),
        str(group.view),
        str(group.sequence),
        f"{group.stable_number} {_short(group.stable_hash)}",
        group.primary,
        str(group.quorum),
        ", ".join(group.missing) or "-",
    ]


def render_blocks(values: Sequence[BlockView], lang: str) -> RenderableType:
    """Blocks, a row each."""
    columns = ("block", "time", "hash", "proposer", "signers", "transactions", "gas", "verified")
    table = _table(lang, "blocks", columns)
    for value in values:
        _add_row(
            table,
            str(value.number),
            beijing(value.time_ms),
            _short(value.hash),
            _party(value.proposer),
            str(len(value.signers)),
            str(len(value.transactions)),
            f"{value.gas_used:,}",
            _mark(value.verified, value.problem, lang),
        )
    return table


def render_block(value: BlockView, lang: str) -> RenderableType:
    """One block with its signers and transactions."""
    facts = _facts(
        lang,
        ("block", str(value.number)),
        ("hash", value.hash),
        ("parent", value.parent_hash),
        ("time", beijing(value.time_ms)),
        ("epoch", str(value.epoch)),
        ("view", str(value.origin_view)),
        ("proposer", _party(value.proposer)),
        ("signers", _parties(value.signers)),
        ("state_root", value.state_root),
        ("gas", f"{value.gas_used:,} / {value.gas_limit:,}"),
        ("transactions", "\n".join(value.transactions) or "-"),
        ("dropped", "\n".join(f"{entry.hash} {entry.reason}" for entry in value.dropped)),
    )
    return Group(facts, _mark(value.verified, value.problem, lang))


def render_transaction(
    value: TransactionView, lang: str, names: Names | None = None
) -> RenderableType:
    """One transaction with its events."""
    place = None if value.block is None else f"{value.block} / {value.index}"
    facts = _facts(
        lang,
        ("transaction", value.hash),
        ("result", label(value.status, lang)),
        ("reason", value.reason),
        ("block", place),
        ("time", None if value.time_ms is None else beijing(value.time_ms)),
        ("sender", None if value.sender is None else _party(value.sender, names)),
        ("to", value.to),
        ("created", value.created),
        ("method", value.method),
        ("nonce", None if value.nonce is None else str(value.nonce)),
        ("value", str(value.value) if value.value else None),
        ("gas", None if value.gas is None else f"{value.gas_used or 0:,} / {value.gas:,}"),
        ("proposer", None if value.proposer is None else _party(value.proposer)),
        ("signers", _parties(value.signers)),
    )
    parts: list[RenderableType] = [facts]
    if value.events:
        table = _table(lang, "events", ("event", "contract", "details"))
        for event in value.events:
            name = _short(event.topics[0]) if event.name is None and event.topics else event.name
            _add_row(
                table, label(name or "-", lang), _short(event.contract), _details(event.arguments)
            )
        parts.append(table)
    return Group(*parts, _mark(value.verified, value.problem, lang))


def render_account(value: AccountView, lang: str, names: Names | None = None) -> RenderableType:
    """One account."""
    facts = _facts(
        lang,
        ("account", value.address),
        ("block", str(value.block)),
        ("organisation", _named(value.organisation, names)),
        ("roles", ", ".join(value.roles) or "-"),
        ("frozen", label("yes" if value.frozen else "no", lang)),
        ("contract", label("yes" if value.is_contract else "no", lang)),
        ("nonce", str(value.nonce)),
        ("balance", str(value.balance)),
    )
    return Group(facts, _mark(value.verified, value.problem, lang))


def render_contract(value: ContractView, lang: str) -> RenderableType:
    """One contract."""
    release = value.release
    if value.is_current is False:
        release = f"{release}, {label('earlier_release', lang)}"
    facts = _facts(
        lang,
        ("contract", value.address),
        ("block", str(value.block)),
        ("kind", label(value.kind or "unknown_code", lang)),
        ("release", release),
        ("code", f"{value.code_bytes} bytes, {value.code_hash}"),
        ("state_root", value.storage_root),
        ("frozen", label("yes" if value.frozen else "no", lang)),
        *((name, str(fact)) for name, fact in value.facts.items()),
    )
    return Group(facts, _mark(value.verified, value.problem, lang))


def render_trace(value: Trace, lang: str, names: Names | None = None) -> RenderableType:
    """An item's life: a row for each step, two lines each, so that it fits a narrow terminal."""
    table = _table(lang, "trace", ())
    table.show_lines = True
    table.title = _plain(
        f"{label('trace', lang)} {value.id} · {label('group', lang)} {value.group}"
    )
    for above, below in _TRACE_COLUMNS:
        table.add_column(f"{label(above, lang)}\n{label(below, lang)}", overflow="fold")
    for step in value.steps:
        _add_row(table, *_step_cells(step, lang, names))
    return table


_TRACE_COLUMNS = (
    ("time", "step"),
    ("sender", "receiver"),
    ("data_type", "transaction"),
    ("block", "proposer"),
    ("signers", "verified"),
)


def _step_cells(step: Step, lang: str, names: Names | None) -> list[RenderableType]:
    code = step.details.get("code")
    return [
        f"{beijing(step.time_ms)}\n{label(step.step, lang)}" + (f" {code}" if code else ""),
        f"{_party(step.sender, names)}\n→ {_named(step.receiver, names)}",
        f"{label(step.data_type, lang)}\n{_short(step.transaction)}",
        f"{step.block}\n{_party(step.proposer)}",
        Text("\n").join((_plain(_parties(step.signers)), _mark(step.verified, step.problem, lang))),
    ]


def render_verification(value: Verification, lang: str) -> RenderableType:
    """What `verify` found."""
    counts = value.checked
    checked = ", ".join(
        f"{label(name, lang)} {getattr(counts, name)}" for name in counts.__struct_fields__
    )
    facts = _facts(
        lang,
        ("group", value.group),
        ("genesis", value.genesis_hash),
        ("range", f"{value.start} – {value.end}"),
        ("head", f"{value.head} ({beijing(value.head_time_ms)})"),
        ("checked", checked),
    )
    verdict = Text(
        label("ok" if value.ok else "not_ok", lang), style="green" if value.ok else "bold red"
    )
    parts: list[RenderableType] = [facts]
    if value.recoveries:
        parts.append(_recoveries(value.recoveries, lang))
    if value.ok:
        return Group(*parts, verdict)
    table = _table(lang, "problems", ("block", "kind", "problem", "rpc"))
    for problem in value.problems:
        block = "-" if problem.block is None else str(problem.block)
        _add_row(table, block, problem.what, problem.message, problem.rpc)
    return Group(*parts, verdict, table)


def _recoveries(recoveries: Iterable[RecoveryView], lang: str) -> Table:
    """The organisations' certificates among the links, and the old branch where one was kept."""
    table = _table(lang, "recoveries", ("after", "epoch", "signed_by", "new_set", "void"))
    for entry in recoveries:
        void = (f"{block.number}  {block.hash}  ({block.signers})" for block in entry.void)
        _add_row(
            table,
            f"{entry.number}  {entry.hash}",
            str(entry.epoch),
            ", ".join(entry.organisations),
            "\n".join(entry.nodes),
            "\n".join(void) or "-",
        )
    return table


def _table(lang: str, title: str, columns: Iterable[str]) -> Table:
    table = Table(title=label(title, lang), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(label(column, lang), overflow="fold", no_wrap=column in _WHOLE)
    return table


def _facts(lang: str, *rows: tuple[str, str | None]) -> Table:
    """Two columns; rows without a value are left out."""
    table = Table.grid(padding=(0, 2))
    for key, value in rows:
        if value:
            _add_row(table, Text(label(key, lang), style="bold"), value)
    return table


def _add_row(table: Table, *cells: RenderableType) -> None:
    """A row whose texts are shown as they are: a node's words are no markup of ours."""
    table.add_row(*(_plain(cell) if isinstance(cell, str) else cell for cell in cells))


def _plain(text: str) -> Text:
    """Text without control characters, which a terminal would obey."""
    return Text(
        "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    )


def _mark(verified: bool, problem: str | None, lang: str) -> Text:
    if problem is not None:
        mark = _plain(f"{label('failed_check', lang)}: {problem}")
        mark.stylize("bold red")
        return mark
    if verified:
        return Text(label("verified", lang), style="green")
    return Text(label("unverified", lang), style="yellow")


def _party(party: Party, names: Names | None = None) -> str:
    if party.node is not None:
        return party.node.rpartition("/")[2]
    if party.organisation is not None:
        return f"{_named(party.organisation, names)} {_short(party.address)}"
    return _short(party.address)


def _parties(parties: Sequence[Party]) -> str:
    return ", ".join(_party(party) for party in parties)


def _named(organisation: str | None, names: Names | None) -> str:
    if organisation is None:
        return "-"
    return (names or {}).get(organisation, organisation)


def _details(arguments: Mapping[str, Any]) -> str:
    return "\n".join(f"{name} {_short(str(value))}" for name, value in arguments.items())


def _short(text: str) -> str:
    """A hash or address cut for a table; whole ones are in `--json`."""
    if len(text) <= SHORT_CHARACTERS or not text.startswith("0x"):
        return text
    return f"{text[:10]}…{text[-6:]}"
