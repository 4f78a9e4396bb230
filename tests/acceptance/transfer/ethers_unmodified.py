"""ethers, unmodified, deploys and uses the same contract without naming any fee.

Skipped by nobody: a machine without npm fails this promise and says so.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.acceptance.harness import ROOT, running_network

FOLDER = ROOT / "tests" / "ethers"
COMPILED = ROOT / "tests" / "vectors" / "solidity" / "Countbook.json"
TIMEOUT_S = 120


def run(folder: Path) -> dict[str, Any]:
    """Install ethers from its lock file, then let it work."""
    assert shutil.which("npm"), "npm is needed to install ethers"
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)
    with running_network(folder / "network") as network:
        keys = [bytes(network.account(name).key).hex() for name in ("author", "applicant")]
        done = subprocess.run(
            ["node", "use.mjs", network.urls["data-1"], str(COMPILED)],
            cwd=FOLDER,
            input="".join(f"0x{key}\n" for key in keys),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        assert seen == {
            "total": 7,
            "statuses": [1, 1],
            "fees": [0, 0],
            "logs": [3, 7],
            "revert": "step must be above zero",
            "inBlock": True,
            "chainId": network.file["groups"][0]["chain_id"],
        }, seen
    return seen
