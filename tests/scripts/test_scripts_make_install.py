"""`make install` after an interruption: an environment that is not whole is completed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERPRETER = """#!/bin/sh
echo "$(basename "$0") $*" >> calls
case "$*" in "-m venv"*) mkdir -p .venv/bin; cp whole .venv/bin/python ;; esac
"""
WITHOUT_PIP = """#!/bin/sh
echo "no pip $*" >> calls
exit 1
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the first target needs, with interpreters that only note how they were called."""
    for name in ("Makefile", "pyproject.toml", "scripts/require-python", "requirements/run.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("python3", "whole"):
        _script(tmp_path / name, INTERPRETER)
    return tmp_path


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def calls(checkout: Path) -> str:
    """How the interpreters were called by making the environment."""
    done = subprocess.run(
        ["make", "PYTHON=./python3", ".venv/.installed-run"],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / ".venv" / ".installed-run").is_file()
    return (checkout / "calls").read_text()


def test_an_environment_is_made_where_there_is_none(checkout: Path) -> None:
    assert "-m venv" in calls(checkout)


def test_one_that_has_no_pip_yet_is_completed(checkout: Path) -> None:
    _script(checkout / ".venv" / "bin" / "python", WITHOUT_PIP)
    assert "-m venv .venv" in calls(checkout)


def test_one_that_is_whole_is_kept(checkout: Path) -> None:
    _script(checkout / ".venv" / "bin" / "python", INTERPRETER)
    assert "-m venv" not in calls(checkout)
