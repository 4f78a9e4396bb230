"""Writes the generated pages of docs/reference/, or with `--check` compares them with the code.

What a page says comes from the very tables that the program runs on, so it cannot grow stale
without a test noticing.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from scripts.reference_pages import (  # noqa: E402
    access,
    command,
    contract_releases,
    doctor,
    error_codes,
    gadgets,
    json_rpc,
    manifest,
    metrics,
    permissions,
)

FOLDER = ROOT / "docs" / "reference"
PAGES = {
    "access.md": access.render,
    "command.md": command.render,
    "contract-releases.md": contract_releases.render,
    "doctor.md": doctor.render,
    "error-codes.md": error_codes.render,
    "gadgets.md": gadgets.render,
    "json-rpc.md": json_rpc.render,
    "manifest.md": manifest.render,
    "metrics.md": metrics.render,
    "permissions.md": permissions.render,
}


def main() -> int:
    """Write all pages, or name those that are not current."""
    is_check = "--check" in sys.argv[1:]
    stale = []
    for name, render in PAGES.items():
        path, text = FOLDER / name, render()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not is_check:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    if is_check and stale:
        print(f"not current: {', '.join(stale)}; run: .venv/bin/python scripts/reference.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
