"""The page of the doctor's findings, from the table that the command itself uses."""

from cli.finding_codes import EXPLAINED
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = """\
`quorate doctor NODE_DIR` looks at a node's folder, tries every peer at its address and, if the
node runs, asks it over RPC; `--rpc URL` asks a node alone. It changes nothing. With `--json` each
finding has `code`, `what`, `well`, `seen` (what was expected and what was found) and `remedy`; the
exit code is 1 if any finding is not well. A code never changes its meaning."""

CLOSING = """\
A finding's own sentence is more exact than this table: it names files, hashes, addresses. Of a node
that runs, peers are tried with a TLS handshake only; of one that is down, as the node itself would
connect, so that an old membership document or another genesis shows before it starts. Run it as the
user that owns the folder."""


def render() -> str:
    """The page."""
    return page(
        "What the doctor finds",
        INTRODUCTION,
        table(
            ("code", "what is wrong", "the usual way out"),
            ((code(entry.value), *EXPLAINED[entry]) for entry in EXPLAINED),
        ),
        CLOSING,
    )
