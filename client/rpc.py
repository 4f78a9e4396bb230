"""A synchronous JSON-RPC client for one group: Ethereum's methods, ours, and sending.

Answers are as the node gives them; nothing is verified here (`light.py` does that).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec
import urllib3

from client.credentials import Credentials
from ledger.values import InvalidValue, address_from_hex, checksum_address, from_hex

if TYPE_CHECKING:
    from web3 import Web3

T = TypeVar("T")
RESPONSE_BYTES_MAX = 64 * 1024 * 1024
REQUEST_S_MAX = 120.0
CONNECT_S_MAX = 5.0
WAIT_S = 120.0
POLL_S = 0.1
BATCH_ITEMS_MAX = 100


class RpcFailure(Exception):
    """The node answered with an error object: its code, its sentence, its data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def reason(self) -> str | None:
        """The ledger's reason code of a refused transaction."""
        if isinstance(self.data, Mapping) and isinstance(self.data.get("reason"), str):
            return str(self.data["reason"])
        return None


class UnexpectedAnswer(RpcFailure):
    """What came is not of the form that the method answers with."""

    def __init__(self, expected: str, answer: Any) -> None:
        super().__init__(0, f"expected {expected}, the node answered {answer!r:.80}")


class TransactionReverted(RpcFailure):
    """A call or an estimate ran into a revert; `data` is what the contract returned."""


class NodeUnreachable(Exception):
    """No node answers at that address, or what answers is not a node."""


