"""Compiler and bindings: what authors see when they are wrong, and round trips of calls."""

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.bindings import accounts, equity, equity_holdings
from contracts.bindings.contract import (
    Contract,
    InvalidResult,
    Log,
    decode_revert,
    log_from_rpc,
)
from contracts.compiler import (
    SOURCES,
    InvalidArguments,
    InvalidSource,
    compile_source,
    deploy_data,
)
from contracts.interface import OWN_SOURCES, abi_path, encode_abi
from contracts.roles import InvalidRole, role_label, role_named
from ledger.gate import GATE_CONTRACT, Role
from ledger.values import Address, Hash32, InvalidValue
from tests.contracts.contract_group import address

COUNTER = """
# pragma version ==0.4.3
from system import gate
struct Pair:
    left: uint256
    owner: address
event Counted:
    by: indexed(address)
    pairs: DynArray[Pair, 3]
count: public(uint256)
@deploy
def __init__(start: uint256, owner: address):
    self.count = start
@external
@view
def pairs() -> (DynArray[Pair, 3], uint256):
    return [], 1
"""


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    path = tmp_path / "counter.vy"
    path.write_text(COUNTER)
    return path


def test_an_authors_contract_compiles_beside_ours(counter: Path) -> None:
    compiled = compile_source(counter)
    assert compiled.name == "counter"
    assert compiled.layout["count"].slot == 0
    data = deploy_data(counter, 5, address("author"))
    assert data.startswith(compiled.creation)
    assert data.endswith(encode(["uint256", "address"], [5, address("author")]))
    assert compile_source(counter) is compiled


def test_an_edited_source_is_compiled_again(counter: Path) -> None:
    before = compile_source(counter)
    counter.write_text(COUNTER.replace("return [], 1", "return [], 2"))
    assert compile_source(counter).runtime != before.runtime


def test_what_does_not_compile_says_where(tmp_path: Path) -> None:
    path = tmp_path / "broken.vy"
    path.write_text("@external\ndef f() -> uint256:\n    return True\n")
    with pytest.raises(InvalidSource, match=r"broken\.vy does not compile(.|\n)*line 3"):
        compile_source(path)
    path.write_text("def (:\n")
    with pytest.raises(InvalidSource, match=r"broken\.vy does not compile"):
        compile_source(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSource, match=r"broken\.vy does not compile"):
        compile_source(path)
    with pytest.raises(InvalidSource, match="found none at"):
        compile_source(tmp_path / "missing.vy")
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(InvalidSource, match="at most 1048576 bytes"):
        compile_source(path)


@pytest.mark.parametrize("arguments", [(), (1,), (1, b"short"), (-1, bytes(20)), ("x", bytes(20))])
def test_wrong_constructor_arguments_are_named(counter: Path, arguments: tuple[object]) -> None:
    with pytest.raises(InvalidArguments, match="counter's constructor"):
        deploy_data(counter, *arguments)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 2**256 - 1), st.binary(min_size=20, max_size=20))
def test_calls_decode_to_what_was_encoded(role: int, account: bytes) -> None:
    data = accounts.gate().encode_call("set_account", account, role)
    assert accounts.gate().decode_call(data) == ("set_account", {"account": account, "role": role})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("nothing", (), "no method 'nothing'"),
        ("set_account", (address("x"),), "takes 2 arguments"),
        ("set_account", (b"x", 1), "set_account: "),
        ("set_account", (address("x"), 2**256), "set_account: "),
        ("set_envelope_key", (bytes(33),), "set_envelope_key: "),
    ],
)
def test_wrong_arguments_are_named(name: str, arguments: tuple[object], message: str) -> None:
    with pytest.raises(InvalidArguments, match=message):
        accounts.gate().encode_call(name, *arguments)


@settings(deadline=None)  # the first call compiles
@given(st.binary(max_size=200))
def test_answers_are_decoded_or_refused(data: bytes) -> None:
    for name in ("validator_set", "organisations", "obstacle", "production"):
        try:
            accounts.gate().decode_result(name, data)
        except InvalidResult:
            continue


