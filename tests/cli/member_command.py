"""`quorate member` as tests call it: in this process, its JSON as the answer."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import command

APP = command(["member"])


def run(*arguments: str | Path) -> dict[str, Any]:
    """The command's JSON; what it raised is raised."""
    done = CliRunner().invoke(APP, ["member", *map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)