class TransactionFailed(Exception):
    """A sent transaction did not take effect: dropped, or executed and reverted."""

    def __init__(self, message: str, receipt: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.receipt = receipt


class Account(Protocol):
    """What signs transactions: eth-account's LocalAccount does."""

    @property
    def address(self) -> Any:
        """The address, as text with a checksum."""

    def sign_transaction(self, transaction_dict: Any, /) -> Any:
        """A signed transaction with `raw_transaction`."""


class Client:
    """One group of one node. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        group: str | None = None,
        *,
        request_s_max: float = REQUEST_S_MAX,
        credentials: Credentials | None = None,
    ) -> None:
        """`url` is the node's (`http://127.0.0.1:…`); without `group` its default group.

        `credentials` are for a node's TLS address. Raises InvalidCredentials.
        """
        base = url.rstrip("/")
        self.url = base if group is None else f"{base}/groups/{quote(group, safe='')}"
        self.group = group
        self._credentials = credentials or Credentials()
        self._headers = {
            "Content-Type": "application/json",
            **self._credentials.headers(base),
        }
        is_tls = base.startswith("https:")
        self._pool = urllib3.PoolManager(
            ssl_context=self._credentials.context() if is_tls else None,
            assert_hostname=False if is_tls else None,
            timeout=urllib3.Timeout(connect=CONNECT_S_MAX, read=request_s_max),
            retries=False,
            maxsize=4,
        )
        self._ids = count(1)
        self._chain_id: int | None = None

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def web3(self) -> Web3:
        """web3.py over the same address, with its defaults."""
        from web3 import Web3  # noqa: PLC0415  (takes a second to import; most commands need none)

        if not self.url.startswith("https:"):
            return Web3(Web3.HTTPProvider(self.url))
        return Web3(Web3.HTTPProvider(self.url, session=self._credentials.session(self.url)))

    # -- requests

    def call_method(self, method: str, *params: Any) -> Any:
        """One request's result; raises RpcFailure or NodeUnreachable."""
        return _result(self._post(self._request(method, params)))

    def batch(self, requests: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the requests; a failed one stands as its RpcFailure."""
        pending = [self._request(method, params) for method, params in requests]
        results: list[Any] = []
        for start in range(0, len(pending), BATCH_ITEMS_MAX):
            part = pending[start : start + BATCH_ITEMS_MAX]
            answers = self._post(part)
            if isinstance(answers, Mapping):  # the batch as a whole was refused
                _result(answers)
            if not isinstance(answers, list):
                raise NodeUnreachable(f"{self.url} does not answer a batch with an array")
            by_id = {a.get("id"): a for a in answers if isinstance(a, Mapping)}
            for request in part:
                try:
                    results.append(_result(by_id.get(request["id"])))
                except RpcFailure as failure:
                    results.append(failure)
        return results

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, body: Any) -> Any:
        try:
            response = self._pool.request(
                "POST",
                self.url,
                body=msgspec.json.encode(body),
                headers=self._headers,
                preload_content=False,
            )
            content = response.read(RESPONSE_BYTES_MAX + 1)
            response.release_conn()
        except urllib3.exceptions.SSLError as problem:
            raise NodeUnreachable(
                f"no TLS with {self.url} ({problem}): --ca is the CA of the organisation whose "
                "node it is, --cert a certificate of a member organisation that is in force"
            ) from problem
        except urllib3.exceptions.HTTPError as problem:
            raise NodeUnreachable(
                f"no node answers at {self.url} ({type(problem).__name__}): is it running, "
                "and is the port right?"
            ) from problem
        if len(content) > RESPONSE_BYTES_MAX:
            raise NodeUnreachable(f"{self.url} answered with over {RESPONSE_BYTES_MAX} bytes")
        try:
            return msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise NodeUnreachable(
                f"{self.url} answered with HTTP {response.status}, not JSON: is this a node's "
                "RPC address?"
            ) from problem

    # -- the chain

    def chain_id(self) -> int:
        """The group's chain id, asked once."""
        if self._chain_id is None:
            self._chain_id = _quantity(self.call_method("eth_chainId"))
        return self._chain_id

    def block_number(self) -> int:
        """The number of the last stable block."""
        return _quantity(self.call_method("eth_blockNumber"))

    def block(self, number: int | str = "latest", *, full: bool = False) -> dict[str, Any] | None:
        """A block by number, tag or hash as Ethereum's JSON, None if it is not there."""
        if isinstance(number, str) and len(number) == 66:
            answer = self.call_method("eth_getBlockByHash", number, full)
        else:
            answer = self.call_method("eth_getBlockByNumber", _block(number), full)
        return _object_or_none(answer)

    def transaction(self, transaction_hash: str) -> dict[str, Any] | None:
        """A transaction as Ethereum's JSON, None if unknown."""
        return _object_or_none(self.call_method("eth_getTransactionByHash", transaction_hash))

    def receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        """A receipt as Ethereum's JSON, None before the block is stable."""
        return _object_or_none(self.call_method("eth_getTransactionReceipt", transaction_hash))

    def receipts(self, number: int | str) -> list[dict[str, Any]]:
        """All receipts of a block."""
        return _objects(self.call_method("eth_getBlockReceipts", _block(number)) or [])

    def logs(
        self,
        *,
        from_block: int | str = "earliest",
        to_block: int | str = "latest",
        address: str | Sequence[str] | None = None,
        topics: Sequence[Any] = (),
    ) -> list[dict[str, Any]]:
        """Logs as Ethereum's JSON; topics as eth_getLogs takes them."""
        wanted: dict[str, Any] = {
            "fromBlock": _block(from_block),
            "toBlock": _block(to_block),
            "topics": list(topics),
        }
        if address is not None:
            wanted["address"] = address
        return _objects(self.call_method("eth_getLogs", wanted))

    def nonce(self, address: str, block: int | str = "pending") -> int:
        """The next nonce, counting the pool's transactions by default."""
        return _quantity(self.call_method("eth_getTransactionCount", address, _block(block)))

    def balance(self, address: str, block: int | str = "latest") -> int:
        """The balance in wei."""
        return _quantity(self.call_method("eth_getBalance", address, _block(block)))

    def code(self, address: str, block: int | str = "latest") -> bytes:
        """A contract's code, empty for any other account."""
        return _bytes(self.call_method("eth_getCode", address, _block(block)))

    def storage(self, address: str, slot: int, block: int | str = "latest") -> int:
        """One storage word as an integer."""
        answer = self.call_method("eth_getStorageAt", address, hex(slot), _block(block))
        return int.from_bytes(_bytes(answer), "big")

    def proof(self, address: str, slots: Sequence[int], block: int | str = "latest") -> Any:
        """`eth_getProof` (EIP-1186)."""
        return self.call_method(
            "eth_getProof", address, [hex(slot) for slot in slots], _block(block)
        )

    def call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | str = "latest"
    ) -> bytes:
        """What a contract returns; raises TransactionReverted with its reason."""
        message = {"to": to, "data": "0x" + data.hex()}
        if sender is not None:
            message["from"] = sender
        return _bytes(self.call_method("eth_call", message, _block(block)))

    def estimate_gas(self, message: Mapping[str, Any]) -> int:
        """Gas that suffices for a message; raises TransactionReverted."""
        return _quantity(self.call_method("eth_estimateGas", dict(message)))

    # -- sending

    def send_raw(self, raw: bytes) -> str:
        """Send a signed transaction; its hash once it is in the node's journal."""
        return str(self.call_method("eth_sendRawTransaction", "0x" + raw.hex()))

    def send_transaction(
        self,
        account: Account,
        to: str | None,
        data: bytes = b"",
        *,
        gas: int | None = None,
        value: int = 0,
        nonce: int | None = None,
    ) -> str:
        """Sign and send; without `gas` the node's estimate, without `nonce` the next one.

        `to` None deploys. Raises RpcFailure with the ledger's `reason`, or TransactionReverted
        when the estimate already fails, InvalidValue if `to` is no address.
        """
        message: dict[str, Any] = {
            "from": account.address,
            "data": "0x" + data.hex(),
            "value": hex(value),
        }
        if to is not None:
            message["to"] = to
        limit = self.estimate_gas(message) if gas is None else gas
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self.chain_id(),
            "nonce": self.nonce(account.address) if nonce is None else nonce,
            "gas": limit,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
            "value": value,
            "data": message["data"],
        }
        if to is not None:
            transaction["to"] = checksum_address(address_from_hex(to))
        return self.send_raw(bytes(account.sign_transaction(transaction).raw_transaction))

    def wait_receipt(self, transaction_hash: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The receipt once the block is stable.

        Raises TransactionFailed if the transaction is dropped, TimeoutError if it takes longer.
        """

        def look() -> dict[str, Any] | None:
            receipt = self.receipt(transaction_hash)
            if receipt is None:
                status = self.transaction_status(transaction_hash)
                if status is not None and status.get("status") == "dropped":
                    raise TransactionFailed(
                        f"{transaction_hash} was dropped: {status.get('reason')}"
                    )
            return receipt

        return self._poll(look, timeout_s, f"{transaction_hash} is not in a stable block")

    def confirm(self, transaction_hash: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """As `wait_receipt`, and raises TransactionFailed if execution failed."""
        receipt = self.wait_receipt(transaction_hash, timeout_s)
        if receipt.get("status") != "0x1":
            raise TransactionFailed(
                f"{transaction_hash} failed in block {int(receipt['blockNumber'], 16)}", receipt
            )
        return receipt

    def wait_block(self, number: int, timeout_s: float = WAIT_S) -> int:
        """Wait until block `number` is stable; the head's number then."""

        def look() -> int | None:
            head = self.block_number()
            return head if head >= number else None

        return self._poll(look, timeout_s, f"block {number} is not stable")

    def _poll(self, look: Callable[[], T | None], timeout_s: float, waiting: str) -> T:
        deadline = time.monotonic() + timeout_s
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{waiting} after {timeout_s:g} s at {self.url}")
            time.sleep(POLL_S)

    # -- ours

    def status(self) -> dict[str, Any]:
        """`quorate_status`."""
        return _object(self.call_method("quorate_status"))

    def validators(self, block: int | str = "latest") -> Any:
        """`quorate_validators`."""
        return self.call_method("quorate_validators", _block(block))

    def block_certificate(self, block: int | str = "latest") -> dict[str, Any]:
        """`quorate_getBlockCertificate`: RLP as hex; see `light.py` to verify it."""
        return _object(self.call_method("quorate_getBlockCertificate", _block(block)))

    def recoveries(self) -> list[dict[str, Any]]:
        """`quorate_getRecoveries`: the recovery certificates that the node follows."""
        return _objects(self.call_method("quorate_getRecoveries"))

    def epoch_proof(self, start: int, end: int) -> list[dict[str, Any]]:
        """`quorate_getEpochProof` for epochs from `start` to `end`: the first page of them."""
        return _objects(self.call_method("quorate_getEpochProof", hex(start), hex(end)))

    def transaction_status(self, transaction_hash: str) -> dict[str, Any] | None:
        """`quorate_getTransactionStatus`."""
        return _object_or_none(self.call_method("quorate_getTransactionStatus", transaction_hash))

    def transaction_proof(self, transaction_hash: str) -> dict[str, Any] | None:
        """`quorate_getTransactionProof`."""
        return _object_or_none(self.call_method("quorate_getTransactionProof", transaction_hash))

    def receipt_proof(self, transaction_hash: str) -> dict[str, Any] | None:
        """`quorate_getReceiptProof`."""
        return _object_or_none(self.call_method("quorate_getReceiptProof", transaction_hash))

    def evidence(self, transaction_hash: str, from_epoch: int) -> dict[str, Any] | None:
        """`quorate_getEvidence`."""
        answer = self.call_method("quorate_getEvidence", transaction_hash, from_epoch)
        return _object_or_none(answer)

    def proposal(self, block: int | str) -> dict[str, Any]:
        """`quorate_getProposal`: the whole batch that a block was made from."""
        return _object(self.call_method("quorate_getProposal", _block(block)))

    def groups(self) -> list[dict[str, Any]]:
        """`quorate_groups`."""
        return _objects(self.call_method("quorate_groups"))

    def peers(self) -> list[dict[str, Any]]:
        """`quorate_peers`."""
        return _objects(self.call_method("quorate_peers"))

    def send_envelope(self, receiver: str, envelope: bytes) -> str:
        """Hand an encrypted envelope to the node for an organisation; answers its digest."""
        return str(self.call_method("quorate_sendEnvelope", receiver, "0x" + envelope.hex()))

    def envelopes(self) -> list[dict[str, Any]]:
        """Envelopes that this node received: `{digest, sender, receivedMs, envelope}`."""
        return _objects(self.call_method("quorate_envelopes"))


def _result(answer: Any) -> Any:
    if not isinstance(answer, Mapping):
        raise RpcFailure(0, "the node left a request of a batch unanswered")
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if not isinstance(error, Mapping):
        raise RpcFailure(0, str(error))
    code = error.get("code")
    message, data = str(error.get("message", "no message")), error.get("data")
    if code == 3:
        raise TransactionReverted(3, message, data)
    raise RpcFailure(code if isinstance(code, int) else 0, message, data)


def _block(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block


def _quantity(answer: Any) -> int:
    if isinstance(answer, str) and answer.startswith("0x"):
        with suppress(ValueError):
            return int(answer, 16)
    raise UnexpectedAnswer("a quantity", answer)


def _bytes(answer: Any) -> bytes:
    try:
        return from_hex(answer)
    except InvalidValue as problem:
        raise UnexpectedAnswer("data as hex", answer) from problem


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise UnexpectedAnswer("an object", answer)
    return answer


def _objects(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        raise UnexpectedAnswer("an array", answer)
    return [_object(entry) for entry in answer]


def _object_or_none(answer: Any) -> dict[str, Any] | None:
    return None if answer is None else _object(answer)
