"""What the `quorate zk ceremony` commands say: objects for machines, tables and bars for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.progress import Progress as Bars
from rich.progress import TaskID
from rich.text import Text

from cli.output import table
from contracts.bindings.ceremony import Record, Step
from ledger.values import checksum_address
from workflows.ceremony.standing import Participant, Phase, Presence, Standing
from workflows.ceremony.verify import Verified
from zkp.ceremony.transcript import contribution_hash
from zkp.work import Progress

_PRESENCES = {
    Presence.CONTRIBUTED: "contributed 已贡献",
    Presence.TAKEN_BACK: "taken back 已撤回",
    Presence.MISSED: "missed 缺席",
    Presence.NEXT: "next 轮到",
    Presence.WAITING: "waiting 等待",
}
# Of hashes in tables; machines get them whole.
_HEX_SHOWN = 16
_STAGES = {
    "contributions": "proofs of knowledge 知识证明",
    "rows of points": "rows of points 点列",
    "files": "files 文件",
    "phase 1": "phase 1 第一阶段",
    "L": "L",
    "H": "H",
}


@contextmanager
def bars() -> Iterator[Progress]:
    """Bars on standard error while long work goes on; none where nobody watches."""
    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Bars(console=console, transient=True, disable=not console.is_terminal) as drawn:

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(_STAGES.get(what, what), total=total)
            drawn.update(tasks[what], completed=done)

        yield told


def terms_json(record: Record) -> dict[str, Any]:
    """What was fixed at the start."""
    terms = record.terms
    return {
        "circuit": "0x" + terms.circuit.hex(),
        "constraints": terms.constraints.hex(),
        "powers": terms.powers.hex(),
        "initial_key": terms.initial.hex(),
        "turn_s": terms.turn_s,
        "beacon_block": terms.beacon_block,
        "beacon_exponent": terms.beacon_exponent,
        "least": terms.least,
    }


def step_json(step: Step) -> dict[str, Any]:
    """One recorded contribution."""
    return {
        "place": step.place + 1,
        "key": step.key.hex(),
        "parent": step.parent.hex(),
        "block": step.block,
        "beacon": None if step.beacon is None else "0x" + step.beacon.hex(),
    }


def standing_json(found: Standing) -> dict[str, Any]:
    """A ceremony as it stands."""
    record = found.reading.record
    return {
        "phase": found.phase.value,
        "block": found.reading.block,
        "head_key": record.head.hex(),
        "turn_ends": found.turn_ends,
        "terms": terms_json(record),
        "participants": [_participant_json(entry) for entry in found.participants],
        "steps": [step_json(step) for step in record.steps],
    }


def _participant_json(entry: Participant) -> dict[str, Any]:
    return {
        "address": checksum_address(entry.address),
        "organisation": entry.organisation,
        "presence": entry.presence.value,
        "key": None if entry.step is None else entry.step.key.hex(),
        "block": None if entry.step is None else entry.step.block,
    }


def show_standing(found: Standing) -> Group:
    """The same for people."""
    rows = [
        (
            place,
            entry.organisation,
            checksum_address(entry.address),
            _PRESENCES[entry.presence],
            "" if entry.step is None else entry.step.block,
            "" if entry.step is None else entry.step.key.hex()[:_HEX_SHOWN],
        )
        for place, entry in enumerate(found.participants, 1)
    ]
    columns = (
        "",
        "organisation 组织",
        "account 账户",
        "state 状态",
        "block 区块",
        "key 密钥 SHA-256",
    )
    return Group(table(_headline(found), columns, rows), Text(_sentence(found)))


def _headline(found: Standing) -> str:
    terms = found.reading.record.terms
    return f"Ceremony for circuit 0x{terms.circuit.hex()}"


def _sentence(found: Standing) -> str:
    record = found.reading.record
    height, block = record.terms.beacon_block, found.reading.block
    if found.phase is Phase.TURN:
        assert found.turn_ends is not None
        when = datetime.fromtimestamp(found.turn_ends, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"Others may go on without the next one from {when}; the beacon is block {height}, "
            f"now {block}. 信标区块 {height}。"
        )
    if found.phase is Phase.BEACON:
        return f"Waiting for the beacon, block {height}; now {block}. 等待信标区块。"
    if found.phase is Phase.FINISH:
        return "The beacon is there: run `quorate zk ceremony finish`. 信标已出，请完成。"
    if found.phase is Phase.FAILED:
        return (
            f"Failed: {len(record.contributions)} contributions, the terms ask for "
            f"{record.terms.least}. 贡献不足，仪式失败。"
        )
    return f"Finished, key {record.head.hex()}. 已完成。"


def verified_json(found: Verified, address: str) -> dict[str, Any]:
    """A ceremony that holds."""
    record, made = found.record, found.key.history.contributions
    return {
        "valid": True,
        "contract": address,
        "block": found.block,
        "finished": record.finished,
        "key": record.head.hex(),
        "transcript": "0x" + record.digest.hex(),
        "initial_from_phase_1": found.initial_from_powers,
        "terms": terms_json(record),
        "contributions": [
            {
                "name": one.note.name,
                "hash": contribution_hash(one).hex(),
                "account": checksum_address(record.participants[step.place]),
                **step_json(step),
            }
            for step, one in zip(record.steps, made, strict=True)
        ],
        "missed": [place + 1 for place in record.missed],
    }


def show_verified(found: Verified, address: str) -> Group:
    """The same for people."""
    value = verified_json(found, address)
    rows = [
        (
            number,
            entry["name"] or "",
            entry["account"],
            entry["block"],
            "beacon 信标" if entry["beacon"] else "",
            entry["hash"][:_HEX_SHOWN],
        )
        for number, entry in enumerate(value["contributions"], 1)
    ]
    columns = ("", "name 名称", "account 账户", "block 区块", "", "contribution's hash 贡献哈希")
    state = "finished 已完成" if found.record.finished else "not finished 未完成"
    origin = (
        "made from circuit and phase 1 again"
        if found.initial_from_powers
        else "taken as the terms name it: phase 1 was not looked at"
    )
    lines = (
        f"Key {found.record.head.hex()}",
        f"Initial key {found.record.terms.initial.hex()}: {origin}.",
        "Secure if one of the contributors forgot its secret. 只要一方销毁秘密即安全。",
    )
    title = f"Valid 有效, {state}, as of block {found.block}: {address}"
    return Group(table(title, columns, rows), *map(Text, lines))
