"""The page of released contracts, from the list by which programs know them on chain."""

from contracts.releases import SOURCES_OF, all_releases
from ledger.values import to_hex
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
A contract stays on chain as it was deployed; programs go on. By this list, `contracts/released/` in
the distribution, a program knows contracts of its own release and of earlier ones:

- `quorate transfer check` checks certificates about a contract of any release here and says which
  it is; code that is in none refuses the certificate;
- `quorate explorer contract` names contract and release, and what it was deployed with, out of the
  proven code; all else it calls unknown;
- `quorate transfer adopt` takes up a contract of another party only if it is one of these;
- `quorate zk ceremony verify` checks ceremonies under a contract of any release here.

The hash is the keccak-256 of the runtime code **without the immutables**. Those are what the
constructor was given; they stand behind the code, a word of 32 bytes each, in the order shown.
System contracts are not here: what their code is, genesis and votes say.

Numbers count each contract's own releases. A number is given once, to one code, and never again;
which of them a program deploys is the last one here."""

ADDING = """\
A change of a source that changes its code fails `tests/contracts/test_contracts_releases.py` until

```sh
python -m contracts.releases
```

has added a release. What stands in the list is not changed and not taken out."""


def render() -> str:
    """The page."""
    rows = [
        (
            code(release.label),
            code(SOURCES_OF[release.contract]),
            f"{release.code_bytes:,}",
            code(to_hex(release.code_hash)),
            ", ".join(map(code, release.immutables)) or "–",
        )
        for release in all_releases()
    ]
    columns = ("release", "source", "bytes", "hash of the code", "immutables behind it")
    return page(
        "Released contracts",
        INTRODUCTION,
        table(columns, rows),
        "## After a change",
        ADDING,
    )
