"""The ground of a run under fire: a network of native (or py-evm) validators with funded senders.

Made by the product's own code, with the load's senders as members in genesis. Starts nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.bench.workload import TOKEN, Workload, address_of, sender_keys, token
from cli.network.create import Additions, create_network
from cli.network.manifest import Perturbation
from contracts.roles import role_named
from contracts.system_alloc import AccountEntry
from tests.acceptance.harness import Network, free_base_port

ORGANISATIONS = ("tax", "market", "data", "audit", "bank", "court", "port")
GROUP = "fire"
SENDERS = 40
"""Of each lane of the load."""
UNBOUNDED = 1 << 40
"""Transfers are signed as they are sent; how many is the run's business."""
PORTS_PER_NODE = 2
SPARE_PORTS = 4


@dataclass(frozen=True)
class Ground:
    """A network's folder, not yet up; a workload for each lane of the load."""

    network: Network
    workloads: tuple[Workload, ...]

    @property
    def chain_id(self) -> int:
        """Of the only group."""
        return int(self.network.file["groups"][0]["chain_id"])


def names(validators: int) -> list[str]:
    """The nodes of a ground with so many validators."""
    return [f"{organisation}-1" for organisation in ORGANISATIONS[:validators]]


def manifest_text(
    validators: int,
    engine: str,
    perturb: tuple[Perturbation, ...] = (),
    consensus: Mapping[str, int] | None = None,
) -> str:
    """`network.toml`: an organisation and a validator each; `consensus` over the defaults."""
    lines = ['name = "fire"']
    for organisation in ORGANISATIONS[:validators]:
        lines += ["[[org]]", f'name = "{organisation}"']
        lines += ["[[node]]", f'name = "{organisation}-1"', f'org = "{organisation}"']
        lines += [f'engine = "{engine}"']
        lines += ["[[account]]", f'name = "{organisation}-admin"', f'org = "{organisation}"']
        lines += ['role = "admin"']
    lines += ["[[account]]", 'name = "regulator"', f'org = "{ORGANISATIONS[0]}"']
    lines += ['role = "regulator"']
    members = ", ".join(f'"{name}"' for name in names(validators))
    lines += ["[[group]]", f'name = "{GROUP}"', f"validators = [{members}]"]
    for fault in perturb:
        lines += ["[[perturb]]", f"at_s = {fault.at_s}", f'node = "{fault.node}"']
        lines += [f'action = "{fault.action}"']
        lines += [f"for_s = {fault.for_s}"] if fault.for_s is not None else []
        lines += [f"minutes = {fault.minutes}"] if fault.minutes else []
    lines += ["[consensus]", f'slowest_engine = "{engine}"']
    lines += [f"{name} = {value}" for name, value in (consensus or {}).items()]
    return "\n".join(lines) + "\n"


def make_ground(
    folder: Path,
    *,
    validators: int = 4,
    engine: str = "native",
    base_port: int | None = None,
    perturb: tuple[Perturbation, ...] = (),
    consensus: Mapping[str, int] | None = None,
) -> Ground:
    """Make `folder`/network; a lane's senders belong to the lanes' organisations in turn."""
    manifest = folder / "fire.toml"
    text = manifest_text(validators, engine, perturb, consensus)
    manifest.write_text(text, encoding="utf-8")
    workloads = tuple(
        Workload(secrets.token_hex(16), SENDERS, UNBOUNDED) for _ in range(validators)
    )
    member = role_named("member")
    addresses = [[address_of(key) for key in sender_keys(workload)] for workload in workloads]
    accounts = tuple(
        AccountEntry(address, organisation, member)
        for organisation, lane in zip(ORGANISATIONS, addresses, strict=False)
        for address in lane
    )
    holders = [address for lane in addresses for address in lane]
    port = base_port or free_base_port(PORTS_PER_NODE * validators + SPARE_PORTS)
    additions = Additions(accounts, {TOKEN: token(holders)})
    create_network(manifest, folder / "network", port, lambda _: None, additions)
    return Ground(Network(folder / "network"), workloads)
