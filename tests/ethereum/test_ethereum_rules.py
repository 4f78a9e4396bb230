"""Ethereum's rules on both engines, by cases whose outcome is plain arithmetic."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.ethereum.case import Case
from ledger.ethereum.fixture import InvalidFixture, read_cases, read_tests
from ledger.ethereum.on_native import NativeRunner
from ledger.ethereum.on_pyevm import PyEvmRunner
from ledger.ethereum.outcome import Runner, fault
from ledger.native import is_available
from tests.ethereum.samples import CASES_MAX, NEEDS_SUITES, sample
from tests.ethereum.samples import cases as cases_of
from tests.ethereum.state_documents import (
    BASE_FEE,
    BLOB_GAS,
    BLOB_HASH,
    GAS,
    LOGGING,
    NO_LOGS,
    WEALTH,
    document,
    ran,
    refused,
    state_test,
)

DYNAMIC = {"gasPrice": None, "maxFeePerGas": "0x64", "maxPriorityFeePerGas": "0x05"}
BLOB = {**DYNAMIC, "maxFeePerBlobGas": "0x01", "blobVersionedHashes": [BLOB_HASH]}
ACCESS = {"accessLists": [[{"address": LOGGING, "storageKeys": ["0x01"]}]]}
NEEDS_CRATE = pytest.mark.skipif(not is_available(), reason="quorate_native is not built")


@pytest.fixture(params=[pytest.param("native", marks=NEEDS_CRATE), "py-evm"])
def runner(request: pytest.FixtureRequest) -> Runner:
    return NativeRunner() if request.param == "native" else PyEvmRunner()


def cases(test: dict[str, Any]) -> Iterator[Case]:
    for name, raw in read_tests(document(test=test)).items():
        yield from read_cases(name, raw, "Cancun")


def only(test: dict[str, Any]) -> Case:
    [case] = cases(test)
    return case


@NEEDS_SUITES
@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
def test_a_sample_of_general_state_tests(runner: Runner) -> None:
    outcomes = [(case, runner.run(case)) for case in cases_of(sample(), CASES_MAX)]
    wrong = [(case.name, fault(case, outcome)) for case, outcome in outcomes]
    assert [entry for entry in wrong if entry[1]] == []
    assert len(wrong) > 100


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(state_test(ran(12, 2)), id="legacy"),
        pytest.param(state_test(ran(12, 2, gas=GAS + 4_300), **ACCESS), id="access list"),
        pytest.param(state_test(ran(12, 2), accessLists=[None]), id="no access list after all"),
        pytest.param(state_test(ran(BASE_FEE + 5, 5), **DYNAMIC), id="capped by the priority"),
        pytest.param(
            state_test(ran(13, 3), **{**DYNAMIC, "maxFeePerGas": "0x0d"}), id="capped by the fee"
        ),
        pytest.param(state_test(ran(15, 5, blob_fees=BLOB_GAS), **BLOB), id="a blob"),
    ],
)
def test_what_runs_is_paid_for(runner: Runner, test: dict[str, Any]) -> None:
    case = only(test)
    assert fault(case, runner.run(case)) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"gasPrice": "0x09"}, id="below the base fee"),
        pytest.param({"gasLimit": ["0x5207"]}, id="below the intrinsic gas"),
        pytest.param({"gasLimit": ["0x01000001"]}, id="above the block's limit"),
        pytest.param({"nonce": "0x01"}, id="a nonce ahead"),
        pytest.param({"value": [hex(WEALTH)]}, id="nothing left for the gas"),
        pytest.param({"value": ["0x:bigint 0x01" + "00" * 32]}, id="a value of 257 bits"),
        pytest.param({"gasLimit": ["0x01" + "00" * 8]}, id="a gas limit of 65 bits"),
        pytest.param({"gasPrice": "0x01" + "00" * 16}, id="a price of 129 bits"),
        pytest.param({**BLOB, "blobVersionedHashes": []}, id="no blobs in a blob transaction"),
        pytest.param({**BLOB, "maxFeePerBlobGas": "0x00"}, id="below the blob base fee"),
        pytest.param(
            {**BLOB, "blobVersionedHashes": ["0x02" + "00" * 31]}, id="a blob hash's version"
        ),
        pytest.param({"to": "", "data": ["0x" + "00" * 49_153]}, id="init code over the limit"),
    ],
)
def test_what_must_not_run_is_refused(runner: Runner, changes: dict[str, Any]) -> None:
    case = only(state_test(refused(), **changes))
    assert fault(case, runner.run(case)) is None


@NEEDS_CRATE
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({**BLOB, "blobVersionedHashes": [BLOB_HASH] * 7}, id="seven blobs"),
        pytest.param({**BLOB, "to": ""}, id="a blob transaction that deploys"),
        pytest.param({**DYNAMIC, "maxPriorityFeePerGas": "0x65"}, id="priority above the fee"),
    ],
)
def test_what_py_evm_lets_pass_is_refused_by_the_native_engine(changes: dict[str, Any]) -> None:
    case = only(state_test(refused(), **changes))
    assert fault(case, NativeRunner().run(case)) is None


@pytest.mark.parametrize(
    ("post", "words"),
    [
        (ran(12, 1), "expected state root"),
        (ran(12, 2) | {"logs": NO_LOGS}, "expected hash of logs"),
        (refused(), "the transaction ran"),
    ],
)
def test_another_outcome_is_a_fault(runner: Runner, post: dict[str, Any], words: str) -> None:
    case = only(state_test(post))
    assert words in str(fault(case, runner.run(case)))


def test_a_refusal_of_what_should_run_is_a_fault(runner: Runner) -> None:
    case = only(state_test(ran(12, 2), nonce="0x07"))
    assert "it was refused: " in str(fault(case, runner.run(case)))


def test_only_the_fork_that_is_asked_for_is_read() -> None:
    raw = read_tests(document(test=state_test(ran(12, 2), ran(12, 2))))["test"]
    assert [
        len(list(read_cases("test", raw, fork))) for fork in ("Cancun", "London", "Berlin")
    ] == [
        2,
        1,
        0,
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"data": []},
        {"data": "0x"},
        {"gasLimit": ["many"]},
        {"gasLimit": ["0x-5"]},
        {"gasLimit": ["0x1_0"]},
        {"gasPrice": None},
        {"secretKey": "0x00"},
        {"secretKey": "0x" + "00" * 32},
        {"to": "0x01"},
        {"blobVersionedHashes": ["0x01"]},
        {"accessLists": [[{"address": "0x01", "storageKeys": []}]]},
    ],
)
def test_a_transaction_that_is_none_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidFixture):
        only(state_test(ran(12, 2), **changes))


@pytest.mark.parametrize(
    "file", [b"", b"\xff", b"[]", b"[" * 100_000, b'{"a":' * 100_000, b'{"a": 1', b'{"a": {}']
)
def test_a_file_that_is_none_is_named(file: bytes) -> None:
    with pytest.raises(InvalidFixture):
        read_tests(file)


@pytest.mark.parametrize(
    "test", [b"1", b"{}", b'{"post": {"Cancun": 1}}', b'{"post": {"Cancun": []}}']
)
def test_a_test_that_is_none_is_named(test: bytes) -> None:
    with pytest.raises(InvalidFixture):
        list(read_cases("test", test, "Cancun"))
