"""The page of the `quorate` command: every part with its arguments and options."""

from typing import Any

from typer.main import get_command

from cli.main import command
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
What `quorate --help` says, on one page. Inside a checkout the command is `.venv/bin/quorate`.

- `--json` prints one JSON object on standard output; progress and errors go to standard error.
- Exit codes: 0 done, 1 failed (one sentence says why and what to do), 2 wrong usage.
- `QUORATE_DEBUG=1` adds a traceback to the sentence.
- `--network DIR` reads `DIR/network.json`; `--as NAME` takes that account's key
  from the same folder."""


def render() -> str:
    """The page."""
    root = get_command(command())
    return page("The command", INTRODUCTION, *_sections("quorate", root))


def _sections(name: str, command: Any) -> list[str]:
    children = getattr(command, "commands", None)
    if children is None:
        return [_section(name, command)]
    parts = []
    if name != "quorate":
        parts.append(f"## {name}\n\n{command.help}")
    leaves = {key: child for key, child in children.items() if not hasattr(child, "commands")}
    groups = {key: child for key, child in children.items() if key not in leaves}
    for key, child in {**leaves, **groups}.items():
        parts += _sections(f"{name} {key}", child)
    return parts


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = [name, *(_placeholder(argument) for argument in arguments)]
    words += [f"{option.opts[0]} {_value(option)}" for option in options if option.required]
    text = f"### {name}\n\n{command.help}\n\n```\n{' '.join(words)}\n```"
    rows = [
        (code(_placeholder(argument)), _needed(argument), argument.help or "")
        for argument in arguments
    ]
    rows += [
        (code(f"{option.opts[0]} {_value(option)}".strip()), _needed(option), option.help or "")
        for option in options
    ]
    if not rows:
        return text
    return f"{text}\n\n{table(('parameter', 'default', 'what'), rows)}"


def _placeholder(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]")
    return str(name if argument.required else f"[{name}]")


def _value(option: Any) -> str:
    return "" if option.is_flag else str(option.name.upper())


def _needed(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or parameter.show_default is False:
        return ""
    return code(getattr(default, "value", default))
