"""What keeps a group, or this node's vote in it, from going on: a sentence each, in two languages.

Read off the replica's status; nothing is decided by it. The first one matters most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from consensus.status import LeavingReason, ReplicaStatus
from ledger.values import Address
from node.header_comparison import HeaderMismatch
from node.upgrades import Lack

Naming = Callable[[Address], str]

_REASONS_ZH = {
    LeavingReason.REQUEST: "一笔交易等待过久",
    LeavingReason.NO_PROGRESS: "没有进展",
    LeavingReason.UNHEARD: "收不到主节点的消息",
    LeavingReason.LONE_COMPLAINT: "有节点独自离开，正在等待",
    LeavingReason.NO_NEW_VIEW: "未收到 NEW-VIEW",
    LeavingReason.PULLED: "已有 f + 1 个节点离开",
    LeavingReason.RESTART: "重启前已离开",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A kind for programs, a sentence for people, and what to do, in English and in Chinese."""

    kind: str
    en: str
    zh: str
    remedy_en: str
    remedy_zh: str


@dataclass(frozen=True, slots=True)
class Place:
    """What the driver adds to the replica's word.

    own: this node's consensus address. tick_ms: the length of the replica's ticks.
    halted, log_lost: why the group stopped here for good, why its votes are gone; else None.
    """

    own: Address
    tick_ms: int
    halted: str | None
    log_lost: str | None
    is_validator_key: bool
    """Whether this node's key was ever in the set, as far as it knows."""
    mismatch: HeaderMismatch | None = None
    lack: Lack | None = None
    """The block before which this build has to stop, if one is voted."""


def find_conditions(replica: ReplicaStatus, place: Place, name: Naming) -> list[Condition]:
    """All that hold now, the gravest first; empty while all is well."""
    return [
        *_of_group(replica, place, name),
        *_of_mismatch(replica, place.mismatch),
        *_of_own_vote(replica, place, name),
    ]


def _of_group(replica: ReplicaStatus, place: Place, name: Naming) -> Iterator[Condition]:
    number = replica.stable
    if place.lack is not None and place.halted == place.lack.reason:
        yield _of_build(place.lack, number, is_stopped=True)
        return
    if place.halted is not None:
        yield Condition(
            "halted",
            f"halted at block {number}: {place.halted}",
            f"已停在区块 {number}：{place.halted}",
            "see the node's log",
            "查看节点日志",
        )
    elif replica.is_hopeless:
        yield Condition(
            "no-certificate",
            f"cannot move from block {number}: the validators came to different headers of the "
            "next block and none can reach a quorum",
            f"链停在区块 {number}：各验证节点算出的下一区块头不一致，没有一个能达到法定票数",
            "compare engines and versions; the way out is a recovery epoch: quorate recovery",
            "核对执行引擎与版本；出路是由各组织开启恢复纪元：quorate recovery",
        )
    elif (alive := _alive(replica, place)) < replica.quorum:
        total, absent = len(replica.validators), _absent(replica, place)
        told, told_zh = _tell(absent, name, " for {} s"), _tell(absent, name, "（{} 秒）")
        more = replica.quorum - alive
        yield Condition(
            "standstill",
            f"cannot move from block {number}: {alive} of {total} validators vote and "
            f"{replica.quorum} are needed; missing: {told or 'this node'}",
            f"链停在区块 {number}：{total} 个验证节点中只有 {alive} 个投票，"
            f"需要 {replica.quorum} 个；缺席：{told_zh or '本节点'}",
            f"bring {more} of the missing back; it then goes on by itself. If they are lost for "
            "good: quorate recovery",
            f"恢复其中 {more} 个节点，链即自动继续；若已永久丢失：quorate recovery",
        )
    if place.lack is not None:
        yield _of_build(place.lack, number, is_stopped=False)


def _of_build(lack: Lack, number: int, *, is_stopped: bool) -> Condition:
    """This build knows no rules for a block that is to come, or is due."""
    needed_zh = lack.needed.replace("protocol version", "协议版本")
    needed_zh = needed_zh.replace("protocol feature", "协议功能")
    needs = f"it needs {lack.needed}, this build speaks version {lack.speaks}"
    needs_zh = f"该区块需要{needed_zh}，本程序只支持到协议版本 {lack.speaks}"
    remedy = "install a newer build and start the node again; keys, votes and blocks stay"
    remedy_zh = "安装新版本程序并重新启动节点；密钥、投票与区块保持不变"
    if is_stopped:
        return Condition(
            "build-too-old",
            f"stopped before block {lack.number}: {needs}",
            f"已停在区块 {lack.number} 之前：{needs_zh}",
            remedy,
            remedy_zh,
        )
    return Condition(
        "upgrade-due",
        f"will stop before block {lack.number}, {lack.number - number} blocks from now: {needs}",
        f"将停在区块 {lack.number} 之前（还有 {lack.number - number} 个区块）：{needs_zh}",
        f"before then: {remedy}",
        f"在此之前：{remedy_zh}",
    )


