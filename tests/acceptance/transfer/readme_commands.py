"""The README's commands, copied and pasted one after another into a fresh clone, all work.

The picture in it is the one that the code's imports give.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import ROOT

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
COMMAND_S_MAX = 1_800
LANGUAGES = ("README.md", "README.zh.md")


def commands(page: str) -> list[str]:
    """The lines of a page's shell blocks, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines() if line.strip()]


def run(folder: Path) -> dict[str, Any]:
    """Paste them."""
    english, chinese = (commands(page) for page in LANGUAGES)
    assert english == chinese, "the two READMEs give different commands"
    assert "make demo" in english, english
    assert "make test" in english, english
    clone, home = folder / "clone", folder / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    seconds = {}
    try:
        for command in english:
            started = time.monotonic()
            _paste(command, clone, home)
            seconds[command] = round(time.monotonic() - started, 1)
        _paste(".venv/bin/python scripts/picture.py --check", clone, home)
    finally:
        subprocess.run(
            [".venv/bin/quorate", "network", "down", "build/network"],
            cwd=clone,
            check=False,
            capture_output=True,
        )
    return {"seconds": seconds}


def _paste(command: str, clone: Path, home: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=clone,
        env={**os.environ, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
