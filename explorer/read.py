"""`status`, `blocks`, `block`, `tx`, `account`, `contract`: a node's facts as plain values.

With a genesis file each is verified before it is answered, and what cannot be is marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from client.light import InvalidAnswer
from contracts.bindings.contract import Contract
from contracts.interface import load_abi
from contracts.releases import SOURCES_OF, Release, release_of
from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    GROTH16_CONTRACT,
    KEYS_CONTRACT,
    Role,
)
from ledger.receipts import Log
from ledger.state import Account
from ledger.suite import STANDARD, Suite
from ledger.values import Address, Hash32, keccak, to_hex

from .events import event_view, method_name
from .rebuild import (
    check_block,
    check_receipts,
    check_transaction,
    octets,
    rebuild_log,
    rebuild_transaction,
)
from .source import Sealed, Source
from .values import (
    AccountView,
    BlockView,
    ContractView,
    DroppedTransaction,
    GroupStatus,
    Party,
    StatusView,
    TransactionView,
)

BLOCKS_SHOWN = 20
BLOCKS_SHOWN_MAX = 1_000


class NotFound(LookupError):
    """Nothing of that name is on the node's chain."""


def status(source: Source) -> StatusView:
    """The node as it describes itself; its head is verified and its age measured."""
    found = source.client.status()
    head = source.head()
    age_ms = source.head_age_ms(head)
    peers = found.get("peers", [])
    return StatusView(
        node=str(found.get("node")),
        version=str(found.get("version")),
        engine=str(found.get("engine")),
        connected=tuple(str(peer["node"]) for peer in peers if peer.get("connected")),
        disconnected=tuple(str(peer["node"]) for peer in peers if not peer.get("connected")),
        groups=tuple(_group_status(group) for group in found.get("groups", [])),
        head_age_ms=age_ms,
        is_stale=source.is_stale(age_ms),
        verified=head.verified,
        problem=head.problem,
    )


def _group_status(found: Mapping[str, Any]) -> GroupStatus:
    return GroupStatus(
        name=str(found["name"]),
        chain_id=int(found["chain_id"]),
        epoch=int(found["epoch"]),
        view=int(found["view"]),
        sequence=int(found["sequence"]),
        stable_number=int(found["stable"]["number"]),
        stable_hash=str(found["stable"]["hash"]),
        primary=str(found["primary"]),
        quorum=int(found["quorum"]),
        missing=tuple(str(entry["node"]) for entry in found.get("missing", [])),
    )


def blocks(source: Source, *, count: int = BLOCKS_SHOWN, end: int | None = None) -> list[BlockView]:
    """The last `count` blocks up to `end` (the head if None), newest first."""
    last = source.head().header.number if end is None else end
    first = max(0, last - min(count, BLOCKS_SHOWN_MAX) + 1)
    return [block(source, number) for number in range(last, first - 1, -1)]


def block(source: Source, number: int) -> BlockView:
    """One block whole: raises NotFound above the head."""
    answer = source.client.block(number, full=True)
    if answer is None:
        raise NotFound(f"block {number} is not stable at {source.client.url}")
    sealed = source.sealed(number)
    problem = sealed.problem
    if sealed.verified:
        problem = _block_problem(source, sealed, answer)
    dropped = () if number == 0 else source.client.proposal(number).get("dropped", [])
    header, record = sealed.header, sealed.record
    transactions = answer.get("transactions") or []
    return BlockView(
        number=number,
        hash=to_hex(header.hash),
        parent_hash=to_hex(header.parent_hash),
        time_ms=record.timestamp_ms,
        epoch=record.epoch,
        origin_view=record.origin_view,
        proposer=source.node_party(record.proposer),
        signers=tuple(source.node_party(signer) for signer in sealed.signers),
        quorum=len(sealed.signers),
        state_root=to_hex(header.state_root),
        gas_used=header.gas_used,
        gas_limit=header.gas_limit,
        transactions=tuple(str(entry["hash"]) for entry in transactions),
        dropped=tuple(
            DroppedTransaction(hash=str(entry["hash"]), reason=str(entry["reason"]))
            for entry in dropped
        ),
        verified=sealed.verified and problem is None,
        problem=problem,
    )


