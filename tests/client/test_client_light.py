"""The light client: it takes what follows from the genesis file and refuses everything else."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from client.light import InvalidAnswer, LightClient
from client.rpc import Client
from ledger.certificate import checkpoint_digest
from ledger.gate import GATE_CONTRACT, permission_slot
from ledger.header import decode_header
from ledger.suite import STANDARD
from ledger.values import Hash32, from_hex, to_hex
from tests.rpc.local_network import (
    ServedNode,
    account,
    address,
    make_genesis,
    signer,
)

Change = Callable[[dict[str, Any]], None]


class LyingClient(Client):
    """Changes answers on their way."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.lies: dict[str, Callable[[Any], Any]] = {}

    def call_method(self, method: str, *params: Any) -> Any:
        answer = super().call_method(method, *params)
        lie = self.lies.get(method)
        return answer if lie is None else lie(copy.deepcopy(answer))


@pytest.fixture
def lying(served: ServedNode) -> LyingClient:
    return LyingClient(served.url)


@pytest.fixture
def light(served: ServedNode, lying: LyingClient) -> LightClient:
    return LightClient(served.genesis, lying)


@pytest.fixture
def sent(served: ServedNode) -> Hash32:
    """A transaction in block 1."""
    found = served.client().send_transaction(account("author"), to_hex(address("applicant")))
    return Hash32(from_hex(found))


def flip(text: str, at: int = -1) -> str:
    """A hex text with one bit of one byte turned."""
    data = bytearray(from_hex(text))
    data[at] ^= 1
    return to_hex(bytes(data))


def test_genesis_is_the_anchor(light: LightClient, served: ServedNode) -> None:
    assert light.group_id == served.group.group_id
    assert light.header(0).header.hash == light.group_id
    other = LightClient(make_genesis(name="else"), served.client())
    for number in (0, 1):
        served.mine()
        with pytest.raises(InvalidAnswer):
            other.header(number)


def test_headers_and_head_are_verified(light: LightClient, served: ServedNode) -> None:
    executed = served.mine()
    head = light.head()
    assert head.header == executed.header
    assert len(head.signers) == 3
    assert head.epoch.number == 0


def test_a_transaction_and_its_receipt_are_proven(light: LightClient, sent: Hash32) -> None:
    proven = light.receipt(sent)
    assert proven.succeeded
    assert proven.transaction.sender == address("author")
    assert proven.transaction.transaction.hash == sent
    assert light.transaction(sent).block.header.number == 1


def test_an_account_its_storage_and_code_are_proven(light: LightClient, sent: Hash32) -> None:
    slot = permission_slot(address("author"))
    proven = light.account(GATE_CONTRACT, [slot, 12345])
    assert proven.storage[slot] != 0
    assert proven.storage[12345] == 0
    assert light.account(address("author")).account.nonce == 1
    assert light.account(address("author"), number=0).account.nonce == 0
    assert light.account(address("nobody")).account.nonce == 0
    assert light.code(GATE_CONTRACT)


def _resign(answer: dict[str, Any], genesis_hash: Hash32, names: list[str]) -> None:
    """Signatures of these keys over the header as it stands."""
    header = decode_header(from_hex(answer["header"]))
    digest = checkpoint_digest(STANDARD, genesis_hash, 0, header.number, header.hash)
    keys = sorted((signer(name) for name in names), key=lambda key: key.address)
    answer["signers"] = [to_hex(key.address) for key in keys]
    answer["signatures"] = [to_hex(key.sign(digest)) for key in keys]


def _drop_signer(answer: dict[str, Any]) -> None:
    answer["signers"].pop()
    answer["signatures"].pop()


def _repeat_signer(answer: dict[str, Any]) -> None:
    answer["signers"][2] = answer["signers"][1]
    answer["signatures"][2] = answer["signatures"][1]


def _swap_signatures(answer: dict[str, Any]) -> None:
    answer["signatures"].reverse()


