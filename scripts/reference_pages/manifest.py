"""The page of a network's manifest and of genesis' parameters, from the types that read them."""

import inspect
import re

import msgspec

from cli.network import manifest
from ledger.parameters import CHAIN_ID_MAX, GAS_PER_MS, InvalidParameters, Parameters
from scripts.reference_pages.markdown import code, page, table

INTRODUCTION = f"""\
`quorate network create DIR --config FILE` reads this TOML file and keeps a copy as
`DIR/network.toml`. Shipped ones stand in [network-config](../../network-config/README.md). Unknown
fields are refused. A name is a-z, 0-9 and `-`, begins with a letter, has at most 31 characters and
is unique among its kind. At most {manifest.NODES_MAX} nodes, {manifest.GROUPS_MAX} groups and
{manifest.ACCOUNTS_MAX} accounts; a group has at least {manifest.VALIDATORS_MIN} validators."""

TABLES = {
    "Top level": manifest.Manifest,
    "`[[org]]`": manifest.Organisation,
    "`[[node]]`": manifest.NodeEntry,
    "`[[group]]`": manifest.GroupEntry,
    "`[[account]]`": manifest.AccountEntry,
    "`[consensus]`": manifest.ConsensusEntry,
    "`[[perturb]]`": manifest.Perturbation,
}

MEANING = {
    "Manifest.name": "the network's name",
    "Manifest.production": "refuses plain admins, and verification keys that one party made alone",
    "Organisation.name": "short name, as in `org/node`",
    "Organisation.label": "what people read, such as 税务局",
    "Organisation.weight": "what its vote counts in a proposal",
    "NodeEntry.name": "the node's name",
    "NodeEntry.org": "whose it is",
    "NodeEntry.engine": "the execution engine: `native`, `py-evm`, or `auto`: the first where its "
    "crate is built when the node starts, else the second",
    "GroupEntry.name": "the ledger's name; the first group is every node's default",
    "GroupEntry.validators": "nodes that vote",
    "GroupEntry.observers": "nodes that follow",
    "GroupEntry.organisations": "founders besides the organisations of the group's nodes; in a "
    "network of one group all organisations are founders",
    "AccountEntry.name": "what `--as` takes",
    "AccountEntry.org": "whose officer or system it is",
    "AccountEntry.role": "see [admission](../explanation/admission.md#accounts)",
    "AccountEntry.groups": "the groups that know it; by default all of its organisation's. "
    "One account in two groups ties them together for whoever sees both",
    "AccountEntry.holder": "an administrator's pseudonym, by default the account's name: nobody "
    "holds two posts",
    "Perturbation.at_s": "seconds after the load began; `quorate` itself only checks these "
    "entries: the runner in `tests/fire` plants them",
    "Perturbation.node": "which node",
    "Perturbation.action": "`kill` (as `kill -9`, then started again), `pause` (stopped where it "
    "is), `partition` (nothing passes to or from its peers), `restart` (asked to end, started "
    "again), `disk-full` (no byte is left for its folder), `clock-skew` (its clock is wrong)",
    "Perturbation.for_s": "seconds until it is healed; without it the action's own time",
    "Perturbation.minutes": "of `clock-skew`: ahead, or behind where negative",
}

PARAMETERS = {
    "chain_id": "drawn at random for each group",
    "window_blocks": "W: how far ordering runs ahead of the stable block",
    "block_execution_ms_max": "gives the gas limit, at "
    + ", ".join(f"{gas:,} gas a millisecond (`{name}`)" for name, gas in GAS_PER_MS.items()),
    "gas_limit": "of a block; derived from the line above",
    "heartbeat_ms": "an idle group makes an empty block this often",
    "clock_tolerance_ms": "a proposal's time may differ this much from a backup's clock",
    "view_timeout_ms": "how long a primary may stand still; doubles with each failed view",
    "view_timeout_ms_max": "where the doubling ends",
    "transaction_bytes_max": "one transaction",
    "batch_transactions_max": "transactions of a block",
    "batch_bytes_max": "bytes of a block's transactions",
}


def render() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for title, kind in TABLES.items():
        parts.append(f"## {title}")
        if kind is manifest.ConsensusEntry:
            parts.append(
                "Parameters that genesis fixes; what they mean and their bounds stand below. "
                "`slowest_engine` is the slowest engine that a node of the group may ever run: "
                "with `native` blocks are larger, and every node has to run it."
            )
            values = [(code(f.name), code(f.default)) for f in msgspec.structs.fields(kind)]
            parts.append(table(("field", "default"), values))
            continue
        rows = [
            (code(field.name), MEANING[f"{kind.__name__}.{field.name}"], _default(field))
            for field in msgspec.structs.fields(kind)
            if f"{kind.__name__}.{field.name}" in MEANING
        ]
        parts.append(table(("field", "what", "default"), rows))
    parts += [
        "## Parameters of a group",
        "All of them stand in `genesis.json`; every block's record binds their hash. `fork` is "
        "`cancun` and `suite` is `standard`; there are no others yet.",
        table(
            ("parameter", "least", "most", "what"),
            ((code(name), *_bounds(name), meaning) for name, meaning in PARAMETERS.items()),
        ),
    ]
    return page("The manifest", *parts)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    return code(_toml(field.default)) if field.default is not None else "none"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "[]" if value == () else f'"{value}"' if isinstance(value, str) else str(value)


def _bounds(name: str) -> tuple[object, object]:
    """What the check itself answers for a value that is too small and one that is too large."""
    found = []
    for wrong in (-1, 1 << 62):
        try:
            values = {"chain_id": 1, name: wrong}
            Parameters(**values).validated()
        except InvalidParameters as error:
            match = re.search(rf"^{name}: expected (\d+) to (\d+)", str(error))
            if match is not None:
                found.append(match.groups())
    assert found, inspect.cleandoc(f"no bounds of {name} were found")
    least, most = found[0]
    return int(least), "2^48 - 1" if int(most) == CHAIN_ID_MAX else int(most)
