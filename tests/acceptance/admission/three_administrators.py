"""A group for production: three administrators whom nobody combines, and votes for what one undid.

By the command, as officers use it: a plain admin is refused at genesis; a security administrator
cannot make administrators, and no person gets two posts; a freezing ends with the third vote; a
system administrator lets a node in, and votes on no accounts.
"""

from pathlib import Path
from typing import Any

from tests.acceptance.harness import Network, Refused, free_base_port, quorate, run_quorate
from tests.acceptance.manifests import group_manifest

ORGANISATIONS = ("tax", "market", "data", "audit")
POSTS = ("system", "security", "audit")


def run(folder: Path, *, base_port: int | None = None) -> dict[str, Any]:
    """Found, appoint, freeze, lift, admit."""
    port = str(free_base_port() if base_port is None else base_port)
    made = folder / "network"
    plain = folder / "plain.toml"
    plain.write_text(_manifest(plain_admin=True), encoding="utf-8")
    said = _refused("network", "create", made, "--config", plain, "--base-port", port)
    assert "plain admin" in said, said
    manifest = folder / "production.toml"
    manifest.write_text(_manifest(plain_admin=False), encoding="utf-8")
    run_quorate("network", "create", made, "--config", manifest, "--base-port", port)
    try:
        run_quorate("network", "up", made)
        network = Network(made)
        _officers(network)
        figures = _posts(network) | _freezing(network) | _nodes(network)
    finally:
        run_quorate("network", "down", made)
    return figures


def _manifest(*, plain_admin: bool) -> str:
    accounts = [
        (f"{name}-{post}", name, f"{post}-administrator")
        for name in ORGANISATIONS
        for post in POSTS
    ]
    accounts += [("auditor", "audit", "regulator")]
    accounts += [("boss", "tax", "admin")] if plain_admin else []
    return group_manifest("production", ORGANISATIONS, accounts, production=True)


def _officers(network: Network) -> None:
    place = ("--network", network.folder)
    quorate("account", "create", *place, "--org", "tax", "--role", "member", "--name", "officer")
    found = quorate("account", "list", *place)["accounts"]
    assert {entry["name"]: entry["roles"] for entry in found}["officer"] == "member", found


def _posts(network: Network) -> dict[str, Any]:
    """A new system administrator by votes; a second post for an administrator by none."""
    place = ("--network", network.folder)
    new = ("--org", "data", "--role", "system-administrator")
    said = _refused("account", "create", *place, *new, "--name", "data-system-2")
    assert "holder is zero" in said, said
    quorate("account", "create", *place, *new, "--name", "data-system-2", "--holder", "4F-81")
    assert not _roles(network, "data-system-2"), "one organisation made an administrator"
    agreed = [_vote(network, 1, voter)["state"] for voter in ("tax-security", "audit-security")]
    assert agreed[-1] == "enacted", agreed
    assert _roles(network, "data-system-2") == "system-administrator"
    # The manifest's pseudonyms are the accounts' names.
    greedy = (*new, "--name", "greedy", "--holder", "data-audit")
    quorate("account", "create", *place, *greedy)
    states = [_vote(network, 2, voter)["state"] for voter in ("tax-security", "audit-security")]
    assert "holder has" in states[-1], states
    assert not _roles(network, "greedy")
    said = _refused("governance", "vote", "2", *place, "--as", "market-system")
    assert "sender lacks the role" in said, said
    return {"votes_for_an_administrator": 3, "a_second_post": states[-1]}


def _freezing(network: Network) -> dict[str, Any]:
    place = ("--network", network.folder)
    assert quorate("account", "freeze", "officer", *place, "--as", "auditor")["frozen"]
    said = _refused("account", "freeze", "tax-security", *place, "--as", "auditor")
    assert "dismissed, not frozen" in said, said
    seen = [
        quorate("account", "lift", "officer", *place, "--as", f"{name}-security")["frozen"]
        for name in ("tax", "market", "data")
    ]
    assert seen == [True, True, False], seen
    return {"votes_to_lift": len(seen)}


def _nodes(network: Network) -> dict[str, Any]:
    """What the system administrator does for a node, and its votes on validators."""
    place = ("--network", network.folder)
    run_quorate("network", "add-node", network.folder, "--org", "tax", "--name", "tax-2")
    run_quorate("network", "up", network.folder, "--node", "tax-2")
    said = _refused("governance", "ready", *place, "--as", "tax-security", "--node", "tax-2")
    assert "sender lacks the role" in said, said
    quorate("governance", "ready", *place, "--as", "tax-system", "--node", "tax-2")
    propose = ("governance", "propose", "add-validator", "tax-2", *place)
    number = quorate(*propose, "--as", "tax-system")["number"]
    for name in ("market", "data"):
        state = _vote(network, number, f"{name}-system")["state"]
    assert state == "enacted", state
    kinds = [entry["kind"] for entry in quorate("governance", "list", *place)["proposals"]]
    assert kinds == ["appoint", "appoint", "lift", "add-validator"], kinds
    return {"validators": 5}


def _vote(network: Network, number: int, voter: str) -> dict[str, Any]:
    place = ("--network", network.folder, "--as", voter)
    answer: dict[str, Any] = quorate("governance", "vote", str(number), *place)
    return answer


def _roles(network: Network, name: str) -> str:
    found = quorate("account", "list", "--network", network.folder)["accounts"]
    return str(next(entry["roles"] for entry in found if entry["name"] == name))


def _refused(*arguments: str | Path) -> str:
    """What the command says against it."""
    try:
        run_quorate(*arguments)
    except Refused as refused:
        return refused.text
    return ""
