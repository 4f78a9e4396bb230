"""The steps of a transfer at desks that are sealed: the same results, and nothing in clear."""

from pathlib import Path

import pytest

from tests.workflows.conftest import Office, irregular_case
from workflows.equity_transfer import handover
from workflows.equity_transfer.desk import opening_path
from workflows.workspace import read_secret, write_private
from workflows.workspace_seal import key_file_secret
from workflows.workspace_sealing import seal_workspace, unseal_workspace

AMOUNT = b"9876543219"


@pytest.fixture
def sealed(office: Office, tmp_path: Path):
    key = tmp_path / "desk.key"
    write_private(key, b"ab" * 32)
    roots = [office.folder / name for name in ("tax", "market")]
    for root in roots:
        root.mkdir(exist_ok=True)
        seal_workspace(root, key_file_secret(key))
    yield office
    for root in roots:
        unseal_workspace(root)


def test_a_transfer_between_sealed_desks(sealed: Office) -> None:
    attestation = sealed.attested(irregular_case())
    desk = sealed.desk("tax-officer")
    clear = read_secret(opening_path(desk, attestation, "tax"))
    assert AMOUNT in clear, "the secret is one that would be found"
    handover.import_opening(sealed.desk("applicant"), clear)
    for name in ("tax", "market"):
        files = [path for path in (sealed.folder / name).rglob("*") if path.is_file()]
        assert files
        assert not any(AMOUNT in path.read_bytes() for path in files)
