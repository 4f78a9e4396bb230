"""The crate's version, its stub, and what happens with a crate that fits neither."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import crate
from ledger.native import is_available

ROOT = Path(__file__).resolve().parents[2]

ASK = """
import ledger.codec, ledger.crate, ledger.native
from node.engines import installed_engines
from zkp.backend import CURRENT
ledger.codec.encode([1])
try:
    ledger.native.NativeEngine()
except ImportError as error:
    print(error)
print(ledger.crate.why_missing())
print(*installed_engines())
print(CURRENT.NAME)
"""


def _told_with(crate_source: str, folder: Path) -> list[str]:
    """What this code says beside a crate that is this Python source."""
    (folder / "quorate_native.py").write_text(crate_source)
    told = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stdout.splitlines()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def rlp_encode(item): raise AssertionError('an old build was used')\n", 0),
        (f"INTERFACE = {crate.INTERFACE + 1}\nclass Engine: pass\n", crate.INTERFACE + 1),
    ],
)
def test_a_crate_of_another_version_is_not_used(source: str, found: int, tmp_path: Path) -> None:
    raised, reason, engines, backend = _told_with(source, tmp_path)
    assert raised == reason
    assert f"another version: expected interface {crate.INTERFACE}, found {found}" in reason
    assert (engines, backend) == ("py-evm", "reference")


def test_without_a_crate_the_reason_is_told(tmp_path: Path) -> None:
    raised, reason, engines, backend = _told_with(
        "raise ImportError('no such library')\n", tmp_path
    )
    assert raised == reason == "the crate quorate_native is not built here (no such library)"
    assert (engines, backend) == ("py-evm", "reference")


def test_all_sides_name_the_same_interface() -> None:
    sides = {
        path: [int(number) for number in re.findall(r"^(?:const )?INTERFACE.*= (\d+)", text, re.M)]
        for path in ("native/src/lib.rs", "ledger/crate.py", "zkp/native.py")
        if (text := (ROOT / path).read_text(encoding="utf-8"))
    }
    assert set(map(tuple, sides.values())) == {(crate.INTERFACE,)}, sides


@pytest.mark.skipif(not is_available(), reason="quorate_native is not built")
def test_the_stub_says_what_the_crate_has() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "quorate_native", "--ignore-missing-stub"],
        env={**os.environ, "MYPYPATH": str(ROOT / "native")},
        cwd=ROOT / "native",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
