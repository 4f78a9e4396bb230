"""What each role may read: the table, over RPC, with what stays in the audit log."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.gate import Role
from node.audit.asked import Describer
from node.audit.chain import check_log, read_entries
from node.audit.entries import Entry
from node.audit.log import AuditLog
from node.rpc.access import (
    GRANTABLE,
    PROTECTED,
    TABLE,
    WATCHED,
    CallerRole,
    MethodClass,
    class_of,
    role_of_account,
)
from node.rpc.catalogue import catalogue
from node.rpc.gatekeeper import AuditDesk, Gatekeeper
from node.rpc.principal import Principal
from tests.rpc.local_network import LocalGroup, ServedNode, address, make_genesis
from tests.rpc_samples import HASH, SAMPLES


class Desk:
    """A served node with an audit log, asked as whom the test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.served = ServedNode(
            LocalGroup(make_genesis()),
            LocalGroup(make_genesis(name="other", chain_id=7_700_322)),
        )
        self.principal = Principal("officer-1", CallerRole.MEMBER, "tax")
        self.log = AuditLog(folder, retention_days=180)
        self.log.open()
        self.served.do(self.log.start)
        gatekeeper = Gatekeeper(
            "tax", self.served.metrics, AuditDesk(self.log, Describer(b"k" * 32))
        )
        monkeypatch.setattr(self.served.server._dispatcher, "_gatekeeper", gatekeeper)
        monkeypatch.setattr(self.served.server, "_principal", lambda request: self.principal)

    def codes(self, role: CallerRole, organisation: str = "tax") -> dict[MethodClass, int | None]:
        """The error code that each class of methods answers a role with, None for an answer."""
        self.principal = Principal("officer-1", role, organisation)
        answers = self.served.client().batch(SAMPLES.values())
        return {
            kind: getattr(answer, "code", None)
            for kind, answer in zip(SAMPLES, answers, strict=True)
        }

    def entries(self) -> list[Entry]:
        return [entry for entry in read_entries(self.folder) if entry.kind == "read"]

    def stop(self) -> None:
        self.served.run(self.log.close())
        self.served.stop()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path / "audit", monkeypatch)
    yield made
    made.stop()


def test_every_method_has_a_class_and_every_class_a_sample() -> None:
    kinds = {method.name: class_of(method.name) for method in catalogue()}
    assert MethodClass.OPERATE not in kinds.values(), kinds
    assert set(SAMPLES) == set(MethodClass) - {MethodClass.OPERATE}
    assert all(class_of(name) is kind for kind, (name, _) in SAMPLES.items())


def test_what_no_table_names_is_the_operators_alone() -> None:
    assert class_of("quorate_madeUp") is MethodClass.OPERATE
    holders = [role for role, kinds in TABLE.items() if MethodClass.OPERATE in kinds]
    assert holders == [CallerRole.OPERATOR]
    assert CallerRole.OPERATOR not in GRANTABLE


@pytest.mark.parametrize("role", [r for r in GRANTABLE if r is not CallerRole.MONITOR])
def test_each_role_gets_what_the_table_says(desk: Desk, role: CallerRole) -> None:
    for kind, code in desk.codes(role).items():
        assert (code != 4100) == (kind in TABLE[role]), (role, kind)


@pytest.mark.parametrize("params", [["newPendingTransactions"], {"subscriptionType": "newHeads"}])
def test_the_pool_is_the_pool_by_subscription_too(params: Any) -> None:
    wanted = MethodClass.POOL if isinstance(params, list) else MethodClass.LEDGER
    assert class_of("eth_subscribe", params) is wanted
    named = {"subscriptionType": "newPendingTransactions"}
    assert class_of("eth_subscribe", named) is MethodClass.POOL


def test_envelopes_are_the_nodes_organisations(desk: Desk) -> None:
    assert desk.codes(CallerRole.MEMBER, "tax")[MethodClass.ENVELOPES] is None
    assert desk.codes(CallerRole.MEMBER, "market")[MethodClass.ENVELOPES] == 4100


def test_a_group_that_may_not_be_read_is_an_unknown_one(desk: Desk) -> None:
    desk.principal = Principal("officer-1", CallerRole.MEMBER, "customs")
    forbidden = [desk.served.client(group) for group in (None, "main", "other")]
    unknown = desk.served.client("elsewhere")
    told = []
    for client in (*forbidden, unknown):
        answer = client._pool.request("POST", client.url, json={"jsonrpc": "2.0"})
        told.append((answer.status, answer.data, dict(answer.headers) | {"Date": ""}))
    assert told[1:] == told[:-1]
    desk.principal = Principal("officer-1", CallerRole.MEMBER, "tax", frozenset({"other"}))
    seen = desk.served.client("other").status()["groups"]
    assert [entry["name"] for entry in seen] == ["other"]
    assert [entry["name"] for entry in desk.served.client("other").groups()] == ["other"]


