"""A running node as it speaks of itself over RPC: peers, groups, clock, certificate in use."""

from typing import Any

from cli.finding import Finding
from cli.finding_codes import Code
from cli.member.health import findings_of_status
from cli.reach import reach
from client.rpc import NodeUnreachable, RpcFailure


def findings_of_node(rpc: str) -> list[Finding]:
    """What `quorate_status` says, as findings; one alone if nobody answers."""
    try:
        status = reach(rpc).status()
    except (NodeUnreachable, RpcFailure) as error:
        return [
            Finding(
                Code.NODE,
                "node",
                False,
                f"expected an answer at {rpc}, found: {error}",
                "start it: quorate network up, or node run",
            )
        ]
    connected = [peer["node"] for peer in status["peers"] if peer["connected"]]
    absent = [peer["node"] for peer in status["peers"] if not peer["connected"]]
    findings = [
        Finding(Code.NODE, "node", True, f"{status['node']} {status['version']}"),
        _of_engine(status),
        *findings_of_status(status),
        Finding(
            Code.PEERS,
            "peers",
            not absent,
            f"{len(connected)} connected, missing: {', '.join(absent) or 'none'}",
            "look whether they run and the network between" if absent else "",
        ),
    ]
    for group in status["groups"]:
        findings += [*_of_group(group), *_of_clock(group)]
    return findings


def _of_engine(status: dict[str, Any]) -> Finding:
    """Either engine is well; that the fast one is missing is worth a word."""
    missing, backend = status.get("native_missing"), status.get("zk_backend", "an older version")
    return Finding(
        Code.ENGINE,
        "engine in use",
        True,
        f"blocks on {status['engine']}, proofs on {backend}",
        f"for the native engine: {missing}" if missing else "",
    )


def _of_group(group: dict[str, Any]) -> list[Finding]:
    """The group's conditions in the node's own words; without any, who is missing."""
    what = f"group {group['name']}"
    conditions = group.get("conditions", ())
    if conditions:
        return [
            Finding(
                Code.GROUP,
                what,
                False,
                f"{condition['en']} {condition['zh']}",
                f"{condition['remedy_en']} {condition['remedy_zh']}",
            )
            for condition in conditions
        ]
    missing = ", ".join(
        f"{entry['node']} for {entry['since_ms'] // 1000} s" for entry in group["missing"]
    )
    asking = ", ".join(group.get("asking", ()))
    waiting = f", waiting for a later view: {asking}" if asking else ""
    return [
        Finding(
            Code.GROUP,
            what,
            not missing,
            f"block {group['stable']['number']}, view {group['view']}, primary {group['primary']}, "
            f"quorum {group['quorum']}, missing: {missing or 'nobody'}{waiting}",
            "bring the missing validators back" if missing else "",
        )
    ]


def _of_clock(group: dict[str, Any]) -> list[Finding]:
    """How far the clocks are apart; nothing before another validator proposed."""
    clock = group.get("clock") or {}
    apart_ms = clock.get("apart_ms")
    if apart_ms is None:
        return []
    tolerance_ms = clock["tolerance_ms"]
    well = 2 * abs(apart_ms) <= tolerance_ms
    return [
        Finding(
            Code.CLOCK,
            f"clock in {group['name']}",
            well,
            f"{clock['from']} is {apart_ms} ms from this node, {tolerance_ms} ms are tolerated",
            "" if well else "have both nodes follow one time server 两个节点应使用同一时间服务器",
        )
    ]
