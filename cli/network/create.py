"""Makes a network's folder: authorities, keys, genesis of each group, and a folder for each node.

It makes everything in one place, which suits one machine, a demonstration or a test. Organisations
that do not trust one another's machines make their own keys and exchange public parts only.
"""

import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eth_account import Account as EthereumAccount

from cli.failure import CommandFailed
from cli.member.organisation import save_organisation
from cli.network.folder import (
    NETWORK_FILE,
    Account,
    Group,
    Membership,
    NetworkFile,
    Node,
    save_network,
)
from cli.network.manifest import GroupEntry, Manifest, load_manifest
from client.accounts import save_account, save_password
from contracts.roles import role_named
from contracts.system_alloc import (
    AccountEntry,
    AllocatedContract,
    ObserverEntry,
    OrganisationEntry,
    ValidatorEntry,
    system_alloc,
)
from ledger import genesis as founding
from ledger.genesis import Genesis
from ledger.parameters import CHAIN_ID_MAX, Parameters, gas_limit
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, address_from_hex, to_hex
from node.config import (
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    PeerConfig,
    save_node_config,
)
from node.engines import resolve_engine
from node.group_assembly import found_group
from node.keyfile import save_private_key
from node.membership import Organisation, draft
from node.pki import OrganisationCA
from workflows.equity_transfer import envelope

HOST = "127.0.0.1"
BASE_PORT_DEFAULT = 18540
PORTS_PER_NODE = 2
PORT_MAX = 65_535
# Keystores of a local network stand beside their passwords, so hardening them would only cost time.
LOCAL_KEYSTORE_ROUNDS = 1 << 12

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Additions:
    """What every group's genesis holds beyond the manifest: accounts whose keys are kept
    elsewhere, and contracts of the network's own."""

    accounts: tuple[AccountEntry, ...] = ()
    contracts: Mapping[Address, AllocatedContract] = field(default_factory=dict)


