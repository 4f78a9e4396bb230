"""A network's manifest: `network.toml`, which organisations, nodes, groups and accounts there are.

Reads and checks it; it creates nothing. The shipped manifests stand in `network-config/`.
"""

import re
from pathlib import Path
from typing import Literal

import msgspec

from cli.failure import CommandFailed
from contracts.roles import ADMINISTRATOR_ROLES
from ledger.bounded_file import read_bounded
from ledger.parameters import Parameters

Role = Literal[
    "member",
    "author",
    "regulator",
    "admin",
    "gateway",
    "system-administrator",
    "security-administrator",
    "audit-administrator",
]
Engine = Literal["auto", "native", "py-evm"]

NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,30}")

MANIFEST_BYTES_MAX = 4 * 1024 * 1024
NODES_MAX = 64
GROUPS_MAX = 64
ACCOUNTS_MAX = 1024
VALIDATORS_MIN = 4
PERTURB_S_MAX = 86_400


class Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One department; `label` is what people read, `weight` what its vote counts."""

    name: str
    label: str = ""
    weight: int = 1


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One machine's node."""

    name: str
    org: str
    engine: Engine = "auto"


class GroupEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ledger: who votes and who only follows. Its founders are the organisations of its
    nodes, and those named besides."""

    name: str
    validators: tuple[str, ...]
    observers: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account of an officer or a system, in all of its organisation's groups or in some;
    `holder` is an administrator's pseudonym, by default the account's name."""

    name: str
    org: str
    role: Role
    groups: tuple[str, ...] = ()
    holder: str = ""


_DEFAULTS = Parameters(chain_id=1)


class ConsensusEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that genesis fixes, by name and unit; the ledger's own defaults."""

    window_blocks: int = _DEFAULTS.window_blocks
    heartbeat_ms: int = _DEFAULTS.heartbeat_ms
    clock_tolerance_ms: int = _DEFAULTS.clock_tolerance_ms
    block_execution_ms_max: int = _DEFAULTS.block_execution_ms_max
    view_timeout_ms: int = _DEFAULTS.view_timeout_ms
    view_timeout_ms_max: int = _DEFAULTS.view_timeout_ms_max
    slowest_engine: Literal["native", "py-evm"] = "py-evm"


class Perturbation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that a test plants `at_s` seconds into its load, and heals after `for_s`."""

    at_s: float
    node: str
    action: Literal["kill", "pause", "partition", "restart", "disk-full", "clock-skew"]
    for_s: float | None = None
    minutes: float = 0.0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    org: tuple[Organisation, ...]
    node: tuple[NodeEntry, ...]
    group: tuple[GroupEntry, ...]
    account: tuple[AccountEntry, ...]
    name: str = "quorate"
    production: bool = False
    consensus: ConsensusEntry = ConsensusEntry()
    perturb: tuple[Perturbation, ...] = ()

    def holder(self, account: str, role: str) -> str:
        """The pseudonym of the person who has an administrator's account; nobody else has one."""
        if role not in ADMINISTRATOR_ROLES:
            return ""
        given = {entry.name: entry.holder for entry in self.account}
        return given.get(account) or account

    def groups_of(self, node: str) -> list[tuple[str, Literal["validator", "observer"]]]:
        """The groups that `node` takes part in, its default group first."""
        return [
            (group.name, "validator" if node in group.validators else "observer")
            for group in self.group
            if node in group.validators or node in group.observers
        ]

    def founders(self, group: GroupEntry) -> tuple[str, ...]:
        """The organisations of a group, in the manifest's order. With one group all of them."""
        nodes = (*group.validators, *group.observers)
        homes = {entry.org for entry in self.node if entry.name in nodes}
        return tuple(
            entry.name
            for entry in self.org
            if entry.name in homes or entry.name in group.organisations or len(self.group) == 1
        )


def shipped_folder() -> Path:
    """Where the ready-made manifests are: in a checkout, or in the installed package."""
    root = Path(__file__).resolve().parents[2]
    checkout = root / "network-config"
    return checkout if checkout.is_dir() else root / "node" / "network_config"