def test_an_accounts_role_on_chain_counts_and_a_frozen_one_reads_nothing(desk: Desk) -> None:
    group = desk.served.group

    def role(name: str, organisation: str) -> CallerRole | None:
        return desk.served.do(
            lambda: Principal(name, None, organisation, account=address(name)).role_in(group)
        )

    assert role("auditor", "audit") is CallerRole.REGULATOR
    assert role("tax-officer", "tax") is CallerRole.MEMBER
    assert role("tax-officer", "market") is None
    assert role("nobody", "tax") is None
    assert role_of_account([Role.MEMBER, Role.REGULATOR]) is CallerRole.REGULATOR


def test_an_organisation_that_joined_after_genesis_reads_as_the_others_do() -> None:
    group = LocalGroup(make_genesis(joined="customs"))
    account = Principal("newcomer", None, "customs", account=address("newcomer"))
    assert account.role_in(group) is CallerRole.MEMBER
    assert Principal("clerk", CallerRole.AUTHOR, "customs").role_in(group) is CallerRole.AUTHOR
    assert replace(account, organisation="tax").role_in(group) is None
    assert Principal("clerk", CallerRole.AUTHOR, "health").role_in(group) is None
    assert Principal("clerk", CallerRole.AUTHOR, "").role_in(group) is None


def test_a_regulators_every_read_leaves_an_entry_that_is_synced(desk: Desk) -> None:
    desk.principal = Principal("officer-17", CallerRole.REGULATOR, "audit")
    client = desk.served.client()
    client.block_number()
    client.block(7)
    client.batch([("eth_call", [{"to": "0x" + "11" * 20, "data": "0x" + "ab" * 40}])])
    # No waiting: the entries were on disk before the answers left.
    told = [(e.who, e.role, e.organisation, e.method, e.group, e.outcome) for e in desk.entries()]
    assert [entry[3] for entry in told] == ["eth_blockNumber", "eth_getBlockByNumber", "eth_call"]
    assert {entry[:3] for entry in told} == {("officer-17", "regulator", "audit")}
    assert {entry[4:] for entry in told} == {("main", "ok")}
    asked = [entry.asked for entry in desk.entries()]
    assert asked[:2] == ["", "[0x7, false]"]
    assert asked[2].startswith("hmac-sha256:")
    assert "abab" not in asked[2]
    assert not check_log(desk.folder).findings


def test_protected_methods_leave_entries_of_everybody_and_of_refusals(desk: Desk) -> None:
    for role in (CallerRole.OPERATOR, CallerRole.MEMBER):
        desk.principal = Principal("officer-1", role, "tax")
        desk.served.client().batch([("quorate_txpool", []), ("eth_blockNumber", [])])
    number = desk.log.last.number
    desk.served.run(desk.log.durable(number))
    told = [(entry.role, entry.method, entry.outcome) for entry in desk.entries()]
    assert told == [
        ("operator", "quorate_txpool", "ok"),
        ("member", "quorate_txpool", "refused"),
    ]


def test_nothing_is_answered_that_cannot_be_logged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.log._files, "write", full)
    desk.principal = Principal("officer-17", CallerRole.REGULATOR, "audit")
    for _ in range(2):
        answer = desk.served.client()._post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
        assert answer["error"]["code"] == -32002
        assert "result" not in answer
    desk.principal = Principal("officer-1", CallerRole.MEMBER, "tax")
    assert desk.served.client().block_number() == 0
    monkeypatch.undo()


def test_who_is_watched_and_what_is_protected() -> None:
    assert CallerRole.REGULATOR in WATCHED
    assert {MethodClass.POOL, MethodClass.TRACE, MethodClass.ENVELOPES} <= PROTECTED


@pytest.mark.parametrize(
    ("params", "plain"),
    [
        (None, ""),
        ([], ""),
        (["0x7", True], "[0x7, true]"),
        ([HASH], f"[{HASH}]"),
        (["latest"], "[latest]"),
        (["张三"], ""),
        (["0x" + f"{110101199001011234:x}"], ""),
        ([{"to": HASH}], ""),
        ([HASH] * 5, ""),
        ([110101199001011234], ""),
    ],
)
def test_only_plain_identifiers_stand_in_the_log(params: Any, plain: str) -> None:
    told = Describer(b"k" * 32)(params)
    assert told == plain or (not plain and told.startswith("hmac-sha256:") and len(told) == 76)
    assert told == Describer(b"k" * 32)(params)
    assert not params or plain or told != Describer(b"j" * 32)(params)
