"""Runs scenario scripts: `python -m tests.consensus.scenario [--rewrite] FILE...`.

A script is blocks of a command, a line `----`, and what it prints; blocks are divided by an empty
line, `#` starts a comment. `--rewrite` writes what is printed now into the file: read the change.

    cluster N [limit=value…]       start N replicas, r0 the primary of view 0
    propose R TX…                  R's driver fills its slot
    deliver [KIND] [from=R] [to=R] deliver waiting messages of this description, in order
    drop [KIND] [from=R] [to=R]    lose them instead
    reverse                        turn the order of the waiting messages
    settle                         deliver everything until nothing is left
    tick K [R…]                    K ticks at R (at all)
    crash R… · restart R…          power cut, and again
    wipe R                         the store of a crashed replica is lost, its log is whole
    cut R… | R…  ·  heal           a partition, and its end
    power-cut R                    the next sync of R is torn: R goes down in it
    lose-log R                     the log of a crashed replica is lost with its disk
    copy-log R · old-log R         a copy of a log is taken; it takes the log's place
    epoch FIRST R…                 from sequence FIRST on, the contract lists these
    recovery FIRST R…              the organisations open an epoch at FIRST with these
    request R TX… · gone R TX…     transactions wait at R; are included or dropped
    refuse R V S                   R's driver refused the PRE-PREPARE of view V at S
    connect R P                    R and P have a connection again
    unheard R P…                   R's driver hears exactly these no more
    header R S                     R's engine comes to another header at S
    forge R pre-prepare V S TX… to=R…   a second PRE-PREPARE under R's key, origin=V if not V
    forge R prepare|commit V S TX to=R…  a vote under R's key, epoch=E if not 0
    forge R view-change V to=R…    a VIEW-CHANGE under R's key with nothing prepared
    lie R V to=R…                  R's NEW-VIEW of the remembered VIEW-CHANGEs, listing nothing
    keep [KIND] [from=R]           remember waiting messages
    replay to=R [view=V] [epoch=E] deliver what is remembered again, or dressed up
    show · status R                where every replica stands; what R's status page says
"""

import argparse
import sys
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

from msgspec.structs import replace

from consensus import effects as fx
from consensus import events as ev
from consensus.epochs import Epoch
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Position,
    Prepare,
    Signed,
    ViewChange,
)
from ledger.validators import ValidatorSet
from ledger.values import ZERO_HASH, Hash32
from tests.consensus.cluster import Cluster
from tests.simulation.fake_suite import FAKE

_NAMES = {
    "PrePrepare": "PRE-PREPARE",
    "Prepare": "PREPARE",
    "Commit": "COMMIT",
    "Checkpoint": "CHECKPOINT",
    "ViewChange": "VIEW-CHANGE",
    "NewView": "NEW-VIEW",
    "Position": "POSITION",
}


