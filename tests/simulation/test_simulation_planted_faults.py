"""Each planted fault still fits the source; a few are hunted in every test run, all by
`make sim-mutants`. Patches come as files, good, harmless and unfitting."""

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.simulation import hunt, mutants
from tests.simulation.planted_faults import FAULTS, PlantedFault
from tests.simulation.world import World

QUICK = ("a NEW-VIEW is not recomputed", "votes are not logged", "one liar's view pulls everyone")


def patch_of(path: str, old: str, new: str) -> str:
    """A unified diff that turns one line of the tree into another."""
    before = (mutants.ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)
    after = [f"{new}\n" if line == f"{old}\n" else line for line in before]
    return "".join(unified_diff(before, after, f"a/{path}", f"b/{path}"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_fits_the_source(fault: PlantedFault) -> None:
    text = (mutants.ROOT / fault.path).read_text(encoding="utf-8")
    assert text.count(fault.old) == 1
    compile(text.replace(fault.old, fault.new), fault.path, "exec")


def test_there_are_enough_and_their_names_differ() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_fault_is_found(name: str) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    assert mutants.find_known(fault) is not None


def test_a_fault_in_a_patch_file_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "fault.diff"
    old = "        return views[f] if len(views) > f else None"
    new = "        return views[0] if views else None"
    patch.write_text(patch_of("consensus/view_changes.py", old, new), encoding="utf-8")
    assert mutants._report_patch(patch) == 0
    found, replay, last = capsys.readouterr().out.splitlines()
    assert found.startswith("found by scenario absurd_view")
    assert replay.startswith(f"replay: git apply {patch}; python -m tests.consensus.scenario ")
    assert last == "1 of 1 planted faults found"


def test_a_seed_that_finds_a_patch_says_how_it_is_replayed() -> None:
    assert mutants._replay("seed 12 (Violation: two lists)") == "make sim SEED=12"


def test_a_patch_without_prefixes_applies(tmp_path: Path) -> None:
    patch = tmp_path / "plain.diff"
    old = "        return views[f] if len(views) > f else None"
    text = patch_of("consensus/view_changes.py", old, "        return None")
    patch.write_text(text.replace(" a/", " ").replace(" b/", " "), encoding="utf-8")
    folder = tmp_path / "copy"
    mutants.copy_tree(folder)
    mutants.apply_patch(patch, folder)
    assert mutants._changed(folder) == ["consensus/view_changes.py"]


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        (
            "consensus/view_changes.py",
            "def _view(signed: Signed) -> int:",
            "def _view(signed: Signed -> int:",
            "it breaks consensus/view_changes.py, line 1",
        ),
        (
            "consensus/view_changes.py",
            "class ViewChanges:",
            "class OtherViewChanges:",
            "the code does not load: ImportError",
        ),
        (
            "node/rpc/dispatch.py",
            "from __future__ import annotations",
            "from __future__ import annotations  # all",
            "node/rpc/dispatch.py only, which no simulation runs",
        ),
    ],
)
def test_a_patch_that_shows_nothing_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, old: str, new: str, told: str
) -> None:
    patch = tmp_path / "broken.diff"
    patch.write_text(patch_of(path, old, new), encoding="utf-8")
    assert mutants._report_patch(patch) == 2
    assert told in capsys.readouterr().err


def test_a_run_without_an_end_is_a_find(monkeypatch: pytest.MonkeyPatch) -> None:
    def spin(_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(hunt, "CPU_S_MAX", 0.05)
    monkeypatch.setattr(World, "run", spin)
    found = hunt.find_in_seeds(7, 1, None, 20)
    assert found is not None
    assert found.startswith("seed 7 (Endless: no end within")


def test_a_harmless_patch_is_not_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "SEEDS_MAX", 2)
    patch = tmp_path / "harmless.diff"
    old = "def _view(signed: Signed) -> int:"
    new = "def _view(signed: Signed) -> int:  # of its message"
    patch.write_text(patch_of("consensus/view_changes.py", old, new), encoding="utf-8")
    monkeypatch.setattr(mutants, "hunt", _short_hunt(mutants.hunt))
    assert mutants._report_patch(patch) == 1
    assert capsys.readouterr().out.endswith("0 of 1 planted faults found\n")


def _short_hunt(whole: object) -> object:
    def short(folder: Path, *options: str) -> str | None:
        kept = [option for option in options if not option.startswith(("--seeds", "--sequ"))]
        return whole(folder, *kept, "--seeds=1", "--sequences=20")  # type: ignore[operator]

    return short


def test_a_patch_that_does_not_apply_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "unfitting.diff"
    text = patch_of("consensus/view_changes.py", "def _view(signed: Signed) -> int:", "x")
    patch.write_text(text.replace("_view", "_other_view"), encoding="utf-8")
    assert mutants._report_patch(patch) == 2
    assert "expected a unified diff" in capsys.readouterr().err
    assert mutants._report_patch(tmp_path / "missing.diff") == 2
