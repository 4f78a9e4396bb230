"""What anybody entitled can check afterwards: the certificate, the trace, the whole ledger."""

from pathlib import Path

from rich.console import RenderableType

import explorer
from cli.desks import LocalNetwork
from cli.progress import Progress
from ledger.genesis import Genesis
from scripts.transfer_story import Officers
from workflows.equity_transfer.certificate import (
    InvalidEvidence,
    check_certificate,
    make_certificate,
)
from workflows.equity_transfer.ids import parse_id


def export_and_check(
    officers: Officers, transfer: str, genesis: Genesis, path: Path, progress: Progress
) -> None:
    """Write a transfer's certificate and check it; then see that an altered one fails."""
    path.write_bytes(make_certificate(officers.applicant, genesis, parse_id(transfer)))
    evidence = check_certificate(path.read_bytes(), genesis)
    progress(f"certificate {evidence.digest[:18]}… holds, checked from the genesis file alone")
    altered = bytearray(path.read_bytes())
    altered[len(altered) // 2] ^= 1
    try:
        check_certificate(bytes(altered), genesis)
    except InvalidEvidence:
        progress("the same certificate with one bit changed does not")
        return
    raise AssertionError("an altered certificate was accepted")


def trace_table(network: LocalNetwork, transfer: str) -> RenderableType:
    """Every step of a transfer as the explorer shows it, verified."""
    source = explorer.Source(network.client("audit"), network.genesis)
    traced = explorer.trace(source, transfer)
    assert traced.verified, "the trace could not be verified"
    return explorer.render_trace(traced, "zh", source.organisation_labels("zh"))


def verify_ledger(network: LocalNetwork, progress: Progress) -> None:
    """Re-check every block of every node and hold the nodes against each other."""
    clients = [network.client(node.org) for node in network.file.nodes]
    found = explorer.verify(clients, network.genesis)
    assert found.ok, found.problems
    progress(f"blocks 0 to {found.end} of {len(clients)} nodes re-checked: no difference")