def _block_problem(source: Source, sealed: Sealed, answer: Mapping[str, Any]) -> str | None:
    """The first thing in a block's JSON that its verified header does not bear out."""
    try:
        transactions, faults = check_block(sealed.header, answer, _suite(source))
        receipts = source.client.receipts(sealed.header.number)
        _, more = check_receipts(sealed.header, transactions, receipts)
    except InvalidAnswer as problem:
        return str(problem)
    return next((message for _, message in faults + more), None)


def _suite(source: Source) -> Suite:
    return STANDARD if source.genesis is None else source.genesis.suite


def transaction(source: Source, transaction_hash: str) -> TransactionView:
    """A transaction and what became of it; raises NotFound."""
    found = source.client.transaction(transaction_hash)
    state = source.client.transaction_status(transaction_hash)
    if found is None and state is None:
        raise NotFound(f"no transaction {transaction_hash} at {source.client.url}")
    view = TransactionView(
        hash=transaction_hash,
        status=str((state or {}).get("status", "unknown")),
        reason=(state or {}).get("reason"),
        block=None,
        index=None,
        time_ms=None,
        sender=None,
        to=None,
        created=None,
        method=None,
        nonce=None,
        value=0,
        gas=None,
        gas_used=None,
        data_bytes=0,
        events=(),
    )
    if found is None:
        return view
    rebuilt = rebuild_transaction(found, _suite(source))
    plain = rebuilt.transaction
    view = msgspec.structs.replace(
        view,
        to=None if plain.to is None else to_hex(plain.to),
        method=method_name(plain.to, plain.data),
        sender=Party(address=to_hex(rebuilt.sender)),
        nonce=plain.nonce,
        value=plain.value,
        gas=plain.gas,
        data_bytes=len(plain.data),
    )
    if found.get("blockNumber") is None:
        return view
    return _executed(source, view, found)


def _executed(source: Source, view: TransactionView, found: Mapping[str, Any]) -> TransactionView:
    number = int(found["blockNumber"], 16)
    sealed = source.sealed(number)
    receipt = source.client.receipt(view.hash)
    if receipt is None:
        raise NotFound(f"{view.hash} has a block and no receipt at {source.client.url}")
    problem = sealed.problem
    if sealed.verified:
        problem = _transaction_problem(source, sealed, view.hash, found, receipt)
    assert view.sender is not None
    sender = Address(octets({"from": view.sender.address}, "from", 20))
    return msgspec.structs.replace(
        view,
        status="executed" if receipt.get("status") == "0x1" else "failed",
        block=number,
        index=int(found["transactionIndex"], 16),
        time_ms=sealed.record.timestamp_ms,
        sender=source.account_party(sender, number),
        created=receipt.get("contractAddress"),
        gas_used=int(receipt["gasUsed"], 16),
        events=tuple(event_view(log) for log in receipt.get("logs", [])),
        proposer=source.node_party(sealed.record.proposer),
        signers=tuple(source.node_party(signer) for signer in sealed.signers),
        verified=sealed.verified and problem is None,
        problem=problem,
    )


def _transaction_problem(
    source: Source,
    sealed: Sealed,
    transaction_hash: str,
    found: Mapping[str, Any],
    receipt: Mapping[str, Any],
) -> str | None:
    """The first thing that the proofs of transaction and receipt do not bear out."""
    try:
        wanted = Hash32(octets({"hash": transaction_hash}, "hash", 32))
        proven = source.proven_receipt(wanted)
        rebuilt = rebuild_transaction(found, _suite(source))
        header, index = sealed.header, proven.transaction.index
        faults = check_transaction(found, rebuilt, header, index)
        if proven.transaction.block.header != header:
            return "the proof is of another block"
        shown = [rebuild_log(log) for log in receipt.get("logs", [])]
        if shown != [Log(log.address, log.topics, log.data) for log in proven.logs]:
            return "the events shown are not those of the proven receipt"
        if (receipt.get("status") == "0x1") != proven.succeeded:
            return "the status shown is not that of the proven receipt"
    except InvalidAnswer as problem:
        return str(problem)
    return next((message for _, message in faults), None)


