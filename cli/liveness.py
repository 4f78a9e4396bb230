"""Would a change of validators leave a quorum alive? By what one node observes, which may be wrong.

A contract sees its own state alone; whoever votes is warned of what is missing just now.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.validators import quorum_of


def objection_to_removing(status: Mapping[str, Any], node: str) -> str | None:
    """What speaks against removing a validator's node; None if nothing does.

    `status` is a group's object in `quorate_status`.
    """
    missing = {entry["node"] for entry in status["missing"]}
    staying = [name for name in status["validators"] if name != node]
    return _too_few(staying, missing, f"without {node}")


def objection_to_adding(
    status: Mapping[str, Any], node: str, peers: Iterable[Mapping[str, Any]]
) -> str | None:
    """What speaks against adding a node as a validator; None if nothing does.

    `peers` is the answer of `quorate_peers`.
    """
    away = {peer["node"] for peer in peers if not peer["connected"]}
    missing = {entry["node"] for entry in status["missing"]} | (away & {node})
    objection = _too_few([*status["validators"], node], missing, f"with {node}")
    if objection is None and node in away:
        return f"{node} is not connected to this node, so it may not be in step"
    return objection


def _too_few(validators: list[str], missing: set[str], how: str) -> str | None:
    alive = [name for name in validators if name not in missing]
    quorum = quorum_of(len(validators))
    if len(alive) >= quorum:
        return None
    silent = ", ".join(sorted(set(validators) & missing))
    return (
        f"{how} the group has {len(validators)} validators and needs {quorum}, but "
        f"{silent} {'is' if len(validators) - len(alive) == 1 else 'are'} silent: it would stop"
    )
