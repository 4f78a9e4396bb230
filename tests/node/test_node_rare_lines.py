"""A flood of the same fault is a few lines and a count, and hides no other fault."""

from typing import Any

from node.rare_lines import LINE_INTERVAL_S, LINES_AT_ONCE_MAX, SUBJECTS_MAX, RareLines


class Page:
    """A log that keeps its lines, and a clock that the test moves."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.now_s = 1_000.0
        self.rare = RareLines(self, "peer", now_s=lambda: self.now_s)

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


def test_a_flood_is_some_lines_then_one_an_interval_with_the_count() -> None:
    page = Page()
    for number in range(1_000):
        page.rare.warning("bad", peer="tax-1", number=number)
    assert [line["number"] for line in page.lines] == list(range(LINES_AT_ONCE_MAX))
    page.now_s += LINE_INTERVAL_S
    page.rare.warning("bad", peer="tax-1", number=1_000)
    page.rare.warning("bad", peer="tax-1", number=1_001)
    assert page.lines[LINES_AT_ONCE_MAX:] == [
        {"event": "bad", "peer": "tax-1", "number": 1_000, "untold": 1_000 - LINES_AT_ONCE_MAX}
    ]


def test_every_fault_is_told_or_counted_once() -> None:
    page = Page()
    for number in range(500):
        page.now_s += 0.5
        page.rare.warning("bad", peer="tax-1", number=number)
    told = len(page.lines) + sum(line.get("untold", 0) for line in page.lines)
    assert told == page.lines[-1]["number"] + 1


def test_a_flood_hides_no_other_peer_and_no_other_fault() -> None:
    page = Page()
    for _ in range(1_000):
        page.rare.warning("bad", peer="tax-1")
    page.rare.warning("bad", peer="market-1")
    page.rare.warning("worse", peer="tax-1")
    assert page.lines[-2:] == [
        {"event": "bad", "peer": "market-1"},
        {"event": "worse", "peer": "tax-1"},
    ]


def test_what_is_remembered_is_bounded() -> None:
    page = Page()
    for number in range(3 * SUBJECTS_MAX):
        page.rare.warning("bad", peer=f"peer-{number}")
    assert len(page.rare._told) == SUBJECTS_MAX
