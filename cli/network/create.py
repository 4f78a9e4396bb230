"""Makes a network's folder: authorities, keys, genesis of each group, and a folder for each node.

It makes everything in one place, which suits one machine, a demonstration or a test. Organisations
that do not trust one another's machines make their own keys and exchange public parts only.
"""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eth_account import Account as EthereumAccount

from cli.failure import CommandFailed
from cli.group.local_keys import (
    RECOVERY_KEY,
    envelope_key,
    planned_organisation,
    sign_as_organisation,
)
from cli.group.plan import GroupPlan, PlannedAccount, PlannedValidator, draft_genesis
from cli.member.organisation import save_organisation
from cli.network.folder import (
    NETWORK_FILE,
    Account,
    Group,
    NetworkFile,
    Node,
    save_network,
)
from cli.network.folder import Membership as Part
from cli.network.manifest import GroupEntry, Manifest, load_manifest
from cli.progress import Progress
from client.accounts import save_account, save_password
from contracts.system_alloc import AccountEntry, AllocatedContract
from ledger import genesis as founding
from ledger.genesis import Genesis
from ledger.suite import STANDARD, KeySigner
from ledger.values import Address, to_hex
from node.config import (
    GroupConfig,
    ListenConfig,
    NodeConfig,
    NodeFolder,
    PeerConfig,
    RpcConfig,
    save_node_config,
)
from node.engines import resolve_engine
from node.group_assembly import found_group
from node.joining import make_consensus_key
from node.keyfile import save_private_key
from node.membership import Membership, Organisation, draft
from node.pki import OrganisationCA
from workflows.equity_transfer import envelope

HOST = "127.0.0.1"
BASE_PORT_DEFAULT = 18540
PORTS_PER_NODE = 2
PORT_MAX = 65_535
# Keystores of a local network stand beside their passwords, so hardening them would only cost time.
LOCAL_KEYSTORE_ROUNDS = 1 << 12


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
    if folder.exists() and folder.samefile(Path.cwd()):
        raise CommandFailed(f"{folder}: is where you are; name a new folder in it, such as network")
    draft_folder = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        draft_folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise CommandFailed(
            f"{folder}: cannot be made: {error.strerror}; choose another folder"
        ) from error
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
        self._consensus_keys: dict[tuple[str, str], Address] = {}
        """By node and group."""

    def build(self) -> None:
        authorities, signers = self._organisations()
        accounts = self._accounts()
        for node in self._manifest.node:
            self._node_keys(node.name, node.org, authorities[node.org])
        document = self._membership(authorities, signers)
        groups = [self._group(group, accounts, document) for group in self._manifest.group]
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
            save_private_key(home / RECOVERY_KEY, STANDARD.new_private_key())
            envelope.save_private_key(
                envelope_key(self._folder, entry.name), envelope.new_private_key()
            )
            self._progress(f"organisation {entry.name} {entry.label}: authority and keys")
        return authorities, signers

    def _accounts(self) -> list[Account]:
        made = []
        for entry in self._manifest.account:
            account = EthereumAccount.create()
            key_file = Path("accounts") / f"{entry.name}.json"
            password = secrets.token_urlsafe(24)
            (self._folder / "accounts").mkdir(mode=0o700, exist_ok=True)
            save_account(account, self._folder / key_file, password, rounds=LOCAL_KEYSTORE_ROUNDS)
            save_password(self._folder / key_file, password)
            made.append(
                Account(
                    entry.name, entry.org, entry.role, account.address, str(key_file), entry.groups
                )
            )
        self._progress(f"{len(made)} accounts")
        return made

    def _node_folder(self, name: str) -> NodeFolder:
        return NodeFolder(self._folder / "nodes" / name)

    def _node_keys(self, name: str, organisation: str, authority: OrganisationCA) -> None:
        folder = self._node_folder(name)
        folder.tls.mkdir(parents=True)
        for group, _ in self._manifest.groups_of(name):
            address = make_consensus_key(folder.group(group), STANDARD)
            self._consensus_keys[name, group] = address
        authority.issue_identity(
            f"{organisation}/{name}", folder.tls_certificate, folder.tls_key, self._now
        )

    def _p2p(self, place: int) -> str:
        return f"{HOST}:{self._base_port + PORTS_PER_NODE * place}"

    def _rpc(self, place: int) -> str:
        return f"{HOST}:{self._base_port + PORTS_PER_NODE * place + 1}"

    def _membership(
        self, authorities: dict[str, OrganisationCA], signers: dict[str, KeySigner]
    ) -> Membership:
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
        return document

    def _group(self, group: GroupEntry, accounts: list[Account], document: Membership) -> Group:
        genesis = self._genesis(group, accounts, document)
        path = Path("groups") / group.name / "genesis.json"
        (self._folder / path).parent.mkdir(parents=True)
        founding.save_genesis(genesis, self._folder / path)
        for name in (*group.validators, *group.observers):
            target = self._node_folder(name).group(group.name).genesis
            founding.save_genesis(genesis, target)
            found_group(self._node_folder(name), group.name)
        self._progress(f"group {group.name}: genesis, chain id {genesis.chain_id}")
        return Group(group.name, genesis.chain_id, str(path), group.validators)

    def _genesis(self, group: GroupEntry, accounts: list[Account], document: Membership) -> Genesis:
        home = {node.name: node.org for node in self._manifest.node}
        founders = self._manifest.founders(group)
        plan = GroupPlan(
            name=group.name,
            organisation=tuple(
                planned_organisation(self._folder, entry.name, entry.label, entry.weight)
                for entry in self._manifest.org
                if entry.name in founders
            ),
            validator=tuple(
                PlannedValidator(
                    f"{home[name]}/{name}", to_hex(self._consensus_keys[name, group.name])
                )
                for name in group.validators
            ),
            account=tuple(
                PlannedAccount(
                    account.address,
                    account.org,
                    account.role,
                    self._manifest.holder(account.name, account.role),
                )
                for account in accounts
                if account.is_of(group.name) and account.org in founders
            ),
            observers=tuple(f"{home[name]}/{name}" for name in group.observers),
            production=self._manifest.production,
            consensus=self._manifest.consensus,
        )
        genesis = draft_genesis(plan, self._additions.accounts, self._additions.contracts)
        for name in founders:
            genesis = sign_as_organisation(self._folder, name, genesis, document)
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
                rpc=RpcConfig(self._rpc(place)),
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
            address=to_hex(self._consensus_keys[entry.name, default_group]),
            rpc=f"http://{self._rpc(place)}",
            p2p=self._p2p(place),
            dir=str(Path("nodes") / entry.name),
            pid_file=str(Path("nodes") / entry.name / "node.pid"),
            engine=resolve_engine(entry.engine),
            default_group=default_group,
            groups=tuple(Part(name, role) for name, role in groups),
        )
