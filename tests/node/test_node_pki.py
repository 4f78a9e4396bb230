"""Certificates, keys and revocation lists of organisations and nodes."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from node import pki
from node.pki import InvalidNodeCertificate, InvalidNodeId, NodeIdentity, OrganisationCA

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca():
    return OrganisationCA.create("tax", NOW)


def issue(ca, node_id="tax/tax-1"):
    return ca.issue(node_id, pki.new_key().public_key(), NOW)


def test_a_certificate_names_its_node_and_lives_a_year(ca):
    certificate = issue(ca)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["quorate:tax/tax-1"]
    assert pki.node_id_of(certificate) == "tax/tax-1"
    assert certificate.not_valid_after_utc == NOW + timedelta(days=365)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert pki.is_issued_by(certificate, ca.certificate)


def test_a_ca_of_the_same_name_is_another_ca(ca):
    other = OrganisationCA.create("tax", NOW)
    assert not pki.is_issued_by(issue(ca), other.certificate)
    assert other.certificate.subject != ca.certificate.subject


def test_a_ca_issues_for_its_own_organisation_only(ca):
    with pytest.raises(InvalidNodeId, match="organisation 'tax'"):
        issue(ca, "market/market-1")


@pytest.mark.parametrize(
    "node_id",
    ["", "tax", "tax/", "/a", "tax/a/b", "Tax/a", "tax/-a", "tax/a-", "tax/税", "a" * 65 + "/b",
     "tax/a\n", "tax /a", "tax/" + "a" * 65],
)  # fmt: skip
def test_other_texts_are_no_node_ids(node_id):
    with pytest.raises(InvalidNodeId):
        pki.organisation_of(node_id)


def test_a_node_id_gives_its_organisation():
    assert pki.organisation_of("tax/tax-1.a_b") == "tax"
    assert pki.organisation_of("t/1") == "t"
    assert pki.organisation_of("a" * 64 + "/" + "b" * 64) == "a" * 64
    assert pki.check_organisation_name("market") == "market"
    with pytest.raises(InvalidNodeId):
        pki.check_organisation_name("tax/tax-1")


def test_a_key_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "keys" / "tls.key"
    key = pki.new_key()
    pki.save_key(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert pki.load_key(path).private_numbers() == key.private_numbers()
    with pytest.raises(FileExistsError):
        pki.save_key(path, pki.new_key())
    path.chmod(0o640)
    with pytest.raises(InvalidNodeCertificate, match="chmod 600"):
        pki.load_key(path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----", b"x" * 9_000])
def test_what_is_no_key_is_refused_by_name(tmp_path, content):
    path = tmp_path / "tls.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidNodeCertificate, match="expected"):
        pki.load_key(path)


def test_a_key_on_another_curve_is_refused(tmp_path):
    path = tmp_path / "tls.key"
    path.touch(0o600)
    path.write_bytes(
        ec.generate_private_key(ec.SECP384R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(InvalidNodeCertificate, match="P-256"):
        pki.load_key(path)


def test_an_identity_needs_key_and_certificate_of_one_pair(tmp_path, ca):
    made = ca.issue_identity("tax/tax-1", tmp_path / "a.crt", tmp_path / "a.key", NOW)
    loaded = NodeIdentity.load(tmp_path / "a.crt", tmp_path / "a.key")
    assert loaded == made
    assert loaded.days_left(NOW) == 365
    assert loaded.days_left(NOW + timedelta(days=366)) < 0
    ca.issue_identity("tax/tax-2", tmp_path / "b.crt", tmp_path / "b.key", NOW)
    with pytest.raises(InvalidNodeCertificate, match="another key"):
        NodeIdentity.load(tmp_path / "a.crt", tmp_path / "b.key")


def test_openssl_takes_the_pair(tmp_path, ca):
    identity = ca.issue_identity("tax/tax-1", tmp_path / "a.crt", tmp_path / "a.key", NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        identity.certificate_path, identity.key_path
    )


def test_a_key_that_stays_on_its_node_is_certified_by_request(ca):
    key = pki.new_key()
    certificate = ca.issue_for_request(pki.certificate_request("tax/tax-3", key), NOW)
    assert pki.node_id_of(certificate) == "tax/tax-3"
    assert certificate.public_key() == key.public_key()


def test_a_ca_revokes_no_more_than_a_list_may_hold(ca):
    full = OrganisationCA("tax", ca.certificate, ca._key)
    full.revoke(range(1, pki.REVOKED_SERIALS_MAX + 1))
    assert len(full.crl(NOW)) < pki.CRL_BYTES_MAX
    with pytest.raises(InvalidNodeCertificate, match="renew the CA"):
        full.revoke([pki.REVOKED_SERIALS_MAX + 1])
    assert len(pki.read_crl(full.crl(NOW), ca.certificate).serials) == pki.REVOKED_SERIALS_MAX


def test_a_list_of_changes_is_not_taken_for_a_whole_one(ca):
    def listing(*extensions):
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(ca.certificate.subject)
            .last_update(NOW)
            .next_update(NOW + timedelta(days=1))
            .add_extension(x509.CRLNumber(9), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(ca._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    assert pki.read_crl(listing(), ca.certificate).number == 9
    with pytest.raises(InvalidNodeCertificate, match="delta"):
        pki.read_crl(listing(x509.DeltaCRLIndicator(8)), ca.certificate)


def test_a_request_for_another_organisation_or_with_a_broken_signature_is_refused(ca):
    with pytest.raises(InvalidNodeId):
        ca.issue_for_request(pki.certificate_request("market/m", pki.new_key()), NOW)
    request = x509.load_pem_x509_csr(pki.certificate_request("tax/tax-3", pki.new_key()))
    der = bytearray(request.public_bytes(serialization.Encoding.DER))
    der[der.index(b"quorate:tax/tax-3") + len("quorate:tax/tax-")] = ord("4")
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(InvalidNodeCertificate, match="signed by its own"):
        ca.issue_for_request(changed, NOW)
    for broken in (b"", b"junk", b"x" * 10_000):
        with pytest.raises(InvalidNodeCertificate):
            ca.issue_for_request(broken, NOW)


def test_ca_certificates_and_bundles_name_no_node(ca):
    with pytest.raises(InvalidNodeCertificate):
        pki.node_id_of(ca.certificate)
    pem = pki.encode_certificate(ca.certificate)
    assert pki.decode_certificate(pem) == ca.certificate
    for broken in (pem + pem, b"", pem[:100], b"x" * 10_000):
        with pytest.raises(InvalidNodeCertificate):
            pki.decode_certificate(broken)


def test_a_ca_survives_its_folder_with_its_revocations(tmp_path):
    ca = OrganisationCA.create("tax", NOW)
    ca.revoke([5, 7])
    ca.save(tmp_path, NOW)
    ca.save(tmp_path, NOW)
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    loaded = OrganisationCA.load(tmp_path)
    assert loaded.organisation == "tax"
    assert loaded.certificate == ca.certificate
    assert loaded.revocations == ca.revocations
    assert pki.is_issued_by(issue(loaded), ca.certificate)


def test_a_revocation_list_counts_up_and_is_bound_to_its_ca(ca):
    mine = OrganisationCA.create("tax", NOW)
    assert pki.read_crl(mine.crl(NOW), mine.certificate).serials == frozenset()
    mine.revoke([9])
    mine.revoke([10])
    found = pki.read_crl(mine.crl(NOW), mine.certificate)
    assert found.serials == {9, 10}
    assert found.number == 2
    with pytest.raises(InvalidNodeCertificate, match="another signer"):
        pki.read_crl(mine.crl(NOW), ca.certificate)
    forged = OrganisationCA("tax", mine.certificate, pki.new_key()).crl(NOW)
    with pytest.raises(InvalidNodeCertificate, match="another signer"):
        pki.read_crl(forged, mine.certificate)
    for broken in (b"", b"junk", b"x" * (pki.CRL_BYTES_MAX + 1)):
        with pytest.raises(InvalidNodeCertificate):
            pki.read_crl(broken, mine.certificate)


def test_a_certificate_of_a_version_that_is_none_is_refused_by_name(ca):
    der = ca.certificate.public_bytes(serialization.Encoding.DER)
    third = bytes.fromhex("a003020102")
    assert der.count(third) == 1
    altered = der.replace(third, bytes.fromhex("a003020103"))
    with pytest.raises(InvalidNodeCertificate):
        pki.decode_der_certificate(altered)
    text = ssl.DER_cert_to_PEM_cert(altered)
    with pytest.raises(InvalidNodeCertificate):
        pki.decode_certificate(text.encode())
