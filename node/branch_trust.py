"""Which history a node without blocks believes: a pinned hash's, or that of f + 1 organisations.

Certificates prove that a branch follows from genesis, and keys that left the set long ago could
sign a second one (rule 9). A node that has blocks of its own needs none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from ledger.certificate import InvalidCertificate, decode_certificate
from ledger.chain import Chain
from ledger.codec import InvalidEncoding
from ledger.pin import Pin
from ledger.values import Hash32
from node.asking import Asking
from node.group_network import RequestFailed
from node.requests import BlocksAnswer, BlocksRequest

log = structlog.get_logger("sync")

EncodedBlocks = Sequence[tuple[bytes, bytes]]


class BranchTrust:
    """`organisations` maps the members' node ids to organisations; `pin` is the operator's."""

    def __init__(
        self,
        chain: Chain,
        asking: Asking,
        organisations: Callable[[], Mapping[str, str]],
        pin: Pin | None,
    ) -> None:
        self._chain = chain
        self._asking = asking
        self._organisations = organisations
        self._pin = pin

    async def establish(self, number: int) -> bool:
        """Whether blocks may be taken over now; `number` is the block that is wanted.

        Without a pin a node at block 0 asks until f + 1 organisations name one hash.
        """
        if self._pin is not None or self._chain.head.number > 0:
            return True
        if self._chain.recoveries:
            return True  # the organisations' certificate names a block: the chain checks it
        needed = self._chain.validators_for(1)[1].f + 1
        named: dict[Hash32, set[str]] = {}
        for peer in self._asking.peers():
            block_hash = await self._ask(peer, number)
            organisation = self._organisations().get(peer)
            if block_hash is None or organisation is None:
                continue
            agreeing = named.setdefault(block_hash, set())
            agreeing.add(organisation)
            if len(agreeing) >= needed:
                self._pin = Pin(number, block_hash)
                log.info("sync.branch", number=number, hash=block_hash, said_by=sorted(agreeing))
                return True
        log.warning(
            "sync.no_branch",
            number=number,
            expected=f"{needed} organisations that hold the same block",
            got={hash_.hex()[:16]: sorted(names) for hash_, names in named.items()},
        )
        return False

    def check(self, blocks: EncodedBlocks) -> None:
        """Raises InvalidCertificate for blocks of another branch than the pinned one."""
        if self._pin is None:
            return
        for _, certificate_bytes in blocks:
            certificate = decode_certificate(certificate_bytes)
            if certificate.number == self._pin.number and (
                certificate.header_hash != self._pin.block_hash
            ):
                raise InvalidCertificate(
                    f"block {certificate.number} is 0x{certificate.header_hash.hex()} there, "
                    f"trusted is 0x{self._pin.block_hash.hex()}: another branch. If every peer "
                    "has it, the blocks below came from there too: empty the group's db and ask "
                    "the organisations for the right hash"
                )

    async def _ask(self, peer: str, number: int) -> Hash32 | None:
        try:
            answer = await self._asking.ask(peer, BlocksRequest(number, 1))
            if isinstance(answer, BlocksAnswer) and answer.blocks:
                certificate = decode_certificate(answer.blocks[0][1])
                return certificate.header_hash if certificate.number == number else None
        except (RequestFailed, InvalidEncoding) as error:
            log.warning("sync.peer_failed", peer=peer, error=str(error))
        return None
