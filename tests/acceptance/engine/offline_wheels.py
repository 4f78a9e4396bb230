"""`make wheels` makes wheels from which a machine without any network installs and runs Quorate.

The installation happens in a network namespace of its own, with a loopback device and nothing else
(as root), by the very lines of `INSTALL`. A network of four nodes is then made, started and asked.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.acceptance.harness import ROOT, free_base_port

WHEELS = ROOT / "build" / "wheels"

# Environment variables that could lead pip elsewhere are gone: it has the folder, or nothing.
SCRIPT = r"""
set -eu
ip link set lo up 2>/dev/null || true
cd "$FOLDER"
"$PYTHON" -m venv empty
. empty/bin/activate
cd "$WHEELS"
pip install --quiet --no-index --find-links . --require-hashes -r requirements.txt
cd "$FOLDER"
quorate version --json > version.json
quorate network create network --base-port "$PORT" > /dev/null
quorate network up network > /dev/null
trap 'quorate network down network > /dev/null' EXIT
quorate network status network --json > status.json
"$PYTHON" -m venv plain
plain/bin/pip install --quiet --no-index --find-links "$WHEELS" quorate
plain/bin/quorate version --json > plain.json
"""


def run(folder: Path) -> dict[str, Any]:
    """Make, install offline, start; then once more by the bare name."""
    started = time.monotonic()
    subprocess.run(["make", "wheels"], cwd=ROOT, check=True)
    made_s = time.monotonic() - started
    alone = ["unshare", "--net"] if os.geteuid() == 0 else []
    if alone:
        _assert_no_network(alone)
    started = time.monotonic()
    subprocess.run(
        [*alone, "bash", "-c", SCRIPT],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "PYTHON": str(Path(sys.executable).resolve()),
            "FOLDER": str(folder),
            "WHEELS": str(WHEELS),
            "PORT": str(free_base_port()),
        },
        check=True,
        timeout=900,
    )
    version, status, plain = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("version.json", "status.json", "plain.json")
    )
    expected = "native" if list(WHEELS.glob("quorate_native-*.whl")) else "py-evm"
    assert version["engine"] == expected, version
    assert [node["status"]["engine"] for node in status["nodes"]] == [expected] * 4, status
    assert all(node["status"]["groups"][0]["stable"]["number"] >= 1 for node in status["nodes"])
    assert plain["engine"] == "py-evm", plain
    _assert_damage_is_refused(folder)
    return {
        "wheels": len(list(WHEELS.glob("*.whl"))),
        "engine": expected,
        "network_namespace": bool(alone),
        "made_s": round(made_s, 1),
        "installed_and_run_s": round(time.monotonic() - started, 1),
    }


def _assert_no_network(alone: list[str]) -> None:
    """The namespace has no way out: a route would show."""
    routes = subprocess.run(
        [*alone, "cat", "/proc/net/route"], capture_output=True, text=True, check=True
    )
    assert len(routes.stdout.splitlines()) <= 1, routes.stdout


def _assert_damage_is_refused(folder: Path) -> None:
    """A requirement whose hash is another is not installed."""
    lines = (WHEELS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith("quorate=="))
    spoilt = folder / "spoilt.txt"
    spoilt.write_text(line[:-1] + ("0" if line[-1] != "0" else "1") + "\n", encoding="utf-8")
    done = subprocess.run(
        [
            *(folder / "plain" / "bin" / "pip", "install", "--no-index", "--no-deps"),
            *("--find-links", WHEELS, "--require-hashes", "-r", spoilt, "--force-reinstall"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DO NOT MATCH" in done.stderr, done.stderr
