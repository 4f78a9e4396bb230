"""Certificates that run out are said weeks ahead, once a day, and measured."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from ledger.suite import STANDARD, KeySigner
from node.expiry import AUTHORITY_DAYS_MIN, CERTIFICATE_DAYS_MIN, ExpiryWatch, lifetimes
from node.membership import Organisation, draft
from node.metrics import Metrics
from node.pki import CA_VALIDITY_DAYS, NODE_VALIDITY_DAYS, OrganisationCA

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def ca():
    return OrganisationCA.create("tax", NOW)


@pytest.fixture
def identity(ca, tmp_path):
    return ca.issue_identity("tax/tax-1", tmp_path / "a.crt", tmp_path / "a.key", NOW)


def document(*authorities):
    key = KeySigner(STANDARD, STANDARD.new_private_key()).address
    certificates = tuple(ca.certificate for ca in authorities)
    return draft("n", 1, 1, [Organisation("tax", key, certificates)], {"tax/tax-1": "h:1"})


def warnings(watch, identity, membership, now):
    with capture_logs() as logs:
        watch.update(identity, membership, now)
    return [(log["what"], log["days_left"]) for log in logs if log["log_level"] == "warning"]


def test_a_warning_comes_weeks_ahead_and_once_a_day(ca, identity):
    watch, membership = ExpiryWatch(Metrics()), document(ca)
    due = NOW + timedelta(days=NODE_VALIDITY_DAYS - CERTIFICATE_DAYS_MIN)
    assert CERTIFICATE_DAYS_MIN >= 28
    assert warnings(watch, identity, membership, NOW) == []
    assert warnings(watch, identity, membership, due) == []
    assert warnings(watch, identity, membership, due + timedelta(minutes=2)) == [
        ("certificate of tax/tax-1", CERTIFICATE_DAYS_MIN - 1)
    ]
    assert warnings(watch, identity, membership, due + timedelta(hours=23)) == []
    assert warnings(watch, identity, membership, due + timedelta(hours=25)) == [
        ("certificate of tax/tax-1", CERTIFICATE_DAYS_MIN - 2)
    ]


def test_a_renewed_certificate_is_seen_at_once(ca, identity, tmp_path):
    metrics = Metrics()
    watch, membership = ExpiryWatch(metrics), document(ca)
    late = NOW + timedelta(days=360)
    assert warnings(watch, identity, membership, late)
    assert b"quorate_certificate_days_left 5.0" in metrics.exposition()
    renewed = ca.issue_identity("tax/tax-1", tmp_path / "b.crt", tmp_path / "b.key", late)
    assert warnings(watch, renewed, membership, late + timedelta(seconds=1)) == []
    assert b"quorate_certificate_days_left 364.0" in metrics.exposition()


def test_of_an_organisations_cas_the_newest_counts(ca, identity):
    metrics = Metrics()
    late = NOW + timedelta(days=CA_VALIDITY_DAYS - AUTHORITY_DAYS_MIN + 1)
    watch = ExpiryWatch(metrics)
    assert ("CA of tax", AUTHORITY_DAYS_MIN - 1) in warnings(watch, identity, document(ca), late)
    both = document(ca, OrganisationCA.create("tax", late))
    assert "CA of tax" not in [what for what, _ in warnings(watch, identity, both, late)]
    assert b'quorate_authority_days_left{organisation="tax"} 3650.0' in metrics.exposition()
    [own, authority] = lifetimes(identity, both, late)
    assert own.is_due
    assert not authority.is_due
