"""What speaks against a parameter's new value before anyone votes: what the contract would refuse,
and what this network's engines could not keep up with.
"""

from collections.abc import Iterable

from cli.failure import CommandFailed
from ledger.parameters import GAS_PER_MS, VOTED

FIXED = {
    "chain_id": "it is signed in every transaction: found another group instead",
    "window_blocks": "every bound of the protocol rests on it: found another group instead",
    "fork": "this build knows one fork of the engines",
    "suite": "every key and hash of the group rests on it: found another group instead",
}
"""Parameters that no vote changes, and why."""


def check_value(name: str, value: int) -> None:
    """Raises CommandFailed for what the contract takes from nobody."""
    if name in FIXED:
        raise CommandFailed(f"{name} is fixed at genesis and no vote changes it: {FIXED[name]}")
    if name not in VOTED:
        raise CommandFailed(f"'{name}' is no parameter; these change by vote: {', '.join(VOTED)}")
    least, most = VOTED[name].least, VOTED[name].most
    if not least <= value <= most:
        raise CommandFailed(f"{name}: expected {least:,} to {most:,}, got {value:,}")


def objection_to_gas(gas_limit: int, execution_ms_max: int, engines: Iterable[str]) -> str | None:
    """What speaks against this gas limit under this bound on a block's time; None if nothing does.

    engines: those of the group's nodes, by name; an unknown one is taken for the slowest.
    """
    speeds = [GAS_PER_MS.get(engine, min(GAS_PER_MS.values())) for engine in engines]
    bound = execution_ms_max * min(speeds, default=min(GAS_PER_MS.values()))
    if gas_limit <= bound:
        return None
    return (
        f"the slowest engine here may need {gas_limit // min(speeds, default=1):,} ms for a block "
        f"of {gas_limit:,} gas, over block_execution_ms_max ({execution_ms_max:,}): views would "
        f"change under load; {bound:,} gas is what fits"
    )
