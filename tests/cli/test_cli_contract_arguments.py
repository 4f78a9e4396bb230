"""Arguments of `quorate contract`: JSON in, what the contract's ABI wants out."""

import json
from pathlib import Path

import pytest

from cli.contract import _arguments
from cli.failure import CommandFailed

SOURCE = """# pragma version ==0.4.3

names: public(HashMap[bytes4, address])

@external
def note(method: bytes4, who: address, more: DynArray[bytes32, 4], text: String[8], count: uint256):
    self.names[method] = who
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "notes.vy"
    path.write_text(SOURCE)
    return path


def test_hexadecimal_is_bytes_where_the_method_takes_bytes(source: Path) -> None:
    who = "0x" + "11" * 20
    given = json.dumps(["0x01020304", who, ["0x" + "22" * 32], "0xabcd", 7])
    assert _arguments(given, source, "note") == [
        bytes([1, 2, 3, 4]),
        who,
        [bytes([0x22]) * 32],
        "0xabcd",
        7,
    ]


def test_what_is_no_hexadecimal_is_refused(source: Path) -> None:
    with pytest.raises(CommandFailed, match="--args"):
        _arguments('["0x0102030g"]', source, "note")


def test_superfluous_arguments_are_left_to_the_encoder(source: Path) -> None:
    assert _arguments("[1]", source, None) == [1]
