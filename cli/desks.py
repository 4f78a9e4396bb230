"""From a network's folder and an account's name to a desk: connection, key, private folder.

On one machine all desks stand beside each other in `DIR/desks/`; in a real network each
organisation has its own machine and only its own desk on it.
"""

from functools import cached_property
from pathlib import Path

from eth_account.signers.local import LocalAccount

from cli.failure import CommandFailed
from cli.network.folder import Account, NetworkFile, Node, load_network
from client.accounts import load_account
from client.rpc import Client
from ledger.genesis import Genesis, load_genesis
from workflows.equity_transfer.agreement import Agreement, load_agreement, shipped_agreement_of
from workflows.equity_transfer.deploy import SetUpDesk
from workflows.equity_transfer.deployment import Deployment, load_deployment
from workflows.equity_transfer.desk import Desk


class LocalNetwork:
    """A network's folder with the places that the equity transfer uses in it."""

    def __init__(self, folder: Path, group: str | None = None) -> None:
        self.folder = folder
        self.file: NetworkFile = load_network(folder)
        self.group = self.file.group(group) if group else self.file.groups[0]

    @property
    def deployment_file(self) -> Path:
        """Where the contract stands: public, the same for every desk."""
        return self.folder / "groups" / self.group.name / "equity-transfer.json"

    @property
    def registry_file(self) -> Path:
        """Where a registry of circuits stands, which a contract with holdings relies on."""
        return self.folder / "groups" / self.group.name / "circuit-registry.json"

    def proving_key_of(self, circuit: str) -> Path:
        """Where the `.zkey` of a circuit is kept: public too."""
        return self.folder / "groups" / self.group.name / f"{circuit}.zkey"

    @property
    def agreement_file(self) -> Path:
        """The rule file that this group's contract stands under, as it was signed."""
        return self.folder / "groups" / self.group.name / "agreement.toml"

    def agreement_of(self, deployment: Deployment) -> Agreement:
        """A contract's rule file: the one kept beside its deployment, else a shipped one."""
        if self.agreement_file.is_file():
            kept = load_agreement(self.agreement_file)
            if kept.id == deployment.terms.agreement:
                return kept
        return shipped_agreement_of(deployment.terms.agreement)

    @property
    def genesis_file(self) -> Path:
        """The group's genesis document."""
        return self.folder / self.group.genesis

    @cached_property
    def genesis(self) -> Genesis:
        """The group's genesis document, read."""
        return load_genesis(self.genesis_file)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts of this folder that belong into the group."""
        founders = {entry.name for entry in self.genesis.organisations}
        return tuple(
            entry
            for entry in self.file.accounts
            if entry.org in founders and entry.is_of(self.group.name)
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of this folder that carry the group. Raises CommandFailed if none does."""
        found = tuple(
            node
            for node in self.file.nodes
            if self.group.name in {carried.name for carried in node.groups}
        )
        if not found:
            raise CommandFailed(
                f"{self.folder}: no node of this network carries group '{self.group.name}'; "
                "have one join it: quorate group join"
            )
        return found

    def account(self, name: str) -> LocalAccount:
        """The account with its key."""
        entry = self.file.account(name)
        key_file = self.folder / entry.key_file
        if not key_file.is_file():
            raise CommandFailed(f"{key_file}: the key of account '{name}' is not in this folder")
        return load_account(key_file)

    def client(self, organisation: str) -> Client:
        """A connection to the organisation's own node in the group."""
        for node in self.nodes:
            if node.org == organisation:
                return Client(node.rpc, self.group.name)
        raise CommandFailed(
            f"organisation '{organisation}' has no node in group '{self.group.name}'; "
            "use an account of an organisation that has one"
        )

    def desk_folder(self, organisation: str) -> Path:
        """The organisation's private folder."""
        return self.folder / "desks" / organisation

    def desk(self, account_name: str) -> Desk:
        """The account's desk for the equity transfer."""
        entry = self.file.account(account_name)
        account = self.account(account_name)
        if not self.deployment_file.is_file():
            raise CommandFailed(
                f"group '{self.group.name}' has no equity-transfer contract yet; "
                f"run: quorate transfer prepare --network {self.folder}"
            )
        deployment = load_deployment(self.deployment_file)
        agreement = self.agreement_of(deployment)
        proving_key = self.proving_key_of(agreement.circuit)
        return Desk(
            client=self.client(entry.org),
            account=account,
            organisation=entry.org,
            workspace=self.desk_folder(entry.org),
            agreement=agreement,
            deployment=deployment,
            proving_key=proving_key if proving_key.is_file() else None,
        )

    def set_up_desk(self, account_name: str) -> SetUpDesk:
        """The account's desk for the acts before the first transfer."""
        entry = self.file.account(account_name)
        return SetUpDesk(
            client=self.client(entry.org),
            account=self.account(account_name),
            notes=self.set_up_notes(entry.org),
        )

    def set_up_notes(self, organisation: str) -> Path:
        """Where the organisation notes what it sent in this group before the first transfer."""
        return self.desk_folder(organisation) / "set-up" / self.group.name

    def first_account(self, organisation: str, *roles: str) -> str:
        """The name of the first account that the organisation has in one of these roles."""
        for entry in self.accounts:
            if entry.org == organisation and entry.role in roles:
                return entry.name
        wanted = " or ".join(f"'{role}'" for role in roles)
        raise CommandFailed(
            f"organisation '{organisation}' has no account of role {wanted} in group "
            f"'{self.group.name}'; make one: quorate account create"
        )

    def first_of_role(self, role: str) -> str:
        """The name of the first account in that role, of whatever organisation."""
        for entry in self.accounts:
            if entry.role == role:
                return entry.name
        raise CommandFailed(
            f"group '{self.group.name}' has no account of role '{role}' in this network; "
            "make one: quorate account create"
        )
