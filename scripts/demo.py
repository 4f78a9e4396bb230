"""`make demo`: four departments, their equity transfers, the cheats, and what everybody can check.

It makes a fresh network in build/demo, carries published cases through it, shows them, and stops
it again, whatever happens. Its result for machines is build/demo/summary.json.
"""

import dataclasses
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.desks import LocalNetwork
from cli.failure import report
from cli.network.create import HOST, create_network
from cli.network.manifest import find_manifest
from cli.network.ports import taken_port
from cli.network.supervise import bring_up, node_states, take_down
from cli.preparation import prepare
from scripts.cheats import Cheat, try_all
from scripts.evidence import export_and_check, trace_table, verify_ledger
from scripts.transfer_story import Carried, Officers, carry
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.prove import proof_path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "build" / "demo"
KEYS = ROOT / "build" / "keys"
CASES = ROOT / "tests" / "vectors" / "tax"
SHOWN_CASES = ("A02", "A07", "A09", "A01")
CHEATS_CASE = "A07"
PORT_FIRST, PORT_LAST, PORT_STEP = 18_540, 28_540, 100

console = Console(highlight=False)


def _say(line: str) -> None:
    console.print(f"  [dim]{time.strftime('%H:%M:%S')}[/dim] {escape(line)}", soft_wrap=True)


def _chapter(english: str, chinese: str) -> None:
    console.print(f"\n[bold]{english}[/bold] · {chinese}", soft_wrap=True)


def _free_base_port(ports: int) -> int:
    """The first run of ports that nobody listens on, so that a busy machine is no obstacle."""
    for base in range(PORT_FIRST, PORT_LAST, PORT_STEP):
        if taken_port(HOST, range(base, base + ports)) is None:
            return base
    raise OSError(f"no {ports} free ports in a row between {PORT_FIRST} and {PORT_LAST}")


def main() -> int:
    """Run the story; the exit code says whether all of it went as it must."""
    folder = DEMO / "network"
    started = time.monotonic()
    try:
        if (folder / "network.json").is_file():
            take_down(folder, None, _say)
        shutil.rmtree(DEMO, ignore_errors=True)
        DEMO.mkdir(parents=True)
        summary = _story(folder)
    except (Exception, KeyboardInterrupt) as error:
        return report(error)
    finally:
        if (folder / "network.json").is_file():
            # Interrupted once more, it would leave nodes running that nobody knows of.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _chapter("The network stops", "网络停止")
            take_down(folder, None, _say)
    path = DEMO / "summary.json"
    path.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    console.print(
        f"\nDone in {time.monotonic() - started:.0f} s. Summary: {path.relative_to(ROOT)}; "
        f"the network's folder stays at {folder.relative_to(ROOT)}."
    )
    return 0


def _story(folder: Path) -> dict[str, Any]:
    _chapter("A network of four departments", "四个部门的网络")
    create_network(find_manifest("four-departments"), folder, _free_base_port(8), _say)
    bring_up(folder, None, _say)
    network = LocalNetwork(folder)

    _chapter("Both bureaus sign the agreement; the contract is deployed", "签署共享合约，部署合约")
    prepare(network, KEYS, _say)
    officers = Officers.of(network)

    _chapter("Published cases go through", "公开案例办理")
    carried = [carry(officers, (CASES / f"{name}.json").read_bytes(), _say) for name in SHOWN_CASES]
    console.print(_transfers_table(carried))

    _chapter("Ten ways to cheat", "十种作弊")
    registered = next(entry for entry in carried if entry.status == "REGISTERED")
    assert registered.id is not None
    foreign = proof_path(officers.applicant, parse_id(registered.id)).read_bytes()
    case = (CASES / f"{CHEATS_CASE}.json").read_bytes()
    cheats = try_all(officers, case, foreign, _say)
    console.print(_cheats_table(cheats))

    _chapter("Evidence, checked without the network's word", "存证凭证与追溯")
    export_and_check(officers, registered.id, network.genesis, DEMO / "certificate.json", _say)
    console.print(trace_table(network, registered.id))
    verify_ledger(network, _say)
    return _summary(network, carried, cheats)


def _summary(network: LocalNetwork, carried: list[Carried], cheats: list[Cheat]) -> dict[str, Any]:
    states = [state.status for state in node_states(network.folder) if state.status]
    return {
        "transfers": [dataclasses.asdict(entry) for entry in carried],
        "cheats": [dataclasses.asdict(cheat) for cheat in cheats],
        "blocks": max(state["groups"][0]["stable"]["number"] for state in states),
        "validators": len(network.group.validators),
        "engine": {state["node"].rpartition("/")[2]: state["engine"] for state in states},
        "network": str(network.folder),
    }


def _transfers_table(carried: list[Carried]) -> Table:
    drawn = Table("case", "status", "code", "transfer", "seconds")
    for entry in carried:
        drawn.add_row(
            entry.case, entry.status, entry.code or "", entry.id or "", str(entry.seconds)
        )
    return drawn


def _cheats_table(cheats: list[Cheat]) -> Table:
    drawn = Table("cheat", "refused by", "code")
    for cheat in cheats:
        drawn.add_row(cheat.name, cheat.layer, cheat.code)
    return drawn


if __name__ == "__main__":
    sys.exit(main())
