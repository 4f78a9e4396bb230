"""A node for tests that as a primary puts into every batch what an honest one would never take.

Run as `python -m tests.fire.frozen_batch node run FOLDER`: the product's node, but transactions
(hex, one a line) of the file that QUORATE_TEST_SMUGGLED names go into each batch, unseen by its
own pool.
"""

import os
from pathlib import Path

from cli.main import main
from consensus.status import Slot
from ledger.proposal import Proposal, propose
from ledger.suite import STANDARD
from node.proposer import Proposer

SMUGGLED = "QUORATE_TEST_SMUGGLED"

_honest_fill = Proposer.fill


def _smuggled() -> tuple[bytes, ...]:
    path = Path(os.environ[SMUGGLED])
    if not path.is_file():
        return ()
    return tuple(bytes.fromhex(line) for line in path.read_text("ascii").split())


def _smuggling_fill(proposer: Proposer, slot: Slot) -> Proposal | None:
    """In the place of `Proposer.fill`."""
    body = _honest_fill(proposer, slot)
    added = _smuggled()
    if body is None or not added:
        return body
    return propose(
        STANDARD,
        group=body.group,
        epoch=body.epoch,
        sequence=body.sequence,
        origin_view=body.origin_view,
        proposer=body.proposer,
        timestamp_ms=body.timestamp_ms,
        transactions=(*added, *body.transactions),
    )


if __name__ == "__main__":
    Proposer.fill = _smuggling_fill  # type: ignore[method-assign]
    main()