def account(source: Source, address: Address, *, number: int | None = None) -> AccountView:
    """What an account is and may do after a block, the head by default."""
    at = source.head().header.number if number is None else number
    state, problem = _state(source, address, at)
    permission, doubt = source.permission(address, at)
    problem = problem or doubt
    return AccountView(
        address=to_hex(address),
        block=at,
        nonce=state.nonce,
        balance=state.balance,
        is_contract=state.code_hash != Account().code_hash,
        organisation=source.organisation(permission.organisation),
        roles=tuple(role.name.lower() for role in Role if permission.holds(role)),
        frozen=permission.frozen,
        verified=source.light is not None and problem is None,
        problem=problem,
    )


def _state(source: Source, address: Address, number: int) -> tuple[Account, str | None]:
    """An account, proven where there is a genesis file."""
    if source.light is not None:
        try:
            return source.light.account(address, (), number).account, None
        except InvalidAnswer as problem:
            shown, _ = _claimed(source, address, number)
            return shown, str(problem)
    return _claimed(source, address, number)


def _claimed(source: Source, address: Address, number: int) -> tuple[Account, None]:
    found = source.client.proof(to_hex(address), [], number)
    return (
        Account(
            int(found["nonce"], 16),
            int(found["balance"], 16),
            Hash32(octets(found, "storageHash", 32)),
            Hash32(octets(found, "codeHash", 32)),
        ),
        None,
    )


_SYSTEM = {
    GATE_CONTRACT: "accounts",
    AGREEMENTS_CONTRACT: "agreements",
    KEYS_CONTRACT: "verification keys",
    GROTH16_CONTRACT: "Groth16 verifier",
}
_RELEASED = {
    "equity_transfer": "equity transfer",
    "equity_holdings": "equity transfer with holdings",
    "ceremony": "key ceremony",
    "circuits": "registry of circuits",
}


def contract(source: Source, address: Address, *, number: int | None = None) -> ContractView:
    """A contract after a block, the head by default; raises NotFound where there is no code."""
    at = source.head().header.number if number is None else number
    state, problem = _state(source, address, at)
    if state.code_hash == Account().code_hash:
        raise NotFound(f"no contract at {to_hex(address)} in block {at}")
    code = source.client.code(to_hex(address), at)
    if problem is None and source.light is not None and keccak(code) != state.code_hash:
        problem = "the code shown is not the one that the account commits to"
    kind = _SYSTEM.get(address)
    release = release_of(code) if kind is None else None
    facts: dict[str, Any] = {}
    if release is not None:
        kind, facts = _RELEASED[release.contract], deployed_with(source, release, code)
    permission, doubt = source.permission(address, at)
    problem = problem or doubt
    return ContractView(
        address=to_hex(address),
        block=at,
        code_hash=to_hex(state.code_hash),
        code_bytes=len(code),
        storage_root=to_hex(state.storage_root),
        kind=kind,
        release=None if release is None else release.label,
        is_current=None if release is None else release.is_current,
        facts=facts,
        frozen=permission.frozen,
        verified=source.light is not None and problem is None,
        problem=problem,
    )


def deployed_with(source: Source, release: Release, code: bytes) -> dict[str, Any]:
    """What a contract of ours was deployed with: it stands in its code, so no node is asked."""
    words = release.values(code)
    assert words is not None, "asked of a release's code alone"
    abi = Contract(Address(bytes(20)), load_abi(SOURCES_OF[release.contract]))
    facts: dict[str, Any] = {}
    for name, word in words.items():
        value = abi.decode_result(name, word)
        facts[name] = source.organisation(value) if isinstance(value, int) else to_hex(value)
    return facts
