"""Events and calls of the contract with holdings, by the names of its ABI."""

from eth_abi.abi import encode

from contracts.bindings.equity import EquityTransfer
from contracts.bindings.equity_holdings import EquityHoldings
from explorer.events import decode_event, method_name, shown_arguments
from ledger.receipts import Log
from ledger.values import Address, Hash32

WHERE = Address(bytes([7]) * 20)
TRANSFER, ATTESTATION = bytes([1]) * 16, bytes([2]) * 16
LOT = 2**250 + 5


def test_a_consumed_lot_is_told_as_people_name_it() -> None:
    contract = EquityHoldings(WHERE).contract
    words = (TRANSFER.ljust(32, b"\0"), LOT.to_bytes(32, "big"), WHERE.rjust(32, b"\0"))
    label = b"lot consumption".ljust(32, b"\0")
    topics = (contract.event_topic("LotConsumed"), *map(Hash32, words))
    event = decode_event(Log(WHERE, topics, encode(["uint256", "bytes32"], [2, label])))
    assert event is not None
    assert event.name == "LotConsumed"
    shown = shown_arguments(event.arguments)
    assert (shown["lot"], shown["data_type"]) == (f"0x{LOT:064x}", "lot consumption")


def test_the_list_of_an_attestation_is_told_too() -> None:
    contract = EquityHoldings(WHERE).contract
    words = (ATTESTATION.ljust(32, b"\0"), WHERE.rjust(32, b"\0"))
    data = encode(["uint256", "bytes32", "uint256[]"], [2, b"lots".ljust(32, b"\0"), [LOT, 1]])
    topics = (contract.event_topic("LotsNamed"), *map(Hash32, words))
    event = decode_event(Log(WHERE, topics, data))
    assert event is not None
    assert shown_arguments(event.arguments)["lots"] == [f"0x{LOT:064x}", f"0x{1:064x}"]


def test_methods_of_both_contracts_have_their_names() -> None:
    first, second = EquityTransfer(WHERE), EquityHoldings(WHERE)
    for call, name in (
        (first.attest(ATTESTATION, 1, 1), "attest"),
        (second.attest(ATTESTATION, 1, 1, [LOT]), "attest"),
        (second.attest_lot(LOT), "attest_lot"),
        (first.withdraw(ATTESTATION), "withdraw"),
    ):
        assert method_name(WHERE, call.data) == name
