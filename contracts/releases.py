"""Code of our contracts as it was released: by it one on chain is known, and which it is.

A network keeps contracts for years, and what stands there may be of an earlier release than what
this build compiles. System contracts are not here: genesis and votes say what their code is.

`python -m contracts.releases` adds what the sources compile to now; a test compares. What stands in
the list is never changed: contracts with that code are out there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from contracts.compiler import compile_source
from ledger.values import Hash32, hash_from_hex, keccak, to_hex

FOLDER = Path(__file__).parent / "released"
LIST = FOLDER / "releases.json"
WORD_BYTES = 32

SOURCES_OF = {
    "equity_transfer": "equity/equity_transfer.vy",
    "equity_holdings": "equity/equity_holdings.vy",
    "ceremony": "ceremony/ceremony.vy",
    "circuits": "circuits/circuits.vy",
}
"""The contracts that people deploy and others have to know again later."""

_FORMAT = "quorate contract releases 1"
_LINE = 96


@dataclass(frozen=True)
class Release:
    """One version of a contract; `version` counts from 1 and says nothing about any other's.

    `code_hash` is the keccak-256 of the `code_bytes` of runtime code without the immutables. Those
    stand behind it, a word each, in this order. `slots` has its variables in storage by name, a
    module's as `module.name`.
    """

    contract: str
    version: int
    code_hash: Hash32
    code_bytes: int
    immutables: tuple[str, ...]
    slots: Mapping[str, int] = field(hash=False)

    @property
    def label(self) -> str:
        """What people call it, such as `equity_transfer 2`."""
        return f"{self.contract} {self.version}"

    @property
    def is_current(self) -> bool:
        """Whether this build deploys it."""
        return self.version == current(self.contract).version

    def values(self, code: bytes) -> dict[str, bytes] | None:
        """The immutables, a word each, of a contract with this code; None for other code."""
        if len(code) != self.code_bytes + WORD_BYTES * len(self.immutables):
            return None
        if keccak(code[: self.code_bytes]) != self.code_hash:
            return None
        starts = range(self.code_bytes, len(code), WORD_BYTES)
        words = [code[start : start + WORD_BYTES] for start in starts]
        return dict(zip(self.immutables, words, strict=True))

    def deployed(self, values: Mapping[str, bytes]) -> bytes:
        """The code of a contract of this release, which has immutables, with these, a word each."""
        assert values.keys() == set(self.immutables), f"{self.label}: other immutables"
        return _code(code_path(self), self.code_hash) + b"".join(
            values[name] for name in self.immutables
        )


@cache
def all_releases() -> tuple[Release, ...]:
    """Every release of every contract, those of one contract oldest first."""
    document = json.loads(LIST.read_text(encoding="utf-8"))
    assert document["format"] == _FORMAT, document["format"]
    return tuple(_decode(entry) for entry in document["releases"])


def releases_of(contract: str) -> tuple[Release, ...]:
    """The releases of one contract, oldest first."""
    return tuple(release for release in all_releases() if release.contract == contract)


def current(contract: str) -> Release:
    """The release that this build deploys."""
    return releases_of(contract)[-1]


def release_of(code: bytes) -> Release | None:
    """The release that code on chain is, None for code that this build does not know."""
    return next((found for found in all_releases() if found.values(code) is not None), None)


def labels_of(contract: str) -> str:
    """The releases of one contract in words, for who is refused another."""
    return ", ".join(release.label for release in releases_of(contract))


def code_path(release: Release) -> Path:
    """The file of a release's code; only contracts with immutables have one, whose code on chain
    no list of hashes can name."""
    return FOLDER / f"{release.contract}-{release.version}.hex"


def compiled_release(contract: str, version: int) -> Release:
    """What the source compiles to now, as a release of this version."""
    compiled = compile_source(SOURCES_OF[contract])
    return Release(
        contract=contract,
        version=version,
        code_hash=keccak(compiled.runtime),
        code_bytes=len(compiled.runtime),
        immutables=compiled.immutables,
        slots={name: slot.slot for name, slot in compiled.layout.items()},
    )


def encode_releases(releases: Iterable[Release]) -> str:
    """The text of the list."""
    entries = ",\n".join("  " + json.dumps(_encode(release)) for release in releases)
    return f'{{\n "format": "{_FORMAT}",\n "releases": [\n{entries}\n ]\n}}\n'


def add_new() -> list[Release]:
    """Put releases into the list for sources that compile to other code than the last; those."""
    found = list(all_releases())
    added = []
    for contract, source in SOURCES_OF.items():
        known = [release for release in found if release.contract == contract]
        release = compiled_release(contract, len(known) + 1)
        if known and known[-1].code_hash == release.code_hash:
            continue
        found.append(release)
        added.append(release)
        if release.immutables:
            text = compile_source(source).runtime.hex()
            lines = (text[at : at + _LINE] for at in range(0, len(text), _LINE))
            code_path(release).write_text("\n".join(lines) + "\n", encoding="ascii")
    found.sort(key=lambda release: (list(SOURCES_OF).index(release.contract), release.version))
    LIST.write_text(encode_releases(found), encoding="utf-8")
    all_releases.cache_clear()
    return added


@cache
def _code(path: Path, code_hash: Hash32) -> bytes:
    code = bytes.fromhex(path.read_text(encoding="ascii"))
    assert keccak(code) == code_hash, f"{path} is damaged: install anew"
    return code


def _encode(release: Release) -> dict[str, Any]:
    return {
        "contract": release.contract,
        "version": release.version,
        "code_hash": to_hex(release.code_hash),
        "code_bytes": release.code_bytes,
        "immutables": release.immutables,
        "slots": release.slots,
    }


def _decode(entry: Mapping[str, Any]) -> Release:
    return Release(
        contract=entry["contract"],
        version=entry["version"],
        code_hash=hash_from_hex(entry["code_hash"]),
        code_bytes=entry["code_bytes"],
        immutables=tuple(entry["immutables"]),
        slots=dict(entry["slots"]),
    )


if __name__ == "__main__":
    for new in add_new():
        print(f"added {new.label}")
