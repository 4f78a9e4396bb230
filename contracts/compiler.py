"""Compiles Vyper sources to code, ABI and storage layout.

The compiler is the `vyper` package of this environment. Results are kept in memory by path and
content of the file; nothing is written to disk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError

from ledger.bounded_file import read_bounded

EVM_VERSION = "cancun"
SOURCE_BYTES_MAX = 1 << 20

SOURCES = Path(__file__).parent
"""Where `from system import gate` and its like are looked up, for every source."""


class InvalidSource(ValueError):
    """A source that is not there, too large, or that Vyper refuses."""


class InvalidArguments(ValueError):
    """Arguments that do not fit a method, an event or a constructor."""


@dataclass(frozen=True)
class Slot:
    """Where a state variable begins in storage."""

    type: str
    slot: int
    slots: int


@dataclass(frozen=True)
class Compiled:
    """One compiled contract: `creation` runs once and leaves `runtime` at the new address.

    `layout` has the variables by name, those of a module as `module.name`. `immutables` stand
    behind the runtime code once it is deployed, in this order; without their module's name.
    """

    name: str
    abi: tuple[Mapping[str, Any], ...]
    creation: bytes
    runtime: bytes
    layout: Mapping[str, Slot]
    immutables: tuple[str, ...]


def compile_source(source: Path | str) -> Compiled:
    """Compile a `.vy` file; a relative path is looked up here, then in the working directory.

    Raises InvalidSource with Vyper's message, which names file, line and column.
    """
    path = _find(Path(source))
    return _compile(path, read_bounded(path, SOURCE_BYTES_MAX, InvalidSource))


def deploy_data(source: Compiled | Path | str, *arguments: object) -> bytes:
    """Data of the transaction that deploys a contract: its creation code and its arguments.

    Raises InvalidSource, and InvalidArguments if the arguments do not fit the constructor.
    """
    compiled = source if isinstance(source, Compiled) else compile_source(source)
    constructor = next((item for item in compiled.abi if item["type"] == "constructor"), None)
    inputs = constructor["inputs"] if constructor else []
    if len(inputs) != len(arguments):
        expected = ", ".join(f"{item['name']}: {item['type']}" for item in inputs) or "nothing"
        raise InvalidArguments(
            f"{compiled.name}'s constructor takes {expected}; got {len(arguments)} arguments"
        )
    try:
        return compiled.creation + encode([item["type"] for item in inputs], arguments)
    except (EncodingError, TypeError) as error:
        raise InvalidArguments(f"{compiled.name}'s constructor: {error}") from error


def _find(path: Path) -> Path:
    for candidate in (SOURCES / path, path):
        if candidate.is_file():
            return candidate.resolve()
    raise InvalidSource(f"expected a Vyper file, found none at {path}")


@lru_cache(maxsize=64)
def _compile(path: Path, content: bytes) -> Compiled:
    # Imported here: most who speak to a contract never compile one, and Vyper takes its time.
    from vyper.compiler import compile_from_file_input  # noqa: PLC0415
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415
    from vyper.compiler.settings import Settings  # noqa: PLC0415
    from vyper.exceptions import VyperException  # noqa: PLC0415

    del content  # part of the key: an edited file is compiled again
    bundle = FilesystemInputBundle([path.parent, SOURCES])
    try:
        output = compile_from_file_input(
            bundle.load_file(path),
            input_bundle=bundle,
            settings=Settings(evm_version=EVM_VERSION),
            output_formats=["abi", "bytecode", "bytecode_runtime", "layout"],
            no_bytecode_metadata=True,
        )
    except (VyperException, UnicodeDecodeError) as error:
        raise InvalidSource(f"{path.name} does not compile: {error}") from error
    return Compiled(
        name=path.stem,
        abi=tuple(output["abi"]),
        creation=bytes.fromhex(output["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(output["bytecode_runtime"].removeprefix("0x")),
        layout=dict(_slots(output["layout"].get("storage_layout", {}))),
        immutables=tuple(
            name for _, name in sorted(_offsets(output["layout"].get("code_layout", {})))
        ),
    )


def _slots(layout: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Slot]]:
    for name, item in layout.items():
        if "slot" in item:
            yield within + name, Slot(item["type"], item["slot"], item["n_slots"])
        else:
            yield from _slots(item, f"{within}{name}.")


def _offsets(layout: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for name, item in layout.items():
        if "offset" in item:
            yield item["offset"], name
        else:
            yield from _offsets(item)
