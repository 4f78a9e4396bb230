"""The list of released contracts: it has what the sources compile to, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import releases
from contracts.releases import (
    LIST,
    SOURCES_OF,
    Release,
    add_new,
    all_releases,
    code_path,
    compiled_release,
    current,
    encode_releases,
    release_of,
    releases_of,
)
from ledger.values import to_hex

# Contracts with this code are on chains: an entry is added to the list, never changed.
KEPT = {
    "equity_transfer 1": "0x1603a11f7ed1b5516c65db388efff40be4d0f39278bf8200f8e059213e264ac6",
    "equity_transfer 2": "0x6d30b13c5efa4e28efd072f6a65d53b30ffb5ea54de10fcb94c442e6eda6e3fa",
    "equity_holdings 1": "0x8c225e34bd654d272ee59d605ccd6f054edc053574d522c6f83a5f83929194af",
    "ceremony 1": "0x3f579dbdd1c14f55d82b705fd0d4fe602ebb9f7e35fed2ac4c92f17334e57d7b",
    "circuits 1": "0x528396ff120a992c57dd0b9668cb2025d519ec03d2c3e807fb6db0117b299e17",
    "circuits 2": "0x4a76495440d68cbd6bf53119153af5e19665422d9bf166a1b3491e0861029fad",
}
COUNTER = """
# pragma version ==0.4.3
limit: immutable(uint256)
owner: public(immutable(address))
count: public(uint256)
@deploy
def __init__(limit_: uint256):
    limit = limit_
    owner = msg.sender
@external
def add():
    assert self.count < limit
    self.count += 1
"""


@pytest.mark.parametrize("contract", SOURCES_OF)
def test_the_last_release_is_what_the_source_compiles_to(contract: str) -> None:
    known = current(contract)
    found = compiled_release(contract, known.version)
    assert found == known, f"{contract} has other code now: python -m contracts.releases adds it"


def test_no_release_is_changed_or_left_out() -> None:
    found = {release.label: to_hex(release.code_hash) for release in all_releases()}
    assert {label: found.get(label) for label in KEPT} == KEPT
    assert LIST.read_text(encoding="utf-8") == encode_releases(all_releases())
    for contract in SOURCES_OF:
        versions = [release.version for release in releases_of(contract)]
        assert versions == list(range(1, len(versions) + 1))


def words_for(release: Release) -> dict[str, bytes]:
    return {name: bytes([place]) * 32 for place, name in enumerate(release.immutables, 1)}


@pytest.mark.parametrize(
    "release", [r for r in all_releases() if r.immutables], ids=lambda release: release.label
)
def test_a_contract_is_known_by_its_code_and_other_code_is_not(release: Release) -> None:
    words = words_for(release)
    code = release.deployed(words)
    assert release_of(code) == release
    assert release.values(code) == words
    for other in (
        b"",
        code[:-1],
        code[: release.code_bytes],
        code + bytes(32),
        bytes([code[0] ^ 1]) + code[1:],
        code[: release.code_bytes - 1]
        + bytes([code[release.code_bytes - 1] ^ 1])
        + code[release.code_bytes :],
    ):
        assert release_of(other) is None


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A list of its own, with one contract in it that was never released."""
    (tmp_path / "releases.json").write_text(encode_releases([]))
    (tmp_path / "counter.vy").write_text(COUNTER)
    monkeypatch.setattr(releases, "FOLDER", tmp_path)
    monkeypatch.setattr(releases, "LIST", tmp_path / "releases.json")
    monkeypatch.setattr(releases, "SOURCES_OF", {"counter": str(tmp_path / "counter.vy")})
    all_releases.cache_clear()
    yield tmp_path
    all_releases.cache_clear()


def test_a_changed_source_is_another_release_beside_the_first(workshop: Path) -> None:
    assert [release.label for release in add_new()] == ["counter 1"]
    assert add_new() == []
    first = current("counter")
    assert (first.immutables, first.slots) == (("limit", "owner"), {"count": 0})
    (workshop / "counter.vy").write_text(COUNTER.replace("self.count += 1", "self.count += 2"))
    assert compiled_release("counter", 1) != first
    assert [release.label for release in add_new()] == ["counter 2"]
    assert releases_of("counter")[0] == first
    assert current("counter").code_hash != first.code_hash
    assert not first.is_current
    for release in releases_of("counter"):
        assert code_path(release).is_file()
        assert release_of(release.deployed(words_for(release))) == release
