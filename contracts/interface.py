"""ABIs of our own contracts as files, so that speaking to one needs no compiler.

`python -m contracts.interface` writes them after a source has changed; a test compares.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from contracts.compiler import SOURCES, compile_source

Abi = tuple[Mapping[str, Any], ...]

FOLDER = Path(__file__).parent / "abi"
OWN_SOURCES = (
    "system/accounts.vy",
    "system/agreements.vy",
    "system/keys.vy",
    "system/groth16.vy",
    "equity/equity_transfer.vy",
    "equity/equity_holdings.vy",
    "evidence/evidence.vy",
    "ceremony/ceremony.vy",
    "circuits/circuits.vy",
    "examples/registrations.vy",
    "examples/headcount.vy",
)


@cache
def load_abi(source: str) -> Abi:
    """The ABI of one of our sources, by its path below this package."""
    assert source in OWN_SOURCES
    return tuple(json.loads(abi_path(source).read_text()))


def abi_path(source: str) -> Path:
    """The file of a source's ABI."""
    return FOLDER / f"{Path(source).stem}.json"


def encode_abi(source: str) -> str:
    """The text of that file, by compiling the source."""
    items = ",\n".join(json.dumps(item) for item in compile_source(SOURCES / source).abi)
    return f"[\n{items}\n]\n"


if __name__ == "__main__":
    for own in OWN_SOURCES:
        abi_path(own).write_text(encode_abi(own))
