"""Our own methods: status, validators, certificates, proofs, groups, peers, pool, envelopes.

Numbers are plain integers in JSON; RLP and hashes are data.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.chain import Chain, EpochBoundary
from ledger.header import encode_header
from ledger.proposal import encode_proposal
from ledger.record import encode_record
from ledger.recovery import encode_recovery
from ledger.values import Hash32
from node.engines import why_not_native
from node.group_members import holder_of, named_holders
from zkp.backend import CURRENT

from .context import Context
from .errors import invalid_parameters
from .formats import transaction_json
from .principal import Principal
from .reading import Certified, certified_block
from .registry import Parameter as P
from .registry import Registry, optional
from .selectors import BLOCK, LATEST, BlockSelector, resolve
from .values import (
    DATA,
    HASH,
    HASH_SCHEMA,
    QUANTITY_SCHEMA,
    TEXT,
    Kind,
    data,
    parse_quantity,
)

methods = Registry()
OBJECT: dict[str, Any] = {"type": "object"}
OBJECTS: dict[str, Any] = {"type": "array", "items": OBJECT}
OBJECT_OR_NULL: dict[str, Any] = {"oneOf": [OBJECT, {"type": "null"}]}


EPOCH_NUMBER_MAX = 2**64 - 1


def _parse_epoch(name: str, value: Any) -> int:
    """Epochs are plain integers in our answers, so they are taken as those too."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= EPOCH_NUMBER_MAX:
        return value
    return parse_quantity(name, value, bits_max=64)


EPOCH: Kind[int] = Kind(_parse_epoch, {"oneOf": [QUANTITY_SCHEMA, {"type": "integer"}]})


def certificate_json(certified: Certified) -> dict[str, Any]:
    """A header with what proves it: record, validators due, signers and signatures."""
    return {
        "number": certified.header.number,
        "hash": data(certified.header.hash),
        "header": data(encode_header(certified.header)),
        "record": data(encode_record(certified.record)),
        "epoch": certified.record.epoch,
        "validators": [data(member) for member in certified.validators.members],
        "signers": [data(signer) for signer in certified.signers],
        "signatures": [data(signature) for signature in certified.signatures],
    }


@methods.method(
    "quorate_status",
    summary="This node, its peers, and where each group's consensus stands",
    result=OBJECT,
)
async def status(principal: Principal, context: Context) -> dict[str, Any]:
    return {
        "node": context.node.name,
        "version": context.node.version,
        "engine": context.node.engine,
        "zk_backend": CURRENT.NAME,
        "native_missing": why_not_native(),
        "certificate": dict(context.node.certificate()),
        "expiring": [dict(entry) for entry in context.node.expiring()],
        "peers": [dict(peer) for peer in context.node.peers()],
        "groups": [
            dict(group.status())
            for name, group in sorted(context.node.groups.items())
            if principal.may_read(group)
        ],
    }


@methods.method(
    "quorate_groups", summary="The groups of this node that the caller may read", result=OBJECTS
)
async def groups(principal: Principal, context: Context) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "role": group.role,
            "chain_id": group.genesis.parameters.chain_id,
            "genesis_hash": data(group.group_id),
            "stable": group.chain.head.number,
        }
        for name, group in sorted(context.node.groups.items())
        if principal.may_read(group)
    ]


@methods.method("quorate_peers", summary="Nodes that this one knows", result=OBJECTS)
async def peers(principal: Principal, context: Context) -> list[dict[str, Any]]:
    return [dict(peer) for peer in context.node.peers()]


@methods.method(
    "quorate_txpool",
    summary="Transactions that wait in this node's pool, oldest first, at most a page",
    result=OBJECT,
)
async def txpool(principal: Principal, context: Context) -> dict[str, Any]:
    pool = context.group.pool
    page: list[dict[str, Any]] = []
    for sender, transaction in pool.transactions():
        if len(page) == context.limits.pool_page_max:
            break
        page.append(transaction_json(transaction, sender, None))
    return {"count": len(pool), "transactions": page}


@methods.method(
    "quorate_validators",
    optional("block", BLOCK, LATEST),
    summary="The set that certifies a block",
    result=OBJECT,
)
async def validators(
    principal: Principal, context: Context, selector: BlockSelector
) -> dict[str, Any]:
    chain = context.group.chain

    def read() -> dict[str, Any]:
        number = resolve(chain, selector)
        epoch, members = chain.validators_for(number)
        state = chain.state_at(min(number, chain.head.number))
        named = named_holders(chain)
        holders = {member: holder_of(state, named, member) for member in members.members}
        return {
            "number": number,
            "epoch": epoch,
            "quorum": members.quorum,
            "validators": [
                {"address": data(member), "node": holder[0] if holder else None}
                for member, holder in holders.items()
            ],
        }

    return await context.read(read)


@methods.method(
    "quorate_getBlockCertificate",
    optional("block", BLOCK, LATEST),
    summary="A block's header and record with a quorum's signatures",
    result=OBJECT,
)
async def get_block_certificate(
    principal: Principal, context: Context, selector: BlockSelector
) -> dict[str, Any]:
    chain = context.group.chain
    certified = await context.read(lambda: certified_block(chain, resolve(chain, selector)))
    return certificate_json(certified)


