"""The membership document: canonical, bounded, and replaced only by a threshold's will."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.suite import STANDARD, KeySigner
from node import membership as subject
from node.membership import (
    InvalidMembership,
    Organisation,
    decode_membership,
    draft,
    load_membership,
    parse_host_port,
)
from node.membership_change import NextVersion, differences
from node.pki import OrganisationCA, new_key

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NAMES = ("audit", "data", "market", "tax")
CAS = {name: OrganisationCA.create(name, NOW) for name in (*NAMES, "land")}
SIGNERS = {name: KeySigner(STANDARD, STANDARD.new_private_key()) for name in CAS}
NODES = {f"{name}/{name}-1": f"10.0.0.{i}:30300" for i, name in enumerate(NAMES, 1)}


def organisation(name, **changes):
    entry = Organisation(name, SIGNERS[name].address, (CAS[name].certificate,), frozenset({7, 9}))
    return replace(entry, **changes)


def document(version=1, names=NAMES, threshold=3, nodes=NODES, signers=NAMES):
    unsigned = draft("four", version, threshold, [organisation(n) for n in names], nodes)
    return unsigned.signed(STANDARD, *(SIGNERS[name] for name in signers))


def edited(change):
    """The bytes of a document after `change` of its JSON."""
    value = json.loads(document().encode())
    change(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_document_survives_bytes_and_disk(tmp_path):
    made = document()
    assert decode_membership(made.encode()) == made
    made.save(tmp_path / "membership.json")
    assert load_membership(tmp_path / "membership.json", STANDARD) == made
    assert list(tmp_path.iterdir()) == [tmp_path / "membership.json"]
    assert made.organisations["tax"].revoked_serials == {7, 9}
    assert made.nodes["tax/tax-1"] == "10.0.0.4:30300"


def test_encoding_is_plain_sorted_json():
    encoded = document().encode()
    value = json.loads(encoded)
    assert json.dumps(value, sort_keys=True, separators=(",", ":")).encode() == encoded
    assert edited(lambda value: None) == encoded


def test_the_order_of_making_does_not_matter():
    forward = draft("four", 1, 3, [organisation(n) for n in NAMES], NODES)
    backward = draft(
        "four", 1, 3, [organisation(n) for n in reversed(NAMES)], dict(reversed(NODES.items()))
    )
    assert forward.body == backward.body


def test_signatures_add_up_from_different_hands():
    once = document(signers=("tax",))
    twice = decode_membership(once.encode()).signed(STANDARD, SIGNERS["data"], SIGNERS["tax"])
    assert twice.signers(STANDARD) == {SIGNERS["tax"].address, SIGNERS["data"].address}
    assert len(twice.signatures) == 2


def test_loading_needs_the_documents_own_threshold(tmp_path):
    path = tmp_path / "membership.json"
    document(signers=("tax", "data")).save(path)
    with pytest.raises(InvalidMembership, match="of 3 organisations"):
        load_membership(path, STANDARD)


def test_a_newer_version_needs_the_present_threshold():
    current = document()
    current.check_successor(STANDARD, document(2, signers=("tax", "data", "audit")))
    for signers in ((), ("tax", "data"), ("tax", "data", "land")):
        with pytest.raises(InvalidMembership, match="have the others sign"):
            current.check_successor(STANDARD, document(2, signers=signers))


def test_organisations_that_come_cannot_vote_themselves_in():
    current = document()
    names = (*NAMES, "land")
    with pytest.raises(InvalidMembership, match="version 1, got 2"):
        current.check_successor(STANDARD, document(2, names, 3, signers=("land", "tax", "data")))
    current.check_successor(STANDARD, document(2, names, 3, signers=("audit", "tax", "data")))


def test_a_successor_must_satisfy_its_own_threshold_too():
    current = document(threshold=3)
    with pytest.raises(InvalidMembership, match="of 4 organisations of version 2"):
        current.check_successor(STANDARD, document(2, threshold=4, signers=NAMES[:3]))


def test_versions_only_grow_and_networks_do_not_mix():
    current = document(5)
    for version in (4, 5):
        with pytest.raises(InvalidMembership, match="above 5"):
            current.check_successor(STANDARD, document(version))
    other = replace(document(6), network="five")
    with pytest.raises(InvalidMembership, match="'four', got 'five'"):
        current.check_successor(STANDARD, other)


def test_a_signature_binds_every_part_of_the_body():
    signed = document()
    for change in (
        {"version": 2},
        {"threshold": 4},
        {"network": "five"},
        {"nodes": {**NODES, "tax/tax-2": "10.0.0.9:1"}},
        {
            "organisations": {
                **signed.organisations,
                "tax": organisation("tax", revoked_serials=frozenset()),
            }
        },
    ):
        with pytest.raises(InvalidMembership, match="got 0"):
            replace(signed, **change).check_signed_by(STANDARD, signed)


def test_revoking_makes_an_unsigned_next_version():
    current = document()
    version = NextVersion(current)
    version.revoke("tax", 11)
    following = version.draft()
    assert following.version == 2
    assert following.signatures == ()
    assert following.organisations["tax"].revoked_serials == {7, 9, 11}
    assert list(differences(current, following)) == ["certificate b of tax is revoked"]
    assert following.organisations["data"] == current.organisations["data"]
    with pytest.raises(InvalidMembership):
        NextVersion(current).revoke("nobody", 1)


def _set(path, value):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


ORGANISATIONS = ("body", "organisations")
NODE_CERTIFICATE = CAS["tax"].issue("tax/tax-1", new_key().public_key(), NOW)


@pytest.mark.parametrize(
    "change",
    [
        _set(("more",), 1),
        _set(("body", "more"), 1),
        _set(("body", "format"), 2),
        _set(("body", "version"), 0),
        _set(("body", "version"), 1.5),
        _set(("body", "version"), 2**60),
        _set(("body", "network"), ""),
        _set(("body", "threshold"), 2),
        _set(("body", "threshold"), 5),
        _set((*ORGANISATIONS, 0, "name"), "Tax Bureau"),
        _set((*ORGANISATIONS, 0, "name"), "data"),
        _set((*ORGANISATIONS, 0, "key"), "0x00"),
        _set((*ORGANISATIONS, 0, "key"), "0x" + "AB" * 20),
        _set((*ORGANISATIONS, 0, "ca_certificates"), []),
        _set((*ORGANISATIONS, 0, "ca_certificates"), ["junk"]),
        _set((*ORGANISATIONS, 0, "ca_certificates"), ["x" * 10_000]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["0x9", "0x7"]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["0x7", "0x7"]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["0x07"]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["0x0"]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["seven"]),
        _set((*ORGANISATIONS, 0, "revoked_serials"), ["0x1" + "0" * 40]),
        _set(ORGANISATIONS, []),
        _set(("body", "nodes", 0, "id"), "nobody/n"),
        _set(("body", "nodes", 0, "id"), "audit"),
        _set(("body", "nodes", 0, "address"), "10.0.0.1"),
        _set(("body", "nodes", 0, "address"), "10.0.0.1:0"),
        _set(("signatures", 0), "0x1"),
        _set(("signatures",), ["0x02", "0x01"]),
    ],
)
def test_other_documents_are_refused_by_name(change):
    with pytest.raises(InvalidMembership):
        decode_membership(edited(change))


def test_a_cut_node_certificate_or_shared_key_cannot_stand_for_a_ca():
    tax = organisation("tax", ca_certificates=(NODE_CERTIFICATE,))
    with pytest.raises(InvalidMembership, match="expected a CA certificate"):
        draft("four", 1, 1, [tax], {})
    twin = replace(organisation("data"), key=SIGNERS["tax"].address)
    with pytest.raises(InvalidMembership, match="one key twice"):
        draft("four", 1, 2, [organisation("tax"), twin], {})
    borrowed = organisation("data", ca_certificates=(CAS["tax"].certificate,))
    with pytest.raises(InvalidMembership, match="subject of its own"):
        draft("four", 1, 2, [organisation("tax"), borrowed], {})
    with pytest.raises(InvalidMembership, match="each organisation once"):
        draft("four", 1, 2, [organisation("tax"), organisation("tax")], {})


def test_white_space_and_doubled_keys_are_refused():
    encoded = document().encode()
    for other in (
        encoded + b"\n",
        json.dumps(json.loads(encoded)).encode(),
        encoded.replace(b'{"body"', b'{"body":{},"body"', 1),
        b"\xff",
        b"",
        b"[" * 100_000,
        b" " * (subject.MEMBERSHIP_BYTES_MAX + 1),
    ):
        with pytest.raises(InvalidMembership):
            decode_membership(other)


def test_a_malformed_signature_is_refused_by_name():
    bad = replace(document(), signatures=(bytes(65),))
    with pytest.raises(InvalidMembership, match="malformed"):
        bad.signers(STANDARD)


@given(st.data())
def test_no_changed_byte_passes_as_the_signed_document(data):
    current = ENCODED
    changed = bytearray(current)
    changed[data.draw(st.integers(0, len(current) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = decode_membership(bytes(changed))
        found.check_signed_by(STANDARD, found)
    except InvalidMembership:
        return
    # One byte of one signature may be lost: three of four remain.
    assert found.body == SIGNED.body


SIGNED = document()
ENCODED = SIGNED.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("[::1]:65535", ("::1", 65535)),
        ("node.example:1", ("node.example", 1)),
    ],
)
def test_addresses(text, expected):
    assert parse_host_port(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":1", "a:", "a:0", "a:65536", "a:x", "::1:80", "[a:1", "a b:1", "a:+1", "税:1", "a:¹",
     "[]:1", "u@h:1", "a:000001"],
)  # fmt: skip
def test_other_addresses_are_refused(text):
    with pytest.raises(InvalidMembership, match="host:port"):
        parse_host_port(text)