def find_manifest(config: str) -> Path:
    """The file that `--config` names: a path, or a shipped manifest's name."""
    if config.endswith(".toml") or "/" in config:
        path = Path(config)
        if not path.is_file():
            raise CommandFailed(f"{path}: no such manifest; give a TOML file or a shipped name")
        return path
    path = shipped_folder() / f"{config}.toml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in shipped_folder().glob("*.toml")))
        raise CommandFailed(f"no shipped manifest is called '{config}'; there are: {known}")
    return path


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest; every complaint names the file and the entry."""
    data = read_bounded(path, MANIFEST_BYTES_MAX, CommandFailed)
    try:
        manifest = msgspec.toml.decode(data, type=Manifest)
    except (msgspec.DecodeError, ValueError) as error:
        raise CommandFailed(f"{path}: not a manifest: {error}") from None
    problem = _first_problem(manifest)
    if problem:
        raise CommandFailed(f"{path}: {problem}")
    return manifest


def _first_problem(manifest: Manifest) -> str | None:
    return (
        _name_problem(manifest)
        or _size_problem(manifest)
        or _reference_problem(manifest)
        or _group_problem(manifest)
        or _engine_problem(manifest)
        or _perturbation_problem(manifest)
    )


def _name_problem(manifest: Manifest) -> str | None:
    kinds = {
        "org": [entry.name for entry in manifest.org],
        "node": [entry.name for entry in manifest.node],
        "group": [entry.name for entry in manifest.group],
        "account": [entry.name for entry in manifest.account],
    }
    for kind, names in kinds.items():
        for name in names:
            if not NAME_PATTERN.fullmatch(name):
                return f"{kind} '{name}': a name is a-z, 0-9 and '-', at most 31 characters"
            if names.count(name) > 1:
                return f"{kind} '{name}' stands twice; names are unique"
    return None


def _size_problem(manifest: Manifest) -> str | None:
    sizes = (
        ("node", len(manifest.node), NODES_MAX),
        ("group", len(manifest.group), GROUPS_MAX),
        ("account", len(manifest.account), ACCOUNTS_MAX),
    )
    for kind, size, size_max in sizes:
        if not 1 <= size <= size_max:
            return f"{size} [[{kind}]] entries; 1 to {size_max} are expected"
    return None


def _reference_problem(manifest: Manifest) -> str | None:
    organisations = {entry.name for entry in manifest.org}
    for kind, entries in (("node", manifest.node), ("account", manifest.account)):
        for entry in entries:
            if entry.org not in organisations:
                return f"{kind} '{entry.name}': organisation '{entry.org}' has no [[org]] entry"
    return None


def _engine_problem(manifest: Manifest) -> str | None:
    slowest = manifest.consensus.slowest_engine
    for node in manifest.node:
        if slowest == "native" and node.engine != "native":
            return (
                f"node '{node.name}': engine = \"{node.engine}\" may be too slow for the gas limit "
                'that slowest_engine = "native" gives; set engine = "native" on every node'
            )
    return None


def _group_problem(manifest: Manifest) -> str | None:
    nodes = {entry.name for entry in manifest.node}
    organisations, groups = {e.name for e in manifest.org}, {e.name for e in manifest.group}
    for account in manifest.account:
        for name in account.groups:
            if name not in groups:
                return f"account '{account.name}': group '{name}' has no [[group]] entry"
    for group in manifest.group:
        for name in group.organisations:
            if name not in organisations:
                return f"group '{group.name}': organisation '{name}' has no [[org]] entry"
        for node in (*group.validators, *group.observers):
            if node not in nodes:
                return f"group '{group.name}': node '{node}' has no [[node]] entry"
            if (*group.validators, *group.observers).count(node) > 1:
                return f"group '{group.name}': node '{node}' stands twice"
        if len(group.validators) < VALIDATORS_MIN:
            return (
                f"group '{group.name}': {len(group.validators)} validators; "
                f"{VALIDATORS_MIN} are the fewest that tolerate one fault"
            )
    return None


def _perturbation_problem(manifest: Manifest) -> str | None:
    nodes = {entry.name for entry in manifest.node}
    for fault in manifest.perturb:
        where = f"perturb '{fault.action}' at {fault.at_s} s"
        if fault.node not in nodes:
            return f"{where}: node '{fault.node}' has no [[node]] entry"
        if not 0 <= fault.at_s <= PERTURB_S_MAX:
            return f"{where}: expected 0 to {PERTURB_S_MAX} seconds"
        if fault.for_s is not None and not 0 < fault.for_s <= PERTURB_S_MAX:
            return f"{where}: for_s = {fault.for_s}; expected more than 0, to {PERTURB_S_MAX}"
        if fault.for_s is not None and fault.action == "restart":
            return f"{where}: a restart starts the node again at once; for_s has no meaning there"
        if (fault.action == "clock-skew") != (fault.minutes != 0):
            return f"{where}: minutes are given for clock-skew, and for nothing else"
    return None