class Scenario:
    """The state of one script."""

    def __init__(self) -> None:
        self.cluster = Cluster(4)
        self.kept: list[tuple[str, Signed]] = []
        self.copies: dict[str, list[bytes]] = {}

    def run(self, line: str) -> str:
        """Carry out a command; what it prints."""
        verb, *words = line.split()
        for node in self.cluster.nodes.values():
            node.trace.clear()
        told = getattr(self, "_" + verb.replace("-", "_"))(words)
        return "\n".join([*self._traces(), *(told or [])]) or "ok"

    def _cluster(self, words: list[str]) -> None:
        limits = {name: int(value) for name, value in (word.split("=") for word in words[1:])}
        self.cluster = Cluster(int(words[0]), **limits)
        self.cluster.start_all()
        self.cluster.deliver()
        for node in self.cluster.nodes.values():
            node.trace.clear()

    def _propose(self, words: list[str]) -> None:
        self.cluster.propose(words[0], *words[1:])

    def _deliver(self, words: list[str]) -> list[str]:
        return [f"{self.cluster.deliver(_selector(words))} delivered"]

    def _drop(self, words: list[str]) -> list[str]:
        wanted = _selector(words)
        before = len(self.cluster.queue)
        self.cluster.queue = [item for item in self.cluster.queue if not wanted(*item)]
        return [f"{before - len(self.cluster.queue)} dropped"]

    def _reverse(self, words: list[str]) -> None:
        self.cluster.queue.reverse()

    def _settle(self, words: list[str]) -> list[str]:
        self.cluster.deliver()
        for node in self.cluster.nodes.values():
            quiet = fx.Persist | fx.Broadcast | fx.Resend | fx.Compact
            node.trace = [effect for effect in node.trace if not isinstance(effect, quiet)]
        return []

    def _tick(self, words: list[str]) -> None:
        self.cluster.tick(int(words[0]), *words[1:])

    def _crash(self, words: list[str]) -> None:
        for name in words:
            self.cluster.crash(name)

    def _wipe(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].stored = []

    def _power_cut(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].is_cut_at_next_sync = True

    def _lose_log(self, words: list[str]) -> None:
        node = self.cluster.nodes[words[0]]
        node.log, node.may_vote = [], False

    def _copy_log(self, words: list[str]) -> None:
        self.copies[words[0]] = list(self.cluster.nodes[words[0]].log)

    def _old_log(self, words: list[str]) -> None:
        self.cluster.nodes[words[0]].log = list(self.copies[words[0]])

    def _epoch(self, words: list[str]) -> None:
        self._add_epoch(words, self.cluster.epochs[-1].number + 1)

    def _recovery(self, words: list[str]) -> None:
        epoch = self._add_epoch(words, self.cluster.epochs[-1].number + 2)
        for name, node in self.cluster.nodes.items():
            if node.is_up:
                self.cluster.step(name, ev.EpochRecovered(epoch))

    def _add_epoch(self, words: list[str], number: int) -> Epoch:
        members = [self.cluster.nodes[name].address for name in words[1:]]
        epoch = Epoch(number, int(words[0]), ValidatorSet.of(members))
        self.cluster.epochs.append(epoch)
        return epoch

    def _request(self, words: list[str]) -> None:
        for text in words[1:]:
            self.cluster.step(words[0], ev.RequestWaiting(FAKE.hash(text.encode())))

    def _gone(self, words: list[str]) -> None:
        for text in words[1:]:
            self.cluster.step(words[0], ev.RequestGone(FAKE.hash(text.encode())))

    def _refuse(self, words: list[str]) -> None:
        epoch = self.cluster.nodes[words[0]].replica.status().epoch
        event = ev.ProposalRefused(epoch, int(words[1]), int(words[2]))
        self.cluster.step(words[0], event)

    def _connect(self, words: list[str]) -> None:
        for name, peer in (words, words[::-1]):
            self.cluster.step(name, ev.PeerConnected(self.cluster.nodes[peer].address))

    def _unheard(self, words: list[str]) -> None:
        silent = frozenset(self.cluster.nodes[name].address for name in words[1:])
        self.cluster.step(words[0], ev.Unheard(silent))

    def _header(self, words: list[str]) -> None:
        self.cluster.headers[words[0], int(words[1])] = FAKE.hash(words[0].encode())

    def _lie(self, words: list[str]) -> None:
        changes = tuple({s: None for _, s in self.kept if isinstance(s.message, ViewChange)})
        lie = self.cluster.sign(words[0], NewView(0, int(words[1]), changes, 1, ()))
        for word in words[2:]:
            self.cluster.queue.append((words[0], word.removeprefix("to="), lie))

    def _keep(self, words: list[str]) -> list[str]:
        wanted = _selector(words)
        kept = {(item[0], item[2]): None for item in self.cluster.queue if wanted(*item)}
        self.kept += list(kept)
        return [f"{len(kept)} kept"]

    def _replay(self, words: list[str]) -> None:
        name = words[0].removeprefix("to=")
        dressed = {key: int(value) for key, value in (word.split("=") for word in words[1:])}
        for _, signed in self.kept:
            self.cluster.receive(name, replace(signed, message=replace(signed.message, **dressed)))

    def _status(self, words: list[str]) -> list[str]:
        status = self.cluster.nodes[words[0]].replica.status()
        names = {node.address: name for name, node in self.cluster.nodes.items()}
        missing = [
            f"{names[address]} for {ticks}"
            for address, ticks in zip(status.missing, status.missing_ticks, strict=True)
        ]
        asides = []
        if status.leaving_reason is not None:
            asides.append(f"left the view before: {status.leaving_reason}")
        if status.leavers:
            asides.append(f"ask for a later view: {' '.join(names[a] for a in status.leavers)}")
        if not status.is_quorum_heard:
            asides.append("hears no quorum")
        return [
            f"epoch {status.epoch} view {status.view} "
            f"{'active' if status.is_active else 'waiting for NEW-VIEW'}, "
            f"primary {names[status.primary]}, quorum {status.quorum} of {len(status.validators)}",
            f"missing: {', '.join(missing) or 'nobody'}; stalled for {status.stalled_ticks}",
            f"votes: {'yes' if status.is_voter else 'no'}; halted: {status.halted or 'no'}",
            *asides,
        ]

    def _restart(self, words: list[str]) -> None:
        for name in words:
            self.cluster.start(name)

    def _cut(self, words: list[str]) -> None:
        at = words.index("|")
        left, right = words[:at], words[at + 1 :]
        self.cluster.cut = {(a, b) for a in left for b in right} | {
            (b, a) for a in left for b in right
        }
        self.cluster.queue = [
            item for item in self.cluster.queue if (item[0], item[1]) not in self.cluster.cut
        ]

    def _heal(self, words: list[str]) -> None:
        self.cluster.cut = set()

    def _forge(self, words: list[str]) -> None:
        name, kind, view, *rest = words
        peers = [word[3:] for word in rest if word.startswith("to=")]
        rest = [word for word in rest if not word.startswith("to=")]
        epoch = next((int(word[6:]) for word in rest if word.startswith("epoch=")), 0)
        rest = [word for word in rest if not word.startswith("epoch=")]
        if kind in ("prepare", "commit"):
            vote = {"prepare": Prepare, "commit": Commit}[kind]
            digest = self._digest(rest[1]) if len(rest) > 1 else FAKE.hash(b"nothing")
            signed = self.cluster.sign(name, vote(epoch, int(view), int(rest[0]), digest))
        elif kind == "pre-prepare":
            origin = next((int(word[7:]) for word in rest if word.startswith("origin=")), view)
            rest = [word for word in rest if not word.startswith("origin=")]
            body = self.cluster.proposal(name, int(rest[0]), int(origin), *rest[1:], epoch=epoch)
            signed = self.cluster.pre_prepare(name, body, int(view))
        else:
            signed = self.cluster.sign(name, ViewChange(0, int(view), None, ()))
        for peer in peers:
            self.cluster.queue.append((name, peer, signed))

    def _digest(self, label: str) -> Hash32:
        return next((d for d, text in self.cluster.labels.items() if text == label), ZERO_HASH)

    def _show(self, words: list[str]) -> list[str]:
        told = []
        for name, node in self.cluster.nodes.items():
            status = node.replica.status()
            state = "" if status.is_active else " (waiting for NEW-VIEW)"
            state = state if node.is_up else " (down)"
            chain = " ".join(self.cluster.chain(name)) or "-"
            state += " (halted)" if status.halted else ""
            epoch = f" epoch {status.epoch}" if status.epoch else ""
            told.append(f"{name}{epoch} view {status.view}{state} stable {status.stable}: {chain}")
        return told

    def _traces(self) -> list[str]:
        return [
            f"{name} {told}"
            for name, node in self.cluster.nodes.items()
            for told in (self._tell(name, effect) for effect in node.trace)
            if told
        ]

    def _tell(self, name: str, effect: fx.Effect) -> str:
        match effect:
            case fx.Persist(entries):
                return f"syncs {', '.join(type(e).__name__.removesuffix('Entry') for e in entries)}"
            case fx.Broadcast(Position()) | fx.Compact():
                return ""
            case fx.Broadcast(message):
                return f"sends {self._tell_message(message)}"
            case fx.Resend(signed, to) if signed.sender != self.cluster.nodes[name].address:
                whom = "all" if to is None else self.cluster.by_address[to].name
                sender = self.cluster.by_address[signed.sender].name
                return f"passes on {sender}'s {self._tell_message(signed.message)} to {whom}"
            case fx.Resend(signed, to):
                whom = "all" if to is None else self.cluster.by_address[to].name
                return f"sends again {self._tell_message(signed.message)} to {whom}"
            case fx.Execute(proposal):
                return f"executes {proposal.sequence} {self.cluster.label(proposal.digest)}"
            case fx.Stable(certificate):
                signers = [self.cluster.by_address[s].name for s in certificate.signers]
                return f"stores {certificate.number}, certified by {' '.join(signers)}"
            case fx.FetchBatch(sequence, digest):
                return f"fetches the batch of {sequence} {self.cluster.label(digest)}"
            case fx.Synchronise(certificate):
                return f"catches up to {certificate.number}"
            case fx.CompareHeaders(number, _, _, signers):
                names = " ".join(self.cluster.by_address[signer].name for signer in signers)
                return f"asks for the differing header of {number}: {names}"
            case fx.Alarm(kind, _):
                return f"alarm {kind}"
            case fx.Forward(_, primary):
                return f"forwards a transaction to {self.cluster.by_address[primary].name}"
            case fx.Halt(_):
                return "halts"
            case _:
                return type(effect).__name__

    def _tell_message(self, message: Message) -> str:
        name = _NAMES[type(message).__name__]
        label = self.cluster.label
        match message:
            case Checkpoint():
                return f"{name}({message.number})"
            case ViewChange():
                locks = " ".join(
                    f"{c.sequence}={label(c.digest)}@{c.view}" for c in message.prepared
                )
                return f"{name}({message.view}) stable {message.stable_number} [{locks}]"
            case NewView():
                self.cluster.name_digests(message)
                listed = " ".join(
                    f"{message.first_sequence + i}={label(d)}"
                    for i, d in enumerate(message.digests)
                )
                return f"{name}({message.view}) [{listed}]"
            case Position():
                return name
            case _:
                return f"{name}({message.view}, {message.sequence}, {label(message.digest)})"