def _of_mismatch(replica: ReplicaStatus, mismatch: HeaderMismatch | None) -> Iterator[Condition]:
    """A block on which headers differ, while it is not behind us."""
    if mismatch is not None and mismatch.number > replica.stable:
        yield Condition(
            "headers-differ",
            f"block {mismatch.number}: {mismatch.field} is {mismatch.ours} here and "
            f"{mismatch.theirs} at {mismatch.node}",
            f"区块 {mismatch.number}：{mismatch.field} 在本节点为 {mismatch.ours}，"
            f"在 {mismatch.node} 为 {mismatch.theirs}",
            "compare both nodes' engines and versions",
            "核对两个节点的执行引擎与版本",
        )


def _of_own_vote(replica: ReplicaStatus, place: Place, name: Naming) -> Iterator[Condition]:
    if place.log_lost is not None:
        yield Condition(
            "log-lost",
            f"follows without a vote: {place.log_lost}",
            f"本节点只跟随，不投票：{place.log_lost}",
            "keep it running as an observer; it votes again only under a new consensus key that "
            "the group admits. Until then the group tolerates one fault less",
            "作为观察节点保持运行；只有群组接纳新的共识密钥后才能再投票，此前群组少容一个故障",
        )
    elif replica.retired:
        yield Condition(
            "retired",
            "follows without a vote: a message under its consensus key is not its own, so the key "
            "runs on two nodes or the log is an old copy",
            "本节点只跟随，不投票：出现了以本节点共识密钥签名而非本节点发出的消息，"
            "密钥在两个节点上使用，或日志是旧副本",
            "stop the other node, and have a new consensus key admitted",
            "停止另一节点，并由群组接纳新的共识密钥",
        )
    elif place.own not in replica.validators and place.is_validator_key:
        yield Condition(
            "not-listed",
            "follows without a vote: its consensus key is no longer in the set of validators",
            "本节点只跟随，不投票：其共识密钥已不在验证节点集合中",
            "nothing, if it was removed on purpose; else propose it again under a new key",
            "若为有意移除则无需处理；否则以新密钥重新提议",
        )
    elif replica.leaving_reason is not None:
        yield _leaving(replica, place, name)
    elif not replica.is_quorum_heard and place.own in replica.validators:
        told = ", ".join(map(name, replica.unheard))
        yield Condition(
            "no-quorum-heard",
            f"hears no quorum of validators ({told} not heard), so it complains of nobody",
            f"本节点收不到法定数量验证节点的消息（收不到 {told}），因此不发起视图更换",
            "look whether they run and the network between",
            "检查这些节点是否运行以及网络连接",
        )


def _leaving(replica: ReplicaStatus, place: Place, name: Naming) -> Condition:
    view, seconds = replica.view, _seconds(replica.leaving_ticks, place)
    asking = ", ".join(map(name, replica.leavers)) or name(place.own)
    assert replica.leaving_reason is not None
    reason_zh = _REASONS_ZH[replica.leaving_reason]
    if set(replica.leavers) <= {place.own}:
        return Condition(
            "waits-alone",
            f"waits for view {view} since {seconds} s and votes for nothing until then: it left "
            f"alone ({replica.leaving_reason})",
            f"本节点独自等待视图 {view} 已 {seconds} 秒，其间不投票：只有它离开了前一视图"
            f"（{reason_zh}）",
            "nothing: the others follow it once their view has lasted, or at their next view "
            "change; it executes and signs blocks meanwhile",
            "无需处理：其他节点的视图持续足够久后会跟随，或在其下次更换视图时会合；其间它照常执行并签署区块",
        )
    return Condition(
        "view-change",
        f"changes to view {view} since {seconds} s because {replica.leaving_reason}: "
        f"{len(replica.leavers)} ask for it ({asking}), {replica.quorum} are needed",
        f"正在更换到视图 {view}，已 {seconds} 秒，原因：{reason_zh}；"
        f"{len(replica.leavers)} 个节点要求（{asking}），需要 {replica.quorum} 个",
        "nothing, unless it lasts: then look for the validators that do not ask for it",
        "通常无需处理；若持续，检查未参与的验证节点",
    )


def _alive(replica: ReplicaStatus, place: Place) -> int:
    """Validators that vote, as far as this node can tell; it counts itself only if it does."""
    is_mute = place.own in replica.validators and not replica.is_voter
    return len(replica.validators) - len(_absent(replica, place)) - is_mute


def _absent(replica: ReplicaStatus, place: Place) -> list[tuple[Address, int | None]]:
    """Who is missing or unheard, with the seconds where they are known."""
    known: dict[Address, int | None] = dict.fromkeys(replica.unheard)
    for address, ticks in zip(replica.missing, replica.missing_ticks, strict=True):
        known[address] = _seconds(ticks, place)
    return sorted(known.items())


def _tell(absent: Iterable[tuple[Address, int | None]], name: Naming, duration: str) -> str:
    return ", ".join(
        name(address) + ("" if seconds is None else duration.format(seconds))
        for address, seconds in absent
    )


def _seconds(ticks: int, place: Place) -> int:
    return ticks * place.tick_ms // 1000
