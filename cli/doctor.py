"""`quorate doctor`: what an operator looks at first, with a verdict and the way out for each.

It asks the folder, the peers and the node, whether or not the node runs; it changes nothing.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.checks.configuration import findings_of_configuration, read_configuration
from cli.checks.files import findings_of_files
from cli.checks.groups import findings_of_groups
from cli.checks.peers import findings_of_peers
from cli.checks.process import findings_of_process, is_running
from cli.checks.running import findings_of_node
from cli.checks.stores import findings_of_stores
from cli.failure import CommandFailed
from cli.finding import Finding
from cli.member.health import findings_of_folder
from cli.output import JsonOption, emit, table
from cli.reach import remote
from node.config import NodeFolder

_MIB = 1 << 20


@remote
def doctor(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[NODE_DIR]", help="A node's folder.")
    ] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", help="A node's address instead.")] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Of a stopped node: read its stores wholly, compute all anew."),
    ] = False,
    disk_free_mib_min: Annotated[
        int, typer.Option("--disk-free-mib-min", min=1, help="Less free room is a finding.")
    ] = 2_048,
    as_json: JsonOption = False,
) -> None:
    """Files, keys, clock, peers, quorum: is this node well, and if not, what to do? 体检。"""
    if (folder is None) == (rpc is None):
        raise typer.BadParameter("give either NODE_DIR or --rpc URL")
    if deep and folder is None:
        raise typer.BadParameter("--deep reads the stores in NODE_DIR: name the folder")
    if rpc is not None:
        findings = findings_of_node(rpc)
    else:
        assert folder is not None
        findings = _look(NodeFolder(folder), disk_free_mib_min * _MIB, deep=deep)
    well = all(finding.well for finding in findings)
    emit(
        {"well": well, "findings": findings},
        as_json,
        lambda: table(
            "All is well" if well else "Something needs attention",
            ("code", "what", "well", "seen", "what to do"),
            ((f.code, f.what, "yes" if f.well else "NO", f.seen, f.remedy) for f in findings),
        ),
    )
    if not well:
        raise CommandFailed("; ".join(f"{f.what}: {f.seen}" for f in findings if not f.well))


def _look(folder: NodeFolder, disk_free_bytes_min: int, *, deep: bool) -> list[Finding]:
    config, readable = read_configuration(folder)
    findings = [readable]
    if not folder.path.is_dir():
        return findings
    findings += findings_of_files(folder, disk_free_bytes_min=disk_free_bytes_min)
    findings += findings_of_process(folder)
    if config is None:
        return findings
    is_down = not is_running(folder)
    findings += findings_of_configuration(config)
    identity, trust, of_certificate = findings_of_folder(folder, config)
    findings += of_certificate
    findings += findings_of_groups(folder, config, is_down=is_down and not deep)
    if deep:
        return findings + findings_of_stores(folder, config)
    if identity is not None and trust is not None:
        findings += findings_of_peers(folder, config, identity, trust, is_down=is_down)
    # A node says of itself what its folder shows as well.
    said = findings_of_node(f"http://{config.rpc.listen}")
    return findings + [finding for finding in said if finding not in findings]