def _selector(words: list[str]) -> Callable[[str, str, Signed], bool]:
    kinds = {word.upper() for word in words if "=" not in word}
    sources = {word[5:] for word in words if word.startswith("from=")}
    targets = {word[3:] for word in words if word.startswith("to=")}

    def is_wanted(source: str, to: str, signed: Signed) -> bool:
        return (
            (not kinds or _NAMES[type(signed.message).__name__] in kinds)
            and (not sources or source in sources)
            and (not targets or to in targets)
        )

    return is_wanted


def play(text: str) -> str:
    """The script with what its commands print now."""
    scenario = Scenario()
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        comments = [line for line in lines if line.startswith("#")]
        commands = lines[len(comments) :]
        if not commands:
            blocks.append(block)
            continue
        blocks.append("\n".join([*comments, commands[0], "----", scenario.run(commands[0])]))
    return "\n\n".join(blocks) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewrite", action="store_true", help="write the output into the scripts")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    differ = 0
    for path in options.files:
        text = path.read_text()
        found = play(text)
        if found == text:
            continue
        differ += 1
        if options.rewrite:
            path.write_text(found)
        print(f"{'rewritten' if options.rewrite else 'differs'}: {path}")
        lines = text.splitlines(), found.splitlines()
        print(*unified_diff(*lines, "as it was", "as it is now", lineterm=""), sep="\n")
    return 1 if differ and not options.rewrite else 0


if __name__ == "__main__":
    sys.exit(main())
