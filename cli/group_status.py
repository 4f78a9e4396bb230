"""What one node says of one group."""

from typing import Any

from cli.failure import CommandFailed
from client.rpc import Client


def group_status(client: Client, name: str | None) -> dict[str, Any]:
    """The group's object in `quorate_status`, by default of the node's first group.

    Raises CommandFailed where the node shows this caller none of that name.
    """
    groups: list[dict[str, Any]] = client.status()["groups"]
    for group in groups:
        if name in (None, group["name"]):
            return group
    shown = ", ".join(group["name"] for group in groups) or "none"
    raise CommandFailed(
        f"the node at {client.url} carries no group '{name or ''}' that it shows you; "
        f"it shows: {shown}"
    )
