"""Manifests that acceptance scripts write: a node for each organisation, one group of all."""

from collections.abc import Iterable, Sequence


def group_manifest(
    name: str,
    organisations: Sequence[str],
    accounts: Iterable[tuple[str, str, str]],
    *,
    engine: str = "auto",
    production: bool = False,
) -> str:
    """The TOML. Accounts are (name, organisation, role)."""
    lines = [f'name = "{name}"', *(["production = true"] if production else [])]
    for organisation in organisations:
        lines += ["[[org]]", f'name = "{organisation}"']
        lines += ["[[node]]", f'name = "{organisation}-1"', f'org = "{organisation}"']
        lines += [f'engine = "{engine}"']
    for account, organisation, role in accounts:
        lines += ["[[account]]", f'name = "{account}"', f'org = "{organisation}"']
        lines += [f'role = "{role}"']
    validators = ", ".join(f'"{organisation}-1"' for organisation in organisations)
    lines += ["[[group]]", f'name = "{name}"', f"validators = [{validators}]"]
    return "\n".join(lines) + "\n"
