"""Draws the README's picture from the imports that the code really has.

`python scripts/picture.py` writes docs/structure.svg; `--check` only says whether it is current.
A new package or a new direction of import changes the drawing, so it cannot grow stale. An arrow
that follows from others is left out: who imports `contracts` may import `ledger` as well.
"""

import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "structure.svg"

# Rows from what users touch down to what everything rests on, and what each package is.
ROWS = (
    (("cli", "the quorate command"),),
    (
        ("workflows", "the equity transfer, step by step"),
        ("explorer", "the regulator's eyes: verifies"),
        ("node", "network, groups, pool, JSON-RPC"),
    ),
    (
        ("client", "JSON-RPC and light proofs"),
        ("contracts", "Vyper: gate, agreements, registry"),
        ("consensus", "PBFT, a pure state machine"),
    ),
    (
        ("ledger", "blocks, state, engines, certificates"),
        ("zkp", "circuits and Groth16"),
    ),
)

BOX_WIDTH, BOX_HEIGHT, GAP, ROW_GAP, MARGIN = 250, 58, 40, 62, 30
PACKAGES = [name for row in ROWS for name, _ in row]
WIDTH = 2 * MARGIN + 3 * BOX_WIDTH + 2 * GAP


def _imports() -> list[tuple[str, str]]:
    """Which package imports which, without what follows from two others."""
    graph = grimp.build_graph(*PACKAGES)
    direct = {
        (importer, imported)
        for importer in PACKAGES
        for imported in PACKAGES
        if importer != imported
        and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    }
    reach = set(direct)
    for middle in PACKAGES:
        reach |= {
            (importer, imported)
            for importer in PACKAGES
            for imported in PACKAGES
            if (importer, middle) in reach and (middle, imported) in reach
        }
    implied = {
        (importer, imported)
        for importer, imported in direct
        for middle in PACKAGES
        if (importer, middle) in direct and (middle, imported) in reach
    }
    return sorted(direct - implied)


def _positions() -> dict[str, tuple[float, float]]:
    positions = {}
    for depth, row in enumerate(ROWS):
        width = len(row) * BOX_WIDTH + (len(row) - 1) * GAP
        for place, (name, _) in enumerate(row):
            x = (WIDTH - width) / 2 + place * (BOX_WIDTH + GAP)
            positions[name] = (x, MARGIN + depth * (BOX_HEIGHT + ROW_GAP))
    return positions


def _arrow(start: tuple[float, float], end: tuple[float, float], shift: float) -> str:
    x1, y1 = start[0] + BOX_WIDTH / 2 + shift, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + BOX_WIDTH / 2 + shift, end[1]
    if end[1] <= start[1]:  # neighbours in a row: from side to side
        y1 = y2 = start[1] + BOX_HEIGHT / 2
        x1, x2 = (
            (start[0] + BOX_WIDTH, end[0]) if end[0] > start[0] else (start[0], end[0] + BOX_WIDTH)
        )
        return f'<path d="M{x1:.0f} {y1:.0f} L{x2:.0f} {y2:.0f}"/>'
    middle = (y1 + y2) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} '
        f'{x2:.0f} {y2:.0f}"/>'
    )


def draw() -> str:
    """The picture as SVG text, the same for the same imports."""
    positions = _positions()
    imports = _imports()
    height = 2 * MARGIN + len(ROWS) * BOX_HEIGHT + (len(ROWS) - 1) * ROW_GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" role="img" '
        'aria-label="Packages of Quorate and which imports which">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#5b7083"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fbfcfd"/>',
        '<g fill="none" stroke="#5b7083" stroke-width="1.3" marker-end="url(#tip)" opacity="0.75">',
    ]
    for importer, imported in imports:
        sources = [name for name, target in imports if target == imported]
        shift = (sources.index(importer) - (len(sources) - 1) / 2) * 22
        parts.append(_arrow(positions[importer], positions[imported], shift))
    parts.append("</g>")
    for row in ROWS:
        for name, what in row:
            x, y = positions[name]
            parts.append(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" '
                'fill="#eaf1f7" stroke="#27496d" stroke-width="1.4"/>'
                f'<text x="{x + BOX_WIDTH / 2:.0f}" y="{y + 24:.0f}" text-anchor="middle" '
                f'font-size="16" font-weight="600" fill="#142850">{name}/</text>'
                f'<text x="{x + BOX_WIDTH / 2:.0f}" y="{y + 44:.0f}" text-anchor="middle" '
                f'font-size="12" fill="#33475b">{what}</text>'
            )
    parts.append("</svg>\n")
    return "\n".join(parts)


def main() -> int:
    """Write the picture, or with `--check` compare it with the code."""
    drawn = draw()
    if "--check" in sys.argv[1:]:
        if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
            return 0
        print("docs/structure.svg is not current; run: .venv/bin/python scripts/picture.py")
        return 1
    PICTURE.write_text(drawn, encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
