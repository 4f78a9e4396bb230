"""The page of gadgets: what each function of `zkp.gadgets` takes, gives and demands.

Signatures and sentences are those of the code.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import zkp.gadgets
from scripts.reference_pages.markdown import code, page

INTRODUCTION = """\
Functions over a `Builder`, from which circuits are built;
[your first circuit](../tutorial/first-circuit.md) uses some. An `Expression` may be any field
element, a `Uint` was proven to be an integer up to a maximum, a `Bit` to be 0 or 1. `name` is the
prefix of the signals and constraints that a call makes. What they cost stands in
[circuits, and what checks them](../explanation/circuits.md#gadgets-and-what-they-cost), and
`quorate zk info` shows it for a circuit."""

_QUALIFIED = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def render() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for found in sorted(pkgutil.iter_modules(zkp.gadgets.__path__), key=lambda each: each.name):
        module = importlib.import_module(f"zkp.gadgets.{found.name}")
        parts += [f"## {found.name}", _text(module)]
        for name, function in _functions(module):
            parts += [f"### {name}", code(_signature(name, function)), _text(function)]
    return page("Gadgets", *parts)


def _functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Public functions in the order of the source."""
    for name, value in vars(module).items():
        is_own = getattr(value, "__module__", None) == module.__name__
        if is_own and inspect.isfunction(value) and not name.startswith("_"):
            yield name, value


def _signature(name: str, function: Callable[..., Any]) -> str:
    text = name + str(inspect.signature(function))
    return _QUALIFIED.sub("", text).replace("'", "")


def _text(documented: ModuleType | Callable[..., Any]) -> str:
    """A docstring, each paragraph on lines of its own."""
    found = inspect.getdoc(documented)
    assert found, f"{documented} has no docstring"
    return found
