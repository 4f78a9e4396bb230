"""The certificate: checked with the genesis file alone, refused when anything in it is altered."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from ledger.genesis import Genesis, decode_genesis, encode_genesis
from tests.workflows.conftest import Office
from tests.workflows.small_network import small_genesis
from workflows.equity_transfer import certificate
from workflows.equity_transfer.certificate import (
    InvalidEvidence,
    check_certificate,
    make_certificate,
)
from workflows.equity_transfer.released import current_code


@pytest.fixture(scope="module")
def issued(office: Office, registered: tuple[bytes, bytes]) -> bytes:
    return make_certificate(office.desk("applicant"), office.network.genesis, registered[1])


@pytest.fixture
def genesis() -> Genesis:
    """As somebody else has it: from the file's bytes."""
    return decode_genesis(encode_genesis(small_genesis()))


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("issued")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a certificate is checked without a network")

    monkeypatch.setattr(urllib3.PoolManager, "request", refuse)


def test_it_says_what_happened(
    issued: bytes, genesis: Genesis, registered: tuple[bytes, bytes]
) -> None:
    statement = check_certificate(issued, genesis).statement
    assert statement["subject"]["transfer"] == "0x" + registered[1].hex()
    assert statement["status"]["application"] == "REGISTERED"
    assert statement["status"]["attestation"] == "CONSUMED"
    assert "不替代税收完税证明" in statement["notice"][0]
    steps = statement["steps"]
    assert [step["name"] for step in steps] == [
        *("Attested", "Countersigned", "Applied", "Verified", "Registered"),
        *("EnvelopeSent", "EnvelopeAccepted"),
    ]
    offices = [step["office"]["name"] for step in steps]
    assert offices == ["tax", "tax", "market", "data", "market", "market", "tax"]
    assert steps[0]["time"].startswith("2023-11-15 06:13")  # 2023-11-14 22:13 UTC


def test_it_carries_nothing_private(issued: bytes) -> None:
    for private in ("小张", "9876543219", f"{9876543219:x}", "某公司", "salt"):
        assert private.encode() not in issued


def flipped(data: bytes, places: Iterator[int]) -> Iterator[bytes]:
    for place in places:
        for mask in (0x01, 0x20):
            altered = bytearray(data)
            altered[place] ^= mask
            yield bytes(altered)


def test_any_flipped_byte_is_found(issued: bytes, genesis: Genesis) -> None:
    """A sample that is another each hundred bytes, and the ends."""
    rng = random.Random(7)
    places = [start + rng.randrange(100) for start in range(0, len(issued) - 100, 100)]
    for altered in flipped(issued, iter([0, 1, len(issued) - 2, len(issued) - 1, *places])):
        with pytest.raises(InvalidEvidence):
            check_certificate(altered, genesis)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "x"
    middle = len(value) // 2
    return (
        value[:middle] + ("0" if value[middle : middle + 1] != "0" else "1") + value[middle + 1 :]
    )


def resealed(document: dict[str, Any]) -> bytes:
    return certificate._seal(document["statement"], document["evidence"])


def test_a_forger_who_seals_anew_is_found(issued: bytes, genesis: Genesis) -> None:
    """Every single value is altered in turn, and the digest made to fit."""
    document = json.loads(issued)
    # Blocks and receipts are of one form each: the first and the last stand for all.
    receipts = document["evidence"]["receipts"]
    skipped = {("evidence", "receipts", index) for index in range(1, len(receipts) - 1)}
    places = [path for path, _ in leaves(document) if path[0] in ("statement", "evidence")]
    places = [path for path in places if path[:3] not in skipped]
    assert len(places) > 100
    for path in places:
        forged = copy.deepcopy(document)
        node = forged
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = changed(node[path[-1]])
        with pytest.raises(InvalidEvidence):
            check_certificate(resealed(forged), genesis)
    assert check_certificate(resealed(document), genesis)


@pytest.mark.parametrize("part", ["statement", "evidence"])
def test_nothing_can_be_added_or_left_out(issued: bytes, genesis: Genesis, part: str) -> None:
    document = json.loads(issued)
    for name in list(document[part]):
        forged = copy.deepcopy(document)
        del forged[part][name]
        with pytest.raises(InvalidEvidence):
            check_certificate(resealed(forged), genesis)
    document[part]["more"] = 1
    with pytest.raises(InvalidEvidence):
        check_certificate(resealed(document), genesis)


def test_a_step_cannot_be_left_out_of_the_statement(issued: bytes, genesis: Genesis) -> None:
    document = json.loads(issued)
    del document["statement"]["steps"][0]
    with pytest.raises(InvalidEvidence):
        check_certificate(resealed(document), genesis)


def test_a_padded_proof_is_refused(issued: bytes, genesis: Genesis) -> None:
    document = json.loads(issued)
    for nodes in (
        document["evidence"]["receipts"][0]["proof"],
        document["evidence"]["state"]["account"],
    ):
        nodes.append("0xc0")
        with pytest.raises(InvalidEvidence):
            check_certificate(resealed(document), genesis)
        nodes.pop()


def test_another_genesis_refuses_it(issued: bytes) -> None:
    with pytest.raises(InvalidEvidence, match="certificate"):
        check_certificate(issued, small_genesis("another"))


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"a":NaN}', b"1" * 5000]
)
def test_bytes_that_are_no_certificate_are_refused(data: bytes, genesis: Genesis) -> None:
    with pytest.raises(InvalidEvidence):
        check_certificate(data, genesis)


def test_another_spelling_is_refused(issued: bytes, genesis: Genesis) -> None:
    for other in (issued.rstrip(), issued + b" ", json.dumps(json.loads(issued)).encode()):
        with pytest.raises(InvalidEvidence):
            check_certificate(other, genesis)


def test_the_code_is_what_this_program_would_deploy(office: Office) -> None:
    deployment = office.deployment
    code = office.network.chain.latest_state().code(deployment.address)
    assert code == current_code(deployment)
