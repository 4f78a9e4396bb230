"""An account of a group at its organisation's node: asks contracts and sends to them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from cli.desks import LocalNetwork
from client.rpc import Client
from contracts.bindings.contract import Call, Query
from ledger.values import Address, checksum_address

T = TypeVar("T")


@dataclass(frozen=True)
class ContractDesk:
    """The account by its name in the network's folder."""

    network: LocalNetwork
    account: str

    @cached_property
    def client(self) -> Client:
        """The connection to the organisation's own node."""
        return self.network.client(self.network.file.account(self.account).org)

    def ask(self, query: Query[T]) -> T:
        """A contract's answer to this account; nothing is sent."""
        sender = self.network.file.account(self.account).address
        answer = self.client.call(checksum_address(query.to), query.data, sender=sender)
        return query.decode(answer)

    def send(self, to: Address | None, data: bytes) -> dict[str, Any]:
        """Send a transaction (None deploys) and wait until it is final."""
        target = None if to is None else checksum_address(to)
        key = self.network.account(self.account)
        sent = self.client.send_transaction(key, to=target, data=data)
        receipt = self.client.confirm(sent)
        return {
            "transaction": receipt["transactionHash"],
            "block": int(receipt["blockNumber"], 16),
            "gas_used": int(receipt["gasUsed"], 16),
            "contract": receipt.get("contractAddress"),
        }

    def act(self, call: Call) -> dict[str, Any]:
        """Send a contract's call."""
        return self.send(call.to, call.data)
