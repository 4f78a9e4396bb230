"""Taking up a contract that another party deployed: it is looked at before a desk relies on it."""

from pathlib import Path

from contracts.releases import WORD_BYTES, Release, labels_of, release_of
from ledger.values import Address, Hash32, checksum_address
from workflows.equity_transfer.agreement import Agreement
from workflows.equity_transfer.deploy import SetUpDesk, SetUpRefused, terms_for
from workflows.equity_transfer.deployment import (
    Deployment,
    InvalidDeployment,
    RegisteredCircuit,
    load_deployment,
    save_deployment,
)
from workflows.equity_transfer.released import CONTRACT_OF, deployed_code


def adopt_contract(
    desk: SetUpDesk, agreement: Agreement, circuit: Hash32, address: Address, path: Path
) -> tuple[Deployment, Release]:
    """Check the contract at an address by its code and terms, and write its deployment to `path`.

    Raises `SetUpRefused`, and `InvalidDeployment` where `path` is of another contract.
    """
    where = checksum_address(address)
    code = desk.client.code(where)
    release, wanted = release_of(code), CONTRACT_OF[agreement.circuit]
    if release is None or release.contract != wanted:
        what = "code that this program does not know" if release is None else release.label
        raise SetUpRefused(
            f"at {where} stands {what if code else 'nothing'}; {agreement.circuit} needs one of "
            f"{labels_of(wanted)}: look at the address and at --statement"
        )
    words = release.values(code)
    assert words is not None
    registered = None
    if "entry" in words:
        registry = Address(words["registry"][WORD_BYTES - len(address) :])
        registered = RegisteredCircuit(registry, Hash32(words["entry"]))
    terms = terms_for(desk, agreement, circuit)
    deployment = Deployment(desk.client.chain_id(), address, terms, registered)
    if deployed_code(deployment, release) != code:
        raise SetUpRefused(_difference(deployment, release, words))
    if path.exists() and load_deployment(path) != deployment:
        raise InvalidDeployment(
            f"{path.name} is of another contract; keep it with its desks' folders, or move it away"
        )
    save_deployment(path, deployment)
    return deployment, release


def _difference(deployment: Deployment, release: Release, found: dict[str, bytes]) -> str:
    expected = release.values(deployed_code(deployment, release))
    assert expected is not None
    name = next(name for name, word in expected.items() if found[name] != word)
    return (
        f"the contract at {checksum_address(deployment.address)} was deployed with another "
        f"{name}: 0x{found[name].hex()}, expected 0x{expected[name].hex()}; name the rule file and "
        "statement that it stands under, and the group that it is in"
    )
