"""The shipped rule file, and files that are refused."""

from pathlib import Path

import pytest

from ledger.values import keccak
from workflows.equity_transfer.agreement import (
    InvalidAgreement,
    decode_agreement,
    load_agreement,
    shipped_agreement,
    shipped_agreement_of,
    shipped_agreements,
)

SHIPPED = shipped_agreement.read_bytes()


def test_the_shipped_agreement_is_complete() -> None:
    agreement = load_agreement()
    assert agreement.id == keccak(SHIPPED)
    assert (agreement.tax_organisation, agreement.registrar_organisation) == ("tax", "market")
    assert agreement.rule.rate_bps == 2000
    assert agreement.circuit == "equity_v1"


def test_each_shipped_agreement_is_found_by_its_id() -> None:
    for circuit, path in shipped_agreements.items():
        agreement = load_agreement(path)
        assert agreement.circuit == circuit
        assert shipped_agreement_of(agreement.id) == agreement
    assert shipped_agreement_of(keccak(b"another's")) == load_agreement()


def test_a_file_on_another_path_is_the_same_agreement(tmp_path: Path) -> None:
    copy = tmp_path / "agreement.toml"
    copy.write_bytes(SHIPPED)
    assert load_agreement(copy) == load_agreement()


def test_any_other_byte_is_another_agreement() -> None:
    assert decode_agreement(SHIPPED + b"\n").id != decode_agreement(SHIPPED).id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("[use]", "[uses]"),
        ('role = "auditor"', 'role = "registrar"'),
        ('role = "auditor"', 'role = "friend"'),
        ('organisation = "market"', 'organisation = "tax"'),
        ('organisation = "market"', 'organisation = "Market"'),
        ("signs = true", "signs = false"),
        ("rate_bps = 2000", "rate_bps = 20000"),
        ("rate_bps = 2000", "rate_bps = 0.2"),
        ("id = 1", "id = true"),
        ("attestation_signatures = 2", "attestation_signatures = 1"),
        ("refusals_max = 3", "refusals_max = 4"),
        ('"below_net_assets", ', ""),
        ('name = "equity-transfer"', "name = 1"),
    ],
)
def test_a_file_that_the_workflow_cannot_keep_is_refused(old: str, new: str) -> None:
    text = SHIPPED.decode()
    assert old in text
    with pytest.raises(InvalidAgreement):
        decode_agreement(text.replace(old, new, 1).encode())


@pytest.mark.parametrize("data", [b"", b"\xff", b"a = ", b"#" * 70_000])
def test_bytes_that_are_no_agreement_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidAgreement):
        decode_agreement(data)