def _changed_parameters(chain: Chain, boundary: EpochBoundary) -> dict[str, Any] | None:
    """An epoch's parameters by name, None where they are those of the epoch before."""
    before = chain.parameters_for(boundary.header.number)
    following = boundary.next_parameters
    return None if following == before else msgspec.to_builtins(following)


@methods.method(
    "quorate_getEpochProof",
    optional("from", EPOCH, 0),
    optional("to", EPOCH, EPOCH_NUMBER_MAX),
    summary="For each epoch in a range: the certified block before it, and the set that it opens "
    "with; the parameters, if it changes them. A page at a time: ask again after the last epoch "
    "that came",
    result=OBJECTS,
)
async def get_epoch_proof(
    principal: Principal, context: Context, start: int, end: int
) -> list[dict[str, Any]]:
    if start > end:
        raise invalid_parameters(f"from: epoch {start} is above epoch {end}")
    chain = context.group.chain

    def read() -> list[dict[str, Any]]:
        return [
            {
                **certificate_json(certified_block(chain, boundary.header.number)),
                "next_epoch": boundary.next_epoch,
                "next_validators": [data(member) for member in boundary.next_validators.members],
                "next_parameters": _changed_parameters(chain, boundary),
                "recovery": boundary.recovery and data(encode_recovery(boundary.recovery)),
            }
            for boundary in chain.epoch_boundaries(start, end)
        ]

    return await context.read(read)


@methods.method(
    "quorate_getProposal",
    optional("block", BLOCK, LATEST),
    summary="The whole batch that a block was made from, and what was dropped from it and why",
    result=OBJECT,
)
async def get_proposal(
    principal: Principal, context: Context, selector: BlockSelector
) -> dict[str, Any]:
    chain = context.group.chain

    def read() -> dict[str, Any]:
        number = resolve(chain, selector)
        return {
            "number": number,
            "proposal": data(encode_proposal(chain.block(number).proposal)),
            "dropped": [
                {"index": entry.batch_index, "hash": data(entry.hash), "reason": entry.reason.value}
                for entry in chain.outcome(number).dropped
            ],
        }

    return await context.read(read)


@methods.method(
    "quorate_getTransactionStatus",
    P("transactionHash", HASH),
    summary="Where a transaction is: pending, ordered, executed, or dropped with the reason",
    result=OBJECT_OR_NULL,
)
async def get_transaction_status(
    principal: Principal, context: Context, transaction_hash: bytes
) -> dict[str, Any] | None:
    found = context.group.transaction_status(Hash32(transaction_hash))
    return None if found is None else dict(found)


@methods.method(
    "quorate_getTransactionProof",
    P("transactionHash", HASH),
    summary="Merkle proof of a transaction against its certified header",
    result=OBJECT_OR_NULL,
)
async def get_transaction_proof(
    principal: Principal, context: Context, transaction_hash: bytes
) -> dict[str, Any] | None:
    chain = context.group.chain

    def read() -> dict[str, Any] | None:
        proof = chain.transaction_proof(Hash32(transaction_hash))
        if proof is None:
            return None
        return {
            "block": certificate_json(certified_block(chain, proof.number)),
            "index": proof.index,
            "transaction": data(proof.raw),
            "proof": [data(node) for node in proof.nodes],
        }

    return await context.read(read)


@methods.method(
    "quorate_getReceiptProof",
    P("transactionHash", HASH),
    summary="Merkle proofs of a transaction and its receipt against their certified header",
    result=OBJECT_OR_NULL,
)
async def get_receipt_proof(
    principal: Principal, context: Context, transaction_hash: bytes
) -> dict[str, Any] | None:
    chain = context.group.chain

    def read() -> dict[str, Any] | None:
        transaction = chain.transaction_proof(Hash32(transaction_hash))
        receipt = chain.receipt_proof(Hash32(transaction_hash))
        if transaction is None or receipt is None:
            return None
        return {
            "block": certificate_json(certified_block(chain, receipt.number)),
            "index": receipt.index,
            "receipt": data(receipt.encoded),
            "proof": [data(node) for node in receipt.nodes],
            "transaction": data(transaction.raw),
            "transaction_proof": [data(node) for node in transaction.nodes],
        }

    return await context.read(read)


@methods.method(
    "quorate_sendEnvelope",
    P("receiver", TEXT),
    P("envelope", DATA),
    summary="Deliver an encrypted envelope to an organisation's node; answers its digest",
    result=HASH_SCHEMA,
)
async def send_envelope(
    principal: Principal, context: Context, receiver: str, envelope: bytes
) -> str:
    if not envelope or len(envelope) > context.limits.envelope_bytes_max:
        raise invalid_parameters(
            f"envelope: expected 1 to {context.limits.envelope_bytes_max} bytes, "
            f"got {len(envelope)}"
        )
    try:
        return data(await context.node.send_envelope(context.group.name, receiver, envelope))
    except ValueError as problem:
        raise invalid_parameters(str(problem)) from problem


@methods.method(
    "quorate_envelopes",
    summary="Encrypted envelopes that this node received for its organisation",
    result=OBJECTS,
)
async def envelopes(principal: Principal, context: Context) -> list[dict[str, Any]]:
    return [
        {key: data(value) if isinstance(value, bytes) else value for key, value in entry.items()}
        for entry in context.node.envelopes(context.group.name)
    ]
