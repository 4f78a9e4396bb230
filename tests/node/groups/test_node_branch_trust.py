"""A node without blocks meets two histories that both follow from genesis."""

from collections.abc import Container, Mapping
from types import SimpleNamespace

import pytest

from ledger.certificate import Certificate, InvalidCertificate, encode_certificate
from ledger.codec import InvalidEncoding
from ledger.pin import Pin, parse_pin
from ledger.validators import ValidatorSet
from ledger.values import Address, Hash32, InvalidValue, keccak
from node.asking import Asking
from node.branch_trust import BranchTrust
from node.group_network import RequestFailed
from node.requests import BlocksAnswer, BlocksRequest, decode_request, encode_answer

TRUE, FORGED = keccak(b"the true branch"), keccak(b"the forged branch")
ORGANISATIONS = {f"{name}/{name}-{n}": name for name in ("tax", "market", "data") for n in (1, 2)}


def certified(number: int, block_hash: Hash32) -> tuple[bytes, bytes]:
    return b"a block", encode_certificate(Certificate(0, number, block_hash, (), ()))


class Peers:
    """Members and the hash that each gives for whatever block is asked; None stands for none."""

    def __init__(self, hashes: Mapping[str, Hash32 | Exception | None]) -> None:
        self.hashes = hashes
        self.asked: list[str] = []

    def connected(self) -> frozenset[str]:
        return frozenset(self.hashes)

    async def request(self, peer: str, payload: bytes, timeout_s: float) -> bytes:
        self.asked.append(peer)
        request = decode_request(payload)
        assert isinstance(request, BlocksRequest)
        assert request.count == 1
        given = self.hashes[peer]
        if isinstance(given, Exception):
            raise given
        blocks = () if given is None else (certified(request.first, given),)
        return encode_answer(BlocksAnswer(blocks))


class Chain:
    """Four validators of genesis, how far the node is, and certificates that it follows."""

    recoveries: tuple[object, ...] = ()

    def __init__(self, number: int) -> None:
        self.head = SimpleNamespace(number=number)

    def validators_for(self, number: int) -> tuple[int, ValidatorSet]:
        return 0, ValidatorSet.of(Address(bytes([index]) * 20) for index in range(4))


def trust(hashes, pin: Pin | None = None, *, number: int = 0) -> BranchTrust:
    return trust_of(Chain(number), Peers(hashes), pin)


def trust_of(
    chain: Chain, peers: Peers, pin: Pin | None = None, silent: Container[str] = ()
) -> BranchTrust:
    asking = Asking(peers, lambda peer: peer not in silent)  # type: ignore[arg-type]
    return BranchTrust(chain, asking, lambda: ORGANISATIONS, pin)  # type: ignore[arg-type]


async def test_two_organisations_decide_where_one_may_be_faulty() -> None:
    asked = trust({"tax/tax-1": FORGED, "market/market-1": TRUE, "data/data-1": TRUE})
    assert await asked.establish(40)
    asked.check([certified(39, FORGED), certified(40, TRUE)])
    with pytest.raises(InvalidCertificate, match="another branch"):
        asked.check([certified(40, FORGED)])


@pytest.mark.parametrize(
    "hashes",
    [
        {},
        {"tax/tax-1": TRUE},
        {"tax/tax-1": FORGED, "tax/tax-2": FORGED},
        {"tax/tax-1": FORGED, "market/market-1": TRUE},
        {"tax/tax-1": TRUE, "market/market-1": None, "data/data-1": RequestFailed("away")},
        {"tax/tax-1": TRUE, "police/police-1": TRUE},
    ],
)
async def test_fewer_organisations_decide_nothing(hashes) -> None:
    asked = trust(hashes)
    assert not await asked.establish(40)
    asked.check([certified(40, FORGED)])


async def test_who_is_heard_is_asked_first() -> None:
    peers = Peers(dict.fromkeys(("data/data-1", "market/market-1", "tax/tax-1"), TRUE))
    assert await trust_of(Chain(0), peers, silent={"data/data-1"}).establish(40)
    assert peers.asked == ["market/market-1", "tax/tax-1"]


async def test_a_pin_asks_nobody() -> None:
    pinned = trust({}, Pin(7, TRUE))
    assert await pinned.establish(40)
    pinned.check([certified(6, FORGED), certified(7, TRUE), certified(8, FORGED)])
    with pytest.raises(InvalidCertificate, match="trusted is"):
        pinned.check([certified(7, FORGED)])


async def test_a_node_with_blocks_asks_nobody() -> None:
    assert await trust({}, number=1).establish(40)


async def test_malformed_certificates_are_the_peers_fault() -> None:
    with pytest.raises(InvalidEncoding):
        trust({}, Pin(7, TRUE)).check([(b"", b"\xff")])


def test_a_pin_is_written_as_number_and_hash() -> None:
    assert parse_pin(f"7:0x{TRUE.hex()}") == Pin(7, TRUE)
    for text in ("", "7", f"x:0x{TRUE.hex()}", "7:0x12", f"7 :0x{TRUE.hex()}", f"{10**18}:0x00"):
        with pytest.raises(InvalidValue):
            parse_pin(text)


async def test_a_recovery_certificate_names_the_branch_by_itself() -> None:
    assert not await trust({}).establish(7)
    following = Chain(0)
    following.recoveries = ("one that the chain verified",)
    assert await trust_of(following, Peers({})).establish(7)