@given(st.binary(max_size=200))
def test_reverts_are_decoded_or_empty(data: bytes) -> None:
    for output in (data, bytes.fromhex("08c379a0") + data):
        assert isinstance(decode_revert(output), str)
    reason = bytes.fromhex("08c379a0") + encode(["string"], ["sender lacks the role"])
    assert decode_revert(reason) == "sender lacks the role"


def test_structs_in_events_and_results(counter: Path) -> None:
    contract = Contract(Address(bytes([9]) * 20), compile_source(counter).abi)
    output = encode(["(uint256,address)[]", "uint256"], [[(4, address("x"))], 7])
    pairs, number = contract.decode_result("pairs", output)
    assert (pairs, number) == (({"left": 4, "owner": address("x")},), 7)
    log = Log(
        contract.address,
        (contract.event_topic("Counted"), Hash32(address("x").rjust(32, b"\0"))),
        encode(["(uint256,address)[]"], [[(4, address("y"))]]),
    )
    elsewhere = Log(Address(bytes(20)), log.topics, b"")
    [event] = contract.decode_events([elsewhere, log])
    assert (event.name, event.position) == ("Counted", 1)
    assert event.arguments == {
        "by": address("x"),
        "pairs": ({"left": 4, "owner": address("y")},),
    }


def test_unexplained_logs_are_refused() -> None:
    gate: Contract = accounts.gate()
    for topics, data in (
        ((), b""),
        ((Hash32(bytes(32)),), b""),
        ((gate.event_topic("Frozen"),), b""),
        ((gate.event_topic("EnvelopeKeySet"), Hash32(bytes(32)), Hash32(bytes(32))), b"\1"),
    ):
        with pytest.raises(InvalidResult):
            gate.decode_events([Log(GATE_CONTRACT, topics, data)])
    with pytest.raises(InvalidArguments, match="no event"):
        gate.event_topic("Nothing")
    with pytest.raises(InvalidResult, match="expected a method of this contract"):
        gate.decode_call(b"\0\0\0\0")


def test_logs_of_json_rpc() -> None:
    log = log_from_rpc({"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x33"})
    assert log == Log(Address(b"\x11" * 20), (Hash32(b"\x22" * 32),), b"\x33")
    with pytest.raises(InvalidValue):
        log_from_rpc({"address": "0x11", "topics": [], "data": "0x"})


def test_roles_by_name() -> None:
    assert {role_named(role_label(role)) for role in Role} == set(Role)
    assert role_named("audit-administrator") is Role.AUDIT_ADMINISTRATOR
    with pytest.raises(InvalidRole, match="expected one of member, author"):
        role_named("root")


def test_names_of_the_source_and_the_bindings_agree() -> None:
    """Statuses and codes are numbers on both sides; the source names them."""
    sources = (equity.SOURCE, equity_holdings.SOURCE)
    text = "".join((SOURCES / source).read_text() for source in sources)
    named = {
        name: int(value)
        for name, value in re.findall(r"^([A-Z_]+): constant\(uint256\) = (\d+)\b", text, re.M)
    }
    statuses = (equity.AttestationStatus, equity.ApplicationStatus, equity_holdings.LotStatus)
    for enum in (*statuses, equity.AlarmCode):
        for member in enum:
            if member.name != "ABSENT":
                assert named[member.name] == member
    assert named["REFUSALS_MAX"] == equity.REFUSALS_MAX
    assert named["LOTS_MAX"] == equity_holdings.LOTS_MAX
    assert named["INPUTS"] == equity_holdings.INPUTS


@pytest.mark.parametrize("source", OWN_SOURCES)
def test_stored_abis_are_the_sources(source: str) -> None:
    assert abi_path(source).read_text() == encode_abi(source), "run python -m contracts.interface"
