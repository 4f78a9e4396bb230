"""The documents against the code: generated pages, the picture, links, the commands they name."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from cli.main import command as whole_command

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("network-config/*.md")]
    + [path for path in ROOT.glob("tests/**/*.md") if "node_modules" not in path.parts]
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?<![\w.])quorate ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*){0,2})")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z0-9-]*)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def headings(path: Path) -> set[str]:
    """Anchors of a page's headings, as the usual renderers make them."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def targets(path: Path) -> list[str]:
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("script", ["reference.py", "picture.py"])
def test_generated_documents_are_current(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_relative_links_resolve(document: Path) -> None:
    broken = []
    for link in targets(document):
        file, _, anchor = unquote(link).partition("#")
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in headings(target)
        ):
            broken.append(link)
    assert not broken


def test_links_are_looked_for() -> None:
    assert len(DOCUMENTS) > 10
    assert targets(ROOT / "README.md")


def test_every_page_stands_in_the_index() -> None:
    pages = ROOT.glob("docs/[a-z]*/*.md")
    wanted = {str(page.relative_to(ROOT / "docs")) for page in pages if page.parent.name != "adr"}
    assert wanted == {link for link in targets(ROOT / "docs" / "README.md") if link != "adr/"}


def test_the_readmes_two_commands_are_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for readme in ("README.md", "README.zh.md"):
        named_targets = re.findall(r"^make ([a-z]+)$", (ROOT / readme).read_text(), re.MULTILINE)
        assert named_targets[:2] == ["demo", "test"]
        for target in named_targets:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def blocks(path: Path) -> str:
    """What stands in a page's shell blocks, continued lines joined."""
    found = re.findall(r"^```sh\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)
    return "\n".join(found).replace("\\\n", " ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_in_shell_blocks_exist_with_their_options(document: Path) -> None:
    root = get_command(whole_command())
    for line in blocks(document).splitlines():
        match = _COMMAND.search(line.partition("#")[0])
        if match is None:
            continue
        words = match[1].split()
        command = root
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts}
        used = set(_OPTION.findall(line[match.end() :])) - {"--help"}
        assert used <= known, f"{line}: {used - known}"


@pytest.mark.parametrize("page", ["README", "docs/tutorial/first-transfer"])
def test_both_languages_give_the_same_commands(page: str) -> None:
    chinese = blocks(ROOT / f"{page}.zh.md").replace(" --lang zh", "")
    assert chinese == blocks(ROOT / f"{page}.md")


@pytest.mark.parametrize("page", ["first-transfer.md", "first-transfer.zh.md"])
def test_who_pastes_a_tutorial_has_set_what_it_uses(page: str) -> None:
    known: set[str] = set()
    for line in blocks(ROOT / "docs" / "tutorial" / page).splitlines():
        assert set(re.findall(r"\$\{?(\w+)", line)) <= known, line
        known |= set(re.findall(r"^(\w+)=", line))


def test_the_chinese_readme_leads_to_chinese_pages() -> None:
    for link in set(targets(ROOT / "README.zh.md")) - {"README.md"}:
        assert not (ROOT / link).with_suffix(".zh.md").exists(), link