ALTERED: dict[str, tuple[str, Change]] = {
    "header": ("certificate", lambda a: a.update(header=flip(a["header"], 60))),
    "header's extra data": ("record", lambda a: a.update(record=flip(a["record"], 40))),
    "one signature": (
        "certificate",
        lambda a: a["signatures"].__setitem__(0, flip(a["signatures"][0], 5)),
    ),
    "too few signers": ("certificate", _drop_signer),
    "a signer twice": ("certificate", _repeat_signer),
    "signatures of others": ("certificate", _swap_signatures),
    "no record": ("form", lambda a: a.pop("record")),
    "a header that is none": ("form", lambda a: a.update(header="0x00")),
    "signers as text": ("form", lambda a: a.update(signers="all")),
    "a hundred signers": ("form", lambda a: a.update(signers=a["signers"] * 100)),
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_certificates_are_refused(
    served: ServedNode, light: LightClient, lying: LyingClient, name: str
) -> None:
    served.mine()
    served.mine()
    what, change = ALTERED[name]

    def lie(answer: Any) -> Any:
        change(answer)
        return answer

    lying.lies["quorate_getBlockCertificate"] = lie
    with pytest.raises(InvalidAnswer) as refusal:
        light.header(2)
    assert refusal.value.what == what


def test_another_blocks_header_is_refused(
    served: ServedNode, light: LightClient, lying: LyingClient
) -> None:
    served.mine()
    served.mine()
    second = served.client().block_certificate(2)
    lying.lies["quorate_getBlockCertificate"] = lambda _: second
    with pytest.raises(InvalidAnswer, match="asked for block 1"):
        light.header(1)


def test_a_header_signed_by_strangers_is_refused(
    served: ServedNode, light: LightClient, lying: LyingClient
) -> None:
    served.mine()

    def lie(answer: Any) -> Any:
        _resign(answer, light.group_id, ["stranger-1", "stranger-2", "stranger-3"])
        return answer

    lying.lies["quorate_getBlockCertificate"] = lie
    with pytest.raises(InvalidAnswer, match="no validator"):
        light.header(1)


PROOF_LIES: dict[str, Change] = {
    "a node altered": lambda a: a["proof"].__setitem__(0, flip(a["proof"][0])),
    "a node left out": lambda a: a["proof"].clear(),
    "a node too many": lambda a: a["proof"].append("0xc0"),
    "another index": lambda a: a.update(index=1),
    "no index": lambda a: a.update(index=None),
    "block altered": lambda a: a["block"].update(header=flip(a["block"]["header"], 60)),
}


@pytest.mark.parametrize("name", PROOF_LIES)
@pytest.mark.parametrize("method", ["quorate_getTransactionProof", "quorate_getReceiptProof"])
def test_altered_proofs_are_refused(
    light: LightClient, lying: LyingClient, sent: Hash32, method: str, name: str
) -> None:
    def lie(answer: Any) -> Any:
        PROOF_LIES[name](answer)
        return answer

    lying.lies[method] = lie
    with pytest.raises(InvalidAnswer):
        light.transaction(sent) if method.endswith("TransactionProof") else light.receipt(sent)


def test_an_altered_receipt_is_refused(
    light: LightClient, lying: LyingClient, sent: Hash32
) -> None:
    lying.lies["quorate_getReceiptProof"] = lambda a: {**a, "receipt": flip(a["receipt"], 4)}
    with pytest.raises(InvalidAnswer, match="another than the one given"):
        light.receipt(sent)


def test_another_transactions_proof_is_refused(
    served: ServedNode, light: LightClient, sent: Hash32
) -> None:
    second = served.client().send_transaction(account("author"), to_hex(address("applicant")))
    answer = served.client().transaction_proof(second)
    with pytest.raises(InvalidAnswer, match="another than the one asked for"):
        light.verify_transaction(sent, answer)


def test_altered_state_proofs_are_refused(
    light: LightClient, lying: LyingClient, sent: Hash32
) -> None:
    slot = permission_slot(address("author"))

    def lie(answer: Any) -> Any:
        answer["storageProof"][0]["proof"][-1] = flip(answer["storageProof"][0]["proof"][-1])
        return answer

    lying.lies["eth_getProof"] = lie
    with pytest.raises(InvalidAnswer):
        light.account(GATE_CONTRACT, [slot])
    lying.lies["eth_getProof"] = lambda a: {**a, "accountProof": a["accountProof"][:-1]}
    with pytest.raises(InvalidAnswer):
        light.account(GATE_CONTRACT, [])
    lying.lies = {"eth_getCode": flip}
    with pytest.raises(InvalidAnswer, match="code"):
        light.code(GATE_CONTRACT)


def test_a_missing_answer_is_refused(light: LightClient, lying: LyingClient, sent: Hash32) -> None:
    lying.lies["quorate_getReceiptProof"] = lambda _: None
    with pytest.raises(InvalidAnswer) as refusal:
        light.receipt(sent)
    assert refusal.value.what == "missing"


def test_a_new_set_is_followed_from_genesis(
    served: ServedNode, light: LightClient, two_epochs: int
) -> None:
    assert served.client().validators(two_epochs - 1)["epoch"] == 0
    assert served.client().validators(two_epochs)["epoch"] == 1
    head = light.head()
    assert head.epoch.number == 1
    assert head.epoch.first_block == two_epochs
    assert head.epoch.validators.n == 5
    assert len(head.signers) == 4
    assert light.header(two_epochs - 1).epoch.number == 0


def test_a_new_set_that_nobody_certified_is_refused(
    light: LightClient, lying: LyingClient, two_epochs: int
) -> None:
    def other_set(answer: Any) -> Any:
        answer[0]["next_validators"][0] = to_hex(address("stranger"))
        return answer

    lying.lies["quorate_getEpochProof"] = other_set
    with pytest.raises(InvalidAnswer):
        light.head()
    lying.lies["quorate_getEpochProof"] = lambda _: []
    with pytest.raises(InvalidAnswer, match="lead from epoch 0 to 1"):
        light.head()
    lying.lies.clear()
    assert light.head().epoch.number == 1


def test_the_old_set_certifies_nothing_in_the_new_epoch(
    served: ServedNode, light: LightClient, lying: LyingClient, two_epochs: int
) -> None:
    light.head()

    def lie(answer: Any) -> Any:
        _resign(answer, light.group_id, [f"{name}-node" for name in ("tax", "market", "data")])
        return answer

    lying.lies["quorate_getBlockCertificate"] = lie
    with pytest.raises(InvalidAnswer):
        light.header(two_epochs)