def create_network(
    manifest_path: Path,
    folder: Path,
    base_port: int,
    progress: Progress,
    additions: Additions | None = None,
) -> None:
    """Make `folder` whole or not at all; an existing one is refused unless it is empty."""
    manifest = load_manifest(manifest_path)
    _check_ports(manifest, base_port)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandFailed(
            f"{folder}: is not empty; choose another folder, or remove it to create anew"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft_folder = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    draft_folder.mkdir(mode=0o700)
    try:
        shutil.copyfile(manifest_path, draft_folder / "network.toml")
        _Builder(manifest, draft_folder, base_port, progress, additions or Additions()).build()
        if folder.exists():
            folder.rmdir()
        draft_folder.rename(folder)
    except BaseException:
        shutil.rmtree(draft_folder, ignore_errors=True)
        raise


def _check_ports(manifest: Manifest, base_port: int) -> None:
    last = base_port + PORTS_PER_NODE * len(manifest.node) - 1
    if base_port < 1 or last > PORT_MAX:
        raise CommandFailed(
            f"--base-port {base_port}: {len(manifest.node)} nodes need ports up to {last}, "
            f"and ports are 1 to {PORT_MAX}"
        )


def _new_signer(path: Path) -> KeySigner:
    key = STANDARD.new_private_key()
    save_private_key(path, key)
    return KeySigner(STANDARD, key)


class _Builder:
    def __init__(
        self,
        manifest: Manifest,
        folder: Path,
        base_port: int,
        progress: Progress,
        additions: Additions,
    ) -> None:
        self._manifest = manifest
        self._folder = folder
        self._base_port = base_port
        self._progress = progress
        self._additions = additions
        self._now = datetime.now(UTC)
        self._consensus_keys: dict[str, Address] = {}
        self._recovery: dict[str, KeySigner] = {}

    def build(self) -> None:
        authorities, signers = self._organisations()
        accounts = self._accounts()
        for node in self._manifest.node:
            self._node_keys(node.name, node.org, authorities[node.org])
        self._membership(authorities, signers)
        groups = [self._group(group, accounts) for group in self._manifest.group]
        nodes = [self._node(place) for place in range(len(self._manifest.node))]
        save_network(
            self._folder,
            NetworkFile(self._manifest.name, tuple(nodes), tuple(groups), tuple(accounts)),
        )
        assert (self._folder / NETWORK_FILE).is_file()

    def _organisations(self) -> tuple[dict[str, OrganisationCA], dict[str, KeySigner]]:
        authorities, signers = {}, {}
        for entry in self._manifest.org:
            home = self._folder / "organisations" / entry.name
            authorities[entry.name] = OrganisationCA.create(entry.name, self._now)
            signers[entry.name] = save_organisation(home, authorities[entry.name], self._now)
            # The recovery key signs this genesis and then belongs offline, on no node.
            self._recovery[entry.name] = _new_signer(home / "recovery.key")
            envelope.save_private_key(self._envelope_key(entry.name), envelope.new_private_key())
            self._progress(f"organisation {entry.name} {entry.label}: authority and keys")
        return authorities, signers

    def _envelope_key(self, organisation: str) -> Path:
        return self._folder / "desks" / organisation / "keys" / "envelope.key"

    def _accounts(self) -> list[Account]:
        made = []
        for entry in self._manifest.account:
            account = EthereumAccount.create()
            key_file = Path("accounts") / f"{entry.name}.json"
            password = secrets.token_urlsafe(24)
            (self._folder / "accounts").mkdir(mode=0o700, exist_ok=True)
            save_account(account, self._folder / key_file, password, rounds=LOCAL_KEYSTORE_ROUNDS)
            save_password(self._folder / key_file, password)
            made.append(Account(entry.name, entry.org, entry.role, account.address, str(key_file)))
        self._progress(f"{len(made)} accounts")
        return made

    def _node_folder(self, name: str) -> NodeFolder:
        return NodeFolder(self._folder / "nodes" / name)

    def _node_keys(self, name: str, organisation: str, authority: OrganisationCA) -> None:
        folder = self._node_folder(name)
        folder.tls.mkdir(parents=True)
        key = STANDARD.new_private_key()
        save_private_key(folder.consensus_key, key)
        self._consensus_keys[name] = STANDARD.address_of(key)
        authority.issue_identity(
            f"{organisation}/{name}", folder.tls_certificate, folder.tls_key, self._now
        )

    def _p2p(self, place: int) -> str:
        return f"{HOST}:{self._base_port + PORTS_PER_NODE * place}"

    def _rpc(self, place: int) -> str:
        return f"{HOST}:{self._base_port + PORTS_PER_NODE * place + 1}"

    def _membership(
        self, authorities: dict[str, OrganisationCA], signers: dict[str, KeySigner]
    ) -> None:
        document = draft(
            self._manifest.name,
            1,
            len(signers) // 2 + 1,
            [
                Organisation(name, signers[name].address, (authority.certificate,))
                for name, authority in authorities.items()
            ],
            {
                f"{node.org}/{node.name}": self._p2p(place)
                for place, node in enumerate(self._manifest.node)
            },
        ).signed(STANDARD, *signers.values())
        for node in self._manifest.node:
            document.save(self._node_folder(node.name).membership)

    def _group(self, group: GroupEntry, accounts: list[Account]) -> Group:
        genesis = self._genesis(group, accounts)
        path = Path("groups") / group.name / "genesis.json"
        (self._folder / path).parent.mkdir(parents=True)
        founding.save_genesis(genesis, self._folder / path)
        for name in (*group.validators, *group.observers):
            target = self._node_folder(name).group(group.name).genesis
            target.parent.mkdir(parents=True)
            founding.save_genesis(genesis, target)
            found_group(self._node_folder(name), group.name)
        self._progress(f"group {group.name}: genesis, chain id {genesis.chain_id}")
        return Group(group.name, genesis.chain_id, str(path), group.validators)

    def _genesis(self, group: GroupEntry, accounts: list[Account]) -> Genesis:
        given = self._manifest.consensus
        parameters = Parameters(
            chain_id=1 + secrets.randbelow(CHAIN_ID_MAX),
            gas_limit=gas_limit(given.block_execution_ms_max, given.slowest_engine),
            **{
                name: getattr(given, name)
                for name in given.__struct_fields__
                if name in Parameters.__struct_fields__
            },
        )
        home = {node.name: node.org for node in self._manifest.node}
        alloc = system_alloc(
            organisations=[
                OrganisationEntry(
                    entry.name,
                    envelope.public_key_of(
                        envelope.load_private_key(self._envelope_key(entry.name))
                    ),
                )
                for entry in self._manifest.org
            ],
            accounts=[
                *(
                    AccountEntry(
                        address_from_hex(account.address), account.org, role_named(account.role)
                    )
                    for account in accounts
                ),
                *self._additions.accounts,
            ],
            validators=[
                ValidatorEntry(self._consensus_keys[name], home[name], name)
                for name in group.validators
            ],
            observers=[ObserverEntry(home[name], name) for name in group.observers],
            window_blocks=given.window_blocks,
            production=self._manifest.production,
        )
        genesis = Genesis(
            name=group.name,
            timestamp_ms=time.time_ns() // 1_000_000,
            parameters=parameters,
            organisations=[
                founding.Organisation(
                    name=entry.name,
                    recovery_key=to_hex(self._recovery[entry.name].address),
                    label_zh=entry.label,
                )
                for entry in self._manifest.org
            ],
            recovery_threshold=len(self._recovery) // 2 + 1,
            validators=[
                founding.ValidatorEntry(
                    address=to_hex(self._consensus_keys[name]),
                    node=f"{home[name]}/{name}",
                    organisation=home[name],
                )
                for name in group.validators
            ],
            observers=[
                founding.ObserverEntry(node=f"{home[name]}/{name}", organisation=home[name])
                for name in group.observers
            ],
            alloc={
                to_hex(address): contract.as_allocation()
                for address, contract in {**alloc, **self._additions.contracts}.items()
            },
            production=self._manifest.production,
        )
        for name, signer in self._recovery.items():
            genesis = founding.sign_genesis(genesis, name, signer)
        return genesis.checked()

    def _node(self, place: int) -> Node:
        entry = self._manifest.node[place]
        folder = self._node_folder(entry.name)
        groups = self._manifest.groups_of(entry.name)
        if not groups:
            raise CommandFailed(f"node '{entry.name}' is in no group; add it to one")
        default_group = groups[0][0]
        save_node_config(
            NodeConfig(
                name=entry.name,
                org=entry.org,
                p2p=ListenConfig(self._p2p(place)),
                rpc=ListenConfig(self._rpc(place)),
                engine=entry.engine,
                default_group=default_group,
                group=tuple(GroupConfig(name, role) for name, role in groups),
                peer=tuple(
                    PeerConfig(f"{peer.org}/{peer.name}", self._p2p(other))
                    for other, peer in enumerate(self._manifest.node)
                    if peer.name != entry.name
                ),
            ),
            folder,
        )
        self._progress(f"node {entry.name}: rpc {self._rpc(place)}, p2p {self._p2p(place)}")
        return Node(
            name=entry.name,
            org=entry.org,
            node_id=f"{entry.org}/{entry.name}",
            address=to_hex(self._consensus_keys[entry.name]),
            rpc=f"http://{self._rpc(place)}",
            p2p=self._p2p(place),
            dir=str(Path("nodes") / entry.name),
            pid_file=str(Path("nodes") / entry.name / "node.pid"),
            engine=resolve_engine(entry.engine),
            default_group=default_group,
            groups=tuple(Membership(name, role) for name, role in groups),
        )
