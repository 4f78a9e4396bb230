"""Lines and branches of consensus/ are covered to 95 %, and no function in it has over 60 lines."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
COVERED_PERCENT_MIN = 95
FUNCTION_LINES_MAX = 60


def run(folder: Path) -> dict[str, Any]:
    """Measured over tests/consensus and tests/simulation, in one process."""
    report = folder / "coverage.json"
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "coverage.data")}

    def coverage(*options: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *options],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    tests = ("tests/consensus", "tests/simulation/test_simulation_seeds.py")
    measured = ("--branch", "--source=consensus", "-m", "pytest", "-n", "0", "-q")
    coverage("run", *measured, "--timeout=1200", *tests)
    coverage("json", "-q", "-o", str(report))
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    covered = totals["covered_lines"] + totals["covered_branches"]
    percent = 100 * covered / (totals["num_statements"] + totals["num_branches"])
    longest = max(_functions(), key=lambda found: found[0])
    assert percent >= COVERED_PERCENT_MIN, f"{percent:.1f} % of lines and branches"
    assert longest[0] <= FUNCTION_LINES_MAX, f"{longest[1]} has {longest[0]} lines"
    return {
        "percent": round(percent, 2),
        "missing_lines": totals["missing_lines"],
        "missing_branches": totals["missing_branches"],
        "longest_function": {"name": longest[1], "lines": longest[0]},
    }


def _functions() -> list[tuple[int, str]]:
    found = []
    for path in sorted((ROOT / "consensus").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                found.append((node.end_lineno - node.lineno + 1, f"{path.stem}.{node.name}"))
    return found
