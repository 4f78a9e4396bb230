"""A manifest is read strictly, and every complaint names the file and the entry."""

from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.network.manifest import find_manifest, load_manifest, shipped_folder
from ledger.parameters import gas_limit


def _perturb(node: str, action: str, more: str = "") -> str:
    return f'[[perturb]]\nat_s = 1\nnode = {node}\naction = "{action}"\n{more}\n\n[consensus]'


WHOLE = find_manifest("four-departments").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", sorted(shipped_folder().glob("*.toml")), ids=lambda path: path.stem
)
def test_every_shipped_manifest_has_an_account_of_each_role(path: Path) -> None:
    manifest = load_manifest(path)
    assert {"member", "author", "regulator", "admin"} <= {entry.role for entry in manifest.account}
    for organisation in manifest.org:
        assert any(a.org == organisation.name and a.role == "admin" for a in manifest.account)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("[[org]]", "[[orgs]]"), "orgs"),
        (('name = "tax-1"', 'name = "Tax 1"'), "node 'Tax 1': a name is a-z"),
        (('name = "market-1"\norg = "market"', 'name = "tax-1"\norg = "market"'), "stands twice"),
        (('org = "audit"\n\n[[group]]', 'org = "nobody"\n\n[[group]]'), "'nobody' has no [[org]]"),
        ((', "audit-1"]', "]"), "3 validators; 4 are the fewest"),
        ((', "audit-1"]', ', "audit-9"]'), "'audit-9' has no [[node]]"),
        ((', "audit-1"]', ', "tax-1"]'), "'tax-1' stands twice"),
        (('role = "author"', 'role = "emperor"'), "emperor"),
        (("window_blocks = 16", 'window_blocks = "many"'), "window_blocks"),
        (("[consensus]", "[consensus"), "not a manifest"),
        (
            ("[consensus]", '[consensus]\nslowest_engine = "native"'),
            "node 'tax-1': engine = \"auto\"",
        ),
        (("[consensus]", _perturb('"tax-9"', "kill")), "'tax-9' has no [[node]] entry"),
        (("[consensus]", _perturb('"tax-1"', "burn")), "burn"),
        (("[consensus]", _perturb('"tax-1"', "clock-skew")), "minutes are given for clock-skew"),
        (("[consensus]", _perturb('"tax-1"', "kill", "minutes = 5")), "for nothing else"),
        (("[consensus]", _perturb('"tax-1"', "pause", "for_s = 0")), "for_s = 0.0; expected more"),
        (("[consensus]", _perturb('"tax-1"', "restart", "for_s = 1")), "has no meaning there"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    assert change[0] in WHOLE
    path = tmp_path / "network.toml"
    path.write_text(WHOLE.replace(*change, 1), encoding="utf-8")
    with pytest.raises(CommandFailed) as failure:
        load_manifest(path)
    assert str(path) in str(failure.value)
    assert complaint in str(failure.value)


def test_a_node_knows_its_groups_default_first(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    second = '[[group]]\nname = "second"\nvalidators = ["tax-1", "market-1", "data-1", "audit-1"]\n'
    path.write_text(WHOLE.replace("# Two officers", second + "\n# Two officers"), encoding="utf-8")
    groups = load_manifest(path).groups_of("data-1")
    assert groups == [("equity", "validator"), ("second", "validator")]


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(CommandFailed, match="four-departments"):
        find_manifest("nine-departments")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"absent\.toml: no such manifest"):
        find_manifest(str(tmp_path / "absent.toml"))


def test_the_slowest_engine_sets_the_gas_limit(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    text = WHOLE.replace("[[node]]", '[[node]]\nengine = "native"')
    path.write_text(text.replace("[consensus]", '[consensus]\nslowest_engine = "native"'))
    given = load_manifest(path).consensus
    assert gas_limit(1_000, given.slowest_engine) > gas_limit(1_000, "py-evm")
    path.write_text(text)
    assert load_manifest(path).consensus.slowest_engine == "py-evm"
