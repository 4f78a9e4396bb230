"""Transactions: what eth-account signs we read alike; what is malformed is refused."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.codec import decode, encode
from ledger.reasons import Reason
from ledger.suite import HALF_CURVE_ORDER, STANDARD
from ledger.transactions import InvalidTransaction, decode_transaction, recover_sender
from ledger.values import checksum_address, keccak

KEY = keccak(b"transactions")
ACCOUNT = Account.from_key(KEY)
TO = "0x" + "35" * 20

# The example of EIP-155: nonce 9, gas price 20 gwei, gas 21000, value 1 ether, chain id 1.
EIP155_RAW = bytes.fromhex(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0"
    "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b"
    "3800ccf555c9f3dc64214b297fb1966a3b6d83"
)


def test_the_example_of_eip155():
    transaction = decode_transaction(EIP155_RAW)
    assert transaction.nonce == 9
    assert transaction.gas == 21_000
    assert transaction.value == 10**18
    assert transaction.chain_id == 1
    assert transaction.max_fee_per_gas == 20 * 10**9
    digest = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    assert transaction.signing_digest.hex() == digest
    sender = recover_sender(transaction, STANDARD)
    assert checksum_address(sender) == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"


uint = st.integers(0, 2**64 - 2)
fees = st.integers(0, 2**90)
accesses = st.lists(
    st.fixed_dictionaries(
        {
            "address": st.just(TO),
            "storageKeys": st.lists(
                st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex()), max_size=2
            ),
        }
    ),
    max_size=2,
)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([0, 1, 2]),
    nonce=uint,
    gas=st.integers(21_000, 2**40),
    value=st.integers(0, 2**200),
    data=st.binary(max_size=300),
    chain_id=st.integers(1, 2**47),
    high=fees,
    low=fees,
    to=st.sampled_from([TO, None]),
    access_list=accesses,
)
def test_we_read_what_eth_account_signs(
    kind, nonce, gas, value, data, chain_id, high, low, to, access_list
):
    fields = {"nonce": nonce, "gas": gas, "value": value, "data": data, "chainId": chain_id}
    if to:
        fields["to"] = to
    if kind:
        fields |= {"type": kind, "accessList": access_list}
    if kind == 2:
        fields |= {"maxFeePerGas": high, "maxPriorityFeePerGas": min(low, high)}
    else:
        fields["gasPrice"] = high
    signed = ACCOUNT.sign_transaction(fields)
    transaction = decode_transaction(bytes(signed.raw_transaction))
    assert transaction.hash == bytes(signed.hash)
    assert checksum_address(recover_sender(transaction, STANDARD)) == ACCOUNT.address
    assert (transaction.type, transaction.nonce, transaction.gas) == (kind, nonce, gas)
    assert (transaction.value, transaction.data) == (value, data)
    assert transaction.chain_id == chain_id
    assert transaction.max_fee_per_gas == high
    assert len(transaction.access_list) == (len(access_list) if kind else 0)


def test_the_sender_is_remembered():
    transaction = decode_transaction(EIP155_RAW)

    class Counting:
        name = "standard"
        calls = 0

        def recover(self, digest, signature):
            self.calls += 1
            return STANDARD.recover(digest, signature)

    suite = Counting()
    assert recover_sender(transaction, suite) == recover_sender(transaction, suite)
    assert suite.calls == 1


def altered(index, item):
    fields = decode(EIP155_RAW, bytes_max=1000)
    fields[index] = item
    return encode(fields)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", Reason.MALFORMED),
        (b"\x03" + b"\xc0", Reason.TYPE_NOT_SUPPORTED),
        (b"\x04" + b"\xc0", Reason.TYPE_NOT_SUPPORTED),
        (b"\x00" + EIP155_RAW, Reason.TYPE_NOT_SUPPORTED),
        (b"\x80", Reason.MALFORMED),
        (b"\x02", Reason.MALFORMED),
        (b"\x02\xc0", Reason.MALFORMED),
        (EIP155_RAW + b"\x00", Reason.MALFORMED),
        (EIP155_RAW[:-1], Reason.MALFORMED),
        (altered(0, b"\x00\x09"), Reason.MALFORMED),
        (altered(3, b"\x35" * 19), Reason.MALFORMED),
        (altered(6, 29), Reason.MALFORMED),
        (altered(7, 0), Reason.MALFORMED),
        (altered(8, 0), Reason.MALFORMED),
        (altered(8, HALF_CURVE_ORDER + 1), Reason.MALFORMED),
        (altered(5, [b""]), Reason.MALFORMED),
        (bytes(1024 * 1024 + 1), Reason.TOO_LARGE),
    ],
)
def test_malformed_transactions_are_refused(raw, code):
    with pytest.raises(InvalidTransaction) as caught:
        decode_transaction(raw)
    assert caught.value.code == code
    assert caught.value.code.remedy in str(caught.value)


def test_a_signature_without_a_key_is_refused():
    transaction = decode_transaction(altered(7, 5))  # no point of the curve has this x
    with pytest.raises(InvalidTransaction) as caught:
        recover_sender(transaction, STANDARD)
    assert caught.value.code == Reason.BAD_SIGNATURE
