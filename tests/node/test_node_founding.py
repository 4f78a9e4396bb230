"""Who founded a group: signatures by the keys that the membership document knows, and no others."""

from datetime import UTC, datetime

import msgspec
import pytest

from ledger.gate import GATE_CONTRACT, gate_storage
from ledger.genesis import (
    Allocation,
    FounderSignature,
    Genesis,
    InvalidGenesis,
    Organisation,
    ValidatorEntry,
    decode_genesis,
    document_hash,
    encode_genesis,
    genesis_block,
)
from ledger.parameters import Parameters
from ledger.suite import STANDARD, KeySigner
from ledger.validators import ValidatorSet
from ledger.values import keccak, to_hex
from node.founding import (
    InvalidFounding,
    check_founding,
    sign_founding,
    signed_founders,
    unsigned_founders,
)
from node.membership import Membership, draft
from node.membership import Organisation as Member
from node.pki import OrganisationCA

FOUNDERS = ("tax", "customs", "treasury")
ALL = (*FOUNDERS, "market")
AUTHORITIES = {name: OrganisationCA.create(name, datetime.now(UTC)) for name in ALL}


def key(name: str) -> KeySigner:
    return KeySigner(STANDARD, keccak(b"founding test " + name.encode()))


def membership(*names: str, network: str = "province", **renewed: str) -> Membership:
    return draft(
        network,
        1,
        len(names) // 2 + 1,
        [Member(n, key(renewed.get(n, n)).address, (AUTHORITIES[n].certificate,)) for n in names],
        {},
    )


def genesis() -> Genesis:
    validators = [key(f"consensus {name}").address for name in FOUNDERS]
    slots = gate_storage({}, ValidatorSet.of(validators), 4)
    return Genesis(
        name="refund",
        timestamp_ms=1,
        parameters=Parameters(chain_id=99, window_blocks=4),
        organisations=[
            Organisation(name=name, recovery_key=to_hex(key(f"recovery {name}").address))
            for name in FOUNDERS
        ],
        recovery_threshold=2,
        validators=[
            ValidatorEntry(
                address=to_hex(key(f"consensus {name}").address),
                node=f"{name}/{name}-1",
                organisation=name,
            )
            for name in FOUNDERS
        ],
        alloc={
            to_hex(GATE_CONTRACT): Allocation(
                nonce=1, storage={hex(slot): hex(value) for slot, value in slots.items()}
            )
        },
    ).checked()


def signed(document: Genesis, network: Membership, *names: str) -> Genesis:
    for name in names:
        document = sign_founding(document, network, key(name))
    return document


def test_all_founders_signatures_let_a_founders_node_in_and_nobody_elses() -> None:
    network = membership(*ALL)
    whole = signed(genesis(), network, *FOUNDERS)
    check_founding(whole, network, "tax/tax-9")
    with pytest.raises(InvalidFounding, match="market is no organisation of group 'refund'"):
        check_founding(whole, network, "market/market-1")


def test_signatures_are_no_part_of_the_identity_and_survive_the_file() -> None:
    bare, network = genesis(), membership(*ALL)
    whole = signed(bare, network, *FOUNDERS)
    assert document_hash(whole) == document_hash(bare)
    assert genesis_block(whole).hash == genesis_block(bare).hash
    assert decode_genesis(encode_genesis(whole)) == whole


@pytest.mark.parametrize("missing", FOUNDERS)
def test_one_missing_founder_is_named(missing) -> None:
    network = membership(*ALL)
    part = signed(genesis(), network, *(name for name in FOUNDERS if name != missing))
    assert unsigned_founders(part, network) == [missing]
    with pytest.raises(InvalidFounding, match=f"lacks the signatures of {missing} "):
        check_founding(part, network, "tax/tax-1")


def test_the_signature_of_another_key_counts_for_nobody() -> None:
    """Recovery keys, which whoever wrote the document chose, say nothing about who founds."""
    network = membership(*ALL)
    forged = signed(genesis(), membership(*ALL, customs="forger"), "tax", "treasury", "forger")
    assert [entry.organisation for entry in forged.founders] == ["customs", "tax", "treasury"]
    assert signed_founders(forged, network) == ["tax", "treasury"]
    with pytest.raises(InvalidFounding, match="customs"):
        check_founding(forged, network, "tax/tax-1")


def test_a_signature_is_for_one_document_and_one_network() -> None:
    network = membership(*ALL)
    whole = signed(genesis(), network, *FOUNDERS)
    changed = msgspec.structs.replace(whole, timestamp_ms=2)
    assert signed_founders(changed, network) == []
    assert signed_founders(whole, membership(*ALL, network="another")) == []


def test_who_left_the_network_need_not_sign_but_a_threshold_must() -> None:
    """A later joiner cannot get a signature from an organisation that is gone."""
    whole = signed(genesis(), membership(*ALL), "tax", "customs")
    check_founding(whole, membership("tax", "customs", "market"), "tax/tax-1")
    with pytest.raises(InvalidFounding, match=r"1 founders .* expected 2"):
        check_founding(whole, membership("tax", "market"), "tax/tax-1")


def test_after_a_key_was_renewed_its_organisation_signs_again() -> None:
    whole = signed(genesis(), membership(*ALL), *FOUNDERS)
    renewed = membership(*ALL, tax="tax, second key")
    with pytest.raises(InvalidFounding, match="lacks the signatures of tax "):
        check_founding(whole, renewed, "tax/tax-1")
    again = sign_founding(whole, renewed, key("tax, second key"))
    assert len(again.founders) == 3
    check_founding(again, renewed, "tax/tax-1")


def test_a_strangers_key_and_one_of_no_founder_sign_nothing() -> None:
    network = membership(*ALL)
    with pytest.raises(InvalidFounding, match="is no organisation's"):
        sign_founding(genesis(), network, key("stranger"))
    with pytest.raises(InvalidFounding, match="market is no founder"):
        sign_founding(genesis(), network, key("market"))


@pytest.mark.parametrize(
    "entries",
    [
        [FounderSignature(organisation="market", signature="0x" + "11" * 65)],
        [FounderSignature(organisation="tax", signature="0x" + "11" * 64)],
        [FounderSignature(organisation="tax", signature="0x" + "11" * 65)] * 2,
    ],
)
def test_a_document_with_malformed_signatures_is_none(entries) -> None:
    with pytest.raises((InvalidGenesis, ValueError)):
        msgspec.structs.replace(genesis(), founders=entries).checked()


def test_bytes_that_are_no_signature_count_for_nobody() -> None:
    """65 bytes of anything: recovery may fail, or give whoever; neither is the organisation."""
    entry = FounderSignature(organisation="tax", signature="0x" + "ff" * 65)
    document = msgspec.structs.replace(genesis(), founders=[entry]).checked()
    assert signed_founders(document, membership(*ALL)) == []
